"""The page that opens the book: every claim of the paper on trial, from records alone."""

from __future__ import annotations

import html
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np

from lottery_utils.agreement.inference import Interval
from replication.book.show import (
    Figure,
    Note,
    Table,
    number,
    p_cell,
    p_text,
    percent,
    share,
    style,
    within,
)
from replication.claims import wins as wins_of
from replication.claims.claim import LEARNED, LEVEL, WINS, adjusted, wins
from replication.claims.evidence import learned_seeds, of_scores
from replication.claims.power import MOST, heads_for_r, needed
from replication.claims.rules import Judged
from replication.claims.trial import PAPER, Trial, over_seeds, sides
from replication.claims.trial import stricter as judged_strictly
from replication.claims.verdicts import INCONCLUSIVE, SUPPORTED, VERDICTS
from replication.claims.verdicts import counted as of_words
from replication.runs.run import missing

COLOURS = dict(zip(VERDICTS, ("#0072B2", "#56B4E9", "#7F7F7F", "#D55E00", "#BBBBBB"), strict=True))


def count(trial: Trial) -> Note:
    """How many claims got which verdict, here and for the released numbers."""
    both = ((trial.study.name, trial.ours), (PAPER, trial.theirs))
    texts = [f"{name}: {counted(judged)}." for name, judged in both]
    if missing(trial.study, trial.store):
        texts.append("The study is under way, so that its verdicts are provisional.")
    texts.append(f"{len(trial.ours) - len(registered(trial.ours))} claims were added later.")
    for name, judged in both:
        words = of_words(one.verdict for one in judged if one.claim.added)
        texts.append(f"{name}: {words}.")
    return Note(f"{len(registered(trial.ours))} claims are registered. " + " ".join(texts))


def registered(judged: Sequence[Judged]) -> list[Judged]:
    """Those that were registered before the numbers."""
    return [one for one in judged if not one.claim.added]


def counted(judged: Sequence[Judged]) -> str:
    """How many of the registered claims got which verdict: `1 supported; 2 inconclusive`."""
    return of_words(one.verdict for one in registered(judged))


def basis(trial: Trial) -> Table:
    """What the verdicts rest on: the tasks that were learned, and seeds that tell little."""
    unlearned = [task for task in trial.records if task not in trial.learned]
    same, few, whole = [], [], []
    for task, of in trial.records.items():
        told = zip(of, of.contrasted(), strict=True)
        same += [f"{task} seed {seed}" for seed, counts in told if not counts]
        if task not in trial.learned:
            continue
        few += [f"{task} seed {seed}" for seed in of if seed not in learned_seeds(of)]
        if of.has("magnitude"):
            removed = zip(of, of.weights_removed(), strict=True)
            whole += [f"{task} seed {seed}" for seed, some in removed if not some]
    gain = f"{LEARNED:g} over the majority baseline"
    rows = {
        f"the full model gains at least {gain}, on average over seeds": trial.learned,
        "it gains less: no claim about tickets": unlearned,
        "the good ticket keeps more than two thirds of the heads: not told of random and bad "
        "structured tickets": same,
        f"the full model of this seed gains less than {gain}: counted all the same": few,
        "magnitude pruning removes nothing, all tickets are the full model: counted all the "
        "same": whole,
    }  # fmt: skip
    return Table.of({"": what, "which": ", ".join(of) or "none"} for what, of in rows.items())


def verdicts(trial: Trial, *, added: bool = False) -> Table:
    """One row per claim: the paper's words, ours, and the released numbers by the same rule.

    Of the registered claims, or of those `added` later.
    """
    any_task = any(judged.means for judged in trial.ours)
    rows = []
    for n, (ours, theirs) in enumerate(zip(trial.ours, trial.theirs, strict=True), 1):
        claim = ours.claim
        if bool(claim.added) != added:
            continue
        day = f", added {claim.added}" if added else ""
        if claim.beside:
            day += f', beside <a href="#{claim.beside}">the registered claim</a>'
        section = claim.section.replace(".", "_")
        by_task = f', <a href="#tasks-{claim.key}">task by task</a>' if any_task else ""
        rows.append(
            {
                "": f'<span id="{claim.key}">{n}. {html.escape(claim.text)}</span> '
                f'<a href="../../sec{section}.html">{claim.section}</a>{by_task}'
                f"<small>{html.escape(claim.measure)}{day}</small>",
                "the paper": html.escape(claim.stated),
                "here": f"{badge(ours)} <small>{_estimate(ours)}</small>",
                PAPER: f"{badge(as_released(theirs))} <small>{_estimate(theirs)}</small>",
            }
        )
    return linked(rows, "claims verdicts")


