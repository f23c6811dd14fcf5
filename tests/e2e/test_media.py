# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is on the recordings, found out by decoding them."""
import itertools
import pathlib
import time

import numpy
import pytest

import media
from daemon import until

CANVAS = {"width": 640, "height": 360, "bitrate": 1500000}
FRAME = 1 / 30

# Centres of tiles in parts of the canvas: grids of two, three and four.
TWO = [(0.25, 0.5), (0.75, 0.5)]
THREE = [(0.25, 0.25), (0.75, 0.25), (0.5, 0.75)]
SIDE = [(0.875, 1 / 6), (0.875, 0.5), (0.875, 5 / 6)]
FOUR = [(0.25, 0.25), (0.75, 0.25), (0.25, 0.75), (0.75, 0.75)]


def check_keyframes(path, extra=0.0):
    """Every two seconds; until `extra` seconds there may be others, asked for by branches that joined."""
    keyframes = media.keyframe_times(path)
    assert keyframes[0] == pytest.approx(0, abs=FRAME)
    while len(keyframes) > 1 and keyframes[1] <= extra:
        del keyframes[0]
    assert len(keyframes) >= 3
    spacing = numpy.diff(keyframes)
    assert numpy.abs(spacing - 2).max() <= FRAME + 0.002, spacing


def check_plain_mp4(path):
    """A normal, seekable MP4: one moov, no fragments, and a seek finds a picture."""
    boxes = media.mp4_boxes(path)
    assert boxes.count("moov") == 1 and "moof" not in boxes, boxes
    middle = media.duration(path) / 2
    frame = media.run("ffmpeg", "-v", "error", "-ss", middle, "-i", path, "-frames:v", "1", "-f", "framemd5", "-")
    assert [line for line in frame.decode().splitlines() if not line.startswith("#")]


@pytest.fixture(scope="module")
def beeps(shared_daemon):
    """One conference on flashes and beeps, with somebody beside them, recorded in every container; wall times are
    taken around the calls of the API."""
    shared_daemon.create("beeps", "composite-recording", record=False, **CANVAS, participants=[
        {"name": "flash", "files": [media.flash_and_beep()], "loop": True},
        {"name": "bird", "files": [media.person("blue", None, 20)], "loop": True}])
    made, began = {}, {}
    for container in ("mp4", "webm", "mkv", "segments"):
        began[container] = time.monotonic()
        made[container] = shared_daemon.post("/v1/recordings", {"conference": "beeps", "container": container})
    for recording in made.values():
        shared_daemon.wait_recording(recording["id"], "active")
    shared_daemon.wait_media("beeps", 6.5, made["segments"]["branch"])
    wall = {}
    for container, recording in made.items():
        wall[container] = time.monotonic() - began[container]
        shared_daemon.post(f"/v1/recordings/{recording['id']}/stop")
    done = {c: shared_daemon.wait_recording(r["id"], "complete") for c, r in made.items()}
    shared_daemon.stop("beeps")
    return {"recordings": done, "wall": wall}


@pytest.mark.parametrize("container, codecs", [("mp4", ["aac", "h264"]), ("webm", ["opus", "vp8"]),
                                               ("mkv", ["aac", "h264"])])
def test_container_holds_its_codecs_and_decodes(beeps, container, codecs):
    path = beeps["recordings"][container]["path"]
    assert media.codecs(path) == codecs
    media.decodes_cleanly(path)


def test_segments_decode_and_join_without_a_gap(beeps):
    parts = sorted(pathlib.Path(beeps["recordings"]["segments"]["path"]).glob("*.mp4"))
    assert parts
    for part in parts:
        assert media.codecs(part) == ["aac", "h264"]
        media.decodes_cleanly(part)
    length = sum(media.duration(p) for p in parts)
    assert length == pytest.approx(beeps["wall"]["segments"], abs=0.1 + 0.05 * len(parts))


@pytest.mark.parametrize("container", ["mp4", "webm", "mkv"])
def test_duration_is_wall_time(beeps, container):
    path = beeps["recordings"][container]["path"]
    assert media.duration(path) == pytest.approx(beeps["wall"][container], abs=0.1)


@pytest.mark.parametrize("container", ["mp4", "webm", "mkv"])
def test_keyframes_come_every_two_seconds(beeps, container):
    check_keyframes(beeps["recordings"][container]["path"], extra=0.7)


