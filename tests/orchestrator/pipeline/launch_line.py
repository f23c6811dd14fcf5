#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""launch_line.py PRINT_LAUNCH DESCRIPTION STREAMS [PARAMETERS]

Runs the line that a description renders to under plain gst-launch-1.0, in a folder whose name needs every kind of
quoting, stops it like a person would (SIGINT, -e) once two seconds are on disk, and checks with ffprobe that the
files play and hold STREAMS (for example "h264 aac")."""
import json
import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time

printer, description, streams = sys.argv[1:4]
deadline = time.monotonic() + 60


def files(folder):
    return [os.path.join(at, name) for at, _, names in os.walk(folder) for name in names]


with tempfile.TemporaryDirectory(prefix="launch it's \"a\" \\ $(x) ") as folder:
    line = subprocess.run([printer, description, folder, *sys.argv[4:]], check=True, capture_output=True,
                          text=True).stdout.strip()
    with open(os.path.join(tempfile.mkdtemp(dir=folder), "log"), "w+") as log:
        # exec, so that the signal reaches gst-launch and not a shell around it
        process = subprocess.Popen(["/bin/sh", "-c", "exec " + line], stdout=log, stderr=subprocess.STDOUT)
        started = None
        while process.poll() is None and time.monotonic() < deadline:
            if started is None and sum(os.path.getsize(f) for f in files(folder) if not f.endswith("log")) > 0:
                started = time.monotonic()
            if started is not None and time.monotonic() - started > 2:
                process.send_signal(signal.SIGINT)
                started = float("inf")
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=0.05)
        if process.poll() is None:
            process.kill()
            process.wait()
        log.seek(0)
        text = log.read()
        if process.returncode != 0:
            sys.exit(f"{line}\n{text}\ngst-launch-1.0 ended with {process.returncode}")
    recordings = [f for f in files(folder) if not f.endswith("log")]
    if not recordings:
        sys.exit("no file was written")
    for recording in recordings:
        probe = json.loads(subprocess.run(["ffprobe", "-v", "error", "-count_packets", "-show_streams", "-show_format",
                                           "-of", "json", recording], check=True, capture_output=True).stdout)
        found = " ".join(sorted(s["codec_name"] for s in probe["streams"]))
        if found != " ".join(sorted(streams.split())):
            sys.exit(f"{recording}: expected {streams}, found {found}")
        packets = min(int(s["nb_read_packets"]) for s in probe["streams"])
        if packets < 15:
            sys.exit(f"{recording}: only {packets} packets in a stream")
        print(os.path.basename(recording), found, probe["format"].get("duration"))
