#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The systemd service: that systemd understands every line of it, and how much of the system it leaves open.

Arguments: the configured service, the drop-in, a program for ExecStart. Skipped where systemd-analyze is missing."""

import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

UNIT, DROP_IN, PROGRAM = (pathlib.Path(argument).resolve() for argument in sys.argv[1:4])
MOST_EXPOSED = 20  # tenths; systemd calls up to 4.9 "OK", a plain service has 9.6


def analyze(*arguments):
    return subprocess.run(["systemd-analyze", *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, timeout=60, check=False)


class Service(unittest.TestCase):
    def setUp(self):
        self._folder = tempfile.TemporaryDirectory()
        self.addCleanup(self._folder.cleanup)
        # What is verified has to exist: the program of this build stands where the installed one will.
        text = re.sub(r"^ExecStart=\S+", f"ExecStart={PROGRAM}", UNIT.read_text(), flags=re.MULTILINE)
        self.unit = pathlib.Path(self._folder.name, "auralinkd.service")
        self.unit.write_text(text)

    def test_is_understood(self):
        result = analyze("verify", "--man=no", self.unit)
        self.assertEqual((result.returncode, result.stdout), (0, ""))

    def test_a_mistake_would_be_found(self):
        self.unit.write_text(self.unit.read_text() + "[Service]\nProtectEverything=yes\n")
        self.assertIn("ProtectEverything", analyze("verify", "--man=no", self.unit).stdout)

    def test_is_understood_with_the_drop_in(self):
        folder = self.unit.with_suffix(".service.d")
        folder.mkdir()
        shutil.copy(DROP_IN, folder)
        result = analyze("verify", "--man=no", self.unit)
        self.assertEqual((result.returncode, result.stdout), (0, ""))

    def test_leaves_little_open(self):
        result = analyze("security", "--offline=true", f"--threshold={MOST_EXPOSED}", self.unit)
        self.assertEqual(result.returncode, 0, result.stdout)

    def test_says_what_the_daemon_relies_on(self):
        lines = UNIT.read_text().splitlines()
        for line in ("Type=notify", "WatchdogSec=30", "StateDirectory=auralink", "LimitCORE=0", "KillMode=mixed"):
            self.assertIn(line, lines)


if __name__ == "__main__":
    if shutil.which("systemd-analyze") is None:
        print("systemd-analyze is not installed")
        sys.exit(77)  # Meson: skipped
    unittest.main(argv=sys.argv[:1], verbosity=2)
