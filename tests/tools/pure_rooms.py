#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Which rooms are pure, for the coverage step of packaging/check.

  pure_rooms.py filters BUILD  prints one gcovr argument a line
  pure_rooms.py tests BUILD    prints the names of the tests that exercise those rooms

A pure room is a static library without GStreamer, GLib, sockets or threads; tests/lint holds them to that. Libraries of
gst/*/core are found by their folder, the others are named here.
"""

import json
import pathlib
import re
import subprocess
import sys

LIBRARIES = {"auralink_json", "auralink-session", "auralink_pipeline_core", "auralink_finish_core", "auralink_ctl_core"}
TESTS = re.compile(r"tests/(gst/|orchestrator/(json|session|pipeline|ctl)/|fuzz/replay_)")
ROOT = pathlib.Path(__file__).resolve().parents[2]


def introspect(build, what):
    run = subprocess.run(["meson", "introspect", build, what], check=True, capture_output=True, text=True)
    return json.loads(run.stdout)


def sources(build):
    missing = set(LIBRARIES)
    for target in introspect(build, "--targets"):
        paths = [pathlib.Path(path) for group in target["target_sources"] for path in group.get("sources", [])]
        paths = [path.relative_to(ROOT) for path in paths if path.is_relative_to(ROOT)]
        core = bool(paths) and all(re.match(r"gst/[^/]+/core/", str(path)) for path in paths)
        if target["type"] == "static library" and (core or target["name"] in LIBRARIES):
            missing.discard(target["name"])
            yield from paths
    if missing:
        sys.exit(f"pure_rooms.py: no such library: {', '.join(sorted(missing))}")


def filters(build):
    for path in sources(build):
        yield str(path)
        header = path.with_suffix(".hpp")
        if (ROOT / header).exists():
            yield str(header)


def tests(build):
    base = pathlib.Path(build).resolve()
    for test in introspect(build, "--tests"):
        if "auralink:element" in test["suite"]:  # keep time, which a program that counts its lines does not
            continue
        program = pathlib.Path(test["cmd"][0])
        if program.is_relative_to(base) and TESTS.match(str(program.relative_to(base))):
            yield test["name"]


def main(argv):
    if len(argv) != 2 or argv[0] not in ("filters", "tests"):
        sys.exit(__doc__)
    if argv[0] == "tests":
        print("\n".join(tests(argv[1])))
    else:
        for path in sorted(set(filters(argv[1]))):
            print(f"--filter\n{re.escape(path)}$")


if __name__ == "__main__":
    main(sys.argv[1:])
