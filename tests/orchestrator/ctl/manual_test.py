#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Manual pages and --help tell the same. Arguments: folder of the pages, auralinkctl, auralinkd, auralink-worker."""
import pathlib
import re
import subprocess
import sys
import unittest

PAGES, CTL, DAEMON, WORKER = pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4]
OPTION = re.compile(r"--[a-z][a-z-]*")


def told(*command):
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=True).stdout


def page(name):
    return (PAGES / f"{name}.scd").read_text(encoding="utf-8")


def set_options(text):
    """Options that a page explains, as opposed to those it mentions."""
    return {option for line in text.splitlines() if line.startswith("*-") for option in OPTION.findall(line)}


class Manual(unittest.TestCase):
    def test_every_option_of_the_daemon_and_no_other(self):
        listed = {option for line in told(DAEMON, "--help").splitlines() if line.startswith("  --")
                  for option in OPTION.findall(line.split("   ")[0] if "   " in line else line[:28])}
        self.assertEqual(set_options(page("auralinkd.8")), listed)

    def test_every_command_and_option_of_the_tool_and_no_other(self):
        text = page("auralinkctl.1")
        commands = re.findall(r"^  ([a-z]+(?: [a-z]+)?)  ", told(CTL, "--help"), re.M)
        self.assertGreater(len(commands), 25)
        sections = {}
        for part in re.split(r"^## ", text, flags=re.M)[1:]:
            title, _, rest = part.partition("\n")
            sections[title.strip()] = set_options(rest.split("\n# ")[0])
        self.assertEqual(set(sections), set(commands))
        overall = set_options(text.split("# COMMANDS")[0])
        for command in commands:
            listed = {option for line in told(CTL, *command.split(), "--help").splitlines()
                      if re.match(r" {2}(-[a-z], |    )--", line) for option in OPTION.findall(line[:40])[:1]}
            self.assertEqual(sections[command], listed - overall, command)
            self.assertLessEqual(overall, listed, command)

    def test_every_page_is_one(self):
        for file in PAGES.glob("*.scd"):
            with self.subTest(file.name):
                name, section = file.name.split(".")[:2]
                self.assertTrue(file.read_text(encoding="utf-8").startswith(f"{name}({section})"))
                self.assertTrue(max(map(len, file.read_text(encoding="utf-8").splitlines())) <= 130)
        self.assertIn("auralink-worker", told(WORKER, "--version"))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
