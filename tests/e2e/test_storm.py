# SPDX-License-Identifier: LGPL-2.1-or-later
"""A storm of kills: workers, the daemon, both, at random moments while recordings of every format run. What is left
must play, lack at most a second for each kill, and be told truthfully.

AURALINK_STORM_KILLS sets how many (the suite uses few, a long run 30 and more), AURALINK_STORM_SEED which."""
import datetime
import json
import os
import pathlib
import random
import signal
import threading
import time

import daemon as daemons
import media

KILLS = int(os.environ.get("AURALINK_STORM_KILLS", "6"))
SEED = int(os.environ.get("AURALINK_STORM_SEED", "1"))
KILLS_PER_ROUND = 3  # as often as the policy below starts a conference again
MOST_LOST = 1.0  # seconds for each kill, besides the time when nobody recorded

ENCODE = {"h264": {"of": "video", "codec": "h264", "bitrate": 600000, "keyframe": "2s"},
          "vp8": {"of": "video", "codec": "vp8", "bitrate": 600000, "keyframe": "2s"},
          "aac": {"of": "audio", "codec": "aac", "bitrate": 96000},
          "opus": {"of": "audio", "codec": "opus", "bitrate": 64000}}
FORMATS = {"mp4": {"container": "mp4"}, "webm": {"container": "webm"}, "mkv": {"container": "mkv"},
           "segments": {"container": "segments", "segment": "4s"}, "hls": {"container": "hls", "segment": "4s"},
           "voice": {"container": "ogg"}}


def pipelines(folder):
    """A small conference that records in every format at once and starts again soon."""
    folder.mkdir()
    people = [{"name": n, "pattern": p, "width": 320, "height": 180, "fps": 30, "frequency": f}
              for n, p, f in (("ann", "ball", 440), ("bob", "smpte", 880))]
    document = {
        "apiVersion": "auralink/v1", "kind": "Pipeline", "name": "storm", "version": 1,
        "why": "Records in every format at once.",
        "parameters": {"type": "object", "additionalProperties": False, "properties": {}},
        "source": {"kind": "test", "participants": people},
        "mix": {"video": {"mode": "compositor", "layout": "grid", "width": 320, "height": 180, "fps": 30},
                "audio": {"mode": "mixer", "rate": 48000, "channels": 2}},
        "encode": ENCODE,
        "branches": {name: {"kind": "file", "onError": "detach", **more} for name, more in FORMATS.items()},
        "policies": {"restart": {"mode": "on-failure", "max": KILLS_PER_ROUND, "window": "10m"}}}
    (folder / "storm.json").write_text(json.dumps(document))
    return folder


def wall(text):
    return datetime.datetime.fromisoformat(text).timestamp()


def written(recording):
    """Pieces of which anything reached the disk."""
    return [p for p in recording["pieces"] if p["durationSeconds"] > 0]


def delivered(recording, folder):
    """Files with what is to be played of a recording: its file, or what its playlist names. Where the playlist says
    that something new begins (EXT-X-MAP), its segments belong to that beginning."""
    path = pathlib.Path(recording["path"])
    if path.is_dir():
        path = path / "playlist.m3u8"
    if path.suffix != ".m3u8":
        return [path]
    parts, lines = [], path.read_text().splitlines()
    assert lines[0] == "#EXTM3U" and lines[-1] == "#EXT-X-ENDLIST", lines
    assert lines.count("#EXT-X-DISCONTINUITY") == len(written(recording)) - 1, lines
    mapped = None
    for line in lines:
        if line.startswith("#EXT-X-MAP:"):
            mapped = folder / f"part{len(parts)}.mp4"
            mapped.write_bytes((path.parent / line.split('"')[1]).read_bytes())
            parts.append(mapped)
        elif line and not line.startswith("#") and mapped:
            with mapped.open("ab") as out:
                out.write((path.parent / line).read_bytes())
        elif line and not line.startswith("#"):
            parts.append(path.parent / line)
    return parts


def seconds_of_media(path):
    """Decoded, not declared: the longest stream's decoded length."""
    length = 0.0
    kinds = {s["codec_type"] for s in media.probe(path)["streams"]}
    if "video" in kinds:
        length = len(media.video(path)) / 30
    if "audio" in kinds:
        length = max(length, len(media.audio(path)) / media.RATE)
    return length


