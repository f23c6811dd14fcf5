# SPDX-License-Identifier: LGPL-2.1-or-later
"""Branches come, go and fail on a conference that plays; who was not touched does not notice."""
import os
import pathlib
import subprocess

import numpy
import pytest

import daemon as daemons
import media

CANVAS = {"width": 640, "height": 360, "bitrate": 1000000}
FRAME = 1 / 30


def check_every_frame(path):
    """Every frame is there, in order and on time, and decodes."""
    media.decodes_cleanly(path)
    packets = media.packets(path)
    times = numpy.array([p.pts for p in packets])
    shown = numpy.sort(times)
    # Containers round: MP4 to its time scale, Matroska to milliseconds.
    assert numpy.abs(numpy.diff(shown) - FRAME).max() < 0.0021, numpy.flatnonzero(numpy.diff(shown) > 0.04)
    assert len(shown) == pytest.approx(media.duration(path) * 30, abs=2)
    assert len(media.video(path)) == len(packets)
    samples = media.audio(path)
    assert len(samples) / media.RATE == pytest.approx(media.duration(path), abs=0.1)


def check_sound_without_a_hole(path, frequency):
    heard = media.tone_times(media.audio(path), frequency)
    inner = heard[(heard > 0.7) & (heard < media.duration(path) - 0.3)]
    assert numpy.diff(inner).max() < 0.15, inner


def test_a_branch_that_is_not_touched_has_every_frame(daemon):
    daemon.create("calm", "composite-recording", **CANVAS, participants=[
        {"name": "flash", "files": [media.flash_and_beep()], "loop": True},
        {"name": "ann", "files": [media.person("red", 300, 20)], "loop": True}])
    daemon.wait_media("calm", 1)
    others = []
    for container in ("webm", "mkv", "segments"):
        others.append(daemon.record("calm", container=container))
    daemon.put("/v1/conferences/calm/branches/sound",
               {"kind": "file", "container": "mkv", "inputs": ["opus"], "path": "{conference}/sound"})
    daemon.events.wait("branch.active", "calm", lambda d: d["branch"]["name"] == "sound")
    daemon.wait_media("calm", 2, branch="sound")
    for recording in others:
        daemon.stop_recording(recording["id"])
    # The encoders of webm went with it; they come again.
    again = daemon.record("calm", container="webm")
    daemon.delete("/v1/conferences/calm/branches/sound")
    daemon.events.wait("branch.removed", "calm", lambda d: d["branch"]["name"] == "sound")
    daemon.wait_media("calm", 2, branch=again["branch"])
    daemon.stop_recording(again["id"])
    daemon.stop("calm")
    record = daemon.recording_of("calm")
    assert record["state"] == "complete", record
    check_every_frame(record["path"])
    check_sound_without_a_hole(record["path"], 300)
    shown = media.video(record["path"])
    flashes = max((media.flash_onsets(shown, x, 0.5) for x in (0.25, 0.75)), key=len)
    assert numpy.abs(numpy.diff(flashes) - 1).max() <= FRAME + 0.002, flashes
    for recording in (*others[:2], again):
        path = daemon.recording(recording["id"])["path"]
        media.decodes_cleanly(path)
        keyframe = media.packets(path)[0]
        assert keyframe.keyframe and keyframe.pts == pytest.approx(0, abs=FRAME)
    sound = daemon.recording_of("calm", "sound")
    assert media.codecs(sound["path"]) == ["opus"]
    media.decodes_cleanly(sound["path"])


def test_names_that_lead_out_of_the_folder_are_refused(daemon):
    daemon.create("bad", "test-conference", participants=1, **CANVAS)
    (daemon.recordings / "blocker").write_text("a file, not a folder")
    (daemon.recordings / "away").symlink_to("/tmp")
    before = daemon.conference("bad")["branches"]
    for path in ("../out", "/etc/out", "a/../../out", "blocker/x", "away/x", "a\x00b"):
        status, problem = daemon.request("POST", "/v1/recordings", {"conference": "bad", "path": path})
        assert status in (400, 422) and problem["errors"][0]["pointer"] == "/path", (path, status, problem)
    assert daemon.conference("bad")["branches"].keys() == before.keys()
    daemon.wait_media("bad", 1)
    daemon.stop("bad")
    check_every_frame(daemon.recording_of("bad")["path"])


