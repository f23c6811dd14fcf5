# SPDX-License-Identifier: LGPL-2.1-or-later
"""Fixtures of the end-to-end tests."""
import pytest

import daemon as daemons


@pytest.fixture
def start_daemon(tmp_path):
    """Starts daemons, each with folders of its own; ends them and makes sure that nothing of them is left."""
    started = []

    def start(*flags, folder=None, **more):
        one = daemons.Daemon(folder or tmp_path / f"d{len(started)}", *flags, **more)
        started.append(one)
        return one

    yield start
    problems = []
    for one in reversed(started):
        try:
            one.close()
        except AssertionError as error:
            problems.append(str(error))
    assert not problems, problems


@pytest.fixture
def daemon(start_daemon):
    return start_daemon()


@pytest.fixture(scope="module")
def shared_daemon(tmp_path_factory):
    """One daemon for all tests of a module that only look at what their own conference does."""
    one = daemons.Daemon(tmp_path_factory.mktemp("daemon"))
    yield one
    one.close()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """What the daemon logged belongs to the report of a test that failed."""
    outcome = yield
    report = outcome.get_result()
    if report.when != "call" or not report.failed:
        return
    for name, one in item.funcargs.items():
        if isinstance(one, daemons.Daemon):
            report.sections.append((f"log of {name}", "\n".join(one.log_lines()[-40:])))
