# SPDX-License-Identifier: LGPL-2.1-or-later
"""aic.py --recode PROGRAM [--clips DIR] [--prototype PROGRAM] [--frames N] [--quick]   (`ninja bench-aic` calls it)

What the lossless tier saves and costs, clip by clip: real clips, encoded by OpenH264 as browsers set it and by x264's
baseline, through both ends of the tunnel. Bytes are those on the wire with all headers and fallbacks; each line was restored
packet for packet. Beside x264 stands what its own CABAC saves on the same pictures.
`--clips`: a folder with more clips; `--prototype`: the research program, run on the same files in turn."""
import argparse
import json
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile

CLIPS = {
    "cockatoo": ("/usr/lib/python3/dist-packages/imageio/resources/images/cockatoo.mp4", "nature"),
    "megamind": ("/usr/share/doc/opencv-doc/examples/data/Megamind.avi", "film"),
    "street": ("/usr/share/doc/opencv-doc/examples/data/vtest.avi", "surveillance"),
    "tree": ("/usr/share/doc/opencv-doc/examples/data/tree.avi", "nature"),
    "hello": ("/usr/share/forensics-samples/original-files/movie2/movie-hello.mp4", "slides"),
}
RATES = (300, 600, 1000)
# After these the weights were averaged with which the coder begins (gst/aic/core/model/coder_prior.hpp): what the table says
# of them is not quite what a stream that nobody has seen gives. Marked with an asterisk.
TAUGHT = {"cockatoo", "megamind", "street", "hello"}


def raw(clip, frames, folder):
    """The first pictures, 512 wide and 25 a second at most, without loss; None when the clip has none. FFV1, because y4mdec
    (1.22) does not read every height."""
    out = folder / "raw.mkv"
    subprocess.run(["ffmpeg", "-v", "error", "-i", clip, "-vf", "fps='min(source_fps,25)',scale=512:-2,setsar=1",
                    "-frames:v", str(frames), "-pix_fmt", "yuv420p", "-c:v", "ffv1", "-an", "-y", out], check=False, capture_output=True)
    return out if out.exists() and out.stat().st_size else None


def encode(pictures, coder, out):
    line = (f"filesrc location={pictures} ! matroskademux ! avdec_ffv1 ! {coder} ! h264parse ! "
            f"video/x-h264,stream-format=byte-stream ! filesink location={out}")
    subprocess.run(["gst-launch-1.0", "-q", *line.split()], check=True, capture_output=True)
    return out


def coder_of(encoder, rate):
    return {"openh264": f"openh264enc usage-type=camera complexity=low rate-control=bitrate bitrate={rate}000 gop-size=3000",
            "x264": f"x264enc speed-preset=superfast bitrate={rate} key-int-max=3000 bframes=0 cabac=false tune=zerolatency ! "
                    "video/x-h264,profile=constrained-baseline"}[encoder]


def digest(stream):
    """Of all decoded samples."""
    return subprocess.run(["ffmpeg", "-v", "error", "-i", stream, "-f", "md5", "-"], check=True, capture_output=True).stdout


def cabac(pictures, size, folder):
    """What x264's CABAC saves, in % of the byte stream: at the constant quantiser whose CAVLC comes nearest to `size` bytes,
    coded both ways. At this preset x264 decides without counting bits, so that both are the same pictures: asserted."""
    def at(quantiser, on):
        profile = "main" if on else "baseline"
        return encode(pictures, f"x264enc speed-preset=superfast pass=quant quantizer={quantiser} key-int-max=3000 bframes=0 "
                                f"cabac={str(on).lower()} tune=zerolatency threads=1 option-string=weightp=0:8x8dct=0 ! "
                                f"video/x-h264,profile={profile}", folder / f"cabac-{on}-{quantiser}.264")

    low, high = 14, 48
    while low < high:
        middle = (low + high) // 2
        low, high = (middle + 1, high) if at(middle, False).stat().st_size > size else (low, middle)
    plain, coded = at(low, False), at(low, True)
    assert digest(plain) == digest(coded), "x264 decided differently with CABAC"
    return 100 - 100 * coded.stat().st_size / plain.stat().st_size


