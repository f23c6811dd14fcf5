# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a branch can be asked for: pauses, HLS, sound alone, one participant alone, a size of its own; and disks that
fail. No daemon: the media alone is judged, by decoding it."""
import os
import pathlib
import re
import subprocess

import numpy
import pytest

import browser as browsers
import media
import recorder
from recorder import described, files
from test_rtp import free_ports, senders  # noqa: F401 (a fixture)

FRAME = 1 / 30


@pytest.fixture
def record(tmp_path):
    started = []

    def start(description, folder=None):
        folder = folder or tmp_path / f"r{len(started)}"
        folder.mkdir(exist_ok=True)
        started.append(recorder.Recorder(folder, description))
        return started[-1]

    yield start
    for one in started:
        one.close()


def branch(container, **more):
    return {"kind": "file", "container": container, **more}


def whole(path):
    """What players are given of a branch: the file, the playlist, or the segments as one."""
    if not path.is_dir():
        return path
    if (path / "playlist.m3u8").exists():
        return path / "playlist.m3u8"
    parts = sorted(path.glob("*.mp4"))
    listing = path / "all.txt"
    listing.write_text("".join(f"file '{p}'\n" for p in parts))
    joined = path / "all.mkv"
    media.run("ffmpeg", "-v", "error", "-f", "concat", "-safe", "0", "-i", listing, "-c", "copy", joined)
    return joined


def check_in_step(path, expected_flashes, cuts=()):
    """No frame is missing and no sound; every flash comes with its beep, within 80 ms."""
    media.decodes_cleanly(path)
    shown = media.video(path)
    assert numpy.abs(numpy.diff(shown.times) - FRAME).max() < 0.0021, numpy.diff(shown.times).max()
    flashes, beeps = media.flash_onsets(shown), media.beep_onsets(media.audio(path))
    apart = numpy.array([numpy.abs(beeps - at).min() for at in flashes
                         if all(abs(at - c) > 0.2 for c in cuts) and at < shown.times[-1] - 0.2])
    assert len(apart) >= expected_flashes, (flashes, beeps)
    print(path, "flash to beep, ms:", numpy.round(apart * 1000).astype(int))
    assert apart.max() <= 0.08, apart
    assert abs(len(media.audio(path)) / media.RATE - shown.times[-1]) < 0.2


def pause(run, names, seconds):
    """Pauses, sees that nothing is written, and goes on after so much time of the conference."""
    for name in names:
        run.say("pause", name)
    run.until(lambda: all(run.stats["branches"][n]["paused"] for n in names))
    witness = run.media("witness")
    before = None
    for _ in range(20):  # what was in the encoders comes through, on a busy machine later
        last, before = before, {n: run.stats["branches"][n] for n in names}
        if last == before:
            break
        run.wait_media("witness", run.media("witness") + 0.3)
    run.wait_media("witness", max(witness + seconds, run.media("witness") + 0.5))
    for name in names:
        assert run.stats["branches"][name] == before[name], name
        run.say("resume", name)
    run.until(lambda: not any(run.stats["branches"][n]["paused"] for n in names))
    return {n: before[n]["media"] for n in names}


def test_a_pause_leaves_no_hole_in_any_container(record):
    containers = ["mp4", "webm", "mkv", "segments", "hls"]
    run = record(described(files({"name": "a", "files": [media.flash_and_beep()], "loop": True}),
                           {"witness": branch("mp4"), **{c: branch(c) for c in containers}}))
    run.wait_media("hls", 2.4)
    cuts = [pause(run, containers, 1.7)]
    run.until(lambda: all(run.media(c) > cuts[0][c] + 2.2 for c in containers))
    cuts.append(pause(run, containers, 1.3))
    run.until(lambda: all(run.media(c) > cuts[1][c] + 2.2 for c in containers))
    run.stop()
    for container in containers:
        path = whole(run.path(container))
        check_in_step(path, 4, [c[container] for c in cuts])
        assert media.duration(path) == pytest.approx(run.state(container)["media"], abs=0.1)
        keys = numpy.array(media.keyframe_times(path))
        for cut in cuts:  # it goes on with a keyframe, at the very place where it stopped
            assert numpy.abs(keys - cut[container]).min() < 0.1, (keys, cut)
    check_in_step(run.path("witness"), 9)
    assert media.duration(run.path("witness")) > media.duration(run.path("mp4")) + 2.9


def test_what_passes_through_pauses_too(record):
    description = described(files({"name": "a", "files": [media.flash_and_beep()], "loop": True}),
                            {n: branch("mp4", inputs=["video", "audio"]) for n in ("witness", "paused")})
    description["mix"] = {"video": {"mode": "passthrough"}, "audio": {"mode": "passthrough"}}
    del description["encode"]
    run = record(description)
    run.wait_media("paused", 2.4)
    cut = pause(run, ["paused"], 1.7)["paused"]
    run.wait_media("paused", cut + 3)
    run.stop()
    check_in_step(run.path("paused"), 3, [cut])


def test_hls_is_cut_at_keyframes_and_grows_while_it_plays(record, tmp_path):
    run = record(described(files({"name": "a", "files": [media.flash_and_beep()], "loop": True}),
                           {"hls": branch("hls", segment="2s"), "sound": branch("hls", segment="2s", tracks="audio")}))
    run.wait_media("hls", 5)
    folder = run.path("hls")
    live = (folder / "playlist.m3u8").read_text()
    assert "#EXT-X-ENDLIST" not in live and "#EXT-X-PLAYLIST-TYPE:EVENT" in live
    # What is listed can be played already; without an end in the list ffprobe would wait for more.
    listed = tmp_path / "live.m3u8"
    listed.write_text(re.sub(r"^(segment-.*)$", rf"{folder}/\1", live, flags=re.M).replace("init.mp4", f"{folder}/init.mp4")
                      + "#EXT-X-ENDLIST\n")
    assert len(media.packets(listed)) >= 50
    run.wait_media("hls", 9)
    run.stop()
    assert not list(folder.glob(".*")), "a temporary file is left"
    playlist = (folder / "playlist.m3u8").read_text()
    assert playlist.startswith("#EXTM3U\n#EXT-X-VERSION:7\n") and playlist.endswith("#EXT-X-ENDLIST\n")
    assert "#EXT-X-INDEPENDENT-SEGMENTS" in playlist
    lengths = [float(n) for n in re.findall(r"#EXTINF:([0-9.]+),", playlist)]
    target = int(re.search(r"TARGETDURATION:(\d+)", playlist).group(1))
    assert all(n == pytest.approx(2, abs=0.001) for n in lengths[:-1]) and max(lengths) <= target, playlist
    end = 0
    for number, length in enumerate(lengths, 1):
        alone = tmp_path / f"{number}.mp4"
        alone.write_bytes((folder / "init.mp4").read_bytes() + (folder / f"segment-{number:05}.m4s").read_bytes())
        packets = media.packets(alone)
        assert packets[0].keyframe and packets[0].pts == pytest.approx(end, abs=0.001), number
        assert len(packets) == round(length * 30), number
        end += length
    assert media.duration(folder / "playlist.m3u8") == pytest.approx(end, abs=0.001)
    check_in_step(folder / "playlist.m3u8", 7)
    assert media.codecs(run.path("sound") / "playlist.m3u8") == ["aac"]
    media.decodes_cleanly(run.path("sound") / "playlist.m3u8")


# Fetches a playlist's parts and plays them to the end through Media Source Extensions, as players do.
PLAY_HLS = """
const [url, types, done] = arguments, v = document.createElement('video'), seen = [];
v.muted = true; v.playbackRate = 2;
for (const what of ['playing', 'error', 'ended'])
  v.addEventListener(what, () => { seen.push(what); if (what != 'playing') finish(); });
