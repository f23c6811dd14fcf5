#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Finishes what killed workers left and looks at it with ffmpeg: no packet lost at a joint, times kept, durations as
ffprobe reads them, the finisher killed at any moment. usage: finish_media_test.py AURALINK_WORKER FINISH_TOOL [SEED...]"""
import hashlib
import json
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import time

WORKER, TOOL = sys.argv[1:3]
SEEDS = [int(s) for s in sys.argv[3:]] or [1, 2, 3]
SUFFIX = {"mp4": ".mp4", "mkv": ".mkv", "webm": ".webm", "ogg": ".ogg", "segments": "", "hls": ""}
INPUTS = {"mp4": ["h264", "aac"], "mkv": ["h264", "aac"], "webm": ["vp8", "opus"], "ogg": ["opus"],
          "segments": ["h264", "aac"], "hls": ["h264", "aac"]}
STARTED = 1_700_000_000_000


def description():
    branches = {}
    for name, inputs in INPUTS.items():
        branches[name] = {"kind": "file", "container": name, "inputs": inputs, "path": "x/" + name}
        if name in ("segments", "hls"):
            branches[name]["segment"] = "1s"
    return {"apiVersion": "auralink/v1", "kind": "Pipeline", "name": "all-containers", "version": 1, "why": "a test",
            "source": {"kind": "test", "participants": 2},
            "mix": {"video": {"mode": "compositor", "layout": "grid", "width": 320, "height": 180, "fps": 30},
                    "audio": {"mode": "mixer", "rate": 48000, "channels": 2}},
            "encode": {"h264": {"of": "video", "codec": "h264", "bitrate": 400000, "keyframe": "1s"},
                       "vp8": {"of": "video", "codec": "vp8", "bitrate": 400000, "keyframe": "1s"},
                       "aac": {"of": "audio", "codec": "aac", "bitrate": 96000},
                       "opus": {"of": "audio", "codec": "opus", "bitrate": 64000}},
            "branches": branches}


def record(folder, epochs, rng):
    """One worker per epoch, each killed; its files become pieces."""
    (folder / "d.json").write_text(json.dumps(description()))
    for epoch in range(1, epochs + 1):
        out = folder / f"out{epoch}"
        out.mkdir()
        for name in ("segments", "hls"):
            (out / name).mkdir()
        worker = subprocess.Popen([WORKER, "--standalone", folder / "d.json", "--output", out], stdout=subprocess.PIPE,
                                  stderr=subprocess.DEVNULL)
        wanted = rng.uniform(2, 4) * 1e9
        for line in worker.stdout:  # the worker's own figures say when there is enough, however busy the machine
            branches = json.loads(line).get("stats", {}).get("branches", [])
            if len(branches) == len(INPUTS) and all(int(b.get("media_ns", 0)) > wanted for b in branches):
                break
        try:
            worker.wait(timeout=rng.uniform(0, 1))
        except subprocess.TimeoutExpired:
            worker.kill()
        assert worker.wait() == -9, "it was still recording"
        worker.stdout.close()
        for name, suffix in SUFFIX.items():
            (out / (name + suffix)).rename(folder / (name + (f".e{epoch}" if epoch > 1 else "") + suffix))


def pieces_of(folder, name, epochs):
    return [folder / (name + (f".e{e}" if e > 1 else "") + SUFFIX[name]) for e in range(1, epochs + 1)]


def command(name, pieces, preview=0):
    out = [TOOL, name, str(pieces[0]), str(preview)]
    for epoch, path in enumerate(pieces, 1):
        out += [str(epoch), str(STARTED + epoch * 60_000), "0", str(path)]
    return out


def finish(name, pieces, preview=0):
    done = subprocess.run(command(name, pieces, preview), capture_output=True, check=False, text=True)
    assert done.returncode == 0, (name, done.stdout, done.stderr)
    assert "CRITICAL" not in done.stderr and "WARNING" not in done.stderr, done.stderr
    return json.loads(done.stdout)


def probe(path, *what):
    done = subprocess.run(["ffprobe", "-v", "error", "-of", "json", *what, str(path)], capture_output=True, check=False)
    return json.loads(done.stdout or b"{}"), done.stderr.decode()


def packets(path):
    """Per stream type: [(presentation time, digest)]."""
    said, _ = probe(path, "-show_packets", "-show_data_hash", "md5", "-show_entries",
                    "packet=codec_type,pts_time,data_hash,flags")
    out = {}
    for packet in said.get("packets", []):
        if "C" not in packet["flags"]:  # corrupt: its end is missing
            out.setdefault(packet["codec_type"], []).append((float(packet["pts_time"]), packet["data_hash"]))
    return out


def plays(path):
    done = subprocess.run(["ffmpeg", "-v", "error", "-xerror", "-i", str(path), "-f", "null", "-"], capture_output=True,
                          check=False, stdin=subprocess.DEVNULL)
    noise = [l for l in done.stderr.decode().splitlines() if "monotonically" not in l]
    assert done.returncode == 0 and not noise, (path, noise[:5])


def media_duration(path):
    said, _ = probe(path, "-show_entries", "format=duration")
    return float(said["format"]["duration"])


def follows(joined, parts, bases, name):
    """Every whole packet of the pieces is there, in order, at its own time behind the base of its piece."""
    worst = 0.0
    offsets = {}
    for kind, got in joined.items():
        at = 0
        for index, part in enumerate(parts):
            want = part.get(kind, [])
            kept = 0
            while kept < len(want) and at < len(got) and got[at][1] == want[kept][1]:
                moved = got[at][0] - want[kept][0]
                offsets.setdefault((index, kind), moved)
                worst = max(worst, abs(moved - bases[index]))
                at, kept = at + 1, kept + 1
            assert len(want) - kept <= 1, (name, kind, index, kept, len(want))
        assert at == len(got), (name, kind, at, len(got))
    assert worst <= 0.080, (name, worst)
    for index in range(len(parts)):
        if (index, "audio") in offsets and (index, "video") in offsets:
            apart = abs(offsets[index, "audio"] - offsets[index, "video"])
            assert apart <= 0.080, (name, index, apart)
    return worst


def leftovers(folder):
    return [p.name for p in folder.rglob(".*")]


def check_file(folder, name, epochs):
    pieces = pieces_of(folder, name, epochs)
    kept = folder / "kept"
    kept.mkdir(exist_ok=True)
    copies = [pathlib.Path(shutil.copy(p, kept)) for p in pieces]
    parts = [packets(c) for c in copies]
    report = finish(name, pieces, 1000 if name != "ogg" else 0)
    assert report["stage"] == "finalised" and report["path"] == str(pieces[0]), report
    assert not any(p.exists() for p in pieces[1:]), "joined pieces are gone"
    plays(pieces[0])
    said = media_duration(pieces[0])
    assert abs(said - report["durationNs"] / 1e9) < 2e-6, (name, said, report["durationNs"])
    assert report["sha256"] == hashlib.sha256(pieces[0].read_bytes()).hexdigest()
    assert report["bytes"] == pieces[0].stat().st_size
    durations = [p["durationNs"] / 1e9 for p in report["pieces"]]
    bases = [sum(durations[:i]) for i in range(epochs)]
    worst = follows(packets(pieces[0]), parts, bases, name)
    assert len(report["gaps"]) == epochs - 1
    for index, gap in enumerate(report["gaps"]):
        assert abs(gap["missingNs"] / 1e9 - (60 - durations[index])) < 1e-6, gap
    if name != "ogg":
        kinds = [a["kind"] for a in report["artifacts"]]
        assert "sprite" in kinds and "vtt" in kinds and kinds.count("thumbnail") >= said - 2, kinds
    sidecar = json.loads(pieces[0].with_suffix(".json").read_text())
    assert sidecar["metadata"] == {"title": "a test"} and sidecar["files"][0]["sha256"] == report["sha256"]
    again = finish(name, pieces)
    assert again["sha256"] == report["sha256"] and again["gaps"] == report["gaps"], "a second order changes nothing"
    print(f"{name:9} {epochs} pieces, {said:7.3f} s, worst shift of a packet {worst * 1000:5.1f} ms")


def check_folder(folder, name, epochs):
    pieces = pieces_of(folder, name, epochs)
    report = finish(name, pieces, 1000)
    assert report["stage"] == "finalised", report
    playlist = (pieces[0] / "playlist.m3u8").read_text()
    assert playlist.endswith("#EXT-X-ENDLIST\n") and playlist.count("#EXT-X-DISCONTINUITY\n") == epochs - 1, playlist
    lengths = [float(l[8:].rstrip(",")) for l in playlist.splitlines() if l.startswith("#EXTINF:")]
    assert abs(sum(lengths) - report["durationNs"] / 1e9) < 1e-4
    if name == "hls":
        assert playlist.count("#EXT-X-MAP:") == epochs
        plays(pieces[0] / "playlist.m3u8")
        assert abs(media_duration(pieces[0] / "playlist.m3u8") - report["durationNs"] / 1e9) < 1e-4
    else:
        for path in [p for piece in pieces for p in piece.glob("*.mp4")]:
            plays(path)
            boxes = path.read_bytes()
            assert b"moof" not in boxes[:boxes.index(b"mdat")], "no fragments are left"
    kinds = [a["kind"] for a in report["artifacts"]]
    assert "playlist" in kinds and "sprite" in kinds and "sidecar" in kinds, kinds
    assert finish(name, pieces)["durationNs"] == report["durationNs"]
    print(f"{name:9} {epochs} pieces, {report['durationNs'] / 1e9:7.3f} s in {len(lengths)} segments")


def check_segments_follow(folder, epochs):
    """Segments are cut from the same stream as HLS: strung together each packet is there once, in order, and within each
    file sound and picture lie to each other as they do there."""
    for segments, hls in zip(pieces_of(folder, "segments", epochs), pieces_of(folder, "hls", epochs)):
        whole = folder / "kept" / "strung.mp4"
        whole.write_bytes(b"".join(p.read_bytes() for p in [hls / "init.mp4", *sorted(hls.glob("*.m4s"))]))
        stream = packets(whole)
        files = [packets(p) for p in sorted(segments.glob("*.mp4"))]
        assert len(files) >= 2, files
        for kind, most in (("video", 31), ("audio", 50)):  # both lost their ends, not at the same moment
            want = [digest for _, digest in stream[kind]]
            got = [digest for one in files for _, digest in one.get(kind, [])]
            shared = min(len(want), len(got))
            same = next((i for i in range(shared) if got[i] != want[i]), shared)
            lengths = [len(one.get(kind, [])) for one in files]
            assert same == shared and abs(len(want) - len(got)) <= most, (kind, same, len(want), len(got), lengths)
        at = {kind: {digest: time for time, digest in stream[kind]} for kind in stream}
        for one in files:
            if "audio" not in one or one["audio"][0][1] not in at["audio"] or one["video"][0][1] not in at["video"]:
                continue
            apart = {kind: one[kind][0][0] - at[kind][one[kind][0][1]] for kind in one}
            assert abs(apart["audio"] - apart["video"]) < 0.002, apart
            assert min(times[0][0] for times in one.values()) < 0.002, "a segment's time begins at zero"


def check_cuts(folder, rng):
    """A file cut anywhere is finished, or honestly refused."""
    for name in ("mp4", "mkv", "webm"):
        whole = (folder / "kept" / (name + SUFFIX[name])).read_bytes()
        # mp4mux writes the samples of its first fragment before the tables that describe them.
        header = whole.index(b"moov") + 4096 if name == "mp4" else 2048
        for size in [rng.randrange(1, header)] + [rng.randrange(header, len(whole)) for _ in range(6)]:
            target = folder / ("cut" + SUFFIX[name])
            target.write_bytes(whole[:size])
            done = subprocess.run(command(name, [target]), capture_output=True, check=False, text=True)
            report = json.loads(done.stdout)
            if size < header and report["stage"] == "failed":
                assert done.returncode == 1 and report["error"] and target.stat().st_size == size, report
                continue
            assert done.returncode == 0, report
            plays(target)
            assert abs(media_duration(target) - report["durationNs"] / 1e9) < 2e-6
            target.unlink()
            target.with_suffix(".json").unlink()


def check_kills(folder, rng):
    """kill -9 of the finisher at any moment: the old pieces or the finished file, and the next try gives the same."""
    big = folder / "kept" / "big.mp4"
    subprocess.run(["ffmpeg", "-v", "error", "-stream_loop", "60", "-i", folder / "mp4.mp4", "-c", "copy", "-movflags",
                    "frag_keyframe+empty_moov+default_base_moof", "-y", big], check=True)
    target, second = folder / "k.mp4", folder / "k.e2.mp4"
    shutil.copy(big, target), shutil.copy(big, second)
    began = time.monotonic()
    want = finish("mp4", [target, second])
    length = time.monotonic() - began
    early = late = 0
    for _ in range(25):
        target.with_suffix(".json").unlink(missing_ok=True)
        shutil.copy(big, target), shutil.copy(big, second)
        process = subprocess.Popen(command("mp4", [target, second]), stdout=subprocess.DEVNULL)
        try:
            process.wait(timeout=rng.uniform(0.01, 1.3) * length)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if target.stat().st_size == big.stat().st_size:
            assert second.exists(), "old pieces are whole until the new file has its name"
            early += 1
        else:
            assert target.stat().st_size == want["bytes"], "never half a file"
            late += 1
        report = finish("mp4", [target, second])
        assert report["sha256"] == want["sha256"] and report["gaps"] == want["gaps"], (report, want)
        assert [p["durationNs"] for p in report["pieces"]] == [p["durationNs"] for p in want["pieces"]]
        assert not second.exists() and not leftovers(folder), leftovers(folder)
    print(f"killed 25 times: {early} before the name was taken, {late} after")


def main():
    for seed in SEEDS:
        rng = random.Random(seed)
        with tempfile.TemporaryDirectory(prefix="auralink-finish-") as name:
            folder = pathlib.Path(name)
            epochs = 1 + seed % 3
            record(folder, epochs, rng)
            for container in ("mp4", "mkv", "webm", "ogg"):
                check_file(folder, container, epochs)
            for container in ("segments", "hls"):
                check_folder(folder, container, epochs)
            check_segments_follow(folder, epochs)
            check_cuts(folder, rng)
            if seed == SEEDS[0]:
                check_kills(folder, rng)
            assert not leftovers(folder), leftovers(folder)


if __name__ == "__main__":
    main()
