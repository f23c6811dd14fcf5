# SPDX-License-Identifier: LGPL-2.1-or-later
"""One conference without a daemon: tests/orchestrator/pipeline/conference_stdio, steered by lines and judged by its
files."""
import json
import os
import pathlib
import queue
import subprocess
import threading
import time

PROGRAM = pathlib.Path(os.environ.get("AURALINK_BUILD", "build")) / "tests/orchestrator/pipeline/conference_stdio"
SUFFIX = {"mp4": ".mp4", "webm": ".webm", "mkv": ".mkv", "ogg": ".ogg", "segments": "", "hls": ""}
SIZE = {"width": 320, "height": 180, "fps": 30}
ENCODE = {"h264": {"of": "video", "codec": "h264", "bitrate": 800000, "keyframe": "2s"},
          "vp8": {"of": "video", "codec": "vp8", "bitrate": 800000, "keyframe": "2s"},
          "aac": {"of": "audio", "codec": "aac"}, "opus": {"of": "audio", "codec": "opus"}}


def described(source, branches, **more):
    return {"apiVersion": "auralink/v1", "kind": "Pipeline", "name": "recorded", "why": "a test", "source": source,
            "mix": {"video": {"mode": "compositor", **SIZE}, "audio": {"mode": "mixer"}}, "encode": ENCODE,
            "branches": branches, **more}


def files(*participants):
    return {"kind": "file", "participants": list(participants)}


class Recorder:
    def __init__(self, folder, description):
        self.folder = pathlib.Path(folder)
        self._containers = {n: b["container"] for n, b in description.get("branches", {}).items()}
        # Beside the recordings, because a test may let their disk run full.
        text = self.folder.parent / (self.folder.name + ".json")
        text.write_text(json.dumps(description))
        self._process = subprocess.Popen([str(PROGRAM), str(text), str(self.folder)], stdin=subprocess.PIPE,
                                         stdout=subprocess.PIPE, text=True)
        self._news = queue.Queue()
        self.heard, self.stats = [], {"branches": {}, "people": []}
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self._process.stdout:
            self._news.put(json.loads(line))
        self._news.put(None)

    def path(self, branch):
        return self.folder / (branch + SUFFIX[self._containers[branch]])

    def say(self, *words):
        self._process.stdin.write(" ".join(words) + "\n")
        self._process.stdin.flush()

    def add(self, name, **branch):
        self._containers[name] = branch["container"]
        self.say("add", name, json.dumps({"kind": "file", **branch}))

    def until(self, done, seconds=60):
        """Takes news until `done()`."""
        deadline = time.monotonic() + seconds
        while not done():
            try:
                news = self._news.get(timeout=max(0.01, deadline - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"still waiting; heard {self.heard[-20:]}, {self.stats}") from None
            if news is None:
                assert done(), f"it ended; heard {self.heard[-20:]}"
                return
            if "stats" in news:
                self.stats = news["stats"]
            else:
                self.heard.append(news)

    def state(self, branch):
        return next((h for h in reversed(self.heard) if h.get("branch") == branch), {"state": None})

    def wait_state(self, branch, state, seconds=60):
        self.until(lambda: self.state(branch)["state"] == state, seconds)
        return self.state(branch)

    def media(self, branch):
        return self.stats["branches"].get(branch, {}).get("media", 0)

    def wait_media(self, branch, seconds):
        self.until(lambda: self.media(branch) >= seconds)

    def stop(self):
        self.say("stop")
        self.until(lambda: any("ended" in h for h in self.heard))
        assert self._process.wait(20) == 0

    def close(self):
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait(10)
        self._process.stdin.close()
