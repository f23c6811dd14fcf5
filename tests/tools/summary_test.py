#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""summary.py must neither lose a failure nor invent a pass: the closing line of packaging/check is what people read."""

import contextlib
import io
import json
import pathlib
import tempfile
import unittest

import summary

GTEST = """<testsuite name="auralink.json.{suite}">{cases}</testsuite>"""


class Summary(unittest.TestCase):
    def run_summary(self, suites, runs, *arguments):
        with tempfile.TemporaryDirectory() as folder:
            junit = pathlib.Path(folder) / "testlog-plain.junit.xml"
            junit.write_text(f"<testsuites>{suites}</testsuites>", encoding="utf-8")
            lines = [json.dumps({"returncode": 0, "stdout": "", **run}) for run in runs]
            junit.with_name("testlog-plain.json").write_text("\n".join(lines), encoding="utf-8")
            out = io.StringIO()
            with contextlib.redirect_stdout(out):
                code = summary.main([str(junit), *arguments])
            return code, out.getvalue().splitlines()

    def test_counts_cases_inside_programs_and_programs_without_cases(self):
        suites = GTEST.format(suite="Parse", cases='<testcase name="A"/><testcase name="B"/>')
        code, lines = self.run_summary(suites, [{"name": "json", "result": "OK"}, {"name": "lint", "result": "OK"}])
        self.assertEqual((code, lines), (0, ["3 passed, 0 failed, 0 skipped"]))

    def test_takes_runs_and_single_results_in_any_order(self):
        with tempfile.TemporaryDirectory() as folder:
            logs = []
            for name in ("plain", "asan"):
                junit = pathlib.Path(folder) / f"testlog-{name}.junit.xml"
                junit.write_text("<testsuites/>", encoding="utf-8")
                junit.with_name(f"testlog-{name}.json").write_text(json.dumps({"name": "lint", "result": "OK"}))
                logs.append(str(junit))
            out = io.StringIO()
            with contextlib.redirect_stdout(out):
                code = summary.main(["--case", "format=passed", logs[0], "--case", "demo=passed", logs[1]])
        self.assertEqual((code, out.getvalue()), (0, "4 passed, 0 failed, 0 skipped\n"))

    def test_names_the_failed_case(self):
        suites = GTEST.format(suite="Parse", cases='<testcase name="A"><failure message="x"/></testcase>')
        code, lines = self.run_summary(suites, [{"name": "json", "result": "FAIL", "returncode": 1}])
        self.assertEqual((code, lines), (1, ["failed: json: Parse.A", "0 passed, 1 failed, 0 skipped"]))

    def test_a_program_that_died_after_its_cases_passed_is_a_failure(self):
        suites = GTEST.format(suite="Parse", cases='<testcase name="A"/>')
        code, lines = self.run_summary(suites, [{"name": "json", "result": "ERROR", "returncode": -6}])
        self.assertEqual((code, lines[-1]), (1, "1 passed, 1 failed, 0 skipped"))

    def test_a_timeout_is_a_failure(self):
        code, lines = self.run_summary("", [{"name": "demo", "result": "TIMEOUT", "returncode": -9}])
        self.assertEqual((code, lines[-1]), (1, "0 passed, 1 failed, 0 skipped"))

    def test_skips_carry_their_reason(self):
        suites = GTEST.format(suite="Disk", cases='<testcase name="A"><skipped message="f.cpp:3&#10;no root"/></testcase>')
        runs = [{"name": "json", "result": "OK"}, {"name": "e2e", "result": "SKIP", "stdout": "x\nno ffmpeg\n"},
                {"name": "lint", "result": "OK"}]
        code, lines = self.run_summary(suites, runs)
        self.assertEqual((code, lines), (0, ["skipped: json: Disk.A: no root", "skipped: e2e: no ffmpeg",
                                             "1 passed, 0 failed, 2 skipped"]))

    def test_a_test_does_not_take_the_cases_of_one_whose_name_it_begins(self):
        suites = GTEST.format(suite="Parse", cases='<testcase name="A"/>')
        _, lines = self.run_summary(suites, [{"name": "js", "result": "OK"}, {"name": "json", "result": "OK"}])
        self.assertEqual(lines, ["2 passed, 0 failed, 0 skipped"])

    def test_single_results_are_added(self):
        code, lines = self.run_summary("", [], "--case", "format=passed", "--case", "a=b=skipped:why not")
        self.assertEqual((code, lines), (0, ["skipped: a=b: why not", "1 passed, 0 failed, 1 skipped"]))

    def test_nothing_run_is_not_a_success(self):
        code, lines = self.run_summary("", [])
        self.assertEqual((code, lines), (1, ["0 passed, 0 failed, 0 skipped"]))


if __name__ == "__main__":
    unittest.main()
