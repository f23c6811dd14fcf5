# SPDX-License-Identifier: LGPL-2.1-or-later
"""A token and a secret parameter are known to those they were given to, and can be read nowhere else."""
import hashlib
import json
import pathlib

import pytest

import daemon as daemons

TOKEN = "tok-5f2c9d1e7b3a48f6"
SECRET = "sec-0a9b8c7d6e5f4321"


def places(d, extra):
    """Everything that somebody else may read, by name."""
    yield "log", json.dumps(d.log).encode()
    for pid in {d.pid, *daemons.marked(d.mark)}:
        for part in ("cmdline", "environ"):
            try:
                yield f"/proc/{pid}/{part}", pathlib.Path("/proc", str(pid), part).read_bytes()
            except OSError:
                continue
    for folder in (d.state, d.recordings):
        for file in folder.rglob("*"):
            if file.is_file():
                yield str(file), file.read_bytes()
    yield from extra.items()


def test_a_token_and_a_secret_can_be_read_nowhere(tmp_path):
    tokens = tmp_path / "tokens.json"
    tokens.write_text(json.dumps([{"name": "ci", "sha256": hashlib.sha256(TOKEN.encode()).hexdigest(),
                                   "scopes": ["admin"]}]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(daemons, "Events", lambda *_: None)  # asks without a token
        d = daemons.Daemon(tmp_path, "--tokens-file", tokens, "--log-level", "debug")
    head = {"Authorization": f"Bearer {TOKEN}"}
    try:
        said = {}
        def ask(method, path, body=None, expected=(200, 201, 202)):
            status, answer = d.request(method, path, body, head)
            said[f"{method} {path} {len(said)}"] = json.dumps(answer).encode()
            assert status in expected, answer
            return answer
        assert d.request("GET", "/status")[0] == 401
        wrong = d.request("GET", "/status", headers={"Authorization": f"Bearer {TOKEN}x"})
        said["wrong token"] = json.dumps(wrong).encode()
        assert wrong[0] == 401
        small = {"width": 320, "height": 180, "participants": 1}
        # A secret where none belongs: refused without being repeated.
        ask("POST", "/v1/conferences", {"pipeline": "test-conference", "parameters": small | {"password": SECRET}}, (422,))
        ask("POST", "/v1/conferences", {"pipeline": "test-conference", "parameters": small | {"width": SECRET + "x" * 80}},
            (422,))
        ask("PUT", "/v1/conferences/demo", {"pipeline": "test-conference", "parameters": small})
        daemons.until(lambda: ask("GET", "/v1/conferences/demo")["state"] == "running", 40)
        daemons.until(lambda: ask("GET", "/v1/conferences/demo")["branches"]["record"]["mediaSeconds"] > 1, 40)
        for path in ("/status", "/metrics", "/v1/conferences/demo/graph", "/v1/events", "/v1/recordings"):
            ask("GET", path)
        running = list(places(d, said))
        ask("POST", "/v1/conferences/demo/stop")
        daemons.until(lambda: ask("GET", "/v1/conferences/demo")["state"] == "ended", 60)
        found = [name for name, content in [*running, *places(d, said)]
                 for word in (TOKEN, SECRET) if word.encode() in content]
        assert not found, found
        # The measure finds what is there: the digest is in no file of ours either, the name is in the log.
        assert any(b'"principal": "ci"' in content for name, content in running if name == "log")
        assert any(name.endswith("/environ") and d.mark.encode() in content for name, content in running)
    finally:
        d.process.terminate()
        d.process.wait(45)
