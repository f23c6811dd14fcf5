# SPDX-License-Identifier: LGPL-2.1-or-later
"""Looks at media files the way a viewer does: by decoding them. ffprobe and ffmpeg read, numpy measures."""
import dataclasses
import hashlib
import json
import os
import pathlib
import subprocess
import tempfile

import numpy

RATE = 48000

# Clips that Debian ships (imageio, opencv-doc, forensics-samples-files).
COCKATOO = "/usr/lib/python3/dist-packages/imageio/resources/images/cockatoo.mp4"  # H.264 20 fps, MP3; 14.0 s
MEGAMIND = "/usr/share/doc/opencv-doc/examples/data/Megamind.avi"  # MPEG-4 23.98 fps 720x528, AC-3; 11.3 s
HELLO = "/usr/share/forensics-samples/original-files/movie2/movie-hello.mp4"  # H.264 30 fps, AAC; 8.3 s

COLOURS = {"red": (220, 30, 30), "green": (20, 200, 20), "blue": (30, 30, 220), "yellow": (220, 220, 30),
           "magenta": (220, 30, 220), "cyan": (30, 220, 220)}


def run(*command):
    done = subprocess.run([str(c) for c in command], capture_output=True, check=False, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, f"{' '.join(map(str, command))}\n{done.stderr.decode(errors='replace')[-2000:]}"
    return done.stdout


# --- clips ---------------------------------------------------------------------------------------------------------

def clip(name, *arguments):
    """A clip made by ffmpeg once; the name holds a digest of how, and it appears whole or not at all."""
    folder = pathlib.Path(os.environ.get("AURALINK_E2E_CLIPS") or tempfile.gettempdir()) / "auralink-clips"
    folder.mkdir(parents=True, exist_ok=True)
    stem, suffix = os.path.splitext(name)
    digest = hashlib.sha256("\0".join(map(str, arguments)).encode()).hexdigest()[:12]
    target = folder / f"{stem}-{digest}{suffix}"
    if not target.exists():
        fresh = folder / f"{stem}-{digest}-{os.getpid()}{suffix}"
        run("ffmpeg", "-v", "error", "-y", *arguments, fresh)
        fresh.rename(target)
    return str(target)


VIDEO = ("-c:v", "libx264", "-preset", "ultrafast", "-g", "30", "-bf", "0", "-pix_fmt", "yuv420p")
AUDIO = ("-c:a", "aac", "-b:a", "96k", "-ar", str(RATE))


def person(colour, tone=None, seconds=12, size="320x180"):
    """One participant's clip: a plain colour, and a tone in Hz unless there is to be no sound."""
    rgb = "0x%02x%02x%02x" % COLOURS[colour]
    picture = ("-f", "lavfi", "-i", f"color=c={rgb}:s={size}:r=30:d={seconds}")
    if tone is None:
        return clip(f"{colour}.mp4", *picture, *VIDEO)
    sound = ("-f", "lavfi", "-i", f"sine=f={tone}:r={RATE}:d={seconds},volume=2")
    return clip(f"{colour}.mp4", *picture, *sound, *VIDEO, *AUDIO)


def voice(tone, seconds=12):
    """Sound without a picture."""
    return clip("voice.wav", "-f", "lavfi", "-i", f"sine=f={tone}:r={RATE}:d={seconds},volume=2")


def flash_and_beep(seconds=20):
    """Every second a white picture and a 1 kHz beep begin together and last 100 ms, first at 1.0 s."""
    picture = f"color=c=black:s=320x180:r=30:d={seconds},drawbox=c=white:t=fill:enable='lt(mod(n,30),3)*gte(n,30)'"
    sound = f"aevalsrc='0.7*sin(2*PI*1000*t)*lt(mod(t,1),0.1)*gte(t,1)':s={RATE}:d={seconds}"
    return clip("flash.mp4", "-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", sound, *VIDEO, *AUDIO)


# --- what a file says of itself -------------------------------------------------------------------------------------

def probe(path):
    return json.loads(run("ffprobe", "-v", "error", "-show_format", "-show_streams", "-of", "json", path))


def codecs(path):
    return sorted(s["codec_name"] for s in probe(path)["streams"])


def duration(path):
    return float(probe(path)["format"]["duration"])


@dataclasses.dataclass
class Packet:
    pts: float
    keyframe: bool


def packets(path, stream="v"):
    """Coded packets in file order."""
    out = json.loads(run("ffprobe", "-v", "error", "-select_streams", f"{stream}:0", "-show_entries",
                         "packet=pts_time,flags", "-of", "json", path))["packets"]
    return [Packet(float(p["pts_time"]), "K" in p["flags"]) for p in out]


def keyframe_times(path):
    return [p.pts for p in packets(path) if p.keyframe]


def payload_digests(path, stream):
    """One digest per coded packet of the stream, in decoding order: what passthrough must keep. Of H.264 only the
    pictures count: parameter sets and SEI may be said again without anything being coded anew."""
    pictures = ("-bsf:v", "filter_units=pass_types=1-5") if "h264" in codecs(path) and stream == "v" else ()
    out = run("ffmpeg", "-v", "fatal", "-i", path, "-map", f"0:{stream}:0", "-c", "copy", *pictures, "-f", "framehash",
              "-hash", "md5", "-").decode()
    # stream, dts, pts, duration, size, digest, and then side data such as the padding of the container
    digests = [line.split(",")[5].strip() for line in out.splitlines() if line and not line.startswith("#")]
    # What an edit list cuts off at the end belongs to the file, but not to the clip; ffprobe flags it D.
    flags = run("ffprobe", "-v", "error", "-select_streams", f"{stream}:0", "-show_entries", "packet=flags", "-of",
                "csv=p=0", path).decode().split()
    assert len(flags) == len(digests), path
    while flags and "D" in flags[-1]:
        flags.pop()
    return digests[:len(flags)]


def mp4_boxes(path):
    """Names of the top-level boxes, in order."""
    boxes = []
    with open(path, "rb") as f:
        size = os.fstat(f.fileno()).st_size
        at = 0
        while at + 8 <= size:
            f.seek(at)
            head = f.read(16)
            length, name = int.from_bytes(head[:4], "big"), head[4:8].decode("latin-1")
            if length == 1:
                length = int.from_bytes(head[8:16], "big")
            boxes.append(name)
            if length == 0:
                break
            at += length
    return boxes


# --- decoding ------------------------------------------------------------------------------------------------------

def decodes_cleanly(path):
    """Every frame of every stream decodes, and ffmpeg finds nothing to complain about."""
    done = subprocess.run(["ffmpeg", "-v", "error", "-xerror", "-i", str(path), "-f", "null", "-"],
                          capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    assert done.returncode == 0 and not done.stderr.strip(), f"{path}: {done.stderr[-2000:]}"


@dataclasses.dataclass
class Video:
    times: numpy.ndarray  # seconds, presentation order
    frames: numpy.ndarray  # count x height x width x 3

    def __len__(self):
        return len(self.times)

    def between(self, start, end):
        chosen = (self.times >= start) & (self.times < end)
        return Video(self.times[chosen], self.frames[chosen])

    def colours_at(self, x, y, radius=2):
        """Mean colour around one place, given in parts of width and height, for every frame."""
        height, width = self.frames.shape[1:3]
        cx, cy = int(x * width), int(y * height)
        return self.frames[:, cy - radius:cy + radius + 1, cx - radius:cx + radius + 1].mean(axis=(1, 2))


def video(path, width=160, height=90):
    raw = run("ffmpeg", "-v", "error", "-i", path, "-map", "0:v:0", "-fps_mode", "passthrough", "-sws_flags", "area",
              "-s", f"{width}x{height}", "-pix_fmt", "rgb24", "-f", "rawvideo", "-")
    frames = numpy.frombuffer(raw, numpy.uint8).reshape(-1, height, width, 3)
    times = numpy.array(sorted(p.pts for p in packets(path)))
    assert len(times) == len(frames), f"{path}: {len(times)} packets, {len(frames)} frames decoded"
    return Video(times, frames)


def audio(path):
    """Mono samples at 48 kHz; sample 0 is the file's time 0, gaps are silence."""
    raw = run("ffmpeg", "-v", "error", "-i", path, "-map", "0:a:0", "-af",
              f"aresample={RATE}:async=1:first_pts=0", "-ac", "1", "-f", "f32le", "-")
    return numpy.frombuffer(raw, numpy.float32)


# --- measuring -----------------------------------------------------------------------------------------------------

def is_colour(measured, colour, tolerance=60):
    return numpy.abs(numpy.asarray(measured) - numpy.array(COLOURS[colour])).max(axis=-1) < tolerance


def tone_level(samples, frequency):
    """Amplitude of one frequency in the samples, 1.0 for a full-scale sine."""
    window = numpy.hanning(len(samples))
    phase = numpy.exp(-2j * numpy.pi * frequency * numpy.arange(len(samples)) / RATE)
    return 2 * abs((samples * window * phase).sum()) / window.sum()


def tone_times(samples, frequency, level=0.02, step=0.1):
    """Middle times of the steps in which the tone sounds."""
    size = int(RATE * step)
    starts = range(0, len(samples) - size + 1, size)
    return numpy.array([(s + size / 2) / RATE for s in starts if tone_level(samples[s:s + size], frequency) > level])


def flash_onsets(shown, x=0.5, y=0.5):
    light = shown.colours_at(x, y).mean(axis=1) > 128
    rising = numpy.flatnonzero(light[1:] & ~light[:-1]) + 1
    return shown.times[rising]


def beep_onsets(samples, frequency=1000):
    """Where the beep begins, to about two milliseconds."""
    size = RATE // 500
    count = len(samples) // size
    blocks = samples[:count * size].reshape(count, size)
    wave = numpy.exp(-2j * numpy.pi * frequency * numpy.arange(size) / RATE)
    levels = 2 * numpy.abs((blocks * wave).sum(axis=1)) / size
    loud = levels > levels.max() / 2
    onsets, last = [], -1.0
    for i in numpy.flatnonzero(loud[1:] & ~loud[:-1]) + 1:
        at = i * size / RATE
        if at - last > 0.5:
            onsets.append(at)
            last = at
    return numpy.array(onsets)
