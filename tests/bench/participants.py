#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""participants.py [--seconds 20] [--picture FILE.svg] [N ...]   (`ninja bench-participants` in a build folder)

One conference of N participants who really send RTP, at N = 10, 100 and 1000: who speaks is shown among nine and
recorded. Everybody sends sound: twenty steadily at 50 packets per second, one or two of them speech and the others
room noise, the rest a comfort packet every 400 ms. Thirty show a picture of 640x360, half of them at 15 and half at
30 frames per second. Prints what that costs the worker and what is on the recording, and draws the costs.
AURALINK_BUILD names the build folder. The figures of a machine that does other things are worse; it says how busy
others were."""
import argparse
import os
import pathlib
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
import numpy  # noqa: E402

import crowd as crowds  # noqa: E402
import daemon as daemons  # noqa: E402
import media  # noqa: E402

VISIBLE, AUDIBLE = 9, 6
FILMERS, STEADY = 30, 20
NOISE, SPEECH = 75, 22  # -dBov
TURN = 2.5  # seconds somebody speaks
NINE = [(column / 3, row / 3, 1 / 3, 1 / 3) for row in range(3) for column in range(3)]
TICK = os.sysconf("SC_CLK_TCK")


def cpu(pid):
    fields = pathlib.Path("/proc", str(pid), "stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def machine_cpu():
    fields = [int(f) for f in pathlib.Path("/proc/stat").read_text(encoding="ascii").split("\n", 1)[0].split()[1:]]
    return (sum(fields[:3]) + sum(fields[5:7])) / TICK


def pss(pid):
    text = pathlib.Path("/proc", str(pid), "smaps_rollup").read_text(encoding="ascii")
    return next(int(line.split()[1]) * 1024 for line in text.splitlines() if line.startswith("Pss:"))


def threads(pid):
    return len(os.listdir(f"/proc/{pid}/task"))


def socket_drops(port):
    """Datagrams that the kernel dropped because nobody fetched them in time."""
    drops = 0
    for line in pathlib.Path("/proc/net/udp").read_text(encoding="ascii").splitlines()[1:]:
        fields = line.split()
        if int(fields[1].split(":")[1], 16) == port:
            drops += int(fields[-1])
    return drops


def speak_in_turn(people, steady, seconds):
    """One after the other, now and then two at once; answers who began when."""
    pause, turns, end = threading.Event(), [], time.monotonic() + seconds
    speaking, turn = [], 0
    while time.monotonic() < end:
        for who in speaking:
            people.level(who, NOISE)
        speaking = [(turn * 7 + 3) % steady] + ([(turn * 7 + 8) % steady] if turn % 3 == 2 else [])
        for who in speaking:
            people.level(who, SPEECH)
            turns.append((time.time(), who))
        turn += 1
        pause.wait(min(TURN, max(0, end - time.monotonic())))
    return turns


def measure(daemon, folder, count, seconds):
    filmers, steady = min(count, FILMERS), min(count, STEADY)
    people = crowds.Crowd(folder, count, filmers, fps=lambda who: 15 if who % 2 else 30, filmed=True)
    conference = f"crowd-{count}"
    try:
        daemon.create(conference, "active-speaker", participants=people.described(), visible=VISIBLE, audible=AUDIBLE,
                      hold="2s", width=1280, height=720, fps=30)
        began = time.time()
        people.start()
        for who in range(steady):
            people.level(who, NOISE)
        def everybody():
            rows = daemon.conference(conference)["participants"]
            return sum(p["audio"] for p in rows) == count and sum(p["visible"] for p in rows) == min(VISIBLE, filmers)
        daemons.until(everybody, 60, what="everybody is there")
        worker, sender = daemon.worker_pid(conference), people.process.pid
        before = (time.monotonic(), cpu(worker), cpu(sender), cpu(daemon.pid), machine_cpu())
        turns = speak_in_turn(people, steady, seconds)
        after = (time.monotonic(), cpu(worker), cpu(sender), cpu(daemon.pid), machine_cpu())
        took = after[0] - before[0]
        cores = [(b - a) / took for a, b in zip(before[1:], after[1:])]
        result = {"count": count, "worker": cores[0], "sender": cores[1], "daemon": cores[2],
                  "others": max(0.0, cores[3] - sum(cores[:3])), "pss": pss(worker), "threads": threads(worker),
                  "drops": socket_drops(people.port)}
        ended_at = time.time()
        result["late"] = daemons.until(lambda: daemon.conference(conference), 5).get("lateFrames", -1)
        result["dropped"] = daemon.conference(conference)["branches"]["record"]["dropped"]
        daemon.stop(conference)
        result |= {f"sent_{k}": v for k, v in people.stop().items()}
        result |= look_at(daemon.recording_of(conference)["path"], turns, began, ended_at - began)
        return result
    finally:
        people.stop()


def look_at(path, turns, began, lasted):
    """What is on the recording: its length, nine different pictures at any time, and the speakers among them."""
    media.decodes_cleanly(path)
    shown = media.video(path, 480, 270)
    places = crowds.who_is_at(shown, NINE, part=0.3)
    full = numpy.flatnonzero((places >= 0).all(axis=1))
    first = full[0] if len(full) else 0
    steady = places[first:]
    whole = numpy.array([(row >= 0).all() and len(set(row)) == len(row) for row in steady])
    delays = []
    for said, who in turns:
        there = shown.times[(places == who).any(axis=1) & (shown.times >= said - began - 0.2)]
        delays.append(there[0] - (said - began) if len(there) else 99.0)
    gaps = numpy.diff(shown.times)
    return {"seconds": media.duration(path), "expected": lasted, "frames": len(shown), "longest_gap": gaps.max(),
            "nine": whole.mean() if len(whole) else 0.0, "slowest_turn": max(delays),
            "turns": len(delays), "on_time": sum(d <= 1.2 for d in delays)}


COLUMNS = (("count", "participants", "{:d}"), ("worker", "worker cores", "{:.2f}"), ("sender", "sender cores", "{:.2f}"),
           ("daemon", "daemon cores", "{:.2f}"), ("others", "others' cores", "{:.2f}"),
           ("pss", "worker PSS MB", lambda v: f"{v / 1e6:.0f}"), ("threads", "threads", "{:d}"),
           ("sent_packets", "packets sent", "{:d}"), ("drops", "lost in socket", "{:d}"),
           ("late", "late frames", "{:d}"), ("dropped", "dropped by branch", "{:d}"),
           ("seconds", "recorded s", "{:.1f}"), ("longest_gap", "longest gap s", "{:.3f}"),
           ("nine", "9 whole tiles", "{:.1%}"), ("slowest_turn", "slowest turn s", "{:.2f}"))


def table(results):
    for key, title, form in COLUMNS:
        cells = [form(r[key]) if callable(form) else form.format(r[key]) for r in results]
        print(f"{title:>18} " + " ".join(f"{cell:>12}" for cell in cells))


def picture(results, path):
    """The costs over the number of participants, as SVG: cores on the left, memory on the right."""
    width, height, left, top, plot_w, plot_h = 720, 420, 70, 50, 560, 290
    most = max(2.0, max(r["worker"] + r["sender"] for r in results) * 1.1)
    memory = max(r["pss"] for r in results) * 1.25 / 1e6
    low, high = (numpy.log10(f(r["count"] for r in results)) for f in (min, max))
    def x(count):
        return left + (plot_w * (numpy.log10(count) - low) / (high - low) if high > low else plot_w / 2)
    def y(value, limit):
        return top + plot_h * (1 - value / limit)
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" font-family="sans-serif" '
             f'font-size="13"><rect width="100%" height="100%" fill="white"/>',
             f'<text x="{width / 2}" y="24" text-anchor="middle" font-size="16">Cost of one conference of N '
             f'participants, {VISIBLE} seen and {AUDIBLE} heard</text>']
    for step in numpy.linspace(0, most, 6):
        parts.append(f'<line x1="{left}" x2="{left + plot_w}" y1="{y(step, most):.1f}" y2="{y(step, most):.1f}" '
                     f'stroke="#ddd"/><text x="{left - 8}" y="{y(step, most) + 4:.1f}" text-anchor="end">{step:.1f}</text>'
                     f'<text x="{left + plot_w + 8}" y="{y(step, most) + 4:.1f}">{step / most * memory:.0f}</text>')
    for r in results:
        parts.append(f'<text x="{x(r["count"]):.1f}" y="{top + plot_h + 20}" text-anchor="middle">{r["count"]}</text>')
    series = (("worker cores", "#c0392b", [(r["count"], r["worker"], most) for r in results], ""),
              ("sender cores", "#7f8c8d", [(r["count"], r["sender"], most) for r in results], "5,4"),
              ("worker memory, MB (right)", "#2471a3", [(r["count"], r["pss"] / 1e6, memory) for r in results], "2,3"))
    for i, (title, colour, points, dash) in enumerate(series):
        line = " ".join(f"{x(n):.1f},{y(v, limit):.1f}" for n, v, limit in points)
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2.5" '
                     f'stroke-dasharray="{dash}"/>')
        parts += [f'<circle cx="{x(n):.1f}" cy="{y(v, limit):.1f}" r="4" fill="{colour}"><title>{v:.2f}</title></circle>'
                  f'<text x="{x(n):.1f}" y="{y(v, limit) - 9:.1f}" text-anchor="middle" fill="{colour}">'
                  f'{v:.2f}</text>' if limit == most else
                  f'<circle cx="{x(n):.1f}" cy="{y(v, limit):.1f}" r="4" fill="{colour}"/>'
                  f'<text x="{x(n):.1f}" y="{y(v, limit) - 9:.1f}" text-anchor="middle" fill="{colour}">{v:.0f}</text>'
                  for n, v, limit in points]
        parts.append(f'<rect x="{left + i * 190}" y="{height - 32}" width="14" height="14" fill="{colour}"/>'
                     f'<text x="{left + i * 190 + 20}" y="{height - 20}">{title}</text>')
    parts.append(f'<text x="{left + plot_w / 2}" y="{top + plot_h + 42}" text-anchor="middle">participants</text></svg>')
    path.write_text("\n".join(parts), encoding="utf-8")


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("counts", nargs="*", type=int, default=[10, 100, 1000], metavar="N")
    options.add_argument("--seconds", type=float, default=20)
    options.add_argument("--picture", type=pathlib.Path, default=pathlib.Path("participants.svg"))
    options.add_argument("--keep", type=pathlib.Path, help="leave the recordings in this folder")
    chosen = options.parse_args()
    results = []
    with tempfile.TemporaryDirectory() as scratch:
        folder = chosen.keep or pathlib.Path(scratch)
        daemon = daemons.Daemon(folder)
        try:
            for count in chosen.counts:
                results.append(measure(daemon, folder, count, chosen.seconds))
                print(f"{count} participants: done", file=sys.stderr)
        finally:
            daemon.close()
    table(results)
    picture(results, chosen.picture)
    print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} CPUs; the curve is in {chosen.picture}")
    for r in results:
        print(f"{r['count']}: {r['on_time']} of {r['turns']} speakers seen within 1.2 s; sender at most "
              f"{r['sent_latestMs']:.0f} ms behind its schedule")


if __name__ == "__main__":
    main()