@pytest.mark.parametrize("container", ["mp4", "webm", "mkv"])
def test_sound_and_picture_are_in_step(beeps, container):
    path = beeps["recordings"][container]["path"]
    shown = media.video(path)
    flashes = max((media.flash_onsets(shown, *place) for place in TWO), key=len)
    beeps_at = media.beep_onsets(media.audio(path))
    assert len(flashes) >= 4
    offsets = [beeps_at[numpy.abs(beeps_at - flash).argmin()] - flash for flash in flashes
               if flash + 0.5 < media.duration(path)]
    assert len(offsets) >= 4
    assert numpy.abs(offsets).max() <= 0.080, offsets
    assert numpy.abs(numpy.diff(flashes) - 1).max() <= FRAME + 0.002, flashes


def test_clean_stop_leaves_a_plain_seekable_mp4(beeps):
    check_plain_mp4(beeps["recordings"]["mp4"]["path"])


@pytest.fixture(scope="module")
def people(shared_daemon):
    """red stays; green comes late; blue leaves early; yellow has no sound; a voice has no picture."""
    shared_daemon.create("people", "composite-recording", **CANVAS, participants=[
        {"name": "red", "files": [media.person("red", 300, 9)]},
        {"name": "green", "files": [media.person("green", 500, 12)], "join": "3s", "leave": "9s"},
        {"name": "blue", "files": [media.person("blue", 700, 12)], "leave": "6s"},
        {"name": "yellow", "files": [media.person("yellow", None, 9)]},
        {"name": "voice", "files": [media.voice(1100, 9)]}])
    ended = shared_daemon.wait_ended("people", 60)
    recording = shared_daemon.recording_of("people")
    assert (ended["exit"], recording["state"]) == ("completed", "complete"), (ended, recording)
    path = recording["path"]
    return {"path": path, "video": media.video(path), "audio": media.audio(path)}


def shows(video, places, colours):
    """For each frame, whether exactly these colours are at these places."""
    return numpy.all([media.is_colour(video.colours_at(x, y), c) for (x, y), c in zip(places, colours)], axis=0)


ARRANGEMENTS = {
    "early": (THREE, ("red", "blue", "yellow")),
    "middle": (FOUR, ("red", "blue", "yellow", "green")),
    "late": (THREE, ("red", "yellow", "green")),
}


def test_keyframes_of_an_undisturbed_recording_come_every_two_seconds(people):
    check_keyframes(people["path"])


def test_everybody_is_seen_in_a_tile_of_their_own(people):
    seen = {}
    for name, (places, colours) in ARRANGEMENTS.items():
        seen[name] = max(shows(people["video"], places, o).sum() for o in itertools.permutations(colours)) * FRAME
    assert seen["early"] == pytest.approx(3, abs=0.7), seen
    assert seen["middle"] == pytest.approx(3, abs=0.7), seen
    assert seen["late"] == pytest.approx(3, abs=0.7), seen


def test_everybody_is_heard_while_they_are_there(people):
    expected = {300: (0, 9), 500: (3, 9), 700: (0, 6), 1100: (0, 9)}
    for tone, (start, end) in expected.items():
        heard = media.tone_times(people["audio"], tone)
        assert len(heard), f"{tone} Hz is not heard"
        assert heard.min() == pytest.approx(start, abs=0.7), (tone, heard.min())
        assert heard.max() == pytest.approx(end, abs=0.7), (tone, heard.max())
        assert len(heard) * 0.1 >= (end - start) - 0.8, f"{tone} Hz has holes"


def test_who_leaves_does_not_leave_a_black_hole(people):
    """Every frame shows one whole arrangement: all tiles of those present have their colour, none is black."""
    first = people["video"].times[people["video"].times > 0.7]
    watched = people["video"].between(first[0], 8.4)
    whole = numpy.zeros(len(watched), bool)
    for places, colours in ARRANGEMENTS.values():
        for order in itertools.permutations(colours):
            whole |= shows(watched, places, order)
    broken = numpy.flatnonzero(~whole)
    runs = numpy.split(broken, numpy.flatnonzero(numpy.diff(broken) > 1) + 1)
    assert max(len(r) for r in runs) <= 1, [watched.times[r] for r in runs if len(r) > 1]


