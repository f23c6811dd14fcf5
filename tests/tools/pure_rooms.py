#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Which rooms are pure, for the coverage step of packaging/check.

  pure_rooms.py filters        prints one gcovr argument a line
  pure_rooms.py tests BUILD    prints the names of the tests that exercise those rooms
"""

import json
import pathlib
import re
import subprocess
import sys

# A file is pure when it includes neither GStreamer nor GLib, a socket, a thread or a process; tests/lint holds the
# cores to that. The builder and what it needs are the only other files of orchestrator/pipeline.
ROOMS = ("orchestrator/json", "orchestrator/session")
MIXED = ("orchestrator/pipeline", "orchestrator/ctl")
IMPURE = re.compile(r'#\s*include\s*[<"](gst/|glib|gio/|libsoup|sys/|unistd|poll|signal|spawn|prometheus|thread)')
TESTS = re.compile(r"tests/(gst/|orchestrator/(json|session|pipeline|ctl)/|fuzz/replay_)")


def root():
    return pathlib.Path(__file__).resolve().parents[2]


def impure(path):
    """A translation unit is judged by its own includes and those of the header it implements."""
    headers = [path.with_suffix(".hpp")] if path.suffix == ".cpp" else []
    return any(IMPURE.search(file.read_text(encoding="utf-8")) for file in [path, *headers] if file.exists())


def filters():
    for room in ROOMS:
        yield f"{room}/"
    for core in sorted(root().glob("gst/*/core")):
        yield f"{core.relative_to(root())}/"
    for room in MIXED:
        for path in sorted((root() / room).glob("*.[ch]pp")):
            if not impure(path):
                yield str(path.relative_to(root()))


def tests(build):
    listing = subprocess.run(["meson", "introspect", build, "--tests"], check=True, capture_output=True, text=True)
    for test in json.loads(listing.stdout):
        program = pathlib.Path(test["cmd"][0])
        base = pathlib.Path(build).resolve()
        if program.is_relative_to(base) and TESTS.match(str(program.relative_to(base))):
            yield test["name"]


def main(argv):
    if argv == ["filters"]:
        for path in filters():
            print("--filter")
            print(re.escape(path))
    elif len(argv) == 2 and argv[0] == "tests":
        print("\n".join(tests(argv[1])))
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