const finish = () => done({seen, duration: v.duration, width: v.videoWidth, error: v.error && v.error.message,
                           frames: v.getVideoPlaybackQuality().totalVideoFrames, ranges: v.buffered.length});
const source = new MediaSource();
v.src = URL.createObjectURL(source);
document.body.append(v);
source.addEventListener('sourceopen', async () => {
  try {
    const list = await (await fetch(url)).text();
    const parts = [/URI="([^"]+)"/.exec(list)[1], ...list.split('\\n').filter(l => l && l[0] != '#')];
    const buffer = source.addSourceBuffer(types);
    for (const part of parts) {
      buffer.appendBuffer(await (await fetch(new URL(part, url))).arrayBuffer());
      await new Promise((go, fail) => { buffer.onupdateend = go; buffer.onerror = () => fail('append of ' + part); });
    }
    source.endOfStream();
    await v.play();
  } catch (e) { seen.push(String(e)); finish(); }
});
"""


def test_hls_plays_in_a_browser_through_media_source_extensions(record, tmp_path):
    if why := browsers.missing():
        pytest.skip(why)
    run = record(described(files({"name": "a", "files": [media.flash_and_beep()], "loop": True}),
                           {"hls": branch("hls", segment="2s")}))
    run.wait_media("hls", 6.5)
    run.stop()
    chromium = browsers.Browser(tmp_path / "profile")
    try:
        with browsers.served(run.path("hls")) as url:
            chromium.open(url)
            told = chromium.run(PLAY_HLS, f"{url}/playlist.m3u8", 'video/mp4; codecs="avc1.42c01e,mp4a.40.2"')
    finally:
        chromium.close()
    assert told["seen"][-1] == "ended" and told["ranges"] == 1, told
    assert told["duration"] == pytest.approx(media.duration(run.path("hls") / "playlist.m3u8"), abs=0.05), told
    assert told["width"] == 320 and told["frames"] > 100, told


def test_sound_alone_in_every_container(record):
    sound = {"ogg": "opus", "mp4": "aac", "webm": "opus", "mkv": "aac", "segments": "aac"}
    run = record(described(files({"name": "a", "files": [media.voice(440)]}),
                           {c: branch(c, tracks="audio") for c in sound}))
    run.add("picture", container="mp4", tracks="video")
    run.until(lambda: all(run.media(c) > 2 for c in [*sound, "picture"]))
    run.stop()
    for container, codec in sound.items():
        path = whole(run.path(container))
        assert media.codecs(path) == [codec], container
        media.decodes_cleanly(path)
        heard = media.tone_times(media.audio(path), 440)
        assert numpy.diff(heard[heard > 0.7]).max() < 0.15, container
    assert media.codecs(run.path("picture")) == ["h264"]


def test_one_participant_alone_from_coming_to_leaving(record):
    run = record(described(files({"name": "ann", "files": [media.person("red", 300)], "loop": True},
                                 {"name": "bob", "files": [media.person("blue", 700)], "join": "2s", "leave": "6s"}),
                           {"all": branch("mp4"), "bob": branch("mp4", participant="bob"),
                            "voice": branch("ogg", participant="bob")}))
    run.wait_media("all", 1.2)
    assert run.state("bob")["state"] is None, "waits for bob"
    run.wait_state("bob", "active")
    run.wait_state("bob", "removed")
    run.wait_state("voice", "removed")
    run.wait_media("all", 8)
    run.stop()
    path = run.path("bob")
    media.decodes_cleanly(path)
    shown = media.video(path)
    assert media.is_colour(shown.colours_at(0.5, 0.5), "blue").all()
    assert 3 < media.duration(path) < 4.3
    for sound in (media.audio(path), media.audio(run.path("voice"))):
        inner = sound[media.RATE // 2: 2 * media.RATE]
        assert media.tone_level(inner, 700) > 0.05 and media.tone_level(inner, 300) < 0.002
    mixed = media.audio(run.path("all"))[4 * media.RATE: 5 * media.RATE]
    assert media.tone_level(mixed, 700) > 0.05 and media.tone_level(mixed, 300) > 0.05
    media.decodes_cleanly(run.path("all"))


def test_a_looping_participant_alone_has_no_hole(record):
    run = record(described(files({"name": "ann", "files": [media.person("red", 300, 3)], "loop": True}),
                           {"ann": branch("mkv", participant="ann")}))
    run.wait_media("ann", 7)
    run.stop()
    media.decodes_cleanly(run.path("ann"))
    times = media.video(run.path("ann")).times
    assert numpy.diff(times).max() < 0.25, numpy.diff(times).max()  # starting over takes a moment


def picture_at(path, seconds):
    """The colour of one frame."""
    raw = media.run("ffmpeg", "-v", "error", "-ss", str(seconds), "-i", path, "-map", "0:v:0", "-frames:v", "1", "-vf",
                    "scale=1:1", "-pix_fmt", "rgb24", "-f", "rawvideo", "-")
    return numpy.frombuffer(raw, numpy.uint8)


def test_rtp_of_one_participant_is_stored_as_it_comes(record, senders):  # noqa: F811
    ports = free_ports(4)
    source = {"kind": "rtp", "participants": [
        {"name": "ann", "video": {"codec": "h264", "port": ports[0], "payload": 96},
         "audio": {"codec": "opus", "port": ports[1], "payload": 97, "channels": 1}},
        {"name": "bob", "video": {"codec": "vp8", "port": ports[2], "payload": 96},
         "audio": {"codec": "pcmu", "port": ports[3], "payload": 0}}]}
    run = record(described(source, {"all": branch("mp4"), "ann": branch("mp4", participant="ann"),
                                    "bob": branch("mkv", participant="bob"),
                                    "other": branch("mp4", participant="bob"),
                                    "small": branch("mp4", participant="ann", preset="480p", tracks="video")}))
    run.wait_media("all", 1)
    ann = senders("red", 300, "h264", "opus", *ports[:2])
    senders("blue", 700, "vp8", "pcmu", *ports[2:])
    names = ("ann", "bob", "other", "small")
    run.until(lambda: all(run.media(n) > 4 for n in names))
    ann.stop()
    run.wait_state("ann", "removed")  # nobody says goodbye over RTP: silence is
    run.stop()
    expected = {"ann": ["h264", "opus"], "bob": ["pcm_mulaw", "vp8"], "other": ["aac", "h264"], "small": ["h264"]}
    for name in names:
        assert media.codecs(run.path(name)) == expected[name], name
        media.decodes_cleanly(run.path(name))
        assert media.is_colour(picture_at(run.path(name), 2), "red" if name in ("ann", "small") else "blue"), name
    streams = {n: next(s for s in media.probe(run.path(n))["streams"] if s["codec_type"] == "video") for n in names}
    assert streams["ann"]["profile"] == "Constrained Baseline", "the sender's own coding"
    assert streams["small"]["profile"] != "Constrained Baseline" and streams["small"]["height"] == 480


def test_sound_outlives_a_camera_that_is_off(record):
    video, audio = free_ports(2)
    source = {"kind": "rtp", "timeout": "30s", "participants": [
        {"name": "ann", "video": {"codec": "h264", "port": video, "payload": 96},
         "audio": {"codec": "opus", "port": audio, "payload": 97, "channels": 1}}]}
    run = record(described(source, {"all": branch("mp4"), "ann": branch("mp4", participant="ann")}))
    picture = ("gst-launch-1.0 -q videotestsrc is-live=true ! video/x-raw,format=I420,width=320,height=180,framerate=30/1 "
               "! x264enc tune=zerolatency speed-preset=ultrafast key-int-max=30 bframes=0 ! "
               f"rtph264pay pt=96 config-interval=-1 ! udpsink host=127.0.0.1 port={video}").split()
    sound = ("gst-launch-1.0 -q audiotestsrc is-live=true freq=440 ! audio/x-raw,rate=48000,channels=1 ! opusenc ! "
             f"rtpopuspay pt=97 ! udpsink host=127.0.0.1 port={audio}").split()
    started = [subprocess.Popen(sound), subprocess.Popen(picture)]
    try:
        run.until(lambda: run.media("ann") > 2)
        started[1].kill()
        run.wait_media("all", run.media("all") + 12)  # longer than any queue of a picture
        started.append(subprocess.Popen(picture))
        run.wait_media("all", run.media("all") + 2)
        run.stop()
    finally:
        for one in started:
            one.kill()
            one.wait(10)
    heard = media.tone_times(media.audio(run.path("ann")), 440)
    assert heard[-1] > 14 and numpy.diff(heard[heard > 0.7]).max() < 0.15, heard


def test_a_rendition_in_another_size_beside_the_conferences_own(record):
    run = record(described(files({"name": "a", "files": [media.flash_and_beep()], "loop": True}),
                           {"all": branch("mp4")}))
    run.wait_media("all", 1)
    run.add("large", container="mp4", preset="480p")
    run.add("again", container="mkv", preset="480p")
    run.until(lambda: run.media("large") > 3 and run.media("again") > 3)
    run.say("remove", "large")
    run.wait_state("large", "removed")
    before = run.media("again")
    run.wait_media("again", before + 1)
    run.say("remove", "again")
    run.wait_state("again", "removed")
    run.stop()
    for name in ("large", "again"):
        [picture] = [s for s in media.probe(run.path(name))["streams"] if s["codec_type"] == "video"]
        assert (picture["width"], picture["height"]) == (854, 480)
        check_in_step(run.path(name), 2)
    check_in_step(run.path("all"), 4)


def test_a_disk_that_does_not_answer_holds_up_nobody(record, tmp_path):
    run_folder = tmp_path / "stuck"
    run_folder.mkdir()
    os.mkfifo(run_folder / "stuck.mkv")
    pipe = os.open(run_folder / "stuck.mkv", os.O_RDWR)  # so that opening works; nobody ever reads
    try:
        run = record(described(files({"name": "a", "files": [media.flash_and_beep()], "loop": True}),
                               {"stuck": branch("mkv"), "fine": branch("mkv")}), run_folder)
        run.until(lambda: run.stats["branches"].get("stuck", {}).get("dropped", 0) > 0)
        run.say("remove", "stuck")
        run.wait_state("stuck", "failed")
        assert "in time" in run.state("stuck")["error"]
        before = run.media("fine")
        run.wait_media("fine", before + 1)
        run.stop()
    finally:
        os.close(pipe)
    check_in_step(run.path("fine"), 10)
    assert run.stats["branches"].get("fine", {}).get("dropped", 0) == 0


def test_a_full_disk_ends_its_recordings_and_what_is_written_plays(record, tmp_path):
    full = tmp_path / "full"
    full.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(full)], capture_output=True,
                             text=True, check=False)
    if mounted.returncode != 0:
        pytest.skip(f"no file system of a given size can be mounted here: {mounted.stderr.strip()}")
    try:
        containers = ("mp4", "webm", "mkv", "segments", "hls")
        run = record(described({"kind": "test", "participants": [{"name": "s", "pattern": "snow"}]},
                               {c: branch(c) for c in containers}), full)
        for container in containers:
            assert "No space left on device" in run.wait_state(container, "failed")["error"]
        run.stop()
        for container in containers:
            path = pathlib.Path(run.path(container))
            shown = media.video(_parts(path, tmp_path) if path.is_dir() else path)
            assert len(shown) > 20, container
    finally:
        subprocess.run(["umount", "-l", str(full)], check=True)


def _parts(folder, elsewhere):
    """A recording of segments that nobody finished, as far as its fragments are whole. Its playlist, if it got one, has no
    end, and players wait for more."""
    files = [folder / "init.mp4", *sorted(folder.glob("*.m4s"))] if (folder / "init.mp4").exists() else sorted(folder.glob("*.mp4"))
    data = b"".join(p.read_bytes() for p in files)
    at = whole = 0
    while at + 8 <= len(data) and 8 <= (size := int.from_bytes(data[at:at + 4])) <= len(data) - at:
        at += size
        whole = at if data[at - size + 4:at - size + 8] != b"moof" else whole
    joined = elsewhere / "parts.mp4"
    joined.write_bytes(data[:whole])
    return joined
