# SPDX-License-Identifier: LGPL-2.1-or-later
"""schemathesis makes requests out of openapi.json, good and bad ones, and holds a live daemon to its own words."""
import hashlib
import json
import os
import pathlib
import subprocess

import pytest

import daemon as daemons

LOCK = pathlib.Path(__file__).resolve().parents[2] / "packaging" / "openapi.lock"
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "auralink"
PROGRAM = CACHE / f"openapi-{hashlib.sha256(LOCK.read_bytes()).hexdigest()[:12]}" / "bin" / "schemathesis"
SECONDS = 60

# What a schema cannot say: which pipelines there are, what their parameters are, which recordings are live. Such
# requests may be refused although their form is right.
CONFIG = """
[generation]
allow-x00 = false
database = "none"

[checks.positive_data_acceptance]
expected-statuses = ["2xx", "304", "400", "404", "409", "412", "422", "429", "503"]

# 503 with its reason is how admission refuses what would not fit on the machine.
[checks.not_a_server_error]
expected-statuses = ["2xx", "3xx", "4xx", "503"]

[checks.negative_data_rejection]
expected-statuses = ["400", "401", "403", "404", "405", "406", "409", "411", "412", "415", "422", "428", "429", "431", "5xx"]

[checks.unsupported_method]
enabled = true
"""


def test_a_live_daemon_keeps_to_its_description(shared_daemon, tmp_path):
    if not PROGRAM.exists():
        pytest.skip(f"schemathesis is not installed in {PROGRAM.parent.parent}: run packaging/install-deps")
    d = shared_daemon
    d.create("demo", "test-conference", width=320, height=180, participants=1)
    config = tmp_path / "schemathesis.toml"
    config.write_text(CONFIG)
    before = d.get("/status")["uptimeSeconds"]
    done = subprocess.run(
        [str(PROGRAM), "--config-file", str(config), "run", d.url + "/openapi.json", "--seed", "1", "--workers", "1",
         "--max-time", str(SECONDS), "--phases", "examples,coverage,fuzzing", "--max-examples", "20", "--no-color",
         "--exclude-path", "/v1/events", "--continue-on-failure"],
        capture_output=True, text=True, timeout=SECONDS * 4, cwd=tmp_path, check=False,
        env=os.environ | {"HYPOTHESIS_STORAGE_DIRECTORY": str(tmp_path / "hypothesis")})
    assert done.returncode == 0, done.stdout[-40_000:] + done.stderr[-2000:]
    assert d.get("/status")["uptimeSeconds"] >= before, "it is still the same daemon"
    errors = [line for line in d.log if line.get("level") == "error" and line.get("msg") == "request failed"]
    assert not errors, errors


def test_a_key_outlives_the_daemon(tmp_path):
    """An answer given before kill -9 is given again after it, and nothing is recorded twice."""
    d = daemons.Daemon(tmp_path)
    try:
        d.create("demo", "test-conference", width=320, height=180, participants=1)
        body, head = {"conference": "demo", "id": "film"}, {"Idempotency-Key": "8e03978e"}
        first = d.request("POST", "/v1/recordings", body, head)
        last = d.events.all()[-1]["seq"]
        d.kill()
        d.start()
        assert first[0] == 201 and d.request("POST", "/v1/recordings", body, head) == first
        assert d.request("POST", "/v1/recordings", body | {"container": "mkv"}, head)[0] == 422
        # The stream goes on where it was, across the restart.
        seen = [event["seq"] for event in d.events.all()]
        assert seen[:last] == list(range(1, last + 1)), seen
    finally:
        d.close()


def test_every_answer_of_the_other_tests_is_described(shared_daemon):
    """The measure itself: an answer that is not as described is noticed by the client of these tests."""
    contract = daemons.Contract(shared_daemon.get("/openapi.json"))
    good = shared_daemon.get("/status")
    contract.check("GET", "/status", 200, good)
    with pytest.raises(AssertionError):
        contract.check("GET", "/status", 200, good | {"uptimeSeconds": "long"})
    with pytest.raises(AssertionError):
        contract.check("GET", "/status", 418, good)
    with pytest.raises(AssertionError):
        contract.check("GET", "/v1/recordings/x", 404, {"title": "no type"})
    assert json.dumps(good)