@pytest.fixture
def daemon_with_small_disk(start_daemon, tmp_path):
    """A daemon in whose recordings folder `small` is a file system of 400 kB. Only it and its workers see that."""
    disk = tmp_path / "d" / "recordings" / "small"
    disk.mkdir(parents=True)
    mount = 'mount -t tmpfs -o size=400k none "$0" && exec "$@"'
    for unshare in (["unshare", "-m"], ["unshare", "-rm"]):
        command = [*unshare, "sh", "-c", mount, str(disk)]
        if subprocess.run([*command, "true"], check=False, capture_output=True).returncode == 0:
            return start_daemon(folder=tmp_path / "d", prefix=command)
    pytest.skip("this user may neither mount a file system nor have a namespace to mount it in")


def test_a_full_disk_fails_one_branch_alone(daemon_with_small_disk):
    daemon = daemon_with_small_disk
    daemon.create("disk", "test-conference", participants=2, **CANVAS)
    victim = daemon.record("disk", path="small/victim")
    failed = daemon.wait_recording(victim["id"], "failed", "interrupted", timeout=40)
    assert "No space left" in failed["error"], failed
    branch = daemon.conference("disk")["branches"][victim["branch"]]
    assert branch["state"] == "failed" and "No space left" in branch["error"], branch
    at = daemon.media_seconds("disk")
    daemon.wait_media("disk", at + 1.5)
    # A new one on a healthy disk still can be had.
    healthy = daemon.record("disk")
    daemon.wait_media("disk", 1, healthy["branch"])
    assert daemon.conference("disk")["state"] == "running"
    daemon.stop("disk")
    for recording in (daemon.recording_of("disk"), daemon.recording(healthy["id"])):
        assert recording["state"] == "complete", recording
        check_every_frame(recording["path"])


def test_a_folder_that_vanishes_fails_one_branch_alone(daemon):
    """Segments need a new file every few seconds; when there is no folder for it any more, only they fail."""
    daemon.create("gone", "test-conference", participants=1, **CANVAS)
    daemon.put("/v1/conferences/gone/branches/parts",
               {"kind": "file", "container": "segments", "segment": "2s", "path": "{conference}/parts"})
    active = daemon.events.wait("branch.active", "gone", lambda d: d["branch"]["name"] == "parts")
    folder = pathlib.Path(daemon.recording(active["data"]["branch"]["recording"])["path"])
    for part in folder.iterdir():
        part.unlink()
    folder.rmdir()
    failed = daemon.events.wait("branch.failed", "gone", lambda d: d["branch"]["name"] == "parts", timeout=30)
    assert "No such file or directory" in failed["data"]["branch"]["error"], failed
    at = daemon.media_seconds("gone")
    daemon.wait_media("gone", at + 1.5)
    ended = daemon.stop("gone")
    assert ended["exit"] == "stopped"
    check_every_frame(daemon.recording_of("gone")["path"])


def test_a_name_is_taken_once(daemon):
    daemon.create("names", "test-conference", participants=1, **CANVAS)
    first = daemon.record("names", id="mine", path="here/film")
    assert pathlib.Path(first["path"]) == daemon.recordings / "here/film.mp4"
    status, problem = daemon.request("POST", "/v1/recordings", {"conference": "names", "path": "here/film"})
    assert status == 409, problem
    size = os.stat(first["path"]).st_size
    daemons.until(lambda: os.stat(first["path"]).st_size > size, what="the first one goes on")
    daemon.stop("names")
    media.decodes_cleanly(first["path"])