def in_one_family(trial: Trial) -> Note:
    """What becomes of the claims added later if all of them are one family in the correction."""
    added = [one for one in trial.ours if one.claim.added]
    raw = {one.claim.key: one.found.p for one in added if one.found}
    together = adjusted([one.claim for one in added], raw)
    lost = [
        f"{one.claim.key} ({p_text(together[one.claim.key])})"
        for one in added
        if one.verdict == SUPPORTED and together[one.claim.key] >= LEVEL
    ]
    return Note(
        f"Each addition is a family of its own. In one family of all {len(added)}, these would be "
        f"consistent, not significant, instead of supported: {', '.join(lost) or 'none'}."
    )


@style()
def plot(trial: Trial) -> Figure:
    """Where every registered mean lies, on a scale on which a claim's region ends at 0 and 1."""
    every = zip(_numbered(trial), trial.ours, trial.theirs, strict=True)
    shown = [
        (name, (ours, theirs))
        for name, ours, theirs in every
        if not ours.claim.added and (ours.found or theirs.found)
    ]
    names, pairs = [name for name, _ in shown], [pair for _, pair in shown]
    drawing, axis = plt.subplots(figsize=(7.2, 0.9 + 0.36 * len(pairs)), layout="constrained")
    for y, pair in enumerate(reversed(pairs)):
        place = _scale(pair)
        for judged, up, face in zip(pair, (0.15, -0.15), (None, "white"), strict=True):
            if judged.found is None:
                continue
            ends = [place(judged.found.low), place(judged.found.high)]
            look: dict[str, Any] = {"color": COLOURS[judged.verdict]}
            axis.plot(ends, [y + up, y + up], linewidth=2 if face is None else 1, **look)
            mean = place(judged.found.mean)
            axis.plot(mean, y + up, "o", mfc=face or look["color"], ms=5, **look)
    axis.axvspan(0, 1, color="0.93", zorder=0)
    axis.set_yticks(range(len(pairs)), names[::-1], fontsize=8)
    axis.set_xlim(-1.6, 2.6)
    axis.set_xticks([0, 1], ["", ""])
    axis.set_xlabel("where the claim says it lies: shaded")
    for verdict, colour in COLOURS.items():
        axis.plot([], [], "-", color=colour, linewidth=2, label=verdict)
    for name, face in ((f"here: {trial.study.name}", "0.3"), (PAPER, "white")):
        axis.plot([], [], "o", color="0.3", mfc=face, ls="none", label=name)
    axis.legend(fontsize=8, loc="lower center", bbox_to_anchor=(0.4, 1.0), ncols=3)
    told = "; ".join(
        f"{ours.claim.key} {ours.verdict} here, {theirs.verdict} as released"
        for ours, theirs in pairs
    )
    n_tasks = max((j.found.n for j in trial.ours if j.found), default=0)
    return Figure.of(
        drawing,
        "Every registered claim with an interval, by its number: the mean over tasks with its "
        "95 % CI, on a scale of its own. Shaded: its region, which may be open to one side. "
        f"Filled: up to {n_tasks} tasks of up to {len(trial.study.seeds)} seeds; open: eight tasks "
        "of five seeds.",
        f"Interval plot of {len(pairs)} claims: {told}.",
    )


def finding(trial: Trial) -> Note:
    """On how many tasks bad tickets win, by which intervals, and what they retain on average."""
    texts = []
    for name, of in sides(trial).items():
        if "bad" not in of:
            continue
        found = of["bad"].found
        assert found is not None
        texts.append(
            f"{name}: {won(over_seeds(trial, name))}. Over the tasks they retain {found.mean:.0%} "
            f"(95 % CI over tasks [{found.low:.0%}, {found.high:.0%}])."
        )
    return Note(" ".join(texts) or "No task that was learned is on record yet.")


def won(found: Mapping[str, Interval]) -> str:
    """On how many tasks bad tickets win and lose, and where the interval leaves it open."""
    said = {}
    for word in ("wins", "loses", INCONCLUSIVE):
        tasks = [task for task, of in found.items() if wins_of.outcome(of) == word]
        shares = ", ".join(f"{task} {percent(found[task].mean)}" for task in tasks)
        said[word] = f"{len(tasks)}" + (f" ({shares})" if tasks else "")
    by_mean = sum(wins(of.mean) for of in found.values())
    single = (
        " or there is one seed only" if any(math.isnan(of.low) for of in found.values()) else ""
    )
    return (
        f"of {len(found)} tasks, bad tickets win on {said['wins']} and lose on {said['loses']}; "
        f"{said[INCONCLUSIVE]} are inconclusive: the 95 % CI over seeds contains {WINS:.0%}"
        f"{single}. By their means alone they would win on {by_mean}"
    )


