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
    """The far and the near line."""
    with open(os.path.join(top, "gst/aic/README.md"), encoding="utf-8") as f:
        block = next(b for b in re.findall(r"^```sh\n(.*?)^```", f.read(), re.S | re.M) if "rtcp_src" in b)
    lines = [line for line in block.replace("\\\n", " ").split("\n") if line.strip()]
    assert len(lines) == 2 and "rtpaicdecompress" in lines[0] and "rtpaiccompress" in lines[1], lines
    return lines


def replaced(line, pairs):
    for old, new in pairs:
        assert old in line, f"the README's line has no {old!r}: {line}"
        line = line.replace(old, new)
    return shlex.split(line)


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


def run_pair(top, folder, back_channel):
    far_line, near_line = documented(top)
    rtp, rtcp = free_ports(2)
    pipe, kept = os.path.join(folder, "far.264"), os.path.join(folder, "near.264")
    os.mkfifo(pipe)
    far_pairs = [("udpsrc port=5000", f"udpsrc address=127.0.0.1 port={rtp} buffer-size=2000000"),
                 ("location=out.264", f"location={pipe} buffer-mode=unbuffered"), ("SENDER port=5001", f"127.0.0.1 port={rtcp}")]
    near_pairs = [("location=clip.mp4", f"location={CLIP}"), ("openh264enc", ENCODER), ("RECEIVER port=5000", f"127.0.0.1 port={rtp}"),
                  ("udpsrc port=5001", f"udpsrc address=127.0.0.1 port={rtcp}")]
    far_args = replaced(far_line, far_pairs)
    near_args = replaced(near_line + f" t. ! queue ! filesink location={kept}", near_pairs)
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
    print(f"back channel {back_channel}: {len(sent)} bytes equal; messages {causes or 'none'}")


def main():
    top = os.path.abspath(sys.argv[1])
    for back_channel in (True, False):
        with tempfile.TemporaryDirectory() as folder:
            run_pair(top, folder, back_channel)


if __name__ == "__main__":
    main()
