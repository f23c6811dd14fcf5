# SPDX-License-Identifier: LGPL-2.1-or-later
"""A live auralinkd for tests: started on a free port with its own folders, spoken to over HTTP, watched over SSE."""
import http.client
import json
import os
import pathlib
import re
import signal
import subprocess
import threading
import time
import urllib.parse
import uuid

import jsonschema

BUILD = pathlib.Path(os.environ.get("AURALINK_BUILD", "build"))
PIPELINES = pathlib.Path(os.environ.get("AURALINK_PIPELINES") or
                         pathlib.Path(__file__).resolve().parents[2] / "pipelines")
DAEMON = BUILD / "orchestrator" / "auralinkd"
WORKER = BUILD / "orchestrator" / "auralink-worker"
CTL = BUILD / "orchestrator" / "ctl" / "auralinkctl"
FINAL = ("complete", "interrupted", "failed")

# Workers get only a few variables of the daemon's environment; those of GStreamer are among them.
MARK = "GST_AURALINK_TEST"


def until(condition, timeout=20, every=0.05, what=""):
    """The condition's first true value. Polls, for what has no event to wait for."""
    pause, end = threading.Event(), time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, f"waited {timeout} s in vain{': ' + what if what else ''}"
        pause.wait(every)


def alive(pid):
    """Whether the process exists and has not ended; a zombie has."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as f:
            return f.read().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def marked(mark):
    """Live processes that carry the mark in their environment."""
    found = []
    for entry in os.listdir("/proc"):
        if not entry.isdigit() or int(entry) == os.getpid():
            continue
        try:
            environment = pathlib.Path("/proc", entry, "environ").read_bytes()
        except OSError:
            continue
        if f"{MARK}={mark}".encode() in environment.split(b"\0") and alive(int(entry)):
            found.append(int(entry))
    return found


def told(event):
    """An event for a person: what happened to whom, and why."""
    data = event["data"]
    ended = data.get("conference") or {}
    why = data.get("error") or data.get("detail") or (data.get("branch") or {}).get("error") or ended.get("reason") or ""
    return f"{event['seq']} {event['type']} {event['conference']} {why}".rstrip()


class Events:
    """Everything the daemon says on /v1/events, from its first event on. Comes back after a cut, as the contract of
    server-sent events has it, and counts the cuts."""

    def __init__(self, host, port):
        self._where = (host, port)
        self._all, self._of, self._news, self._ended, self._closing = [], {}, threading.Condition(), "", False
        self.cuts = 0
        self._connect()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _connect(self):
        last = self._all[-1]["seq"] if self._all else 0
        self._connection = http.client.HTTPConnection(*self._where)
        self._connection.request("GET", "/v1/events",
                                 headers={"Accept": "text/event-stream", "Last-Event-ID": str(last)})
        self._answer = self._connection.getresponse()
        assert self._answer.status == 200, self._answer.read()

    def _run(self):
        try:
            while True:
                self._read()
                if self._closing:
                    break
                self.cuts += 1
                self._connect()
        except (OSError, http.client.HTTPException, AssertionError) as error:
            with self._news:
                self._ended = repr(error)
        with self._news:
            self._ended = self._ended or "closed"
            self._news.notify_all()

    def _read(self):
        data = []
        try:
            while line := self._answer.readline():
                text = line.decode().rstrip("\n")
                if text.startswith("data:"):
                    data.append(text[5:].strip())
                elif not text and data:
                    with self._news:
                        event = json.loads("\n".join(data))
                        self._all.append(event)
                        self._of.setdefault(event.get("conference"), []).append(event)
                        self._news.notify_all()
                    data = []
        except (OSError, http.client.HTTPException, ValueError):
            pass  # cut: whoever called tries again

    def all(self):
        with self._news:
            return list(self._all)

    def types(self, conference=None):
        return [e["type"] for e in self.all() if conference in (None, e["conference"])]

    def wait(self, kind, conference=None, where=lambda data: True, after=0, timeout=20):
        """The first event of the type (and conference, and with data for which `where` holds) with seq > after."""
        end, looked_at = time.monotonic() + timeout, 0
        with self._news:
            while True:
                # A soak has fifty who wait and tens of thousands of events: each looks at its own, and once.
                of_mine = self._all if conference is None else self._of.get(conference, [])
                for event in of_mine[looked_at:]:
                    if event["type"] == kind and event["seq"] > after and where(event["data"]):
                        return event
                looked_at = len(of_mine)
                assert not self._ended, f"the stream of events ended ({self._ended}) without {kind} of {conference}"
                left = end - time.monotonic()
                assert left > 0, f"no {kind} of {conference} in {timeout} s; last: {[told(e) for e in self._all[-25:]]}"
                self._news.wait(left)

    def close(self):
        # Shutting the socket down wakes the reader; closing the file object would wait for it.
        self._closing = True
        try:
            if self._connection.sock:
                self._connection.sock.shutdown(2)
        except OSError:
            pass
        self._thread.join(5)


class Contract:
    """openapi.json, to hold answers against. Members that it does not name are no fault: clients ignore them."""

    def __init__(self, document):
        self._document, self._validators = document, {}
        self._paths = [(re.compile(re.sub(r"\\{[^}]*\\}", "[^/]+", re.escape(path)) + "$"), item)
                       for path, item in document["paths"].items()]

    def _resolved(self, value):
        while "$ref" in value:
            at = self._document
            for step in value["$ref"].removeprefix("#/").split("/"):
                at = at[step]
            value = at
        return value

    def check(self, method, target, status, answer):
        """Fails when the status, or the JSON of the answer, is not what the file says."""
        path = target.partition("?")[0]
        item = next((item for pattern, item in self._paths if pattern.match(path)), None)
        operation = item and item.get({"HEAD": "get"}.get(method, method.lower()))
        if not operation:
            return
        described = operation["responses"].get(str(status))
        assert described, f"{method} {target}: {status} is not described"
        for media, content in self._resolved(described).get("content", {}).items():
            if not media.endswith("json") or isinstance(answer, str):
                continue
            key = json.dumps(content["schema"], sort_keys=True)
            if key not in self._validators:
                self._validators[key] = jsonschema.Draft202012Validator(
                    {"allOf": [content["schema"]], "components": self._document["components"]})
            wrong = [f"{'/'.join(map(str, e.absolute_path))}: {e.message[:300]}"
                     for e in self._validators[key].iter_errors(answer)]
            assert not wrong, f"{method} {target} -> {status}: {wrong}"


class Refused(AssertionError):
    def __init__(self, what, status, problem):
        super().__init__(f"{what}: {status} {problem}")
        self.status, self.problem = status, problem


class Daemon:
    def __init__(self, folder, *flags, mark=None, prefix=(), **popen):
        self.folder = pathlib.Path(folder)
        self.state = self.folder / "state"
        self.recordings = self.folder / "recordings"
        for made in (self.state, self.recordings):
            made.mkdir(parents=True, exist_ok=True)
        self.mark = mark or uuid.uuid4().hex
        self.flags, self.prefix, self.popen = flags, prefix, popen
        self.log, self.process, self.events, self.url, self.contract = [], None, None, None, None
        self.start()

    # -- life --

    def start(self):
        command = [*self.prefix, DAEMON, "--listen", "127.0.0.1:0", "--state-dir", self.state, "--recordings-dir",
                   self.recordings, "--pipelines-dir", PIPELINES, "--worker", WORKER, *self.flags]
        self.process = subprocess.Popen([str(c) for c in command], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True,
                                        env=os.environ | {MARK: self.mark}, **self.popen)
        listening = threading.Event()
        self.url = None
        threading.Thread(target=self._read_log, args=(self.process.stderr, listening), daemon=True).start()
        assert listening.wait(30) and self.url, f"the daemon does not listen: {self.log[-10:]}"
        where = urllib.parse.urlsplit(self.url)
        self.host, self.port = where.hostname, where.port
        self.events = Events(self.host, self.port)

    def _read_log(self, stream, listening):
        for raw in stream:
            try:
                line = json.loads(raw)
            except ValueError:
                line = {"msg": raw.decode(errors="replace").rstrip()}
            self.log.append(line)
            if line.get("msg") == "listening":
                self.url = line["url"]
                listening.set()
        listening.set()

    def log_lines(self):
        """The log for a person: time, sentence, and what it is about."""
        dull = ("ts", "level", "msg", "service", "version", "seq", "epoch", "pid")
        return [f"{line.get('ts', '')[11:23]} {line.get('msg')} " + " ".join(
            f"{k}={v}" for k, v in line.items() if k not in dull and v is not None)
            for line in self.log if line.get("stream") != "stderr"]

    @property
    def pid(self):
        return self.process.pid

    def terminate(self, timeout=45):
        """SIGTERM, and how it ended."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout)

    def kill(self):
        self.process.kill()
        self.process.wait(10)
        self.events.close()

    def close(self):
        """Ends everything that was started; what outlives an orderly end is a failure of the test."""
        if self.process.poll() is None:
            try:
                self.terminate(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(10)
        self.events.close()
        left = marked(self.mark)
        for pid in left:
            os.kill(pid, signal.SIGKILL)
        assert not left, f"processes left behind: {left}; log: {self.log[-20:]}"

    # -- HTTP --

    def request(self, method, path, body=None, headers=None):
        """(status, decoded body or text). Never raises for a refusal."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=20)
        try:
            payload = None if body is None else json.dumps(body)
            head = {} if body is None else {"Content-Type": "application/json"}
            connection.request(method, path, payload, head | (headers or {}))
            answer = connection.getresponse()
            text = answer.read().decode()
        finally:
            connection.close()
        try:
            value = json.loads(text)
        except ValueError:
            value = text
        if path == "/openapi.json":
            return answer.status, value
        self.contract = self.contract or Contract(self.request("GET", "/openapi.json")[1])
        self.contract.check(method, path, answer.status, value)
        return answer.status, value

    def _ok(self, method, path, body=None):
        status, answer = self.request(method, path, body)
        if status >= 300:
            raise Refused(f"{method} {path}", status, answer)
        return answer

    def get(self, path):
        return self._ok("GET", path)

    def post(self, path, body=None):
        return self._ok("POST", path, body)

    def put(self, path, body):
        return self._ok("PUT", path, body)

    def delete(self, path):
        return self._ok("DELETE", path)

    # -- conferences --

    def create(self, conference, pipeline, running=True, **parameters):
        made = self.post("/v1/conferences", {"id": conference, "pipeline": pipeline, "parameters": parameters})
        if running:
            self.events.wait("conference.running", conference, timeout=30)
        return made

    def conference(self, conference):
        return self.get(f"/v1/conferences/{conference}")

    def stop(self, conference, wait=True, timeout=40):
        self.post(f"/v1/conferences/{conference}/stop")
        return self.wait_ended(conference, timeout) if wait else None

    def wait_ended(self, conference, timeout=40):
        """The conference as it ended, when its recordings are finished too."""
        ended = self.events.wait("conference.ended", conference, timeout=timeout)["data"]["conference"]
        until(lambda: all(r["state"] in FINAL for r in self.get(f"/v1/recordings?conference={conference}")["items"]),
              timeout, what=f"recordings of {conference} are finished")
        return ended

    def record(self, conference, **body):
        """A recording that has begun to write."""
        made = self.post("/v1/recordings", {"conference": conference, **body})
        self.wait_recording(made["id"], "active")
        return self.recording(made["id"])

    def recording(self, recording):
        return self.get(f"/v1/recordings/{recording}")

    def recording_of(self, conference, branch="record"):
        found = [r for r in self.get(f"/v1/recordings?conference={conference}")["items"] if r["branch"] == branch]
        assert found, f"{conference} has no recording of {branch}"
        return max(found, key=lambda r: r["epoch"])

    def wait_recording(self, recording, *states, timeout=30):
        states = states or FINAL
        def reached():
            now = self.recording(recording)
            assert now["state"] in states or now["state"] not in FINAL, f"{now} instead of {states}"
            return now if now["state"] in states else None
        return until(reached, timeout, what=f"{recording} {states}")

    def wait_processed(self, recording, timeout=60):
        """A recording whose pictures and hook are done too."""
        def reached():
            now = self.recording(recording)
            return now if now["processing"]["state"] in ("done", "failed") else None
        self.wait_recording(recording, timeout=timeout)
        told = until(reached, timeout, what=f"{recording} processed")
        assert told["processing"]["state"] == "done", told
        return told

    def stop_recording(self, recording):
        self.post(f"/v1/recordings/{recording}/stop")
        return self.wait_recording(recording, "complete")

    def media_seconds(self, conference, branch="record"):
        return self.conference(conference)["branches"][branch]["mediaSeconds"]

    def wait_media(self, conference, seconds, branch="record", timeout=None):
        """Until that much of the branch is in its file (the worker says so once a second)."""
        until(lambda: self.media_seconds(conference, branch) >= seconds, timeout or seconds + 30, 0.1,
              f"{seconds} s in {conference}/{branch}")

    def worker_pid(self, conference):
        worker = self.conference(conference)["worker"]
        assert worker, f"{conference} has no worker"
        return worker["pid"]
