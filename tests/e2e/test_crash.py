# SPDX-License-Identifier: LGPL-2.1-or-later
"""Processes are killed while they record: what they wrote plays, and the daemon says what happened."""
import datetime
import json
import os
import signal
import subprocess
import time

import numpy
import pytest

import daemon as daemons
import media
from test_branches import CANVAS, check_every_frame


def playable_seconds(path):
    """How much of the picture decodes, when a file was never finalised."""
    raw = subprocess.run(["ffprobe", "-v", "quiet", "-count_frames", "-select_streams", "v:0", "-show_entries",
                          "stream=nb_read_frames", "-of", "csv=p=0", str(path)], capture_output=True, text=True,
                         check=False).stdout.strip().rstrip(",")
    return int(raw or 0) / 30


def check_joined(path, joint):
    """Every frame on time and decodable; at the joint the longer of sound and picture decides where it goes on."""
    media.decodes_cleanly(path)
    shown = numpy.sort([p.pts for p in media.packets(path)])
    steps = numpy.diff(shown)
    uneven = numpy.flatnonzero(numpy.abs(steps - 1 / 30) > 0.0021)
    assert len(uneven) <= 1 and (steps[uneven] < 0.1).all(), (shown[uneven], steps[uneven])
    assert all(abs(shown[at + 1] - joint) < 0.1 for at in uneven), (shown[uneven], joint)


def wall(time_text):
    return datetime.datetime.fromisoformat(time_text).timestamp()


def test_what_was_written_a_second_before_a_kill_plays(daemon):
    daemon.create("victim", "test-conference", participants=2, **CANVAS)
    daemon.create("other", "test-conference", participants=2, **CANVAS)
    recordings = [daemon.recording_of("victim"), daemon.record("victim", container="webm"),
                  daemon.record("victim", container="mkv")]
    daemon.wait_media("victim", 4, recordings[-1]["branch"])
    os.kill(daemon.worker_pid("victim"), signal.SIGKILL)
    killed = time.time()
    restarted = daemon.events.wait("conference.starting", "victim",
                                   lambda d: d["conference"]["epoch"] == 2, timeout=30)
    assert restarted["data"]["conference"]["exit"] == "killed", restarted
    # By policy it goes on, in a second piece of the same recording.
    anew = daemon.events.wait("conference.running", "victim", lambda d: d["conference"]["epoch"] == 2, timeout=30)
    resumed = wall(anew["at"])
    daemons.until(lambda: daemon.media_seconds("victim") >= 1.5)
    for recording in recordings:
        told = daemon.recording(recording["id"])
        assert told["state"] == "active" and [p["epoch"] for p in told["pieces"]] == [1, 2], told
    daemon.stop("victim")
    daemon.stop("other")
    # Delivered as one file: what was written up to a second before, the true gap, what followed.
    for recording, began in zip(recordings, ("startedAt", "createdAt", "createdAt")):
        told = daemon.wait_recording(recording["id"])
        first, second = told["pieces"]
        assert told["state"] == "interrupted" and "killed" in told["error"], told
        assert told["path"] == recording["path"] and told["bytes"] == os.path.getsize(told["path"]), told
        assert first["durationSeconds"] >= killed - wall(told[began]) - 1.0 and second["clean"], told
        [gap] = told["gaps"]
        assert gap["atSeconds"] == pytest.approx(first["durationSeconds"], abs=0.05), told
        assert gap["missingSeconds"] == pytest.approx(resumed - killed, abs=1.2), (told, resumed - killed)
        assert media.duration(told["path"]) == pytest.approx(told["durationSeconds"], abs=0.05), told
        check_joined(told["path"], first["durationSeconds"])
    # The neighbour did not notice.
    neighbour = daemon.wait_recording(daemon.recording_of("other")["id"], "complete")
    assert neighbour["epoch"] == 1
    check_every_frame(neighbour["path"])


