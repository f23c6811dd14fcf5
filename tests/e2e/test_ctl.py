# SPDX-License-Identifier: LGPL-2.1-or-later
"""auralinkctl against a live daemon, as a person types it and as a script reads it."""
import json
import os
import pathlib
import signal
import subprocess
import threading

import pytest

import daemon as daemons
import media

CANVAS = ["-p", "width=640", "-p", "height=360", "-p", "participants=1"]


def ctl(*arguments, daemon=None, status=0, timeout=60, **more):
    environment = dict(os.environ)
    environment.pop("AURALINK_URL", None)
    if daemon:
        environment["AURALINK_URL"] = daemon.url
    done = subprocess.run([str(daemons.CTL), *map(str, arguments)], capture_output=True, text=True, check=False,
                          env=environment, stdin=subprocess.DEVNULL, timeout=timeout, **more)
    assert done.returncode == status, f"ctl {arguments}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done


def from_json(*arguments, **more):
    return json.loads(ctl(*arguments, "--json", **more).stdout)


def test_a_conference_from_create_to_wait(shared_daemon):
    d = shared_daemon
    made = from_json("conference", "create", "test-conference", "--id", "c1", *CANVAS, "--wait-running", daemon=d)
    assert (made["id"], made["state"]) == ("c1", "running")
    again = from_json("conference", "create", "test-conference", "--id", "c1", *CANVAS, daemon=d)
    assert again["createdAt"] == made["createdAt"]
    assert "c1" in ctl("conference", "list", daemon=d).stdout
    started = from_json("record", "start", "c1", "--id", "film", "--container", "mkv", daemon=d)
    assert started["id"] == "film"
    daemons.until(lambda: d.recording("film")["durationSeconds"] > 1)
    stopped = from_json("record", "stop", "film", "--wait", daemon=d)
    assert stopped["state"] == "complete"
    media.decodes_cleanly(stopped["path"])
    ctl("branch", "add", "c1", "second", "--container", "webm", "--wait", daemon=d)
    assert "second" in ctl("branch", "list", "c1", daemon=d).stdout
    ctl("branch", "rm", "c1", "second", "--wait", daemon=d)
    graph = ctl("conference", "graph", "c1", daemon=d).stdout
    assert graph.startswith("digraph") and "compositor" in graph.lower()
    ended = from_json("conference", "stop", "c1", "--wait", daemon=d)
    assert (ended["state"], ended["exit"]) == ("ended", "stopped")
    ctl("conference", "wait", "c1", daemon=d)
    listed = from_json("record", "list", "--conference", "c1", daemon=d)["items"]
    # The conference has ended; its files may still be on their way to what stays.
    done = [from_json("record", "wait", r["id"], daemon=d) for r in listed]
    assert {r["state"] for r in done} == {"complete"} and len(done) == 3
    ctl("conference", "rm", "c1", daemon=d)
    assert "c1" not in [c["id"] for c in from_json("conference", "list", daemon=d)["items"]]


def test_watch_shows_what_happens(shared_daemon):
    watch = subprocess.Popen([str(daemons.CTL), "watch", "--url", shared_daemon.url], stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True)
    seen = []
    threading.Thread(target=lambda: seen.extend(iter(watch.stdout.readline, "")), daemon=True).start()
    try:
        ctl("conference", "create", "test-conference", "--id", "watched", *CANVAS, "--wait-running",
            daemon=shared_daemon)
        daemons.until(lambda: any("watched" in line and "running" in line for line in seen), what="watch tells")
        shared_daemon.stop("watched")
        daemons.until(lambda: any("watched" in line and "ended" in line for line in seen), what="watch tells")
    finally:
        watch.send_signal(signal.SIGINT)
        assert watch.wait(10) in (0, 130)


def test_events_and_status_are_for_programs_too(shared_daemon):
    ctl("conference", "create", "test-conference", "--id", "e1", *CANVAS, "--wait-running", daemon=shared_daemon)
    shared_daemon.stop("e1")
    lines = ctl("events", "--after", "0", "--no-follow", "--json", "--conference", "e1", daemon=shared_daemon).stdout
    types = [json.loads(line)["type"] for line in lines.splitlines()]
    assert types[0] == "conference.created" and "conference.ended" in types, types
    assert types.index("recording.complete") > types.index("conference.stopping"), types
    assert from_json("status", daemon=shared_daemon)["version"]


def test_failures_have_words_and_a_status(shared_daemon, tmp_path):
    wrong = ctl("conference", "create", "test-conference", "-p", "widht=640", daemon=shared_daemon, status=1)
    assert "widht" in wrong.stderr and "width" in wrong.stderr
    assert "nope" in ctl("conference", "show", "nope", daemon=shared_daemon, status=1).stderr
    assert ctl("conference", "frobnicate", status=2).stderr
    nobody = ctl("status", "--url", "http://127.0.0.1:9", status=3)
    assert "127.0.0.1:9" in nobody.stderr
    failed = ctl("conference", "create", "composite-recording", "--id", "gone", "--wait", "-p",
                 'participants=[{"name":"a","files":["/nowhere.mp4"]}]', daemon=shared_daemon, status=1)
    assert "failed_source" in failed.stdout + failed.stderr


@pytest.mark.parametrize("description", sorted(p.stem for p in daemons.PIPELINES.glob("*.json") if p.stem != "schema"))
def test_every_shipped_description_lints_and_renders(description):
    file = daemons.PIPELINES / f"{description}.json"
    ctl("pipeline", "lint", file)
    line = ctl("pipeline", "render", file, "--source", "test").stdout.strip()
    assert line.startswith("gst-launch-1.0 ") and "\n" not in line
    assert ctl("pipeline", "render", file, "--format", "dot").stdout.startswith("digraph")
    json.loads(ctl("pipeline", "render", file, "--format", "json").stdout)


def test_a_rendered_line_runs_under_gst_launch(tmp_path):
    line = ctl("pipeline", "render", daemons.PIPELINES / "composite-recording.json", "--source", "test", "--recordings",
               tmp_path, "-p", "width=320", "-p", "height=180").stdout.strip()
    launch = subprocess.Popen(["/bin/sh", "-c", "exec " + line], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                              cwd=tmp_path)
    try:
        def written():
            assert launch.poll() is None, launch.stderr.read()
            return next((f for f in tmp_path.rglob("*.mp4") if f.stat().st_size > 20000), None)
        file = daemons.until(written, 30, what=line)
        launch.send_signal(signal.SIGINT)
        assert launch.wait(20) == 0
    finally:
        if launch.poll() is None:
            launch.kill()
            launch.wait()
    assert media.codecs(file) == ["aac", "h264"]
    media.decodes_cleanly(file)


def test_run_needs_no_daemon(tmp_path):
    running = subprocess.Popen([str(daemons.CTL), "pipeline", "run", str(daemons.PIPELINES / "test-conference.json"),
                                "--recordings", str(tmp_path), *CANVAS], stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True, cwd=tmp_path)
    try:
        file = daemons.until(lambda: next((f for f in pathlib.Path(tmp_path).rglob("*.mp4")
                                           if f.stat().st_size > 60000), None), 30)
        running.send_signal(signal.SIGINT)
        said, _ = running.communicate(timeout=30)
    finally:
        if running.poll() is None:
            running.kill()
            running.wait()
    assert running.returncode in (0, 130), said
    assert "moof" not in media.mp4_boxes(file)
    media.decodes_cleanly(file)
