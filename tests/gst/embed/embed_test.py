# SPDX-License-Identifier: LGPL-2.1-or-later
"""Installs the plugins into a folder, builds the example against them with nothing but pkg-config, and runs it.

usage: embed_test.py MESON BUILD_DIR PREFIX EXAMPLE_SOURCE SANITIZE COMPILER...
"""
import os
import subprocess
import sys
import tempfile


def run(*command, **options):
    done = subprocess.run(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, **options)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}\nended with {done.returncode}:\n{done.stdout}")
    return done.stdout


def pkg_config(folder, staged_prefix, *query):
    env = dict(os.environ, PKG_CONFIG_PATH=folder)
    # What is installed under a staging folder has its prefix there; the system's own libraries keep theirs.
    define = [f"--define-variable=prefix={staged_prefix}"] if "auralink" in query else []
    return run("pkg-config", *define, *query, env=env).split()


def find(top, name):
    hits = [os.path.join(folder, name) for folder, _, names in os.walk(top) if name in names]
    if len(hits) != 1:
        sys.exit(f"expected one {name} under {top}, found {hits}")
    return hits[0]


def main():
    meson, build, prefix, source, sanitize, *compiler = sys.argv[1:]
    with tempfile.TemporaryDirectory() as stage:
        run(*meson.split(), "install", "-C", build, "--no-rebuild", "--destdir", stage, "--tags", "plugins,devel")
        staged = os.path.join(stage, prefix.lstrip("/"))
        folder = os.path.dirname(find(stage, "auralink.pc"))
        plugin_folder = os.path.dirname(find(stage, "libgstauralinkrtphdrext.so"))

        told = pkg_config(folder, staged, "--variable=pluginsdir", "auralink")
        if told != [plugin_folder]:
            sys.exit(f"auralink.pc says the plugins are in {told}, they are in {plugin_folder}")
        version = pkg_config(folder, staged, "--modversion", "auralink")
        print("auralink", *version, "plugins in", *told)

        flags = pkg_config(folder, staged, "--cflags", "--libs", "auralink")
        flags += pkg_config(folder, staged, "--cflags", "--libs", "gstreamer-app-1.0")
        if sanitize != "none":  # a program must be built with the sanitizer of the library it loads
            flags.append(f"-fsanitize={sanitize}")
        program = os.path.join(stage, "tone")
        run(*compiler, "-std=c++17", "-Wall", "-Wextra", "-Werror", source, "-o", program,
            f'-DPLUGINS_DIR="{told[0]}"', *flags)

        # The plugin must come from the staging folder, not from the build or an installation.
        env = {k: v for k, v in os.environ.items() if k != "GST_PLUGIN_PATH"}
        env["GST_REGISTRY"] = os.path.join(stage, "registry.bin")
        if sanitize != "none":
            env["GST_REGISTRY_FORK"] = "no"  # the scanner program is not instrumented
        env["ASAN_OPTIONS"] = "detect_leaks=0"  # loading every plugin of the system in one process leaks
        out = run(program, env=env)
        print(out.splitlines()[-1])
        if "packets with the element" not in out or "missing" in out:
            sys.exit(out)


if __name__ == "__main__":
    main()