def recode(program, profile, streams):
    said = subprocess.run([program, "--profile", profile, *map(str, streams)], check=True, capture_output=True, text=True).stdout
    return [json.loads(line) for line in said.splitlines()]


def prototype(program, stream):
    """(saving in % of the byte stream, ms per access unit) of the research program with its best profile and a 2 MB table."""
    said = subprocess.run([program, "-q", "-o23", "-o24", "-o27", "-tb", "16", "-nodec", str(stream)], check=True,
                          capture_output=True, text=True).stdout
    return float(re.search(r"save\s+([\d.]+)%", said)[1]), float(re.search(r"enc p50 (\d+)", said)[1]) / 1000


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recode", required=True)
    parser.add_argument("--clips", type=pathlib.Path)
    parser.add_argument("--prototype")
    parser.add_argument("--frames", type=int, default=250)
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    clips = {name: (pathlib.Path(path), kind) for name, (path, kind) in CLIPS.items() if pathlib.Path(path).exists()}
    for path in sorted(options.clips.glob("*.mp4")) if options.clips else ():
        clips[path.stem] = (path, "head" if path.stem.startswith("d") else "screen")
    frames, rates = (60, (600,)) if options.quick else (options.frames, RATES)

    print("| clip | kind | encoder kbit/s | wire in | wire out | saved | enc, dec us/bit | enc ms p50, p99 | MB | CABAC |"
          + (" prototype |" if options.prototype else ""))
    print("|---|---|---|---|---|---|---|---|---|---|" + ("---|" if options.prototype else ""))
    savings, costs, total = {}, {"max": [], "lite": [], "fast": []}, [0, 0]
    for name, (path, kind) in clips.items():
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            pictures = raw(path, frames, folder)
            if pictures is None:
                print(f"{name} cannot be decoded", file=sys.stderr)
                continue
            for encoder in ("openh264", "x264"):
                for rate in rates:
                    stream = encode(pictures, coder_of(encoder, rate), folder / "stream.264")
                    row = recode(options.recode, "max", [stream])[0]
                    assert row["exact"] and row["coded"], row
                    line = (f"| {name}{'*' if name in TAUGHT else ''} | {kind} | {encoder} {rate} "
                            f"| {row['wire_in']} | {row['wire_out']} "
                            f"| {row['saving_percent']:.1f} % | {row['encode_us_per_bit']:.3f}, {row['decode_us_per_bit']:.3f} "
                            f"| {row['encode_ms'][0]:.1f}, {row['encode_ms'][1]:.1f} | {row['memory_mb'][0]:.1f} |")
                    line += f" {cabac(pictures, stream.stat().st_size, folder):.1f} % |" if encoder == "x264" else " |"
                    if options.prototype:
                        saved, took = prototype(options.prototype, stream)
                        line += f" {saved:.1f} %, {took:.1f} ms |"
                    print(line, flush=True)
                    savings.setdefault((encoder, kind), []).append((row["saving_percent"], name))
                    total[0] += row["wire_in"]
                    total[1] += row["wire_out"]
                    costs["max"].append((row["encode_us_per_bit"], row["decode_us_per_bit"]))
                    for profile in ("lite", "fast"):
                        other = recode(options.recode, profile, [stream])[0]
                        assert other["exact"], other
                        costs[profile].append((other["encode_us_per_bit"], other["decode_us_per_bit"], other["saving_percent"]))
    print()
    for (encoder, kind), found in sorted(savings.items()):
        print(f"{encoder}, {kind}: median {statistics.median(s for s, _ in found):.1f} %, worst {min(found)[0]:.1f} % ({min(found)[1]})")
    print("* the first weights were averaged after these clips at 600 kbit/s, see TAUGHT")
    print(f"all bytes: {100 - 100 * total[1] / max(total[0], 1):.1f} % saved")
    for profile, rows in costs.items():
        if not rows:
            continue
        print(f"{profile}: median {statistics.median(r[0] for r in rows):.3f} us of processor per native bit to code, "
              f"{statistics.median(r[1] for r in rows):.3f} to restore (= cores per Mbit/s)"
              + (f", {statistics.median(r[2] for r in rows):.1f} % saved" if len(rows[0]) > 2 else ""))
    print("losslessh264, published: 3.2 to 14 % of its own clips")


if __name__ == "__main__":
    main()
