"""Which types of attention maps super-survivors have, against all heads (section 5.2).

Functions take the records of one task or of several, by task: a page is of either.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt

from lottery_utils.agreement.inference import t_interval
from lottery_utils.agreement.sharing import survive_all
from lottery_utils.patterns.maps import TYPES, WEIGHTINGS
from replication.book.show import COLOURS, LARGE, Figure, Finding, Table, style
from replication.book.written import number, percent, several, within
from replication.claims.verdicts import INCONCLUSIVE
from replication.paper import numbers
from replication.runs import measured
from replication.runs.data_card import encoder
from replication.runs.measured import Counts, counts, phi
from replication.runs.records import TaskRecords

Every = Mapping[str, TaskRecords]  # by task
TYPE_COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#000000")
TYPE_MARKERS = ("o", "s", "^", "v", "D")
HETEROGENEOUS = TYPES.index("heterogeneous")
STATES = ("pre-trained", "fine-tuned")
WHO = {"super": "super-survivors", "all": "all heads"}
MAPS = {"raw": "raw maps", "normed": "norm-weighted maps"}
WHO_COLOURS = {"super": COLOURS["super"], "all": "black"}
WHO_MARKERS = {"super": "o", "all": "s"}
N_DRAWS = 2000  # of heads, with replacement, for an interval over heads
NO_ATTENTION = (
    "The attention maps are not sorted into types here: a study has to ask for it "
    "(lottery run STUDY --set followups.attention=null)."
)


class Related(NamedTuple):
    """Pearson's r over maps of two yes-or-no questions: is the head a super-survivor, is the map
    heterogeneous? With its 95 % CI over heads; all NaN where either has one answer only."""

    r: float
    low: float
    high: float

    def __str__(self) -> str:
        if math.isnan(self.r):
            return "undefined"
        return f"{number(self.r, signed=True)} {within(self.low, self.high, signed=True)}"

    @property
    def said(self) -> str:
        """The same with what it means."""
        if math.isnan(self.r):
            return "r is undefined"
        side = "above" if self.low > 0 else "below" if self.high < 0 else ""
        just = "just " * (min(abs(self.low), abs(self.high)) < 0.0005)  # printed as 0.000
        means = f"{just}{side} 0, uncorrected" if side else INCONCLUSIVE
        interval = within(self.low, self.high, signed=True)
        return f"r = {number(self.r, signed=True)}, 95 % CI {interval}, {means}"


def finding(every: Every) -> Finding:
    """Are super-survivors' maps heterogeneous more or less often than those of all heads?"""
    every = _sorted(every)
    if not every:
        return Finding(NO_ATTENTION)
    if len(every) > 1:
        return _over_tasks(every)
    (entries,) = every.values()
    chosen = survive_all(entries.masks)
    if not chosen.any():
        return Finding(
            f"On {entries.title}, no head survives with every seed: there is nothing to compare."
        )
    found = related(entries)
    shares = {w: measured.shares(entries, "fine-tuned", w) for w in WEIGHTINGS}
    (of_super, of_all), normed = (
        [percent(of[who]["heterogeneous"]) for who in WHO] for of in shares.values()
    )
    said = {weighting: found[weighting, "fine-tuned"].said for weighting in WEIGHTINGS}
    alone = " With one seed, super-survivors are all heads that it keeps."
    untested = (
        f" The types are sorted by classifiers tested on maps of {encoder('bundled')}, not of "
        f"{entries.model}."
    )
    return Finding(
        f"On {entries.title}, {of_super} of super-survivors' raw attention maps are heterogeneous, "
        f"against {of_all} of all heads' ({said['raw']}, n = {int(chosen.sum())} of {len(chosen)} "
        "heads).",
        more="Weighted by what each head moves (norm-weighted), it is "
        f"{normed[0]} against {normed[1]} ({said['normed']}).{alone if len(entries) == 1 else ''}"
        f"{'' if entries.config['backbone'] == 'bundled' else untested}",
    )


def _over_tasks(every: Every) -> Finding:
    """The mean correlation over tasks, with Student's interval."""
    found = {
        weighting: [r for of in of_tasks if not math.isnan(r := of.r)]
        for weighting, of_tasks in _fine_tuned(every).items()
    }
    if min(map(len, found.values())) < 2:
        return Finding("Fewer than two tasks have super-survivors and others: no r over tasks.")
    means = {weighting: t_interval(values) for weighting, values in found.items()}
    raw, normed = (
        f"r = {number(of.mean, signed=True)}, 95 % CI {within(of.low, of.high, signed=True)}"
        for of in means.values()
    )
    of = means["raw"]
    way = "positively" if of.low > 0 else "negatively" if of.high < 0 else "not significantly"
    return Finding(
        f"Being a super-survivor and having heterogeneous raw attention maps are {way} correlated "
        f"over {of.n} tasks ({raw}); by norm-weighted maps it is {normed}."
    )


