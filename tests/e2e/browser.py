# SPDX-License-Identifier: LGPL-2.1-or-later
"""Headless Chromium for tests, steered over the WebDriver protocol (W3C) by Debian's chromedriver, and a web server
for the folder it looks at. Loopback only."""
import contextlib
import functools
import http.server
import json
import pathlib
import re
import shutil
import subprocess
import threading
import urllib.request

CHROMIUM, CHROMEDRIVER = "/usr/bin/chromium", "/usr/bin/chromedriver"


def missing():
    """Why there is no browser, or None."""
    absent = [p for p in (CHROMIUM, CHROMEDRIVER) if not shutil.which(p)]
    return f"{', '.join(absent)} not installed (packaging/install-deps does)" if absent else None


class _Quiet(http.server.SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    extensions_map = http.server.SimpleHTTPRequestHandler.extensions_map | {
        ".m3u8": "application/vnd.apple.mpegurl", ".m4s": "video/iso.segment", ".vtt": "text/vtt"}

    def log_message(self, *_):
        pass

    def do_GET(self):  # with byte ranges (RFC 9110 section 14), without which no browser seeks
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        path = pathlib.Path(self.translate_path(self.path))
        if not asked or not path.is_file():
            return super().do_GET()
        size = path.stat().st_size
        first, last = int(asked[1]), min(int(asked[2] or size - 1), size - 1)
        if first > last:
            return self.send_error(416)
        self.send_response(206)
        self.send_header("Content-Type", self.guess_type(str(path)))
        self.send_header("Content-Range", f"bytes {first}-{last}/{size}")
        self.send_header("Content-Length", str(last - first + 1))
        self.end_headers()
        with path.open("rb") as file, contextlib.suppress(ConnectionError):
            file.seek(first)
            self.wfile.write(file.read(last - first + 1))
        return None


@contextlib.contextmanager
def served(folder):
    """URL of the folder."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


class Browser:
    def __init__(self, profile):
        # A group of its own: whatever Chromium starts ends with it.
        self._driver = subprocess.Popen([CHROMEDRIVER, "--port=0"], stdout=subprocess.PIPE, text=True,
                                        stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
        port = None
        for line in self._driver.stdout:
            if found := re.search(r"successfully on port (\d+)", line):
                port = found.group(1)
                break
        assert port, "chromedriver does not start"
        threading.Thread(target=self._driver.stdout.read, daemon=True).start()
        self._base = f"http://127.0.0.1:{port}"
        arguments = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
                     "--disable-background-networking", "--autoplay-policy=no-user-gesture-required",
                     f"--user-data-dir={profile}"]
        session = self._call("POST", "/session", {"capabilities": {"alwaysMatch": {
            "goog:chromeOptions": {"binary": CHROMIUM, "args": arguments}}}})
        self._session = f"/session/{session['sessionId']}"
        self._call("POST", self._session + "/timeouts", {"script": 90_000, "pageLoad": 30_000})

    def _call(self, method, path, body=None):
        request = urllib.request.Request(self._base + path, method=method,
                                         data=None if body is None else json.dumps(body).encode(),
                                         headers={"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=120) as answer:
            return json.loads(answer.read())["value"]

    def open(self, url):
        self._call("POST", self._session + "/url", {"url": url})

    def run(self, script, *arguments):
        """What the script gives to its last argument, a callback."""
        return self._call("POST", self._session + "/execute/async", {"script": script, "args": list(arguments)})

    def close(self):
        try:
            self._call("DELETE", self._session)
        finally:
            self._driver.terminate()
            self._driver.wait(10)
