# SPDX-License-Identifier: LGPL-2.1-or-later
"""Disks that are full, read-only, slow, failing or gone: the recording on them ends with a clear state, what was
written plays, and the conference goes on. Full and read-only disks are real ones: a small tmpfs in a mount namespace
of the daemon's own. A disk that fails or slows in the middle is made, by a library before the kernel (bad_disk.c)."""
import contextlib
import errno
import os
import pathlib
import shutil
import subprocess

import pytest

import daemon as daemons
import media
from test_branches import CANVAS, check_every_frame

BAD_DISK = os.environ.get("AURALINK_BAD_DISK", "")
UNSHARE = ("unshare", "--user", "--map-root-user", "--mount", "--")

needs_namespaces = pytest.mark.skipif(
    subprocess.run([*UNSHARE, "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True, check=False).returncode != 0,
    reason="this machine does not let a process mount in a namespace of its own")
BIG = {"width": 1280, "height": 720, "bitrate": 8_000_000}


@contextlib.contextmanager
def namespace(*commands):
    """A mount namespace in which the shell commands were run: (prefix for programs in it, path of a file in it)."""
    script = "\n".join(["set -e", *commands, "echo ready", "exec cat"])
    with subprocess.Popen([*UNSHARE, "sh", "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          text=True) as holder:
        try:
            assert holder.stdout.readline() == "ready\n"
            pid = str(holder.pid)
            enter = ("nsenter", "--user", "--mount", "--preserve-credentials", "-t", pid, "--")
            yield enter, lambda path: pathlib.Path("/proc", pid, "root" + str(path))
        finally:
            holder.stdin.close()  # cat ends, and with it the namespace


@contextlib.contextmanager
def small_disk(start_daemon, tmp_path, size, *flags):
    """A daemon whose recordings folder is a disk of that size; and how to see files on it."""
    recordings = tmp_path / "d" / "recordings"
    recordings.mkdir(parents=True)
    with namespace(f"mount -t tmpfs -o size={size} disk '{recordings}'") as (enter, seen):
        daemon = start_daemon("--free-space-floor", "0", *flags, folder=tmp_path / "d", prefix=enter)
        try:
            yield daemon, seen
        finally:
            daemon.close()


def ended(daemon, recording):
    """The recording's end, while its conference goes on; and the conference can record on another path again."""
    told = daemon.wait_recording(recording["id"], "interrupted", "failed", timeout=60)
    assert daemon.conference(recording["conference"])["state"] == "running"
    return told


@pytest.fixture(scope="module")
def outcome():
    """Takes a line of the table of outcomes, which is printed at the end."""
    rows = ["| disk | the recording | its error | s kept, all of it plays |", "|---|---|---|---|"]

    def add(disk, told):
        rows.append(f"| {disk} | {told['state']} | {told['error'] or ''} | {told['durationSeconds']:.2f} |")
    yield add
    print("\n" + "\n".join(rows))


@needs_namespaces
def test_a_full_disk_ends_the_recording_and_keeps_what_is_written(start_daemon, tmp_path, outcome):
    with small_disk(start_daemon, tmp_path, "5m") as (daemon, seen):
        daemon.create("full", "test-conference", participants=4, **BIG)
        told = ended(daemon, daemon.recording_of("full"))
        assert told["state"] == "interrupted" and "No space left" in told["error"], told
        copy = shutil.copy(seen(told["path"]), tmp_path / "full.mp4")
        media.decodes_cleanly(copy)
        assert media.duration(copy) == pytest.approx(told["durationSeconds"], abs=0.1) and told["durationSeconds"] > 0.5
        outcome("full", told)
        # With room again, the conference records again.
        daemon.delete(f"/v1/recordings/{told['id']}")
        again = daemon.record("full")
        daemon.wait_media("full", 1, again["branch"])
        daemon.stop_recording(again["id"])
        daemon.stop("full")


@needs_namespaces
def test_near_the_floor_new_recordings_are_refused_and_running_ones_finish(start_daemon, tmp_path, outcome):
    with small_disk(start_daemon, tmp_path, "40m", "--free-space-floor", "34MiB") as (daemon, seen):
        daemon.create("first", "test-conference", participants=4, **BIG)
        path = seen(daemon.recording_of("first")["path"])
        daemons.until(lambda: path.stat().st_size > 6.5e6, 30)
        status, problem = daemon.request("POST", "/v1/recordings", {"conference": "first"})
        assert (status, problem["reason"]) == (503, "disk") and "free" in problem["detail"], problem
        status, problem = daemon.request("POST", "/v1/conferences", {"id": "second", "pipeline": "test-conference"})
        assert (status, problem["reason"]) == (503, "disk"), problem
        daemon.stop("first")
        told = daemon.wait_recording(daemon.recording_of("first")["id"], "complete")
        check_every_frame(shutil.copy(seen(told["path"]), tmp_path / "first.mp4"))
        outcome("near its floor", told)
        outcome("near its floor, a new one", {"state": "refused", "error": problem["detail"], "durationSeconds": 0})


@needs_namespaces
def test_a_read_only_disk_is_refused_with_its_reason(start_daemon, tmp_path, outcome):
    recordings = tmp_path / "d" / "recordings"
    recordings.mkdir(parents=True)
    with namespace(f"mount -t tmpfs -o ro disk '{recordings}'") as (enter, _):
        daemon = start_daemon("--free-space-floor", "0", folder=tmp_path / "d", prefix=enter)
        daemon.create("calm", "test-conference", participants=1, record=False, **CANVAS)
        status, problem = daemon.request("POST", "/v1/recordings", {"conference": "calm"})
        assert status in (422, 503) and "Read-only file system" in problem["detail"], problem
        assert daemon.conference("calm")["state"] == "running" and not daemon.get("/v1/recordings")["items"]
        outcome("read-only", {"state": "refused", "error": problem["detail"], "durationSeconds": 0})
        daemon.stop("calm")
        daemon.close()


@pytest.fixture
def bad_disk(start_daemon, tmp_path):
    """A daemon whose workers write through bad_disk.so; `say` tells the disk how to behave for paths with "bad"."""
    control, worker = tmp_path / "control", tmp_path / "worker"
    control.write_text("fine")
    worker.write_text(f'#!/bin/sh\nexport LD_PRELOAD="{BAD_DISK}" BAD_DISK_MATCH=bad BAD_DISK_CONTROL="{control}"\n'
                      f'exec "{daemons.WORKER}" "$@"\n')
    worker.chmod(0o755)

    def say(text):
        fresh = tmp_path / "control.new"
        fresh.write_text(text)
        fresh.rename(control)
    return start_daemon("--worker", worker), say


def two_recordings(daemon, conference, **canvas):
    daemon.create(conference, "test-conference", participants=2, record=False, **canvas)
    bad, good = daemon.record(conference, path="bad/file"), daemon.record(conference, path="good/file")
    daemon.wait_media(conference, 3, good["branch"])
    return bad, good


@pytest.mark.parametrize("code", [errno.EROFS, errno.EIO], ids=["read-only", "input/output error"])
def test_a_disk_that_fails_in_the_middle(bad_disk, code, outcome):
    daemon, say = bad_disk
    bad, good = two_recordings(daemon, "fails", **CANVAS)
    say(f"error {code}")
    told = ended(daemon, bad)
    say("fine")
    assert os.strerror(code) in told["error"], told
    assert told["state"] == "interrupted" and told["durationSeconds"] > 1.5, told
    media.decodes_cleanly(told["path"])
    outcome("fails in the middle", told)
    daemon.stop("fails")
    check_every_frame(daemon.wait_recording(good["id"], "complete")["path"])


def test_a_slow_disk_costs_its_own_recording_and_nobody_elses(bad_disk, outcome):
    daemon, say = bad_disk
    bad, good = two_recordings(daemon, "slow", **(CANVAS | {"bitrate": 4_000_000}))
    say("slow 60000")
    daemons.until(lambda: daemon.conference("slow")["branches"][bad["branch"]]["dropped"] > 0, 40, what="drops")
    say("fine")
    daemon.wait_media("slow", daemon.media_seconds("slow", bad["branch"]) + 2, bad["branch"], timeout=30)
    daemon.stop("slow")
    check_every_frame(daemon.wait_recording(good["id"], "complete")["path"])
    told = daemon.wait_recording(bad["id"])
    media.decodes_cleanly(told["path"])
    # Drops are told, and what was kept lies at its true time.
    assert told["durationSeconds"] == pytest.approx(daemon.recording(good["id"])["durationSeconds"], abs=2), told
    outcome("slow, 60 kB/s", told)


def test_a_folder_that_somebody_removes(daemon, outcome):
    daemon.create("gone", "test-conference", participants=2, record=False, **CANVAS)
    bad, good = daemon.record("gone", path="bad/file"), daemon.record("gone", path="good/file")
    folders = [daemon.record("gone", path=f"bad/{c}", container=c) for c in ("segments", "hls")]
    daemon.wait_media("gone", 2, good["branch"])
    shutil.rmtree(daemon.recordings / "bad")
    daemon.wait_media("gone", 5, good["branch"])
    daemon.stop("gone")
    check_every_frame(daemon.wait_recording(good["id"], "complete")["path"])
    for one in (bad, *folders):
        told = daemon.wait_recording(one["id"], timeout=60)
        assert told["state"] == "failed" and told["error"], told
        outcome(f"folder removed, {told['container']}", told)
    assert daemon.conference("gone")["exit"] == "stopped"