def figure(every: Every) -> Figure | None:
    """The types of one task's maps, or the heterogeneous share on each of several tasks."""
    every = _sorted(every)
    if not every:
        return None
    return tasks_plot(every) if len(every) > 1 else slopes(next(iter(every.values())))


@style(LARGE)
def slopes(entries: TaskRecords) -> Figure:
    """The share of each type among all heads' maps and among super-survivors', with intervals over
    heads: a line for each type, a panel for each weighting."""
    drawing, axes = plt.subplots(1, 2, figsize=(4.8, 3.2), sharey=True, layout="constrained")
    chosen, said = survive_all(entries.masks), []
    for axis, (weighting, title) in zip(axes, MAPS.items(), strict=True):
        shares = measured.shares(entries, "fine-tuned", weighting)
        by_head = counts(entries, "fine-tuned", weighting)
        drawn = _drawn(len(chosen))
        groups = [who for who in ("all", "super") if who in shares]
        ends = {who: _share_interval(drawn, by_head, chosen, who) for who in groups}
        for i, name in enumerate(TYPES):
            x = np.arange(len(groups)) + 0.05 * (i - 2)
            y = np.array([shares[who][name] for who in groups])
            low, high = np.transpose([ends[who][:, i] for who in groups])
            axis.errorbar(
                x, y, (np.maximum(y - low, 0), np.maximum(high - y, 0)), label=name,
                color=TYPE_COLOURS[i], marker=TYPE_MARKERS[i], ms=5, elinewidth=1,
                lw=2.5 if i == HETEROGENEOUS else 1.2,
            )  # fmt: skip
        axis.set_xticks([0, 1], ["all\nheads", "super-\nsurvivors"])
        axis.set(title=title, xlim=(-0.35, 1.35), ylim=(-0.02, 1))
        said.append(f"{title}: " + ", ".join(
            f"{WHO[who]} {percent(shares[who]['heterogeneous'])} heterogeneous" for who in groups
        ))  # fmt: skip
    axes[0].set_ylabel("share of maps")
    axes[0].yaxis.set_major_formatter(lambda y, _: percent(y))
    handles, names = axes[0].get_legend_handles_labels()
    drawing.legend(handles, names, loc="outside lower center", ncols=2, columnspacing=1)
    n, n_seeds = entries.results("attention")[0]["examples"], len(entries.stage("attention"))
    of_raw = measured.shares(entries, "fine-tuned", "raw")
    against = " against ".join(
        f"{percent(of['heterogeneous'])} of {WHO[who]}'" for who, of in of_raw.items()
    )
    return Figure.of(
        drawing,
        f"On {entries.title}, {against} raw maps are heterogeneous, in the same fine-tuned models. "
        f"Lines: 95 % CI over heads (n = {int(chosen.sum())} and {len(chosen)}; "
        f"{several(n_seeds, 'seed')}, {n} validation examples each).",
        f"Slope plots for {entries.title}, a line for each type of map. {'; '.join(said)}.",
    )


@style(LARGE)
def tasks_plot(every: Every) -> Figure:
    """The heterogeneous share of all heads' maps and of super-survivors', task by task."""
    drawing, axes = plt.subplots(
        1, 2, figsize=(4.8, 1.3 + 0.36 * len(every)), sharey=True, layout="constrained"
    )
    said = []
    for axis, (weighting, title) in zip(axes, MAPS.items(), strict=True):
        for y, (task, entries) in enumerate([*every.items()][::-1]):
            chosen, by_head = survive_all(entries.masks), counts(entries, "fine-tuned", weighting)
            drawn = _drawn(len(chosen))
            shares = measured.shares(entries, "fine-tuned", weighting)
            for who, shift in (("all", 0.14), ("super", -0.14)):
                if who in shares:
                    low, high = _share_interval(drawn, by_head, chosen, who)[:, HETEROGENEOUS]
                    axis.plot([low, high], [y + shift] * 2, color=WHO_COLOURS[who], lw=1.5)
                    axis.plot(
                        shares[who]["heterogeneous"], y + shift, WHO_MARKERS[who],
                        color=WHO_COLOURS[who], ms=7, mfc="white" if who == "all" else None,
                    )  # fmt: skip
            said.append(f"{task}, {title}: " + ", ".join(
                f"{WHO[who]} {percent(of['heterogeneous'])}" for who, of in shares.items()
            ))  # fmt: skip
        axis.set(title=title, xlim=(-0.02, 1.02))
        axis.set_xticks([0, 0.5, 1], [percent(x) for x in (0, 0.5, 1)])
    raw = [measured.shares(entries, "fine-tuned", "raw") for entries in every.values()]
    more = sum(
        "super" in of and of["super"]["heterogeneous"] > of["all"]["heterogeneous"] for of in raw
    )
    axes[0].set_yticks(range(len(every)), [*every][::-1])
    for who in WHO:
        face = "white" if who == "all" else None
        axes[0].plot([], [], WHO_MARKERS[who], color=WHO_COLOURS[who], mfc=face, label=WHO[who])
    drawing.legend(loc="outside lower center", ncols=2)
    return Figure.of(
        drawing,
        f"Super-survivors' raw maps are more often heterogeneous than all heads' on {more} of "
        f"{len(every)} tasks, before any test: shares in the fine-tuned models. Lines: 95 % CI "
        "over heads.",
        f"Dot plots. {'; '.join(said)}.",
    )


