# SPDX-License-Identifier: LGPL-2.1-or-later
"""What ends a conference without anybody asking, and what does not."""
import json

import pytest

import daemon as daemons
import media
from test_branches import CANVAS, check_every_frame
from test_rtp import free_ports


@pytest.fixture(scope="module")
def strict(tmp_path_factory):
    """A daemon whose descriptions have short limits."""
    folder = tmp_path_factory.mktemp("strict")
    limits = {"brief": ("test-conference", {"maxDuration": "3s"}),
              "lonely": ("rtp-composite", {"idleTimeout": "2s"}),
              "once": ("composite-recording", {"restart": {"mode": "never"}})}
    for name, (base, policies) in limits.items():
        text = json.loads((daemons.PIPELINES / f"{base}.json").read_text())
        text["name"] = name
        text["policies"] |= policies
        (folder / f"{name}.json").write_text(json.dumps(text))
    one = daemons.Daemon(folder / "daemon", "--pipelines-dir", folder)
    yield one
    one.close()


def test_longest_duration_ends_it_and_keeps_the_file(strict):
    strict.create("brief", "brief", participants=1, **CANVAS)
    ended = strict.wait_ended("brief")
    assert ended["exit"] == "limit" and "longest time, 3 s" in ended["reason"], ended
    recording = strict.recording_of("brief")
    assert recording["state"] == "complete"
    assert media.duration(recording["path"]) == pytest.approx(3, abs=0.6)
    check_every_frame(recording["path"])


def test_nobody_comes(strict):
    strict.create("lonely", "lonely", **CANVAS, participants=[
        {"name": "ann", "video": {"codec": "h264", "port": free_ports(1)[0]}}])
    ended = strict.wait_ended("lonely")
    assert ended["exit"] == "limit" and "nobody was there for 2 s" in ended["reason"], ended


def test_nothing_to_play_is_a_failed_source_with_its_reason(strict, tmp_path):
    missing = tmp_path / "nowhere.mp4"
    strict.create("nothing", "once", running=False, participants=[{"name": "ann", "files": [str(missing)]}])
    ended = strict.wait_ended("nothing")
    assert ended["exit"] == "failed_source", ended
    assert "No such file" in ended["reason"] and "nowhere.mp4" in ended["reason"], ended


def test_a_file_that_is_no_media_fails_its_participant_alone(strict, tmp_path):
    noise = tmp_path / "noise.mp4"
    noise.write_bytes(bytes(range(256)) * 64)
    strict.create("mixed", "once", running=False, **CANVAS, participants=[
        {"name": "noise", "files": [str(noise)]}, {"name": "gone", "files": [str(tmp_path / "gone.mp4")]},
        {"name": "ann", "files": [media.person("red", 300, 3)]}])
    ended = strict.wait_ended("mixed")
    assert ended["exit"] == "completed", ended
    recording = strict.recording_of("mixed")
    assert recording["state"] == "complete", recording
    shown = media.video(recording["path"]).between(1, 2.5)
    assert media.is_colour(shown.colours_at(0.5, 0.5), "red").all()
    told = [line for line in strict.log if line.get("conference") == "mixed" and line.get("level") == "error"]
    assert {"noise", "gone"} <= {line.get("object") for line in told}, told


def test_a_conference_that_no_description_knows_is_refused(strict):
    status, problem = strict.request("POST", "/v1/conferences", {"pipeline": "nope"})
    assert status in (404, 422) and problem["detail"], problem
    status, problem = strict.request("POST", "/v1/conferences", {"pipeline": "once", "parameters": {"width": 641}})
    assert status == 422, problem
    assert {e["pointer"] for e in problem["errors"]} >= {"/parameters/width"}, problem
    assert not [c for c in strict.get("/v1/conferences")["items"] if c["pipeline"] == "nope"]