class Round:
    """One conference, the kills it lives through, and when it was running."""

    def __init__(self, daemon, name):
        self.daemon, self.name, self.up, self.began = daemon, name, [], None
        daemon.create(name, "storm")
        self._running(1)

    def _running(self, epoch):
        event = self.daemon.events.wait("conference.running", self.name,
                                        lambda d: d["conference"]["epoch"] == epoch, timeout=60)
        self.began, self.epoch = wall(event["at"]), epoch

    def kill(self, what, rest):
        threading.Event().wait(rest)
        worker = self.daemon.worker_pid(self.name)
        killed = time.time()
        if what in ("worker", "both"):
            os.kill(worker, signal.SIGKILL)
        if what in ("daemon", "both"):
            self.daemon.kill()
            # A worker without daemon finalises and ends, or is dead already; then the next daemon may come.
            daemons.until(lambda: not daemons.alive(worker), 30, what="the worker ends")
            self.daemon.start()
        self.up.append(killed - self.began)
        self._running(self.epoch + 1)

    def stop(self):
        stopped = time.time()
        self.daemon.stop(self.name)
        self.up.append(stopped - self.began)


def check(daemon, one, folder):
    """Every recording of the round: final, playable, complete but for a second a kill. Returns rows of the table and
    what is wrong."""
    rows, wrong = [], []
    found = daemon.get(f"/v1/recordings?conference={one.name}")["items"]
    if sorted(r["branch"] for r in found) != sorted(FORMATS):
        wrong.append(f"one recording for each format, not {[r['id'] for r in found]}")
    kills, was = len(one.up) - 1, sum(one.up)
    for recording in found:
        told = daemon.wait_recording(recording["id"], timeout=60)
        parts = folder / told["id"]
        parts.mkdir()
        length = sum(map(seconds_of_media, delivered(told, parts))) if told["bytes"] else 0.0
        lost = was - length
        rows.append((told["id"], told["branch"], kills, was, length, lost))
        brief = {k: told[k] for k in ("id", "state", "error", "durationSeconds", "gaps", "pieces", "processing")}
        if told["state"] != "interrupted":
            wrong.append(f"not interrupted: {brief}")
        if len(told["pieces"]) != kills + 1 or len(told["gaps"]) != len(written(told)) - 1:
            wrong.append(f"{kills} kills make {kills + 1} pieces with gaps between them: {brief}")
        if abs(length - told["durationSeconds"]) > 0.25:
            wrong.append(f"decoded {length:.2f} s: {brief}")
        if lost > MOST_LOST * kills + 0.5:
            wrong.append(f"{lost:.2f} s of {was:.2f} s are lost: {brief}")
    return rows, wrong


def check_nothing_left(daemon):
    """No temporary file: every file beneath the recordings folder is a recording's, a piece's or an artifact's."""
    known = set()
    for recording in daemon.get("/v1/recordings?limit=200")["items"]:
        known |= {recording["path"], *(a["path"] for a in recording["artifacts"]),
                  *(p["path"] for p in recording["pieces"])}
    for folder, _, names in os.walk(daemon.recordings):
        for name in names:
            path = os.path.join(folder, name)
            assert path in known or any(path.startswith(k + "/") for k in known), f"nobody knows {path}"
            assert not name.endswith((".tmp", ".part", ".new", ".joining")), path


def test_storm(start_daemon, tmp_path):
    daemon = start_daemon("--pipelines-dir", pipelines(tmp_path / "pipelines"))
    rng, rows, wrong, left = random.Random(SEED), [], [], KILLS
    plan = [rng.choice(("worker", "worker", "daemon", "both")) for _ in range(KILLS)]
    while left > 0:
        one = Round(daemon, f"storm{(KILLS - left) // KILLS_PER_ROUND}")
        for what in plan[KILLS - left:KILLS - left + KILLS_PER_ROUND]:
            one.kill(what, rng.uniform(0.3, 3.5))
        left -= KILLS_PER_ROUND
        threading.Event().wait(rng.uniform(1, 2))
        one.stop()
        more, problems = check(daemon, one, tmp_path)
        rows += more
        wrong += problems
    print(f"\nseed {SEED}: {KILLS} kills ({', '.join(f'{plan.count(w)} {w}' for w in ('worker', 'daemon', 'both'))})")
    print("| recording | format | kills | recorded s | decoded s | lost s per kill |")
    print("|---|---|---|---|---|---|")
    for name, kind, kills, was, length, lost in rows:
        print(f"| {name} | {kind} | {kills} | {was:.2f} | {length:.2f} | {lost / kills:.2f} |")
    assert not wrong, "\n".join(wrong)
    check_nothing_left(daemon)
