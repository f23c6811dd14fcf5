#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Adds up test results and prints the closing line `N passed, N failed, N skipped`.

Takes the JUnit files that `meson test` writes, with its JSON log beside each (testlog.junit.xml, testlog.json), and
single results given as --case NAME=passed|failed|skipped[:why]. A GoogleTest case counts as one; a test program
without cases of its own counts as one. Skips are listed with their reason, failures by name.
Exits 1 when anything failed or when nothing ran.
"""

import argparse
import dataclasses
import json
import pathlib
import sys
import xml.etree.ElementTree as ElementTree


@dataclasses.dataclass
class Total:
    passed: int = 0
    failed: list = dataclasses.field(default_factory=list)
    skipped: list = dataclasses.field(default_factory=list)

    def add(self, name, state, why=""):
        if state == "passed":
            self.passed += 1
        elif state == "failed":
            self.failed.append(name)
        else:
            self.skipped.append((name, why or "no reason given"))


BAD = ("FAIL", "TIMEOUT", "INTERRUPT", "ERROR", "UNEXPECTEDPASS")


def last_line(text):
    lines = [line.strip() for line in (text or "").splitlines() if line.strip()]
    return lines[-1] if lines else ""


def add_case(total, name, case):
    """One GoogleTest case; the reason of a skip is what was streamed into GTEST_SKIP()."""
    skipped = case.find("skipped")
    if case.find("failure") is not None or case.find("error") is not None:
        total.add(name, "failed")
    elif skipped is not None:
        total.add(name, "skipped", last_line(skipped.get("message") or skipped.text))
    elif case.get("status") == "notrun":
        total.add(name, "skipped", "disabled")
    else:
        total.add(name, "passed")


def add_run(total, junit):
    """One meson test run. The JSON log knows every program and how it ended, the JUnit file the cases inside."""
    suites = {}
    for suite in ElementTree.parse(junit).getroot().iter("testsuite"):
        suites[suite.get("name", "")] = suite
    log = pathlib.Path(str(junit).removesuffix(".junit.xml") + ".json")
    for line in log.read_text(encoding="utf-8").splitlines():
        run = json.loads(line)
        name, result = run["name"].split(" / ")[-1], run["result"]
        failed_before = len(total.failed)
        cases = 0
        for suite_name, suite in suites.items():
            # Meson names them <project>.<test>.<GoogleTest suite>, the test sometimes with its suites before " / ".
            if not suite_name.partition(".")[2].split(" / ")[-1].startswith(name + "."):
                continue
            for case in suite.iter("testcase"):
                cases += 1
                add_case(total, f"{name}: {suite.get('name').rpartition('.')[2]}.{case.get('name')}", case)
        if result in BAD:
            # A program that died or hung leaves no failed case behind: it is a failure all the same.
            if len(total.failed) == failed_before:
                total.add(f"{name} ({result.lower()}, exit {run.get('returncode')})", "failed")
        elif result == "SKIP":
            if not cases:
                total.add(name, "skipped", last_line(run.get("stdout")) or last_line(run.get("stderr")))
        elif not cases:
            total.add(name, "passed")


def main(argv):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("junit", nargs="*", type=pathlib.Path)
    parser.add_argument("--case", action="append", default=[], metavar="NAME=STATE[:WHY]")
    options = parser.parse_intermixed_args(argv)
    total = Total()
    for junit in options.junit:
        add_run(total, junit)
    for case in options.case:
        name, _, rest = case.rpartition("=")
        state, _, why = rest.partition(":")
        if state not in ("passed", "failed", "skipped") or not name:
            parser.error(f"--case {case}: expected NAME=passed|failed|skipped[:why]")
        total.add(name, state, why)
    for name, why in total.skipped:
        print(f"skipped: {name}: {why}")
    for name in total.failed:
        print(f"failed: {name}")
    print(f"{total.passed} passed, {len(total.failed)} failed, {len(total.skipped)} skipped")
    return 1 if total.failed or not total.passed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
