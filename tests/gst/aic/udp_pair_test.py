#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs the two machines of gst/aic/README.md as two processes over UDP, with and without their back channel: what the far
one writes must be the encoder's own output, byte for byte.

The lines are the README's; replaced are hosts, ports, the clip, and the encoder, behind which a tee keeps what it made.
"""
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import threading

CLIP = "/usr/lib/python3/dist-packages/imageio/resources/images/cockatoo.mp4"
FRAMES = 80  # four seconds; the sender keeps the clip's pace
ENCODER = ("identity eos-after=%d ! videoscale ! video/x-raw,width=512,height=288 ! openh264enc bitrate=600000 gop-size=250 "
           "! tee name=t ! queue" % FRAMES)
TIMEOUT_S = 90


def free_ports(count):
    sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(count)]
    for s in sockets:
        s.bind(("127.0.0.1", 0))
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


def documented(top):
    """The pairs of a far and a near line."""
    with open(os.path.join(top, "gst/aic/README.md"), encoding="utf-8") as f:
        blocks = [b for b in re.findall(r"^```sh\n(.*?)^```", f.read(), re.S | re.M) if "rtcp_src" in b]
    pairs = [[line for line in b.replace("\\\n", " ").split("\n") if line.strip()] for b in blocks]
    assert len(pairs) == 2, "the README shows a plain pair and one with rtpbin"
    for pair in pairs:
        assert len(pair) == 2 and "rtpaicdecompress" in pair[0] and "rtpaiccompress" in pair[1], pair
    return pairs


def local(line, ports):
    """A line of the README as it runs here."""
    line = re.sub(r"udpsrc port=(\d+)", lambda m: f"udpsrc address=127.0.0.1 port={ports[m[1]]} buffer-size=2000000", line)
    return re.sub(r"host=(?:SENDER|RECEIVER) port=(\d+)", lambda m: f"host=127.0.0.1 port={ports[m[1]]}", line)


def replaced(line, old, new):
    assert line.count(old) == 1, f"the README's line has {old!r} {line.count(old)} times: {line}"
    return line.replace(old, new)


class Reader(threading.Thread):
    """Reads a pipe that the far end writes."""

    def __init__(self, path):
        super().__init__(daemon=True)
        self.path = path
        self.data = bytearray()
        self.arrived = threading.Condition()
        self.start()

    def run(self):
        with open(self.path, "rb", buffering=0) as pipe:
            while chunk := pipe.read(1 << 16):
                with self.arrived:
                    self.data += chunk
                    self.arrived.notify_all()

    def wait_for(self, size):
        with self.arrived:
            return self.arrived.wait_for(lambda: len(self.data) >= size, TIMEOUT_S)


def run_pair(pair, folder, back_channel):
    ports = dict(zip(("5000", "5001", "5002"), map(str, free_ports(3))))
    pipe, kept = os.path.join(folder, "far.264"), os.path.join(folder, "near.264")
    os.mkfifo(pipe)
    far_line, near_line = (local(line, ports) for line in pair)
    far_line = replaced(far_line, "location=out.264", f"location={pipe} buffer-mode=unbuffered")
    near_line = replaced(near_line, "location=clip.mp4", f"location={CLIP}")
    near_line = replaced(near_line, "openh264enc", ENCODER) + f" t. ! queue ! filesink location={kept}"
    far_args, near_args = shlex.split(far_line), shlex.split(near_line)
    if not back_channel:
        far_args = far_args[:far_args.index("d.rtcp_src")]
        cut = near_args.index("udpsrc")
        near_args = near_args[:cut] + near_args[near_args.index("c.rtcp_sink") + 1:]
    near_args.insert(1, "-m")

    reader = Reader(pipe)
    far = subprocess.Popen(far_args, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        heard = []
        for line in far.stdout:  # its socket is open when the pipeline is live
            heard.append(line)
            if "live" in line:
                break
        else:
            raise AssertionError("the far end did not start:\n" + "".join(heard))
        near = subprocess.run(near_args, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
        assert near.returncode == 0 and "ERROR" not in near.stdout, near.stdout[-3000:] + near.stderr
        with open(kept, "rb") as f:
            sent = f.read()
        assert len(sent) > 50_000, "the encoder made nothing"
        assert reader.wait_for(len(sent)), f"{len(reader.data)} of {len(sent)} bytes arrived"
    finally:
        far.send_signal(signal.SIGINT)
        rest, _ = far.communicate(timeout=TIMEOUT_S)
    reader.join(TIMEOUT_S)
    assert far.returncode == 0, rest
    assert bytes(reader.data) == sent, "other bytes than the encoder's came out"
    causes = re.findall(r"rtpaiccompress, state=\(string\)(\w+), reason=\(string\)([^;]*);", near.stdout)
    assert ("native", "unverified") not in causes and ("native", "peer") not in causes, causes
    print(f"{'rtpbin' if 'rtpbin' in pair[0] else 'plain'}, back channel {back_channel}: {len(sent)} bytes equal; messages {causes or 'none'}")


def main():
    plain, with_rtpbin = documented(os.path.abspath(sys.argv[1]))
    for pair, back_channel in ((plain, True), (plain, False), (with_rtpbin, True)):
        with tempfile.TemporaryDirectory() as folder:
            run_pair(pair, folder, back_channel)


if __name__ == "__main__":
    main()