def test_every_fragment_of_a_killed_mp4_is_readable(daemon):
    """Frames that often are of one size meet what fragments say about sizes; one wrong fragment costs the file."""
    daemon.create("sizes", "composite-recording", **CANVAS, participants=[
        {"name": "ann", "files": [media.flash_and_beep()]}])
    daemon.wait_media("sizes", 4)
    recording = daemon.recording_of("sizes")
    os.kill(daemon.worker_pid("sizes"), signal.SIGKILL)
    killed = time.time()
    told = daemon.wait_recording(recording["id"], "interrupted")
    daemon.stop("sizes")
    assert playable_seconds(told["path"]) >= killed - wall(recording["startedAt"]) - 1.0, told


def test_a_crash_is_called_a_crash_and_ends_without_a_restart_policy(start_daemon, tmp_path):
    """The same, where the description wants no restart."""
    pipelines = tmp_path / "pipelines"
    pipelines.mkdir()
    text = json.loads((daemons.PIPELINES / "test-conference.json").read_text())
    text["name"] = "once"
    text["policies"]["restart"] = {"mode": "never"}
    (pipelines / "once.json").write_text(json.dumps(text))
    daemon = start_daemon("--pipelines-dir", pipelines)
    daemon.create("a", "once", participants=1, **CANVAS)
    daemon.create("b", "once", participants=1, **CANVAS)
    daemon.wait_media("a", 1)
    os.kill(daemon.worker_pid("a"), signal.SIGKILL)
    os.kill(daemon.worker_pid("b"), signal.SIGSEGV)
    a, b = daemon.wait_ended("a"), daemon.wait_ended("b")
    assert (a["exit"], b["exit"]) == ("killed", "crashed"), (a, b)
    assert a["worker"] is None and a["epoch"] == 1
    assert daemon.recording_of("a")["state"] == "interrupted"


def test_sigterm_finalises_everything(start_daemon):
    daemon = start_daemon()
    daemon.create("a", "test-conference", participants=1, **CANVAS)
    daemon.create("b", "test-conference", participants=1, container="mkv", **CANVAS)
    daemon.wait_media("a", 2)
    daemon.wait_media("b", 2)
    paths = {c: daemon.recording_of(c)["path"] for c in ("a", "b")}
    assert daemon.terminate() == 0
    assert not daemons.marked(daemon.mark), "a worker outlives its daemon"
    boxes = media.mp4_boxes(paths["a"])
    assert "moof" not in boxes and boxes.count("moov") == 1, boxes
    for path in paths.values():
        check_every_frame(path)
    daemon.start()
    for conference in paths:
        told = daemon.conference(conference)
        assert (told["state"], told["exit"]) == ("ended", "stopped"), told
        assert daemon.recording_of(conference)["state"] == "complete"


def test_a_worker_finishes_its_file_when_the_daemon_is_killed(start_daemon):
    daemon = start_daemon()
    daemon.create("orphan", "test-conference", participants=1, **CANVAS)
    daemon.wait_media("orphan", 2)
    path = daemon.recording_of("orphan")["path"]
    worker = daemon.worker_pid("orphan")
    daemon.kill()
    daemons.until(lambda: not daemons.alive(worker), 20, what="the worker ends by itself")
    boxes = media.mp4_boxes(path)
    assert "moof" not in boxes and boxes.count("moov") == 1, boxes
    check_every_frame(path)
    daemons.until(lambda: not daemons.marked(daemon.mark), 10, what="the warm worker ends too")
    daemon.start()
    # The policy says: restart. The recording goes on in a second piece; the first is whole.
    daemon.events.wait("conference.running", "orphan", lambda d: d["conference"]["epoch"] == 2, timeout=30)
    told = daemon.conference("orphan")
    assert told["exit"] == "killed" and told["epoch"] == 2, told
    daemon.wait_media("orphan", 1)
    daemon.stop("orphan")
    told = daemon.wait_recording(daemon.recording_of("orphan")["id"])
    assert told["state"] == "interrupted" and told["path"] == path and len(told["gaps"]) == 1, told
    assert told["pieces"][0]["durationSeconds"] >= 2 and told["pieces"][1]["clean"], told
    check_joined(path, told["pieces"][0]["durationSeconds"])
