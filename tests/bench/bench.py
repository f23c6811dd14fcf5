#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""bench.py [--quick] [--rtpextinject PROGRAM PLUGIN]   (`ninja bench` in a build folder calls it)

Prints one table: how soon a conference writes, what a worker weighs, what a composite costs beside the same thing
written by hand for gst-launch-1.0, how the API answers, how long a recording takes to be final. Medians; pairs
alternate, so that a disturbance of the machine hits both sides. AURALINK_BUILD names the build folder. Not a test: a
busy machine only makes the figures worse."""
import argparse
import json
import os
import pathlib
import shlex
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
import daemon as daemons  # noqa: E402
import media  # noqa: E402
import service  # noqa: E402
import table  # noqa: E402
from table import row  # noqa: E402

MEGABYTE = 1e6


def pss(pid):
    text = pathlib.Path("/proc", str(pid), "smaps_rollup").read_text(encoding="ascii")
    return next(int(line.split()[1]) * 1024 for line in text.splitlines() if line.startswith("Pss:"))


def children(pid):
    return [int(c) for c in pathlib.Path("/proc", str(pid), "task", str(pid), "children").read_text().split()]


def first_byte(daemon, conference):
    """Seconds from the POST to (a byte in the recording's file, the conference running)."""
    path = daemon.recordings / conference / f"{conference}-record-1.mp4"
    pause, began = threading.Event(), time.monotonic()
    body = {"id": conference, "pipeline": "test-conference", "parameters": {"participants": 3}}
    post = threading.Thread(target=daemon.post, args=("/v1/conferences", body))
    post.start()
    while not (path.exists() and path.stat().st_size > 0):
        assert time.monotonic() - began < 20, f"nothing in {path}"
        pause.wait(0.001)
    written = time.monotonic() - began
    post.join()
    event = daemon.events.wait("conference.running", conference)["data"]["conference"]
    daemon.stop(conference)
    daemon.delete(f"/v1/conferences/{conference}")
    return written, event


def measure_start(folder, runs):
    how = f"POST /v1/conferences (test-conference, 3 participants, 1280x720) to st_size > 0, polled each ms; {runs} runs"
    for kind, flags, goal in (("warm worker", (), 300), ("cold", ("--warm-workers", "0"), None)):
        daemon = daemons.Daemon(folder / kind.split()[0], *flags)
        try:
            times = []
            for i in range(runs):
                if goal:
                    daemons.until(lambda: daemon.get("/status")["workers"]["warm"] >= 1, 20)
                times.append(first_byte(daemon, f"s{i}")[0] * 1000)
            row(f"conference start to first byte, {kind}", statistics.median(times), "ms", goal,
                f"{how}; {min(times):.0f} to {max(times):.0f} ms")
        finally:
            daemon.close()


def measure_memory(folder):
    daemon = daemons.Daemon(folder / "memory")
    try:
        daemons.until(lambda: daemon.get("/status")["workers"]["warm"] >= 1, 20)
        [idle] = children(daemon.pid)
        row("worker idle (warm), PSS", pss(idle) / MEGABYTE, "MB", 25, "smaps_rollup of the waiting worker")
        daemon.create("m", "test-conference", participants=4)
        daemon.wait_media("m", 5)
        row("worker recording four at 1280x720, PSS", pss(daemon.worker_pid("m")) / MEGABYTE, "MB", None,
            "after 5 s of test-conference, participants=4")
        row("daemon with one conference, PSS", pss(daemon.pid) / MEGABYTE, "MB", None, "smaps_rollup of auralinkd")
        daemon.stop("m")
    finally:
        daemon.close()


PATTERNS = ("smpte", "ball", "snow", "red")

DESCRIPTION = {
    "apiVersion": "auralink/v1", "kind": "Pipeline", "name": "bench", "version": 1, "why": "Four at 720p30.",
    "source": {"kind": "test", "participants": [
        {"name": f"p{i}", "pattern": p, "width": 640, "height": 360, "fps": 30, "frequency": 300 + 100 * i}
        for i, p in enumerate(PATTERNS)]},
    "mix": {"video": {"mode": "compositor", "layout": "grid", "width": 1280, "height": 720, "fps": 30,
                      "latency": "200ms"},
            "audio": {"mode": "mixer", "rate": 48000, "channels": 2, "latency": "200ms"}},
    "encode": {"h264": {"of": "video", "codec": "h264", "bitrate": 3000000, "keyframe": "2s"},
               "aac": {"of": "audio", "codec": "aac", "bitrate": 128000}},
    "branches": {"record": {"kind": "file", "container": "mp4", "inputs": ["h264", "aac"], "path": "record"}},
}


def by_hand(file):
    """What somebody who knows GStreamer writes for the same picture, sound and file."""
    tiles = " ".join(f"sink_{i}::xpos={640 * (i % 2)} sink_{i}::ypos={360 * (i // 2)}" for i in range(4))
    people = " ".join(
        f"videotestsrc is-live=true pattern={p} ! video/x-raw,format=I420,width=640,height=360,framerate=30/1 ! queue "
        f"! v.sink_{i} audiotestsrc is-live=true freq={300 + 100 * i} volume=0.2 ! "
        f"audio/x-raw,format=F32LE,rate=48000,channels=1 ! queue ! a.sink_{i}" for i, p in enumerate(PATTERNS))
    return (f"gst-launch-1.0 -q -e compositor name=v background=black latency=200000000 {tiles} ! "
            "video/x-raw,format=I420,width=1280,height=720,framerate=30/1 ! queue ! "
            "x264enc bitrate=3000 key-int-max=60 bframes=0 speed-preset=veryfast tune=zerolatency "
            "option-string=scenecut=0 ! h264parse ! queue ! mux. "
            "audiomixer name=a latency=200000000 ! audio/x-raw,format=F32LE,rate=48000,channels=2 ! queue ! "
            "avenc_aac bitrate=128000 ! aacparse ! queue ! mux. "
            "mp4mux name=mux fragment-duration=250 fragment-mode=first-moov-then-finalise ! "
            f"filesink location={file} {people}")


def cpu_of(command, file, seconds):
    """Processor seconds per second of media, of a command that is stopped as a person would after so long."""
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    daemons.until(lambda: file.exists() and file.stat().st_size > 0, 20)
    threading.Event().wait(seconds)
    process.send_signal(signal.SIGINT)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, f"{command[0]} ended with {process.returncode}"
    length = media.duration(file)
    frames = len(media.packets(file))
    return (used.ru_utime + used.ru_stime) / length, frames / length


def cpu_by_hand(file, seconds, tries=3):
    """The line by hand now and then dies of "Buffer has no PTS" in mp4mux (1.22); then it is run again."""
    for left in reversed(range(tries)):
        try:
            return cpu_of(shlex.split(by_hand(file)), file, seconds)
        except (AssertionError, ChildProcessError) as why:
            if not left:
                raise
            print(f"the line by hand died ({why}); once more", file=sys.stderr)
            file.unlink(missing_ok=True)


def measure_cpu(folder, pairs, seconds):
    (folder / "cpu.json").write_text(json.dumps(DESCRIPTION))
    ours, hand, rates = [], [], {"worker": [], "gst-launch-1.0": []}
    for i in range(pairs):
        output = folder / f"ours{i}"
        output.mkdir()
        cost, rate = cpu_of([str(daemons.WORKER), "--standalone", str(folder / "cpu.json"), "--output", str(output)],
                            output / "record.mp4", seconds)
        ours.append(cost)
        rates["worker"].append(rate)
        file = folder / f"hand{i}.mp4"
        cost, rate = cpu_by_hand(file, seconds)
        hand.append(cost)
        rates["gst-launch-1.0"].append(rate)
    frames = ", ".join(f"{k} {statistics.median(v):.1f}" for k, v in rates.items())
    how = f"{pairs} pairs of {seconds} s, alternating; frames per second of media: {frames}"
    row("composite of four at 720p30, auralink-worker", statistics.median(ours), "CPU s/s", None,
        "auralink-worker --standalone cpu.json")
    row("the same by hand, gst-launch-1.0", statistics.median(hand), "CPU s/s", None, "see the line below")
    row("ratio of the two (median of pairs)", statistics.median(a / b for a, b in zip(ours, hand)), "", 1.05, how)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer and shorter runs")
    parser.add_argument("--rtpextinject", nargs=2, metavar=("PROGRAM", "PLUGIN"))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="auralink-bench-") as name:
        folder = pathlib.Path(name)
        measure_start(folder, 3 if options.quick else 11)
        measure_memory(folder)
        measure_cpu(folder, 1 if options.quick else 4, 4 if options.quick else 10)
        service.measure_api(folder, 1 if options.quick else 3, 2 if options.quick else 5)
        service.measure_stop(folder, 2 if options.quick else 7)
        service.measure_finishing(folder, 1 if options.quick else 3)
    print(f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f} at the end")
    table.show()
    print("\nby hand: " + by_hand("out.mp4"))
    if options.rtpextinject:
        print()
        sys.stdout.flush()
        subprocess.run(options.rtpextinject, check=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
