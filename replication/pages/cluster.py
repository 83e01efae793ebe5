"""The page "On a cluster": how long a study takes on so many cards, from its graph of jobs."""

from __future__ import annotations

import matplotlib.pyplot as plt

from replication.book.show import COLOURS, LARGE, Figure, Finding, Table, style
from replication.book.written import percent
from replication.runs.data_card import model_and_data
from replication.runs.jobs import Schedule, jobs, simulate
from replication.study import Study

CARDS = (1, 8, 45, 100)
WAYS = {"one job a training": True, "one job for each task and seed": False}


def schedules(study: str) -> dict[str, dict[int, Schedule]]:
    """By what a job is, and by the number of cards."""
    of = {way: jobs(Study.load(study), singly=singly) for way, singly in WAYS.items()}
    return {way: {n: simulate(graph, n) for n in CARDS} for way, graph in of.items()}


def finding(study: str) -> Finding:
    """How long the study takes on one card and on most, and which jobs are faster."""
    single, whole = schedules(study).values()
    fewest, *_, most = CARDS
    times, of = whole[most].seconds / single[most].seconds, Study.load(study)
    return Finding(
        f"A study of {model_and_data(of)} ({len(of.tasks)} tasks, {len(of.seeds)} seeds) takes "
        f"{_hours(single[fewest])} hours on one graphics card, and {_hours(single[most])} on "
        f"{most} (simulated, not measured).",
        more="These hours are for one job a training. With one job for each task and seed, "
        f"{most} cards take {times:.1f} times as long.",
    )


@style(LARGE)
def plot(study: str) -> Figure:
    """Hours against cards, a line for each way to cut the study into jobs."""
    drawing, axis = plt.subplots(figsize=(4.8, 3.4), layout="constrained")
    for (way, found), colour in zip(schedules(study).items(), COLOURS.values(), strict=False):
        axis.plot(CARDS, [s.seconds / 3600 for s in found.values()], "o-", color=colour, label=way)
    axis.set(xscale="log", yscale="log", xlabel="graphics cards", ylabel="hours (simulated)")
    axis.set_xticks(CARDS, map(str, CARDS))
    drawing.legend(loc="outside upper center")
    single, whole = (_hours(found[CARDS[-1]]) for found in schedules(study).values())
    return Figure.of(
        drawing,
        alt=f"Hours of the study {study} against cards, both on logarithmic scales, for two ways "
        "to cut it into jobs.",
        caption=f"With one job a training, {CARDS[-1]} cards take {single} hours; with one for "
        f"each task and seed {whole}, because the longest task decides. Simulated from the graph "
        "of jobs: no CI.",
    )


def table(study: str) -> Table:
    """Hours, and the share of them in which cards are at work."""
    found = schedules(study)
    return Table.of(
        [
            {
                "cards": str(n),
                **{
                    f"{what}, {way}": of(found[way][n])
                    for way in WAYS
                    for what, of in (("hours", _hours), ("busy", lambda s: percent(s.busy)))
                },
            }
            for n in CARDS
        ]
    )


def _hours(schedule: Schedule) -> str:
    return f"{schedule.seconds / 3600:.2g}"