def table(every: Every) -> Table | None:
    """Every type's share, the paper's BERT-base in brackets: one task, or a row for each task."""
    every, rows = _sorted(every), []
    for task, entries in every.items():
        for weighting in WEIGHTINGS:
            for state in STATES if len(every) == 1 else STATES[1:]:
                for who, of_types in measured.shares(entries, state, weighting).items():
                    what = state if len(every) == 1 else task
                    theirs = numbers.pattern_shares(task, state, who, weighting)
                    cells = {
                        name: percent(share) + (f" ({percent(theirs[name])})" if theirs else "")
                        for name, share in of_types.items()
                    }
                    rows.append({"": f"{what}, {weighting}, {WHO[who]}"} | cells)
    return Table.of(rows) if rows else None


def association(every: Every) -> Table | None:
    """Do super-survivors attend heterogeneously? Pearson's r over maps with its 95 % CI: of one
    task before and after fine-tuning, of several after it."""
    every = _sorted(every)
    if len(every) > 1:
        found = _fine_tuned(every)
        return Table.of(
            {"": task, "super-survivors": _n_of(every[task])}
            | {f"r, {MAPS[w]} [95 % CI]": str(of[i]) for w, of in found.items()}
            for i, task in enumerate(every)
        )
    rows = []
    for entries in every.values():
        for (weighting, state), of in related(entries).items():
            theirs = number(numbers.HETEROGENEOUS_R[weighting], signed=True)
            rows.append(
                {
                    "": f"{weighting}, {state}",
                    "r [95 % CI over heads]": str(of),
                    "super-survivors": _n_of(entries),
                    "maps": f"{int(counts(entries, state, weighting).sum()):,}",
                    "paper, over all tasks": theirs if state == "fine-tuned" else "",
                }
            )
    return Table.of(rows) if rows else None


def related(entries: TaskRecords) -> dict[tuple[str, str], Related]:
    """Of each weighting and state, r and its interval.

    The interval draws heads with replacement, because all maps of a head are of one kind: to
    count maps as if each were a head of its own makes any r look certain.
    """
    chosen, rng = survive_all(entries.masks), np.random.default_rng(0)
    found = {}
    for weighting in WEIGHTINGS:
        for state in STATES:
            by_head = counts(entries, state, weighting)
            r, drawn = phi(chosen, by_head), rng.integers(len(chosen), size=(N_DRAWS, len(chosen)))
            ends = math.nan, math.nan
            if not math.isnan(r):
                again = [phi(chosen[heads], by_head[heads]) for heads in drawn]
                ends = tuple(np.nanquantile(again, [0.025, 0.975]).tolist())
            found[weighting, state] = Related(r, *ends)
    return found


def _sorted(every: Every) -> dict[str, TaskRecords]:
    """The tasks whose maps were sorted into types."""
    return {task: of for task, of in every.items() if of.stage("attention")}


def _fine_tuned(every: Every) -> dict[str, list[Related]]:
    """By weighting, r of each task in its fine-tuned models."""
    found = [related(of) for of in every.values()]
    return {w: [of[w, "fine-tuned"] for of in found] for w in WEIGHTINGS}


def _n_of(entries: TaskRecords) -> str:
    chosen = survive_all(entries.masks)
    return f"{int(chosen.sum())} of {len(chosen)} heads"


def _drawn(n_heads: int) -> npt.NDArray[np.int64]:
    """How often each head is in each of `N_DRAWS` samples with replacement: (draws, heads)."""
    shares = [1 / n_heads] * n_heads
    return np.random.default_rng(0).multinomial(n_heads, shares, size=N_DRAWS)


def _share_interval(
    drawn: npt.NDArray[np.int64], by_head: Counts, chosen: npt.NDArray[np.bool_], who: str
) -> npt.NDArray[np.float64]:
    """The 95 % CI of each type's share over heads: float64 (2, types), low and high."""
    heads = chosen if who == "super" else np.ones_like(chosen)
    totals = drawn[:, heads] @ by_head[heads]
    some = totals[totals.sum(axis=1) > 0]
    ends: npt.NDArray[np.float64] = np.quantile(
        some / some.sum(axis=1, keepdims=True), [0.025, 0.975], axis=0
    )
    return ends
