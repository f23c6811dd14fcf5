# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a recording leaves is opened in a real browser: played to its end, scrubbed by its sprites. The browser's own
media events are the witness."""
import pathlib

import pytest

import browser as browsers
import media
from test_branches import CANVAS

# Plays muted and fast to the end; answers with every event that a viewer would have noticed.
PLAY = """
const [url, done] = arguments, v = document.createElement('video'), seen = [];
v.muted = true; v.playbackRate = 2;
const say = e => seen.push({what: e.type, at: v.currentTime, error: v.error && v.error.message});
for (const what of ['loadedmetadata', 'playing', 'stalled', 'waiting', 'error', 'ended']) v.addEventListener(what, say);
const finish = () => {
  const quality = v.getVideoPlaybackQuality();
  const canvas = document.createElement('canvas');
  canvas.width = v.videoWidth; canvas.height = v.videoHeight;
  let pixel = null;
  if (v.videoWidth) {
    const pen = canvas.getContext('2d');
    pen.drawImage(v, 0, 0);
    pixel = [...pen.getImageData(v.videoWidth >> 2, v.videoHeight >> 1, 1, 1).data];
  }
  done({seen, at: v.currentTime, duration: v.duration, width: v.videoWidth, height: v.videoHeight, pixel,
        frames: quality.totalVideoFrames, seekable: v.seekable.length ? v.seekable.end(0) : 0});
};
v.addEventListener('ended', finish);
v.addEventListener('error', finish);
document.body.append(v);
v.src = url;
v.play().catch(() => {});
"""

# Reads a thumbnails track as players do: by the browser's own WebVTT parser, and looks at the tiles it names.
SCRUB = """
const [url, done] = arguments, v = document.createElement('video'), t = document.createElement('track');
t.kind = 'metadata'; t.src = url; t.default = true;
t.addEventListener('error', () => done({error: 'the track does not load'}));
t.addEventListener('load', async () => {
  try {
    const tiles = [], images = new Map();
    for (const cue of t.track.cues) {
      const found = /^(.+)#xywh=(\\d+),(\\d+),(\\d+),(\\d+)$/.exec(cue.text.trim());
      if (!found) return done({error: 'no fragment in ' + cue.text});
      const at = new URL(found[1], url).href, [x, y, w, h] = found.slice(2).map(Number);
      if (!images.has(at)) {
        const image = new Image();
        image.src = at;
        await image.decode();
        images.set(at, image);
      }
      const image = images.get(at), canvas = document.createElement('canvas');
      canvas.width = w; canvas.height = h;
      const pen = canvas.getContext('2d');
      pen.drawImage(image, x, y, w, h, 0, 0, w, h);
      tiles.push({from: cue.startTime, to: cue.endTime, inside: x + w <= image.naturalWidth && y + h <= image.naturalHeight,
                  left: [...pen.getImageData(w >> 2, h >> 1, 1, 1).data], right: [...pen.getImageData(3 * w >> 2, h >> 1, 1, 1).data]});
    }
    done({tiles, sheets: images.size});
  } catch (e) { done({error: String(e)}); }
});
v.append(t);
document.body.append(v);
t.track.mode = 'hidden';
"""


@pytest.fixture(scope="module")
def chromium(tmp_path_factory):
    if why := browsers.missing():
        pytest.skip(why)
    one = browsers.Browser(tmp_path_factory.mktemp("profile"))
    yield one
    one.close()


def played_to_the_end(chromium, folder, name, seconds):
    with browsers.served(folder) as url:
        chromium.open(url)
        told = chromium.run(PLAY, f"{url}/{name}")
    what = [e["what"] for e in told["seen"]]
    assert "error" not in what and what[-1] == "ended", told
    assert abs(told["duration"] - seconds) < 0.1 and told["at"] >= told["duration"] - 0.05, told
    assert told["frames"] > seconds * 15, told  # at twice the speed Chromium may leave some out
    return told


def test_an_hls_recording_plays_to_its_end(daemon, chromium):
    daemon.create("web", "hls-recording", **CANVAS, participants=[
        {"name": "ann", "files": [media.person("red", 300, 16)]},
        {"name": "bob", "files": [media.person("blue", 600, 16)]}])
    daemon.wait_media("web", 13)
    daemon.stop("web")
    recording = daemon.wait_recording(daemon.recording_of("web")["id"], "complete")
    folder = pathlib.Path(recording["path"])
    playlist = (folder / "playlist.m3u8").read_text()
    assert playlist.count("#EXTINF") >= 2 and playlist.rstrip().endswith("#EXT-X-ENDLIST"), playlist
    told = played_to_the_end(chromium, folder, "playlist.m3u8", recording["durationSeconds"])
    assert (told["width"], told["height"]) == (CANVAS["width"], CANVAS["height"])


def test_an_mp4_and_its_sprites_open_in_a_browser(daemon, chromium):
    """Ann is red on the left, Bob blue on the right, in the picture and in every tile of the sprite sheet."""
    daemon.create("scrub", "composite-recording", **CANVAS, participants=[
        {"name": "ann", "files": [media.person("red", 300, 14)]},
        {"name": "bob", "files": [media.person("blue", 600, 14)]}])
    made = daemon.record("scrub", previews={"interval": "2s"})
    daemon.wait_media("scrub", 9, made["branch"])
    daemon.stop("scrub")
    recording = daemon.wait_processed(made["id"])
    path = pathlib.Path(recording["path"])
    told = played_to_the_end(chromium, path.parent, path.name, recording["durationSeconds"])
    assert told["seekable"] >= told["duration"] - 0.05, told
    [vtt] = [a["path"] for a in recording["artifacts"] if a["kind"] == "vtt"]
    with browsers.served(path.parent) as url:
        chromium.open(url)
        scrubbed = chromium.run(SCRUB, f"{url}/{pathlib.Path(vtt).name}")
    assert "error" not in scrubbed, scrubbed
    tiles = scrubbed["tiles"]
    assert len(tiles) >= 4 and tiles[0]["from"] == 0 and all(t["inside"] for t in tiles), tiles
    assert all(abs(a["to"] - b["from"]) < 0.002 for a, b in zip(tiles, tiles[1:])), tiles
    assert abs(tiles[-1]["to"] - recording["durationSeconds"]) < 0.1, (tiles[-1], recording)
    for tile in tiles[1:]:  # the first shows the very beginning, before the clips' first pictures
        assert tile["left"][0] > 150 > tile["left"][2] and tile["right"][2] > 150 > tile["right"][0], tile
