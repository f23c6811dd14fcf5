# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs the gst-launch-1.0 lines of gst/: those in the doc blocks of elements (between |[ and ]|), and the code blocks of
READMEs whose fence says ```sh runnable. Each must end by itself, with status 0 and without an error message."""
import os
import re
import subprocess
import tempfile

import tree

DOC = re.compile(r"\|\[(.*?)\]\|", re.S)
FENCE = re.compile(r"^```sh runnable\n(.*?)^```", re.S | re.M)
TIMEOUT_S = 60


def doc_lines(text):
    for block in DOC.findall(text):
        yield re.sub(r"^\s*\* ?", "", block, flags=re.M).strip()


def commands(top):
    for path in tree.files(top, ".cpp", "README.md"):
        if not path.startswith("gst/") and path != "README.md":
            continue
        text = tree.read(top, path)
        found = doc_lines(text) if path.endswith(".cpp") else FENCE.findall(text)
        for command in found:
            if "gst-launch-1.0" in command:
                yield path, command


def undocumented(top):
    """Elements are registered with GST_ELEMENT_REGISTER_DEFINE; each such file must show a line."""
    for path in tree.files(top, ".cpp"):
        text = tree.read(top, path)
        if path.startswith("gst/") and "GST_ELEMENT_REGISTER_DEFINE" in text:
            if "SECTION:element-" not in text or not any("gst-launch-1.0" in c for c in doc_lines(text)):
                yield f"{path}: no doc block with a gst-launch-1.0 line"


def run(path, command):
    with tempfile.TemporaryDirectory() as folder:
        try:
            done = subprocess.run(["bash", "-euo", "pipefail", "-c", command], cwd=folder, text=True,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=TIMEOUT_S,
                                  stdin=subprocess.DEVNULL, check=False)
        except subprocess.TimeoutExpired:
            return f"{path}: does not end within {TIMEOUT_S} s: {command}"
    if done.returncode != 0 or re.search(r"^(ERROR|WARNING|erroneous)", done.stdout, re.M):
        return f"{path}: status {done.returncode}: {command}\n{done.stdout}"
    return None


def main():
    top = tree.root()
    problems = list(undocumented(top))
    count = 0
    for path, command in commands(top):
        count += 1
        problem = run(path, command)
        if problem:
            problems.append(problem)
    tree.finish("launch lines", problems, count)


if __name__ == "__main__":
    main()
