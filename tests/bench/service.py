# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the recording service adds to the table of bench.py: answers per second, and how long a recording takes from
its end to being final."""
import json
import os
import re
import shutil
import statistics
import subprocess
import time

import daemon as daemons
import media
from table import median_row, row

FINISH_TOOL = daemons.BUILD / "tests" / "orchestrator" / "pipeline" / "finish_tool"
HOUR = 3600
CLIENTS = 8


def milliseconds(text):
    number, unit = re.fullmatch(r"([\d.]+)(us|ms|s)", text).groups()
    return float(number) * {"us": 1e-3, "ms": 1, "s": 1e3}[unit]


def load(url, seconds):
    """(answers per second, p99 in ms) as wrk finds them with CLIENTS connections that never pause."""
    said = media.run("wrk", "-t1", f"-c{CLIENTS}", f"-d{seconds}s", "--latency", url).decode()
    assert "Non-2xx" not in said and "Socket errors" not in said, said
    return float(re.search(r"Requests/sec:\s+([\d.]+)", said)[1]), milliseconds(re.search(r"99%\s+(\S+)", said)[1])


def measure_api(folder, runs, seconds):
    daemon = daemons.Daemon(folder / "api")
    try:
        daemon.create("busy", "test-conference", width=320, height=180, participants=1)
        for name, path in (("one conference", "/v1/conferences/busy"), ("/health", "/health"),
                           ("metrics", "/metrics")):
            rates, latest = zip(*(load(daemon.url + path, seconds) for _ in range(runs)))
            how = f"wrk -t1 -c{CLIENTS} -d{seconds}s {path}, a conference recording beside it"
            median_row(f"API, {name}: answers per second", rates, "/s", how=how)
            median_row(f"API, {name}: p99", latest, "ms", how=how)
        times = []
        for i in range(20 * runs):  # a change is written to the store, synchronously, before it is answered
            began = time.monotonic()
            daemon.request("PATCH", "/v1/recordings/busy-record-1", {"metadata": {"turn": i}},
                           {"Content-Type": "application/merge-patch+json"})
            times.append((time.monotonic() - began) * 1000)
        median_row("API, PATCH of a recording", times, "ms", how="each on a connection of its own")
        daemon.stop("busy")
    finally:
        daemon.close()


def hour_of_720p(path):
    """An hour as a worker leaves it when it is killed: fragments of 250 ms, the last one torn."""
    clip = media.clip("hour.mp4", "-i", media.MEGAMIND, "-vf", "scale=1280:720,fps=30", "-c:v", "libx264", "-preset",
                       "veryfast", "-b:v", "3M", "-minrate", "3M", "-maxrate", "3M", "-bufsize", "3M", "-x264-params",
                       "nal-hrd=cbr:keyint=60:bframes=0", "-c:a", "aac", "-b:a", "128k", "-ar", "48000")
    media.run("ffmpeg", "-v", "error", "-y", "-stream_loop", "-1", "-i", clip, "-t", HOUR, "-c", "copy", "-movflags",
              "empty_moov+default_base_moof+frag_keyframe", "-frag_duration", "250000", path)
    os.truncate(path, path.stat().st_size - 1000)


def timed(*command):
    """(seconds, peak MB, output) of a command."""
    process = subprocess.Popen([str(c) for c in command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    began = time.monotonic()
    said = process.stdout.read()
    _, status, used = os.wait4(process.pid, 0)
    took = time.monotonic() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, f"{command[0]} ended with {process.returncode}"
    return took, used.ru_maxrss * 1024 / 1e6, said


def measure_finishing(folder, runs):
    """A killed worker's hour, beside what an operator would do by hand: ffmpeg -c copy +faststart."""
    torn = folder / "torn.mp4"
    hour_of_720p(torn)
    size = f"{torn.stat().st_size / 1e9:.2f} GB"
    ours, hand, peaks, clean, pictures = [], [], [], [], []
    for _ in range(runs):
        piece, out = folder / "piece.mp4", folder / "out.mp4"
        shutil.copyfile(torn, piece)
        took, peak, said = timed(FINISH_TOOL, "mp4", out, 0, 1, 1_700_000_000_000, 0, piece)
        ours.append(took)
        peaks.append(peak)
        report = json.loads(said)
        assert report["stage"] == "finalised" and abs(media.duration(out) - HOUR) < 2, report
        took, _, _ = timed(FINISH_TOOL, "mp4", out, 0, 1, 1_700_000_000_000, 1, out)
        clean.append(took)
        out.unlink()
        took, _, _ = timed("ffmpeg", "-v", "error", "-y", "-i", torn, "-c", "copy", "-movflags", "+faststart", out)
        hand.append(took)
        out.unlink()
    shutil.copyfile(torn, folder / "piece.mp4")
    pictures.append(timed(FINISH_TOOL, "mp4", folder / "out.mp4", 10_000, 1, 1_700_000_000_000, 0,
                          folder / "piece.mp4")[0])
    for left in folder.glob("out*"):
        left.unlink()
    torn.unlink()
    median_row("killed worker's hour of 720p to a final MP4", ours, "s",
               how=f"{size}, finish_tool, peak {statistics.median(peaks):.0f} MB")
    median_row("the same by hand, ffmpeg -c copy +faststart", hand, "s", how="of the same file, alternating")
    row("ratio of the two (median of pairs)", statistics.median(a / b for a, b in zip(ours, hand)), "", 1,
        "ours also computes sha256 and the lengths")
    median_row("cleanly stopped hour to final", clean, "s", how="measured, sha256, nothing rewritten")
    median_row("killed worker's hour with a sprite sheet each 10 s", pictures, "s", how="360 stills")


def measure_stop(folder, runs):
    """From POST .../stop to a recording that is complete, through the daemon."""
    daemon = daemons.Daemon(folder / "stop")
    times = []
    try:
        for i in range(runs):
            daemon.create(f"s{i}", "test-conference", participants=1)
            daemon.wait_media(f"s{i}", 2)
            began = time.monotonic()
            daemon.post(f"/v1/conferences/s{i}/stop")
            daemons.until(lambda: daemon.recording_of(f"s{i}")["state"] in daemons.FINAL, 20, 0.005)  # pylint: disable=cell-var-from-loop
            times.append((time.monotonic() - began) * 1000)
            assert daemon.recording_of(f"s{i}")["state"] == "complete"
    finally:
        daemon.close()
    median_row("stop of a conference to complete recording", times, "ms", how="POST to state, polled each 5 ms")
