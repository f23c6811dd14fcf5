# SPDX-License-Identifier: LGPL-2.1-or-later
"""Two daemons, linked by an AIC trunk over UDP: what one mixes the other records, and fewer bytes went between them."""
import re

import numpy

import daemon as daemons
import media
from test_branches import CANVAS, check_every_frame
from test_rtp import free_ports

SECONDS = 8


def told(daemon):
    """What the daemon's log says of its trunk: (bytes sent, bytes without the tunnel, coded, native, resyncs)."""
    lines = [line["msg"] for line in daemon.log if "; access units: " in str(line.get("msg"))]
    return tuple(int(n) for n in re.findall(r"\d+", lines[-1])) if lines else None


def measured(daemon, name, **labels):
    """The sum of a metric's samples that have these labels."""
    wanted = [f'{key}="{value}"' for key, value in labels.items()]
    lines = [line for line in daemon.get("/metrics").splitlines() if re.match(rf"auralink_{name}[{{ ]", line)]
    return sum(float(line.split()[-1]) for line in lines if all(one in line for one in wanted))


def linked(near, far, feedback=True, **more):
    """Ports that nobody has, and both ends of a trunk over them, the receiving one first."""
    video, audio, back = free_ports(3)
    answers = {"feedback": {"host": "127.0.0.1", "port": back}} if feedback else {}
    far.create("far", "aic-trunk-receive", running=False, videoPort=video, audioPort=audio, **answers)
    # Its sockets are there when its worker plays.
    far.events.wait("conference.running", "far", timeout=30)
    near.create("near", "aic-trunk", host="127.0.0.1", videoPort=video, audioPort=audio,
                **({"feedbackPort": back} if feedback else {}), **CANVAS, **more)


def heard_and_seen(path):
    check_every_frame(path)
    return media.video(path), media.audio(path)


def test_a_conference_is_recorded_by_another_daemon(start_daemon):
    near, far = start_daemon(), start_daemon()
    linked(near, far, participants=[
        {"name": "ann", "files": [media.person("red", 500, 30)], "loop": True},
        {"name": "bird", "files": [media.COCKATOO], "loop": True}])
    far.wait_media("far", SECONDS, timeout=SECONDS + 40)
    # Of a trunk the daemon keeps no recording; the branch is there and took what was sent.
    trunk = near.conference("near")["branches"]["trunk"]
    assert trunk["kind"] == "aic-trunk" and trunk["state"] == "active" and trunk["bytes"] > 100000, trunk
    assert not near.get("/v1/recordings?conference=near")["items"]
    saved = daemons.until(lambda: near.conference("near")["branches"]["trunk"]["trunk"], what="the trunk's figures")
    assert 0 < saved["bytesOut"] < saved["bytesIn"] and saved["coded"] > 0, saved
    assert abs(saved["savedPercent"] - 100 * (1 - saved["bytesOut"] / saved["bytesIn"])) <= 0.05, saved
    assert measured(near, "trunk_bytes_total", direction="in") >= saved["bytesIn"]
    assert measured(near, "trunk_access_units_total", mode="coded") >= saved["coded"]
    assert far.stop("far")["exit"] == "stopped"
    assert near.stop("near")["exit"] == "stopped"

    path = far.recording_of("far")["path"]
    assert media.codecs(path) == ["h264", "opus"]
    assert media.duration(path) > SECONDS - 1
    shown, samples = heard_and_seen(path)
    shown = shown.between(1, 99)  # the far mixer runs before its participants are there
    assert media.is_colour(shown.colours_at(0.25, 0.5), "red").all()
    # The bird moves, and it is not black where it is.
    bird = shown.frames[:, 30:60, 90:150].astype(int)
    assert bird.mean() > 30 and numpy.abs(bird[-1] - bird[0]).mean() > 1
    assert len(media.tone_times(samples, 500)) > (SECONDS - 1) * 10 * 0.9

    sent, without, coded, native, resyncs = daemons.until(lambda: told(near), what="the log tells the saving")
    print(f"trunk: {sent} bytes instead of {without} ({100 * (1 - sent / without):.1f} % fewer), {coded} access units "
          f"coded, {native} native, {resyncs} resyncs")
    # How many are coded is a matter of how busy two encoders, two engines and a mirror keep this machine.
    assert sent < without and coded > 0


def test_what_is_restored_is_what_was_encoded(start_daemon):
    """Both ends record: every picture that the far one has is one of the near one, byte for byte."""
    near, far = start_daemon(), start_daemon()
    linked(near, far, record=True, participants=[{"name": "bird", "files": [media.COCKATOO], "loop": True}])
    far.wait_media("far", 5, timeout=45)
    far.stop("far")
    near.stop("near")
    here = media.payload_digests(near.recording_of("near")["path"], "v")
    there = media.payload_digests(far.recording_of("far")["path"], "v")
    assert len(there) > 100
    first = here.index(there[0])
    assert there == here[first:first + len(there)]
    assert told(near)[2] > 0, "nothing went through the tunnel"


def test_a_trunk_to_nobody_disturbs_nothing(start_daemon):
    """Nobody listens at the other end, and the recording beside the trunk has every frame."""
    near = start_daemon()
    video, audio = free_ports(2)
    near.create("alone", "aic-trunk", host="127.0.0.1", videoPort=video, audioPort=audio, record=True, **CANVAS,
                participants=[{"name": "ann", "files": [media.person("green", 600, 20)], "loop": True}])
    near.wait_media("alone", 3)
    assert near.conference("alone")["branches"]["trunk"]["state"] == "active"
    near.delete("/v1/conferences/alone/branches/trunk")
    near.events.wait("branch.removed", "alone", lambda d: d["branch"]["name"] == "trunk")
    near.wait_media("alone", 5)
    near.stop("alone")
    shown, samples = heard_and_seen(near.recording_of("alone")["path"])
    shown = shown.between(1, 99)  # the mixer runs before ann is there
    assert media.is_colour(shown.colours_at(0.5, 0.5), "green").all()
    assert len(media.tone_times(samples, 600)) > 35
