#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""auralinkd as a program: what it tells systemd and Prometheus, what it lets nobody see, and what a pause does to it.

Arguments: auralinkd, auralink-worker, the folder of pipelines, the dashboard, the source of the metrics."""

import http.client
import json
import os
import pathlib
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

DAEMON, WORKER, PIPELINES, DASHBOARD, METRICS = (pathlib.Path(argument).resolve() for argument in sys.argv[1:6])
PATIENCE = 60


def until(condition, what, timeout=PATIENCE):
    """The first true value of the condition; polls what has no event."""
    end, pause = time.monotonic() + timeout, threading.Event()
    while not (value := condition()):
        if time.monotonic() > end:
            raise AssertionError(f"waited {timeout} s in vain: {what}")
        pause.wait(0.05)
    return value


class Daemon:
    """A live auralinkd in folders of its own; `told` are the datagrams its NOTIFY_SOCKET got."""

    def __init__(self, folder, *flags, **environment):
        self.state = pathlib.Path(folder, "state")
        self.state.mkdir(exist_ok=True)
        self._url = self.state / "auralinkd.url"  # appears when it listens; a killed daemon leaves its own behind
        self._url.unlink(missing_ok=True)
        self._notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        address = str(pathlib.Path(folder, "notify"))
        pathlib.Path(address).unlink(missing_ok=True)
        self._notify.bind(address)
        self._notify.settimeout(PATIENCE)
        self.told = []
        self.process = subprocess.Popen(
            [DAEMON, "--listen=127.0.0.1:0", f"--state-dir={self.state}", f"--worker={WORKER}",
             f"--pipelines-dir={PIPELINES}", *flags],
            stderr=subprocess.PIPE, text=True, env={**os.environ, "NOTIFY_SOCKET": address, **environment})
        self.log = []
        self._reader = threading.Thread(target=lambda: self.log.extend(self.process.stderr), daemon=True)
        self._reader.start()

    def wait_until_it_listens(self):
        until(lambda: self._url.exists() or self.process.poll() is not None, "an address")
        assert self.process.poll() is None, "".join(self.log)

    def hear(self, *wanted):
        """Waits until a datagram begins with each of these."""
        while not all(any(line.startswith(one) for line in self.told) for one in wanted):
            self.told += self._notify.recv(4096).decode().splitlines()

    def hear_next(self, wanted):
        self.told.clear()
        self.hear(wanted)

    def ask(self, method, path, body=None):
        url = self._url.read_text().strip().removeprefix("http://")
        connection = http.client.HTTPConnection(url, timeout=PATIENCE)
        connection.request(method, path, json.dumps(body) if body is not None else None,
                           {"Content-Type": "application/json"} if body is not None else {})
        answer = connection.getresponse()
        content = answer.read().decode()
        connection.close()
        return answer.status, content

    def conference(self, name):
        return json.loads(self.ask("GET", f"/v1/conferences/{name}")[1])

    def worker_pid(self, name):
        return self.conference(name)["worker"]["pid"]

    def close(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self._reader.join(PATIENCE)
        self.process.stderr.close()
        self._notify.close()


def plays(path):
    """Seconds of the file, and the longest time between two packets in it; decodes what is there."""
    probe = subprocess.run(["ffprobe", "-v", "error", "-select_streams", "v", "-show_entries", "packet=pts_time",
                            "-of", "csv=p=0", path], capture_output=True, text=True, check=True)
    times = sorted(float(line.strip(",")) for line in probe.stdout.split() if line.strip(","))
    return times[-1] - times[0], max((b - a for a, b in zip(times, times[1:])), default=0)


class Program(unittest.TestCase):
    def setUp(self):
        self._folder = tempfile.TemporaryDirectory()
        self.addCleanup(self._folder.cleanup)

    def start(self, *flags, **environment):
        daemon = Daemon(self._folder.name, *flags, **environment)
        self.addCleanup(daemon.close)
        daemon.wait_until_it_listens()
        return daemon

    def record(self, daemon, name):
        status, content = daemon.ask("POST", "/v1/conferences", {
            "id": name, "pipeline": "test-conference",
            "parameters": {"participants": 1, "width": 160, "height": 90, "fps": 10, "container": "mkv"}})
        self.assertIn(status, (201, 202), content)
        until(lambda: daemon.conference(name)["state"] == "running", "running")
        return daemon.worker_pid(name)


    def end(self, daemon, name):
        """Stops the conference; its recordings as they stay."""
        daemon.ask("DELETE", f"/v1/conferences/{name}")
        until(lambda: daemon.conference(name)["state"] == "ended", "the end")
        items = lambda: json.loads(daemon.ask("GET", f"/v1/recordings?conference={name}")[1])["items"]
        until(lambda: all(one["state"] in ("complete", "interrupted", "failed") for one in items()), "the files")
        return items()


@unittest.skipIf(os.environ.get("AURALINK_WITHOUT_SYSTEMD"), "built without libsystemd")
class Systemd(Program):
    def test_hears_of_readiness_life_and_the_end(self):
        daemon = self.start(WATCHDOG_USEC="400000")
        daemon.hear("READY=1", "WATCHDOG=1", "STATUS=0 conferences")
        before = time.monotonic()
        for _ in range(5):
            daemon.hear_next("WATCHDOG=1")
        self.assertLess(time.monotonic() - before, 5 * 0.4, "more often than it has to be")
        daemon.process.send_signal(signal.SIGTERM)
        daemon.hear("STOPPING=1")
        self.assertEqual(daemon.process.wait(PATIENCE), 0)

    def test_hears_nothing_it_did_not_ask_for(self):
        daemon = self.start()
        daemon.hear("STATUS=")
        self.assertFalse([line for line in daemon.told if line.startswith("WATCHDOG")])


class Privacy(Program):
    def limits(self, pid):
        soft, hard = resource.prlimit(pid, resource.RLIMIT_CORE)
        return soft, hard

    def test_no_core_dump_and_no_debugger(self):
        daemon = self.start()
        worker = self.record(daemon, "private")
        for pid in (daemon.process.pid, worker):
            self.assertEqual(self.limits(pid), (0, 0))
            # A process that may not be dumped belongs to root as far as /proc is concerned.
            self.assertEqual(os.stat(f"/proc/{pid}/environ").st_uid, 0)
        until(lambda: daemon.conference("private")["worker"]["memoryBytes"] > 0, "it still knows what it costs")
        self.assertEqual(pathlib.Path(f"/proc/{worker}/oom_score_adj").read_text().strip(), "500")

    def test_developers_may_have_them(self):
        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
        hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
        daemon = self.start("--core-dumps=on")
        self.assertEqual(self.limits(self.record(daemon, "open"))[1], hard)


class Pauses(Program):
    def test_a_stopped_daemon_blames_nobody(self):
        daemon = self.start()
        worker = self.record(daemon, "patient")
        daemon.process.send_signal(signal.SIGSTOP)
        threading.Event().wait(10)  # longer than any worker may be silent
        daemon.process.send_signal(signal.SIGCONT)
        until(lambda: any("did not run for a while" in line for line in daemon.log), "the daemon notices")
        before = daemon.conference("patient")["branches"]["record"]["mediaSeconds"]
        until(lambda: daemon.conference("patient")["branches"]["record"]["mediaSeconds"] > before + 1,
              "the recording goes on")
        self.assertEqual(daemon.worker_pid("patient"), worker)
        self.assertGreater(before, 8, "it was recorded meanwhile")
        (recording,) = self.end(daemon, "patient")
        self.assertEqual(recording["state"], "complete")
        self.assertLess(plays(recording["path"])[1], 0.25, "ten pictures a second, all along")

    def test_a_stopped_worker_is_ended(self):
        daemon = self.start()
        worker = self.record(daemon, "frozen")
        os.kill(worker, signal.SIGSTOP)
        # Its policy starts it again, as the next epoch.
        state = until(lambda: (seen := daemon.conference("frozen"))["epoch"] == 2 and seen["state"] == "running" and seen,
                      "the next epoch")
        self.assertEqual(state["exit"], "stalled")
        self.assertNotEqual(state["worker"]["pid"], worker)
        self.assertFalse(os.path.exists(f"/proc/{worker}"))


@unittest.skipUnless(shutil.which("ffprobe"), "ffprobe is not installed")
class Orphans(Program):
    """kill -9 of the daemon while a conference runs, and the next daemon in the same folder."""

    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self._folder.name, "pipelines")
        self.folder.mkdir()
        description = json.loads((PIPELINES / "test-conference.json").read_text())
        for policy in ("continue", "stop"):
            description["name"] = f"orphans-{policy}"
            description["policies"]["orphans"] = policy
            (self.folder / f"orphans-{policy}.json").write_text(json.dumps(description))

    def run_and_lose(self, policy):
        daemon = self.start(f"--pipelines-dir={self.folder}")
        status, content = daemon.ask("POST", "/v1/conferences", {
            "id": "room", "pipeline": f"orphans-{policy}",
            "parameters": {"participants": 1, "width": 160, "height": 90, "fps": 10, "container": "mkv"}})
        self.assertIn(status, (201, 202), content)
        until(lambda: self.media(daemon) > 2, "two seconds of media")
        worker = daemon.worker_pid("room")
        daemon.process.kill()
        daemon.process.wait()
        return worker

    @staticmethod
    def media(daemon):
        return max((branch["mediaSeconds"] for branch in daemon.conference("room")["branches"].values()), default=0)

    def test_continue_means_one_recording_without_a_gap(self):
        worker = self.run_and_lose("continue")
        daemon = self.start(f"--pipelines-dir={self.folder}")
        before = until(lambda: self.media(daemon), "figures of the adopted worker")
        self.assertGreaterEqual(before, 2)
        self.assertEqual(daemon.worker_pid("room"), worker)
        until(lambda: self.media(daemon) > before + 1, "it goes on")
        self.assertEqual(daemon.conference("room")["epoch"], 1)
        (recording,) = self.end(daemon, "room")
        self.assertEqual((recording["state"], recording["gaps"]), ("complete", []))
        seconds, longest = plays(recording["path"])
        self.assertGreater(seconds, before + 1)
        self.assertLess(longest, 0.25, "ten pictures a second, all along")
        self.assertEqual(os.listdir(daemon.state / "run"), [])

    def test_stop_means_a_finished_piece_and_the_next(self):
        worker = self.run_and_lose("stop")
        daemon = self.start(f"--pipelines-dir={self.folder}")
        until(lambda: (seen := daemon.conference("room"))["epoch"] == 2 and seen["state"] == "running", "the next epoch")
        self.assertNotEqual(daemon.worker_pid("room"), worker)
        until(lambda: self.media(daemon) > 1, "it goes on")
        for recording in self.end(daemon, "room"):
            self.assertIn(recording["state"], ("complete", "interrupted"), recording)
            self.assertGreater(plays(recording["path"])[0], 1)


FAKETIME = next(iter(pathlib.Path("/usr/lib").glob("*/faketime/libfaketime.so.1")), None)


@unittest.skipUnless(FAKETIME, "libfaketime is not installed")
class Jumps(Program):
    def test_a_day_back_and_a_day_forth_end_nothing(self):
        now = pathlib.Path(self._folder.name, "now")
        now.write_text("+0")
        # Wall time only: the monotonic clocks stay what they are, as when somebody sets a real clock.
        daemon = self.start(LD_PRELOAD=str(FAKETIME), FAKETIME_TIMESTAMP_FILE=str(now), FAKETIME_NO_CACHE="1",
                            FAKETIME_DONT_FAKE_MONOTONIC="1")
        worker = self.record(daemon, "steady")
        seconds = lambda: daemon.conference("steady")["branches"]["record"]["mediaSeconds"]
        for jump in ("-86400", "+86400", "+0"):
            now.write_text(jump)
            before = seconds()
            until(lambda: seconds() > before + 1.5, f"it goes on after {jump} s")
        state = daemon.conference("steady")
        self.assertEqual((state["state"], state["epoch"], state["worker"]["pid"]), ("running", 1, worker))
        (recording,) = self.end(daemon, "steady")
        self.assertEqual(recording["state"], "complete")
        self.assertAlmostEqual(recording["durationSeconds"], plays(recording["path"])[0], delta=0.5)


@unittest.skipUnless(shutil.which("ffprobe"), "ffprobe is not installed")
class Worker(unittest.TestCase):
    DESCRIPTION = {
        "apiVersion": "auralink/v1", "kind": "Pipeline", "name": "alone", "why": "test",
        "source": {"kind": "test", "participants": [{"name": "ann", "width": 160, "height": 90, "fps": 10}]},
        "mix": {"video": {"width": 160, "height": 90, "fps": 10}, "audio": {}},
        "encode": {"vp8": {"of": "video", "codec": "vp8", "bitrate": 200000}, "opus": {"of": "audio", "codec": "opus"}},
        "branches": {"record": {"kind": "file", "container": "webm", "inputs": ["vp8", "opus"]}}}

    def test_by_hand_finishes_its_file_when_asked_to_end(self):
        with tempfile.TemporaryDirectory() as folder:
            description = pathlib.Path(folder, "alone.json")
            description.write_text(json.dumps(self.DESCRIPTION))
            worker = subprocess.Popen([WORKER, "--standalone", description, "--output", folder], stdout=subprocess.PIPE,
                                      stderr=subprocess.DEVNULL, text=True)
            try:
                said, asked = [], False
                for line in worker.stdout:
                    said.append(json.loads(line))
                    branches = said[-1].get("stats", {}).get("branches", [{}])
                    if branches and int(branches[0].get("media_ns", 0)) > 1_000_000_000 and not asked:
                        worker.send_signal(signal.SIGTERM)  # once: a second one ends it as it is
                        asked = True
                self.assertEqual(worker.wait(PATIENCE), 0)
            finally:
                worker.kill()
                worker.wait()
                worker.stdout.close()
            self.assertEqual(said[-1]["ended"]["class"], "STOPPED")
            seconds, longest = plays(pathlib.Path(folder, "record.webm"))
            self.assertGreater(seconds, 0.9)
            self.assertLess(longest, 0.25)


class Prometheus(Program):
    def metrics(self, daemon):
        return daemon.ask("GET", "/metrics")[1]

    @unittest.skipUnless(shutil.which("promtool"), "promtool is not installed")
    def test_has_no_complaint(self):
        daemon = self.start()
        self.record(daemon, "measured")
        daemon.ask("GET", "/v1/nothing")
        text = until(lambda: "load_ratio" in (seen := self.metrics(daemon)) and seen, "the first sample")
        result = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, check=False)
        self.assertEqual((result.returncode, result.stdout + result.stderr), (0, ""))
        for name in ("pipelines", "pipeline_starts_total", "load_ratio", "http_requests_total", "http_request_seconds"):
            self.assertRegex(text, rf"(?m)^auralink_{name}")
        self.assertNotIn("measured", text, "no label names a conference")

    def test_knows_every_name_of_the_dashboard(self):
        # A family without a series is not in the text: what exists is read where it is made.
        known = re.findall(r'\b(counter|gauge|histogram)\(\s*"(\w+)"', METRICS.read_text())
        names = {f"auralink_{name}{suffix}" for kind, name in known
                 for suffix in (("_bucket", "_sum", "_count") if kind == "histogram" else ("",))}
        expressions = re.findall(r'"expr":\s*"((?:[^"\\]|\\.)*)"', DASHBOARD.read_text())
        used = {name for expression in expressions for name in re.findall(r"\bauralink_\w+", expression)}
        self.assertGreater(len(used), 15)
        self.assertEqual(used - names, set())


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1] + sys.argv[6:], verbosity=2)
