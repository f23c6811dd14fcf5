#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""run.py FILE [--gtest_output=xml:RESULTS] [pytest's own arguments]

Runs one file of tests under pytest. Meson collects the cases of a test program only from those that speak
GoogleTest's protocol: they are asked for a JUnit file in these words, and pytest writes the same format."""
import pathlib
import sys

import pytest

PREFIX = "--gtest_output=xml:"


def main():
    results = [a.removeprefix(PREFIX) for a in sys.argv[1:] if a.startswith(PREFIX)]
    others = [a for a in sys.argv[1:] if not a.startswith(PREFIX)]
    stem = pathlib.Path(others[0]).stem
    arguments = ["-v", "--durations=5", "-p", "no:cacheprovider", "-o", f"junit_suite_name={stem}",
                 "--rootdir", str(pathlib.Path(__file__).parent), *others]
    if results:
        arguments += ["--junitxml", results[-1]]
    return pytest.main(arguments)


if __name__ == "__main__":
    sys.exit(main())
