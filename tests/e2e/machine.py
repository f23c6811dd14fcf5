# SPDX-License-Identifier: LGPL-2.1-or-later
"""How much of the machine others took while a test ran: what is late because of them says nothing about us."""
import os
import pathlib
import time

TICK = os.sysconf("SC_CLK_TCK")


def _times():
    """(pid, parent, ticks used by it and by the children it has waited for) of every process."""
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            text = pathlib.Path("/proc", entry, "stat").read_text(encoding="ascii", errors="replace")
        except OSError:
            continue
        fields = text.rpartition(")")[2].split()
        yield int(entry), int(fields[1]), sum(map(int, fields[11:15]))


def _ours():
    """Seconds of this process and everything it started."""
    parents, used = {}, {}
    for pid, parent, ticks in _times():
        parents[pid], used[pid] = parent, ticks
    def mine(pid):
        while pid and pid != os.getpid():
            pid = parents.get(pid, 0)
        return bool(pid)
    return sum(ticks for pid, ticks in used.items() if mine(pid)) / TICK


def _everybody():
    """Seconds that all processors were busy, or taken from this machine by its host."""
    fields = [int(f) for f in pathlib.Path("/proc/stat").read_text(encoding="ascii").split("\n", 1)[0].split()[1:]]
    return (sum(fields[:3]) + sum(fields[5:8])) / TICK


class Others:
    """From its making on: the share of all processors that processes took which this one did not start."""

    def __init__(self):
        self._since = (time.monotonic(), _everybody(), _ours())

    def share(self):
        since, everybody, ours = self._since
        lasted = (time.monotonic() - since) * os.cpu_count()
        return max(0.0, (_everybody() - everybody) - (_ours() - ours)) / lasted
