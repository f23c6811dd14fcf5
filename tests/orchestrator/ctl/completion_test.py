#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Asks a shell what it would offer. Arguments: bash or zsh, and the auralinkctl to take the script from."""

import http.server
import json
import os
import subprocess
import sys
import tempfile
import threading
import unittest

SHELL, PROGRAM = sys.argv[1], os.path.abspath(sys.argv[2])


class Api(http.server.BaseHTTPRequestHandler):
    ANSWERS = {
        "/v1/conferences": {"items": [{"id": "demo"}, {"id": "daily"}], "next": None},
        "/v1/pipelines": {"items": [{"name": "composite-recording"}], "next": None},
        "/v1/conferences/demo/branches": {"items": [{"name": "record"}], "next": None},
    }

    def do_GET(self):
        body = json.dumps(self.ANSWERS.get(self.path, {})).encode()
        self.send_response(200 if self.path in self.ANSWERS else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Completion(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.script = os.path.join(cls.folder.name, "_auralinkctl")
        with open(cls.script, "wb") as file:
            subprocess.run([PROGRAM, "completion", SHELL], stdout=file, check=True)
        os.symlink(PROGRAM, os.path.join(cls.folder.name, "auralinkctl"))
        cls.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Api)
        threading.Thread(target=cls.server.serve_forever, daemon=True).start()
        cls.environment = dict(os.environ, AURALINK_URL=f"http://127.0.0.1:{cls.server.server_port}",
                               PATH=f"{cls.folder.name}:{os.environ['PATH']}", LC_ALL="C.UTF-8")

    @classmethod
    def tearDownClass(cls):
        cls.server.shutdown()
        cls.server.server_close()
        cls.folder.cleanup()

    def offers(self, line):
        """Candidates of bash for the last word of the line."""
        code = ('source "$0"; COMP_WORDS=("$@"); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _auralinkctl; '
                'printf "%s\\n" "${COMPREPLY[@]}"')
        run = subprocess.run(["bash", "--norc", "-c", code, self.script, *line.split(" ")], env=self.environment,
                             capture_output=True, text=True, timeout=30, check=False)
        self.assertEqual(run.stderr, "")
        return set(run.stdout.split())

    @unittest.skipUnless(SHELL == "bash", "zsh is asked below")
    def test_bash(self):
        self.assertIn("conference", self.offers("auralinkctl con"))
        self.assertEqual(self.offers("auralinkctl conference cr"), {"create"})
        self.assertEqual(self.offers("auralinkctl conference create "), {"composite-recording"})
        self.assertEqual(self.offers("auralinkctl conference show d"), {"demo", "daily"})
        self.assertEqual(self.offers("auralinkctl branch rm demo "), {"record"})
        self.assertEqual(self.offers("auralinkctl branch rm demo --wa"), {"--wait"})
        self.assertEqual(self.offers("auralinkctl record start --container "),
                         {"mp4", "webm", "mkv", "ogg", "segments", "hls"})
        self.assertEqual(self.offers("auralinkctl record start --container = w"), {"webm"})
        self.assertEqual(self.offers("auralinkctl --url http://127.0.0.1:1 conference show "), set())
        self.assertEqual(self.offers("auralinkctl pipeline render x -f s"), {"svg"})
        self.assertEqual(self.offers("auralinkctl nonsense "), set())

    @unittest.skipUnless(SHELL == "zsh", "bash is asked above")
    def test_zsh(self):
        """Types a line and Tab into a real zsh on a pseudo-terminal and reads what it completes."""
        self.assertEqual(self.completed("auralinkctl conference cr"), "auralinkctl conference create")
        self.assertEqual(self.completed("auralinkctl conference show de"), "auralinkctl conference show demo")
        self.assertEqual(self.completed("auralinkctl branch rm demo re"), "auralinkctl branch rm demo record")
        self.assertEqual(self.completed("auralinkctl record start --container we"),
                         "auralinkctl record start --container webm")
        self.assertEqual(self.completed("auralinkctl completion z"), "auralinkctl completion zsh")

    def completed(self, line):
        # A widget of its own prints the completed line between marks, so no prompt has to be parsed.
        script = f"""
zmodload zsh/zpty
zpty z zsh -f -i
zpty -w z 'PS1= PS2= ; unsetopt zle_bracketed_paste beep; fpath=({self.folder.name} $fpath); autoload -Uz compinit; compinit -D -u
report() {{ print -r -- "<<${{BUFFER%% }}>>"; BUFFER=; zle accept-line }}; zle -N report; bindkey "^X" report; print ready-$((40+2))'
zpty -r -m z seen '*ready-42*' || exit 1
zpty -w -n z $'{line}\\t\\C-x'
zpty -r -m z seen '*>>*' || exit 1
print -r -- "$seen"
zpty -d z
"""
        run = subprocess.run(["zsh", "-f", "-c", script], env=self.environment, capture_output=True, text=True,
                             timeout=60, check=False)
        self.assertEqual((run.returncode, run.stderr), (0, ""), run.stdout)
        return run.stdout.rpartition("<<")[2].partition(">>")[0]


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
