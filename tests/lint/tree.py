# SPDX-License-Identifier: LGPL-2.1-or-later
"""The files of the source tree, for the lint tests. A tarball has no git, so the tree is walked."""
import os
import sys

OUTSIDE = {"subprojects", "node_modules", "__pycache__"}


def root():
    """The tree's top: the first argument, or where this file is."""
    if len(sys.argv) > 1:
        return os.path.abspath(sys.argv[1])
    return os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def files(top, *suffixes):
    """Paths relative to `top`, with '/', of files that end with one of the suffixes. Build folders are not sources."""
    found = []
    for folder, folders, names in os.walk(top):
        folders[:] = sorted(
            f for f in folders
            if not f.startswith(".") and f not in OUTSIDE and not (folder == top and f.startswith("build"))
            and not os.path.exists(os.path.join(folder, f, "meson-private")))
        found += [os.path.relpath(os.path.join(folder, n), top) for n in sorted(names) if n.endswith(suffixes)]
    return found


def read(top, path):
    with open(os.path.join(top, path), encoding="utf-8") as f:
        return f.read()


def finish(what, problems, looked_at):
    """Prints the problems and ends the process; a check that saw nothing has failed too."""
    for problem in problems:
        print(problem)
    if not looked_at:
        print(f"{what}: nothing to look at")
    print(f"{what}: {looked_at} looked at, {len(problems)} problems")
    sys.exit(1 if problems or not looked_at else 0)
