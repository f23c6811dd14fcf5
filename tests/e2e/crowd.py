# SPDX-License-Identifier: LGPL-2.1-or-later
"""Very many participants who send RTP to one port; rtp_crowd.cpp sends for all of them."""
import itertools
import json
import os
import pathlib
import socket
import subprocess
import time

import daemon as daemons
import media

PROGRAM = pathlib.Path(os.environ.get("AURALINK_RTP_CROWD") or daemons.BUILD / "tests" / "e2e" / "rtp_crowd")

# Everybody has two colours of his own: the left and the right half of the picture, or of its upper part.
PAIRS = list(itertools.permutations(media.COLOURS, 2))
FIRST_AUDIO, FIRST_VIDEO = 20_000, 50_000
SILENT = 127


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def _box(pair, height):
    half = "drawbox=x={}:y=0:w=iw/2:h={}:t=fill:c=0x%02x%02x%02x"
    return ",".join((half % media.COLOURS[c]).format(x, height) for c, x in zip(pair, ("0", "iw/2")))


def clip(who, fps=30, seconds=4, filmed=False):
    """A picture of two colours; `filmed`: below them a real scene, which costs a decoder what pictures cost."""
    pair, coding = PAIRS[who % len(PAIRS)], ("-c:v", "libx264", "-preset", "veryfast", "-profile:v", "baseline",
                                            "-g", str(2 * fps), "-bf", "0", "-pix_fmt", "yuv420p", "-an")
    if filmed:
        return media.clip("filmed.mp4", "-i", media.COCKATOO, "-t", str(seconds), "-vf",
                           f"fps={fps},scale=640:360,{_box(pair, 'ih/2')}", *coding, "-b:v", "600k")
    return media.clip("halves.mp4", "-f", "lavfi", "-i", f"color=c=black:s=640x360:r={fps}:d={seconds}", "-vf",
                       _box(pair, "ih"), *coding)


def tone(who):
    return 300 + 70 * (who % 30)


class Crowd:
    """`people` participants who all send sound (comfort packets while silent), the first `filmers` a picture too.
    `fps`: of all, or a function of who it is."""

    def __init__(self, folder, people, filmers, fps=30, filmed=False, port=None, feedback=True):
        self.people, self.filmers, self.port, self.feedback = people, filmers, port or free_port(), feedback
        sends = []
        for who in range(people):
            one = {"audio": {"ssrc": FIRST_AUDIO + who, "tone": tone(who)}}
            if who < filmers:
                rate = fps(who) if callable(fps) else fps
                one["video"] = {"ssrc": FIRST_VIDEO + who, "clip": clip(who, rate, filmed=filmed)}
            sends.append(one)
        self.config = pathlib.Path(folder) / f"crowd-{self.port}.json"
        self.config.write_text(json.dumps({"port": self.port, "levelId": 1, "audioPayload": 97, "videoPayload": 96,
                                           "participants": sends}), encoding="utf-8")
        self.process, self.report = None, None
        self.said = []  # (time, who, level)

    def described(self):
        """What the conference is told about them."""
        out = []
        for who in range(self.people):
            one = {"name": name(who), "audio": {"codec": "opus", "port": self.port, "payload": 97, "audioLevel": 1,
                                                "ssrc": FIRST_AUDIO + who}}
            if who < self.filmers:
                one["video"] = {"codec": "h264", "port": self.port, "payload": 96, "ssrc": FIRST_VIDEO + who,
                                "feedback": self.feedback}
            out.append(one)
        return out

    def start(self):
        self.process = subprocess.Popen([str(PROGRAM), str(self.config)], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline().strip() == "ready", "the crowd does not send"
        return self

    def level(self, who, dbov):
        self.said.append((time.time(), who, dbov))
        self._say(f"level {who} {dbov}")

    def show(self, who, shown):
        self._say(f"video {who} {int(shown)}")

    def _say(self, text):
        self.process.stdin.write(text + "\n")
        self.process.stdin.flush()

    def stop(self):
        if self.process and self.process.poll() is None:
            self._say("quit")
            self.report = json.loads(self.process.stdout.read())
            self.process.wait(10)
        return self.report


def name(who):
    return f"p{who:04}"


def who_is_at(shown, tiles, part=0.5):
    """For every frame and tile (x, y, width, height in parts of the picture): the index of who is there, or -1.
    `part`: how far down the tile the colours are looked for."""
    import numpy
    palette = numpy.array(list(media.COLOURS.values()), float)
    pairs = {pair: i for i, pair in enumerate(itertools.permutations(range(len(palette)), 2))}
    out = numpy.full((len(shown), len(tiles)), -1)
    for column, (x, y, width, height) in enumerate(tiles):
        halves = []
        for side in (0.25, 0.75):
            measured = shown.colours_at(x + side * width, y + part * height, 1)
            distance = numpy.abs(measured[:, None, :] - palette[None]).max(axis=2)
            best = distance.argmin(axis=1)
            halves.append(numpy.where(distance.min(axis=1) < 60, best, -1))
        out[:, column] = [pairs.get((left, right), -1) for left, right in zip(*halves)]
    return out
