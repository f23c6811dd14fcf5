#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""auralinkctl as a program: what it asks, what it prints and how it exits. Argument: the auralinkctl to test."""

import hashlib
import http.server
import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
import unittest

PROGRAM = os.path.abspath(sys.argv[1])


class Daemon(http.server.ThreadingHTTPServer):
    """Answers from a list of prepared replies and remembers what was asked."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.daemon_threads = True
        self.replies = {}   # (method, path) -> list of (status, body); the last one stays
        self.asked = []
        self.events = queue.Queue()  # texts for the event stream; None ends it
        self.url = f"http://127.0.0.1:{self.server_port}"
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self):
        length = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(length).decode()
        self.server.asked.append((self.command, self.path, body, dict(self.headers)))
        if self.headers.get("Accept") == "text/event-stream":
            return self.stream()
        replies = self.server.replies.get((self.command, self.path), [(404, {"title": "Not found", "status": 404})])
        status, value = replies.pop(0) if len(replies) > 1 else replies[0]
        text = value.encode() if isinstance(value, str) else json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def stream(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        self.wfile.write(b": hello\n\n")
        self.wfile.flush()
        while (text := self.server.events.get()) is not None:
            try:
                self.wfile.write(text.encode())
                self.wfile.flush()
            except OSError:
                return

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer

    def log_message(self, *_):
        pass


def event(seq, kind, **data):
    value = {"seq": seq, "at": "2026-01-01T00:00:00.000Z", "type": kind, "conference": "demo", "data": data}
    return f"id: {seq}\nevent: {kind}\ndata: {json.dumps(value)}\n\n"


class Program(unittest.TestCase):
    def setUp(self):
        self.daemon = Daemon()
        self.addCleanup(self.daemon.server_close)
        self.addCleanup(self.daemon.shutdown)
        self.addCleanup(self.daemon.events.put, None)
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def run_ctl(self, *words, url=None, **environment):
        env = {"PATH": os.environ["PATH"], "HOME": self.folder.name, **environment}
        if url is not False:
            env["AURALINK_URL"] = url or self.daemon.url
        return subprocess.run([PROGRAM, *words], env=env, capture_output=True, text=True, timeout=60,
                              stdin=subprocess.DEVNULL, check=False)

    def file(self, name, text):
        path = os.path.join(self.folder.name, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as out:
            out.write(text)
        return path

    def test_creates_a_conference_with_the_parameters_given(self):
        conference = {"id": "a b", "pipeline": "p", "state": "pending"}
        self.daemon.replies["PUT", "/v1/conferences/a%20b"] = [(201, conference)]
        done = self.run_ctl("conference", "create", "p", "--id", "a b", "-p", "width=640", "-p", "name=ann", "--json",
                            "--params", self.file("p.json", '{"width": 1, "height": 360}'))
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(json.loads(done.stdout), conference)
        self.assertEqual(json.loads(self.daemon.asked[0][2]),
                         {"pipeline": "p", "parameters": {"width": 640, "height": 360, "name": "ann"}})

    def test_shows_where_a_refused_request_is_wrong(self):
        self.daemon.replies["POST", "/v1/conferences"] = [(422, {
            "title": "Invalid", "detail": "the parameters do not fit", "status": 422,
            "errors": [{"pointer": "/parameters/width", "detail": "expected a multiple of 2"}]})]
        done = self.run_ctl("conference", "create", "p", "-p", "width=641")
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertEqual(done.stderr, "auralinkctl: Invalid: the parameters do not fit\n"
                                      "  /parameters/width: expected a multiple of 2\n")

    def test_exits_2_for_wrong_usage(self):
        done = self.run_ctl("conference", "create")
        self.assertEqual((done.returncode, done.stdout), (2, ""))
        self.assertIn("missing PIPELINE", done.stderr)

    def test_exits_3_when_no_daemon_is_there(self):
        self.assertEqual(self.run_ctl("status", url=False).returncode, 3)
        self.daemon.shutdown()
        self.daemon.server_close()
        done = self.run_ctl("status")
        self.assertEqual(done.returncode, 3)
        self.assertIn("cannot reach", done.stderr)

    def test_finds_the_daemon_by_its_state_folder(self):
        self.daemon.replies["GET", "/status"] = [(200, {"version": "9"})]
        self.file("state/auralinkd.url", self.daemon.url + "\n")
        done = self.run_ctl("status", "--state-dir", os.path.join(self.folder.name, "state"), url=False)
        self.assertEqual((done.returncode, done.stdout), (0, "version  9\n"))

    def test_sends_the_token_of_the_file_and_shows_it_nowhere(self):
        self.daemon.replies["GET", "/status"] = [(401, {"title": "Unauthorized"})]
        done = self.run_ctl("status", "--token-file", self.file("token", "s3cret\n"))
        self.assertEqual(self.daemon.asked[0][3]["Authorization"], "Bearer s3cret")
        self.assertEqual(done.returncode, 1)
        self.assertNotIn("s3cret", done.stdout + done.stderr)

    def test_reads_every_page_of_a_list(self):
        self.daemon.replies["GET", "/v1/recordings?conference=demo"] = [(200, {"items": [{"id": "a"}], "next": "x/y"})]
        self.daemon.replies["GET", "/v1/recordings?conference=demo&cursor=x%2Fy"] = [
            (200, {"items": [{"id": "b"}], "next": None})]
        done = self.run_ctl("record", "list", "--conference", "demo", "--json")
        self.assertEqual([item["id"] for item in json.loads(done.stdout)["items"]], ["a", "b"])

    def test_waits_for_a_recording_to_be_complete(self):
        self.daemon.replies["POST", "/v1/recordings/r/stop"] = [(202, {"id": "r", "state": "finalising"})]
        self.daemon.replies["GET", "/v1/recordings/r"] = [
            (200, {"id": "r", "state": "finalising"}), (200, {"id": "r", "state": "complete", "bytes": 7})]
        self.daemon.events.put(event(1, "recording.complete"))
        done = self.run_ctl("record", "stop", "r", "--wait", "--json")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(json.loads(done.stdout)["bytes"], 7)

    def test_fails_when_what_it_waited_for_failed(self):
        self.daemon.replies["POST", "/v1/recordings"] = [(201, {"id": "r", "state": "starting"})]
        self.daemon.replies["GET", "/v1/recordings/r"] = [(200, {"id": "r", "state": "failed", "error": "disk full"})]
        done = self.run_ctl("record", "start", "demo", "--wait")
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertEqual(done.stderr, "auralinkctl: r is failed: disk full\n")

    def test_a_branch_that_is_gone_has_been_removed(self):
        self.daemon.replies["DELETE", "/v1/conferences/demo/branches/x"] = [(202, {"name": "x", "state": "draining"})]
        self.assertEqual(self.run_ctl("branch", "rm", "demo", "x", "--wait").returncode, 0)

    def test_follows_events_across_a_broken_stream(self):
        self.daemon.events.put(event(5, "conference.running") + event(6, "participant.joined", participant={"name": "ann"}))
        self.daemon.events.put(None)
        env = {"PATH": os.environ["PATH"], "HOME": self.folder.name, "AURALINK_URL": self.daemon.url}
        with subprocess.Popen([PROGRAM, "events", "--type", "participant"], env=env, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True) as follower:
            self.assertEqual(follower.stdout.readline(), "6 00:00:00.000 demo participant.joined ann\n")
            self.daemon.events.put(event(7, "participant.left", participant={"name": "ann"}))
            self.assertEqual(follower.stdout.readline(), "7 00:00:00.000 demo participant.left ann\n")
            follower.terminate()
            self.assertEqual(follower.wait(timeout=30), 0)
        streams = [headers for _, _, _, headers in self.daemon.asked]
        self.assertEqual(streams[1].get("Last-Event-ID"), "6")

    def test_starts_a_recording_with_all_that_can_be_chosen(self):
        self.daemon.replies["PUT", "/v1/recordings/film"] = [(201, {"id": "film", "state": "starting"})]
        done = self.run_ctl("record", "start", "demo", "--id", "film", "--container", "hls", "--tracks", "audio",
                            "--participant", "ann", "--preset", "480p", "--path", "a/b", "--title", "Weekly", "--set", "n=1",
                            "--set", "note=plain words", "--previews", "5s")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(json.loads(self.daemon.asked[0][2]), {
            "conference": "demo", "container": "hls", "tracks": "audio", "participant": "ann", "preset": "480p",
            "path": "a/b", "metadata": {"title": "Weekly", "n": 1, "note": "plain words"},
            "previews": {"interval": "5s"}})

    def test_changes_pauses_and_deletes_recordings(self):
        film = {"id": "film", "state": "active", "paused": True, "gaps": [{}], "processing": {"state": "running"}}
        for method, path in (("PATCH", ""), ("POST", "/pause"), ("POST", "/resume")):
            self.daemon.replies[method, "/v1/recordings/film" + path] = [(200, film)]
        self.daemon.replies["DELETE", "/v1/recordings/film"] = [(204, "")]
        done = self.run_ctl("record", "set", "film", "--title", "x", "--unset", "organizer")
        self.assertIn("active, paused, processing, 1 gap", done.stdout)
        method, path, body, headers = self.daemon.asked[0]
        self.assertEqual((method, json.loads(body)), ("PATCH", {"metadata": {"title": "x", "organizer": None}}))
        self.assertEqual(headers["Content-Type"], "application/merge-patch+json")
        for command in ("pause", "resume", "rm"):
            self.assertEqual(self.run_ctl("record", command, "film").returncode, 0, command)
        self.assertEqual(self.run_ctl("record", "set", "film").returncode, 2)
        self.assertEqual(self.run_ctl("record", "set", "film", "--set", "novalue").returncode, 2)

    def test_makes_tokens_that_the_daemon_needs_not_know(self):
        done = self.run_ctl("token", "new", "ci", "--scope", "write", "--scope", "read", "--json", url=False)
        made = json.loads(done.stdout)
        self.assertEqual(made["entry"], {"name": "ci", "scopes": ["write", "read"],
                                         "sha256": hashlib.sha256(made["token"].encode()).hexdigest()})
        again = json.loads(self.run_ctl("token", "new", "ci", "--json", url=False).stdout)
        self.assertNotEqual(made["token"], again["token"])
        self.assertEqual(again["entry"]["scopes"], ["read"])

    def test_an_answer_that_is_no_json_is_a_failure(self):
        self.daemon.replies["GET", "/status"] = [(200, "<html>")]
        done = self.run_ctl("status")
        self.assertEqual((done.returncode, done.stdout), (1, ""))

    def test_a_lost_stdout_is_a_failure(self):
        with open("/dev/full", "w", encoding="utf-8") as full:
            done = subprocess.run([PROGRAM, "--help"], stdout=full, timeout=30, check=False)
        self.assertEqual(done.returncode, 1)

    def test_names_for_completion_never_complain(self):
        done = self.run_ctl("completion-names", "conferences", url="http://127.0.0.1:1")
        self.assertEqual((done.returncode, done.stdout, done.stderr), (3, "", ""))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