def won_by_task(trial: Trial) -> Table | Note:
    """By task, what bad tickets retain with its interval over seeds, and whether they win."""
    return _by_task(
        trial,
        {
            name: {t: f"{share(found)}: {wins_of.outcome(found)}" for t, found in of_tasks.items()}
            for name, of in sides(trial).items()
            if "bad" in of and (of_tasks := over_seeds(trial, name))
        },
    )


def shares_kept(trial: Trial) -> Table | Note:
    """The share that each kind of retrained ticket keeps, of each task that was learned.

    Where seeds are left out, because the good ticket leaves too little for another one, the cell
    says of how many it is.
    """
    return _by_task(
        trial,
        {
            (column := f"{name}: {kind}"): {
                task: number(mean, 2) + _told_of(trial, task, column)
                for task, mean in judged.means.items()
            }
            for name, of in sides(trial).items()
            for kind, judged in of.items()
        },
    )


def _by_task(trial: Trial, columns: Mapping[str, Mapping[str, str]]) -> Table | Note:
    """Cells by column and task, a row for each of the study's tasks that has any."""
    rows = [
        {"": task} | {name: of.get(task, "") for name, of in columns.items()}
        for task in trial.study.tasks
        if any(task in of for of in columns.values())
    ]
    return Table.of(rows) if rows else Note("No task that was learned is on record yet.")


def rules(trial: Trial) -> Table:
    """The region of each claim, fixed beforehand, and how the verdict came about."""
    rows = []
    for name, judged in zip(_numbered(trial), trial.ours, strict=True):
        claim, found = judged.claim, judged.found
        row = {"": name, "measured": claim.measure, "region": claim.region}
        if found is not None and judged.p is not None and judged.resampled is not None:
            row |= {
                "p": p_cell(found.p),
                "p, adjusted": p_cell(judged.p),
                "p of the contrary, adjusted": p_cell(judged.p_contrary or 0.0),
                "tasks inside": _inside(judged),
                "95 %, by bootstrap": within(*judged.resampled, signed=True),
            }
        rows.append({**row, "why this region": claim.why})
    return Table.of(rows)


def stricter(trial: Trial) -> Table | Note:
    """The claims whose verdict a stricter reading changes, both readings side by side."""
    every = zip(_numbered(trial), trial.ours, judged_strictly(trial), strict=True)
    rows = [
        {
            "": name,
            "by the rules": f"{badge(ours)} <small>{_estimate(ours)}</small>",
            "by the stricter reading": f"{badge(strict)} <small>{_estimate(strict)}</small>",
        }
        for name, ours, strict in every
        if ours.claim.tasks == "learned" and not ours.claim.added and strict.verdict != ours.verdict
    ]
    return linked(rows) if rows else Note("The stricter reading changes no verdict.")


def power(trial: Trial) -> Table | Note:
    """How many tasks, or seeds, would decide each claim, were means and variances as on record."""
    n_heads = next((next(iter(of.masks.values())).heads.size for of in trial.records.values()), 0)
    rows = []
    for name, judged in zip(_numbered(trial), trial.ours, strict=True):
        claim, found = judged.claim, judged.found
        if found is None:
            continue
        family = sum(one.claim.added == claim.added for one in trial.ours)
        tasks, seeds = needed(claim, judged.values, family)
        row = {"": name, "verdict": judged.verdict, "tasks on record": str(len(judged.values))}
        row |= {"tasks needed": _needed(tasks), "seeds a task needed": _needed(seeds), "heads": ""}
        if claim.measure.startswith("r of") and (wanted := heads_for_r(claim.high)) > n_heads:
            row["heads"] = f"never on {n_heads}: needs {wanted}"
        rows.append(row)
    return Table.of(rows) if rows else Note("No claim has an interval yet.", "warning")


