# SPDX-License-Identifier: LGPL-2.1-or-later
"""What every source file must have: a licence line, a place in a meson.build, and in tests no waiting by the clock."""
import os
import re

import tree

SLEEPS = re.compile(r"\b(sleep_for|sleep_until|g_usleep|usleep|nanosleep|time\.sleep)\s*\(|\bsleep\s*\(\s*\d")
MAKES_DELAYS = {"tests/e2e/bad_disk.cpp"}  # whose purpose it is to be slow
QUOTED = re.compile(r"'([^'\n]*)'")


def without_spdx(top, paths):
    for path in paths:
        first_lines = tree.read(top, path)[:400]
        if "SPDX-License-Identifier:" not in first_lines:
            yield f"{path}: no SPDX-License-Identifier line"


def with_sleeps(top, paths):
    for path in paths:
        if path.startswith("tests/lint/") or path in MAKES_DELAYS:
            continue  # the first names the words it looks for
        for number, line in enumerate(tree.read(top, path).splitlines(), 1):
            if SLEEPS.search(line):
                yield f"{path}:{number}: waits by the clock; await the event instead"


def mentioned(top, path):
    """Whether a meson.build on the way from the file to the top names it, or names its stem (lists build names from
    stems, as in foreach name : ['one'] ... name + '_test.cpp')."""
    folder, base = os.path.split(path)
    below = [b for b in tree.files(os.path.join(top, folder), "meson.build") if os.sep in b]
    if any(w.endswith("../" + base) for b in below for w in QUOTED.findall(tree.read(top, os.path.join(folder, b)))):
        return True
    stem = re.sub(r"(_test|_fuzz|_bench)?\.(cpp|py)$", "", base)
    while True:
        build = os.path.join(folder, "meson.build")
        if os.path.exists(os.path.join(top, build)):
            words = set(QUOTED.findall(tree.read(top, build)))
            relative = os.path.relpath(path, folder or ".")
            if words & {base, relative, os.path.splitext(relative)[0], stem}:
                return True
            if any(w.endswith("/" + base) for w in words):
                return True
        if not folder:
            return False
        folder = os.path.dirname(folder)


def main():
    top = tree.root()
    code = tree.files(top, ".cpp", ".hpp")
    scripts = [f for f in tree.files(top, ".py") if f.startswith("tests/")]
    tests = [f for f in code + scripts if f.startswith("tests/")]
    problems = list(without_spdx(top, code + scripts)) + list(with_sleeps(top, tests))
    for path in [f for f in code if f.endswith(".cpp")] + [f for f in scripts if f.endswith("_test.py")]:
        if not mentioned(top, path):
            problems.append(f"{path}: no meson.build names it, so nothing builds or runs it")
    tree.finish("source files", problems, len(code) + len(scripts))


if __name__ == "__main__":
    main()
