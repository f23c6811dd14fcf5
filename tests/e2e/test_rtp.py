# SPDX-License-Identifier: LGPL-2.1-or-later
"""Participants who send RTP: real senders come late, leave early, and are on the recording while they were there."""
import socket
import subprocess

import numpy
import pytest

import daemon as daemons
import media
from test_branches import CANVAS, check_every_frame

FRAME = 1 / 30


def free_ports(count):
    """UDP ports nobody listens on; all different, because they are held together."""
    held = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(count)]
    for one in held:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in held]
    for one in held:
        one.close()
    return ports


class Sender:
    """gst-launch-1.0 sending one participant's picture and sound."""

    def __init__(self, colour, tone, video, audio, video_port, audio_port):
        rgb = "0xff%02x%02x%02x" % media.COLOURS[colour]
        coder = {"h264": "x264enc tune=zerolatency speed-preset=ultrafast key-int-max=30 bframes=0 ! "
                         "video/x-h264,profile=constrained-baseline ! rtph264pay pt=96 config-interval=-1",
                 "vp8": "vp8enc deadline=1 cpu-used=8 keyframe-max-dist=30 ! rtpvp8pay pt=96"}[video]
        voice = {"opus": "opusenc ! rtpopuspay pt=97", "pcmu": "mulawenc ! rtppcmupay pt=0",
                 "pcma": "alawenc ! rtppcmapay pt=8"}[audio]
        rate = 48000 if audio == "opus" else 8000
        line = f"""gst-launch-1.0 -q
            videotestsrc is-live=true pattern=solid-color foreground-color={rgb} !
            video/x-raw,format=I420,width=320,height=180,framerate=30/1 ! {coder} !
            udpsink host=127.0.0.1 port={video_port}
            audiotestsrc is-live=true freq={tone} volume=0.3 ! audio/x-raw,rate={rate},channels=1 ! {voice} !
            udpsink host=127.0.0.1 port={audio_port}"""
        self.process = subprocess.Popen(line.split(), stdin=subprocess.DEVNULL)

    def stop(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(10)


@pytest.fixture
def senders():
    started = []

    def start(*arguments):
        started.append(Sender(*arguments))
        return started[-1]

    yield start
    for one in started:
        one.stop()


def present(daemon, conference, name):
    return next((p for p in daemon.conference(conference)["participants"]
                 if p["name"] == name and p["audio"] and p["video"]), None)


def test_senders_come_late_and_leave_early(daemon, senders):
    a, b, c, d = free_ports(4)
    sdp = (f"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=video {a} RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"
           f"m=audio {b} RTP/AVP 97\r\na=rtpmap:97 opus/48000/2\r\n")
    daemon.create("rtp", "rtp-composite", **CANVAS, participants=[
        {"name": "ann", "sdp": sdp},
        {"name": "bob", "video": {"codec": "vp8", "port": c}, "audio": {"codec": "pcmu", "port": d}}])
    assert not present(daemon, "rtp", "ann") and not present(daemon, "rtp", "bob")
    daemon.wait_media("rtp", 1.5)
    senders("red", 400, "h264", "opus", a, b)
    daemon.events.wait("participant.joined", "rtp", lambda x: x["participant"]["name"] == "ann")
    at = daemon.media_seconds("rtp")
    daemon.wait_media("rtp", at + 2)
    bob = senders("blue", 800, "vp8", "pcmu", c, d)
    daemon.events.wait("participant.joined", "rtp", lambda x: x["participant"]["name"] == "bob")
    daemons.until(lambda: present(daemon, "rtp", "ann") and present(daemon, "rtp", "bob"))
    at = daemon.media_seconds("rtp")
    daemon.wait_media("rtp", at + 2.5)
    bob.stop()
    gone = daemon.events.wait("participant.left", "rtp", lambda x: x["participant"]["name"] == "bob")
    assert gone
    at = daemon.media_seconds("rtp")
    daemon.wait_media("rtp", at + 2)
    assert daemon.conference("rtp")["state"] == "running"
    ended = daemon.stop("rtp")
    assert ended["exit"] == "stopped", ended

    path = daemon.recording_of("rtp")["path"]
    check_every_frame(path)
    shown, samples = media.video(path), media.audio(path)
    alone = media.is_colour(shown.colours_at(0.5, 0.5), "red")
    left, right = shown.colours_at(0.25, 0.5), shown.colours_at(0.75, 0.5)
    both = numpy.logical_or(media.is_colour(left, "red") & media.is_colour(right, "blue"),
                            media.is_colour(left, "blue") & media.is_colour(right, "red"))
    nobody = shown.frames.reshape(len(shown), -1).max(axis=1) < 60
    phases = [shown.times[p] for p in (nobody, alone, both)]
    assert all(len(p) > 30 for p in phases), [len(p) for p in phases]
    together = (phases[2].min(), phases[2].max())
    assert phases[0].max() < phases[1].min() < together[0]
    assert phases[1].max() > together[1] + 1  # ann stays after bob
    assert len(phases[2]) >= (together[1] - together[0]) * 30 - 3  # not a frame without either of them
    # No frame is neither of the three: nothing black where somebody was.
    assert (~(nobody | alone | both)).sum() <= 3
    heard = {tone: media.tone_times(samples, tone) for tone in (400, 800)}
    assert abs(heard[400].min() - phases[1].min()) < 0.5 and heard[400].max() > together[1] + 1
    assert abs(heard[800].min() - together[0]) < 0.7
    # The picture stays for as long as packets may be missing (2 s); the sound ends with them.
    assert together[0] + 1.5 < heard[800].max() <= together[1] + 0.3


def test_a_port_that_is_taken_fails_its_participant_alone(daemon, senders):
    a, b, taken = free_ports(3)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", taken))
        daemon.create("taken", "rtp-composite", **CANVAS, participants=[
            {"name": "ann", "video": {"codec": "h264", "port": a}, "audio": {"codec": "pcma", "port": b}},
            {"name": "bob", "audio": {"codec": "opus", "port": taken}}])
        senders("green", 500, "h264", "pcma", a, b)
        daemon.events.wait("participant.joined", "taken", lambda x: x["participant"]["name"] == "ann")
        at = daemon.media_seconds("taken")
        daemon.wait_media("taken", at + 2)
        daemon.stop("taken")
    path = daemon.recording_of("taken")["path"]
    assert media.is_colour(media.video(path).colours_at(0.5, 0.5), "green").sum() > 40
    assert len(media.tone_times(media.audio(path), 500)) > 10
