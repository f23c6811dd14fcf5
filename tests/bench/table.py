# SPDX-License-Identifier: LGPL-2.1-or-later
"""The one table that `ninja bench` prints."""
import statistics

ROWS = []


def row(what, value, unit, goal=None, how=""):
    """One figure; `goal` is the most it may be."""
    verdict = "" if goal is None else f"{'meets' if value <= goal else 'MISSES'} {goal:g} {unit}".rstrip()
    ROWS.append((what, f"{value:.4g} {unit}".rstrip(), verdict, how))


def spread(values):
    return f"{len(values)} runs, {min(values):.3g} to {max(values):.3g}"


def median_row(what, values, unit, goal=None, how=""):
    row(what, statistics.median(values), unit, goal, f"{how}; {spread(values)}" if how else spread(values))


def show():
    print("| what | median | goal | how |")
    print("|---|---|---|---|")
    for cells in ROWS:
        print("| " + " | ".join(cells) + " |")