def flatness(trial: Trial) -> Table | Note:
    """How wide the middle half of the heads' importance is, in medians: by task, over seeds."""
    row = {"": "between the quartiles, in medians"}
    for task in trial.learned:
        searches = trial.records[task].results("search")
        scores = [np.ravel(results["steps"][0]["head_scores"]) for results in searches]
        low, middle, high = np.quantile(scores, [0.25, 0.5, 0.75], axis=1)
        row[task] = number(float(((high - low) / middle).mean()), 2)
    return Table.of([row]) if trial.learned else Note("No task that was learned is on record yet.")


def by_task(trial: Trial) -> Table | Note:
    """The mean over seeds of what each claim is judged by, task by task."""
    means = {judged.claim.key: judged.means for judged in trial.ours}
    tasks = [task for task in trial.study.tasks if any(task in of for of in means.values())]
    if not tasks:
        return Note("Nothing is on record yet.", "warning")
    rows = [
        {"": f'<span id="tasks-{key}">{name}</span>'}
        | {html.escape(t): number(of[t], signed=True) if t in of else "" for t in tasks}
        for name, (key, of) in zip(_numbered(trial), means.items(), strict=True)
    ]
    return linked(rows)


def badge(judged: Judged) -> str:
    """A verdict as a label, and why where the word alone is not enough."""
    name = judged.verdict.split(",")[0].replace(" ", "-")
    badge = f'<span class="verdict verdict-{name}">{judged.verdict}</span>'
    return f"{badge} {judged.why}".strip()


def as_released(judged: Judged) -> Judged:
    """Why the released numbers say nothing of a claim, in words of their own."""
    if judged.found is not None:
        return judged
    if judged.claim.measure.endswith("minus the paper's"):
        return judged._replace(why="the yardstick itself")
    return judged._replace(why="a mean without its seeds" if judged.means else "not released")


def linked(rows: Iterable[dict[str, str]], classes: str = "claims") -> Table:
    """A table of cells that are HTML."""
    return Table(Table.of(rows).frame, classes, links=True)


def _numbered(trial: Trial) -> list[str]:
    """The claims' keys with their numbers, as the tables and the figure name them."""
    return [f"{n}. {judged.claim.key}" for n, judged in enumerate(trial.ours, 1)]


def _estimate(judged: Judged) -> str:
    found = judged.found
    if found is None:
        n = len(judged.means)
        return f"{n} task{'s' if n > 1 else ''}" if n else ""
    interval = within(found.low, found.high, signed=True)
    if judged.claim.measure.startswith("kappa of") and "minus" not in judged.claim.measure:
        interval = interval if found.high <= 1 else "(no CI: it would go beyond 1)"
    return f"{number(found.mean, signed=True)} {interval}, inside on {_inside(judged)}"


def _inside(judged: Judged) -> str:
    """On how many tasks the mean over seeds lies in the region; of one task, of how many seeds."""
    assert judged.found is not None
    n, unit = judged.found.n, "seeds" if len(judged.means) == 1 else "tasks"
    return f"{round(judged.found.inside * n)} of {n} {unit}"


def _needed(n: float | None) -> str:
    if n is None:
        return f"over {MOST:,}"
    return "" if math.isnan(n) else f"{n:.0f}"


def _scale(pair: Sequence[Judged]) -> Callable[[float], float]:
    """A claim's own scale: its region becomes 0 to 1, an open one as wide as it has to be."""
    claim = pair[0].claim
    if math.isfinite(claim.low) and math.isfinite(claim.high):
        start, width = claim.low, claim.high - claim.low
    else:
        bound = claim.low if math.isfinite(claim.low) else claim.high
        ends = [end for j in pair if j.found for end in (j.found.low, j.found.high)]
        width = max(1e-9, *(abs(end - bound) for end in ends)) / 0.95
        start = bound if math.isfinite(claim.low) else bound - width
    return lambda value: min(max((value - start) / width, -1.5), 2.5)


def _told_of(trial: Trial, task: str, column: str) -> str:
    """How many seeds a cell is told of; of good tickets, what they keep with those seeds."""
    name, _, kind = column.rpartition(": ")
    if name != trial.study.name:
        return ""
    of_task = trial.records[task]
    told = of_task.contrasted()
    if all(told):
        return ""
    seeds = f"{sum(told)} of {len(told)} seeds"
    if kind != "good" or not any(told):
        return f" ({seeds})" if kind != "good" else ""
    measured = dict(of_scores(of_task.scores, {"structured": "bad"}))
    of_good = measured["structured: kept by good, retrained"]
    same = [share for share, counts in zip(of_good, told, strict=True) if counts]
    return f" ({number(np.mean(same), 2)} with {seeds})"
