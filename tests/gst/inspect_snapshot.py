#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Compares what gst-inspect-1.0 shows of an element with the committed snapshot: its interface is a promise.

usage: inspect_snapshot.py PLUGIN ELEMENT SNAPSHOT [--update]
"""
import difflib
import os
import re
import subprocess
import sys

# What depends on the build or on the version of GStreamer rather than on the element.
VARIES = re.compile(r"^\s+(Filename|Version|Source release date|Documentation)\s")


def inspect(plugin, element):
    env = dict(os.environ, GST_PLUGIN_PATH=os.path.dirname(os.path.abspath(plugin)), LC_ALL="C", COLUMNS="500")
    run = subprocess.run(["gst-inspect-1.0", "--no-colors", element], env=env, text=True, capture_output=True)
    if run.returncode != 0:
        sys.exit(f"gst-inspect-1.0 {element} failed:\n{run.stdout}{run.stderr}")
    return [line.rstrip() for line in run.stdout.splitlines() if not VARIES.match(line)]


def main():
    plugin, element, snapshot = sys.argv[1:4]
    found = inspect(plugin, element)
    if "--update" in sys.argv[4:]:
        with open(snapshot, "w", encoding="utf-8") as out:
            out.write("\n".join(found) + "\n")
        return 0
    with open(snapshot, encoding="utf-8") as kept:
        expected = kept.read().splitlines()
    diff = list(difflib.unified_diff(expected, found, "committed", "built", lineterm=""))
    if diff:
        print("\n".join(diff))
        print(f"The interface of {element} changed. If that is meant, run this script again with --update.")
    return 1 if diff else 0


if __name__ == "__main__":
    sys.exit(main())
