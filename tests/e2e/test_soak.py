# SPDX-License-Identifier: LGPL-2.1-or-later
"""Many conferences start and stop for a while, and nothing of them stays: memory, descriptors, threads, rows.

AURALINK_SOAK_SECONDS sets how long (the suite takes half a minute, a long run ten minutes), AURALINK_SOAK_CONFERENCES
how many run at the same time."""
import concurrent.futures
import os
import pathlib
import sqlite3
import statistics
import threading
import time

import daemon as daemons

SECONDS = float(os.environ.get("AURALINK_SOAK_SECONDS", "30"))
AT_ONCE = int(os.environ.get("AURALINK_SOAK_CONFERENCES", "10"))
SMALL = {"participants": 1, "width": 160, "height": 90, "fps": 5, "bitrate": 100_000}
# Growth that a leak per conference would exceed many times over.
MORE_MEMORY, MORE_DESCRIPTORS, MORE_THREADS = 4e6, 3, 1


def figures(daemon):
    proc = pathlib.Path("/proc", str(daemon.pid))
    rollup = (proc / "smaps_rollup").read_text()
    return {"memory": next(int(line.split()[1]) * 1024 for line in rollup.splitlines() if line.startswith("Private_Dirty:")),
            "descriptors": len(os.listdir(proc / "fd")), "threads": len(os.listdir(proc / "task"))}


def rows(daemon):
    with sqlite3.connect(f"file:{daemon.state}/auralink.db?mode=ro", uri=True) as db:
        return {table: db.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in ("conference", "recording")}


class Timed:
    """Requests, with how long each took."""

    def __init__(self, daemon):
        self.daemon, self.seconds, self.lock = daemon, [], threading.Lock()

    def __call__(self, method, path, body=None):
        began = time.monotonic()
        status, answer = self.daemon.request(method, path, body)
        with self.lock:
            self.seconds.append(time.monotonic() - began)
        assert status < 300, (method, path, status, answer)
        return answer

    def percentile(self, part):
        return sorted(self.seconds)[int(len(self.seconds) * part)]


def live_and_die(call, daemon, name):
    call("POST", "/v1/conferences", {"id": name, "pipeline": "test-conference", "parameters": SMALL})
    daemon.events.wait("conference.running", name, timeout=60)
    recording = call("GET", f"/v1/recordings?conference={name}")["items"][0]["id"]
    call("POST", f"/v1/conferences/{name}/stop")
    daemon.events.wait("conference.ended", name, timeout=60)
    told = daemon.wait_recording(recording, timeout=60)
    assert told["state"] == "complete", told
    daemons.until(lambda: call("GET", f"/v1/recordings/{recording}")["processing"]["state"] in ("none", "done"), 60)
    call("DELETE", f"/v1/recordings/{recording}")
    call("DELETE", f"/v1/conferences/{name}")


def wave(call, daemon, pool, number):
    jobs = [pool.submit(live_and_die, call, daemon, f"w{number}-{i}") for i in range(AT_ONCE)]
    for job in jobs:
        job.result()


def test_nothing_grows(start_daemon):
    daemon = start_daemon("--cpu-ceiling", "0", "--memory-headroom", "0", "--preview-interval", "0")
    call = Timed(daemon)
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        for number in range(2):  # caches fill, pools form
            wave(call, daemon, pool, number)
        daemons.until(lambda: daemon.get("/status")["workers"]["warm"] >= 1, 20)
        before, call.seconds = figures(daemon), []
        began, waves = time.monotonic(), 0
        while time.monotonic() - began < SECONDS or waves < 2:
            wave(call, daemon, pool, 2 + waves)
            waves += 1
    daemons.until(lambda: daemon.get("/status")["workers"]["warm"] >= 1, 20)
    after = figures(daemon)
    print(f"\n{waves * AT_ONCE} conferences in {time.monotonic() - began:.0f} s, {AT_ONCE} at once, load "
          f"{os.getloadavg()[0]:.1f}; {len(call.seconds)} requests, median {statistics.median(call.seconds) * 1e3:.1f} ms, "
          f"p99 {call.percentile(0.99) * 1e3:.1f} ms; daemon before {before}, after {after}")
    assert rows(daemon) == {"conference": 0, "recording": 0}
    assert after["memory"] - before["memory"] < MORE_MEMORY, (before, after)
    assert after["descriptors"] - before["descriptors"] <= MORE_DESCRIPTORS, (before, after)
    assert after["threads"] - before["threads"] <= MORE_THREADS, (before, after)
    assert not any(os.scandir(daemon.recordings)), list(os.scandir(daemon.recordings))