@pytest.mark.parametrize("layout, places", [("grid", FOUR), ("speaker", [(0.375, 0.5), *SIDE])])
def test_tiles_keep_the_order_of_the_description(shared_daemon, layout, places):
    """Not that in which decoders happen to be ready: the first one is the speaker."""
    names = ("red", "green", "blue", "yellow")
    # Large clips first: they take longest to open.
    files = [media.person(c, None, 12, s) for c, s in zip(names, ("1280x720", "640x360", "320x180", "160x90"))]
    shared_daemon.create(layout, "composite-recording", **CANVAS, layout=layout, participants=[
        {"name": n, "files": [f]} for n, f in zip(names, files)])
    until(lambda: sum(p["video"] for p in shared_daemon.conference(layout)["participants"]) == 4)
    shared_daemon.wait_media(layout, shared_daemon.media_seconds(layout) + 1)
    shared_daemon.stop(layout)
    path = shared_daemon.recording_of(layout)["path"]
    shown = media.video(path).between(media.duration(path) - 0.7, 99)
    assert shows(shown, places, names).all(), [shown.colours_at(x, y)[-1].tolist() for x, y in places]


def test_composite_of_real_clips_has_every_frame(shared_daemon):
    shared_daemon.create("clips", "composite-recording", **CANVAS, participants=[
        {"name": "ann", "files": [media.COCKATOO]}, {"name": "bob", "files": [media.MEGAMIND], "join": "500ms"},
        {"name": "cat", "files": [media.HELLO], "join": "1s"}])
    shared_daemon.wait_media("clips", 4)
    shared_daemon.stop("clips")
    recording = shared_daemon.recording_of("clips")
    assert recording["state"] == "complete", recording
    media.decodes_cleanly(recording["path"])
    shown = media.video(recording["path"])
    assert numpy.abs(numpy.diff(shown.times) - FRAME).max() < 0.002
    settled = shown.between(2, 99)
    for x, y in THREE:
        # A real picture: neither black nor standing still.
        tile = settled.frames[:, int(y * 90) - 15:int(y * 90) + 15, int(x * 160) - 25:int(x * 160) + 25].astype(int)
        assert tile.mean() > 15, (x, y)
        assert tile.std(axis=(1, 2)).mean() > 5, (x, y)
        assert numpy.abs(numpy.diff(tile, axis=0)).max(axis=(1, 2, 3)).mean() > 1, (x, y)
    assert numpy.abs(media.audio(recording["path"])).max() > 0.01


def test_clips_loop(shared_daemon):
    shared_daemon.create("loop", "composite-recording", **CANVAS, participants=[
        {"name": "ann", "files": [media.person("green", 500, 2)], "loop": True}])
    shared_daemon.wait_media("loop", 6)
    ended = shared_daemon.stop("loop")
    assert ended["exit"] == "stopped"
    path = shared_daemon.recording_of("loop")["path"]
    shown = media.video(path).between(0.7, 5.5)
    assert media.is_colour(shown.colours_at(0.5, 0.5), "green").mean() > 0.97
    heard = media.tone_times(media.audio(path), 500)
    assert len(heard[(heard > 0.7) & (heard < 5.5)]) >= 44


COPIES = {"hello-mp4": (media.HELLO, "mp4"), "hello-mkv": (media.HELLO, "mkv"), "bird-mp4": (media.COCKATOO, "mp4")}


@pytest.fixture(scope="module")
def copies(shared_daemon):
    """Passthrough of whole clips, side by side."""
    for name, (clip, container) in COPIES.items():
        shared_daemon.create(name, "passthrough-recording", running=False, container=container,
                             participant={"name": "ann", "files": [clip]})
    for name in COPIES:
        ended = shared_daemon.wait_ended(name, 60)
        assert ended["exit"] == "completed", ended
    return {name: shared_daemon.recording_of(name)["path"] for name in COPIES}


@pytest.mark.parametrize("name", COPIES)
@pytest.mark.parametrize("stream", ["v", "a"])
def test_passthrough_keeps_every_coded_packet(copies, name, stream):
    kept, original = (media.payload_digests(path, stream) for path in (copies[name], COPIES[name][0]))
    at = next((i for i, pair in enumerate(zip(kept, original)) if pair[0] != pair[1]), min(len(kept), len(original)))
    assert kept == original, f"{len(kept)} packets of {len(original)}, equal up to number {at}"


@pytest.mark.parametrize("name", COPIES)
def test_passthrough_decodes_and_lasts_as_long(copies, name):
    media.decodes_cleanly(copies[name])
    assert media.duration(copies[name]) == pytest.approx(media.duration(COPIES[name][0]), abs=0.1)


def test_the_stream_of_events_was_never_cut(shared_daemon):
    """All of the above listened on one."""
    assert shared_daemon.events.cuts == 0
