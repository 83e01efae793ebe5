"""The first page, and the summary: what the paper claimed and what came out."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import ListedColormap
from matplotlib.ticker import MultipleLocator

from lottery_utils.metrics import METRIC_LABELS
from replication.book.claim_rows import badge_of
from replication.book.show import COLOURS, LARGE, Figure, Finding, Note, Table, in_percent, style
from replication.book.written import number, percent, several, share
from replication.claims.claim import LEARNED, WINS
from replication.claims.plan import Analysis, PlanVerdict
from replication.claims.rules import KEPT, Judged, counted, kept, registered
from replication.claims.trial import PAPER, Trial, over_seeds, sides, stricter
from replication.claims.verdicts import INCONCLUSIVE, VERDICTS
from replication.claims.wins import outcomes
from replication.pages.plan import RETAIN
from replication.runs.records import TICKETS, tickets_of
from replication.runs.status import missing

LARGER = "{}, of BERT-base's size"


def finding(trial: Trial) -> Finding:
    """What retrained tickets retain, on how many tasks bad ones win, and the verdicts."""
    here, links, more = kept(trial.ours), {}, ""
    if len(here) == len(KEPT):
        shares = {kind: share(of.found) for kind, of in here.items() if of.found}
        good = shares.pop("good")
        others = [f"{kind} ones {of}" for kind, of in shares.items()]
        n_seeds = max(len(of) for of in here["good"].values.values())
        first = (
            f"In {trial.name}, retrained good subnetworks retain {good} of the gain from "
            f"fine-tuning, {', '.join(others)} (means, 95 % CIs over {len(here['bad'].values)} "
            f"tasks, up to {n_seeds} seeds each)."
        )
        more = f"{_answer(trial)} {_without_weak(trial)}"
        links[_won(trial, trial.name)[0]] = (
            f"report/{trial.study.name}/claims.html#can-bad-tickets-win"
        )
    else:
        first = "Too few tasks have been learned so far: there is no result yet."
    claims = f"Verdicts on {len(registered(trial.ours))} registered claims: {counted(trial.ours)}."
    if under_way := missing(trial.study, trial.store):
        n, every = len(trial.study.tasks) - len(under_way), len(trial.study.tasks)
        claims += f" Only {n} of {every} tasks are complete, so this may change."
    return Finding(first, links, more + claims)


def _answer(trial: Trial) -> str:
    """On how many tasks bad tickets win, here and by the same rule in the released numbers."""
    texts = []
    for side in (trial.name, PAPER):
        won, lost, undecided = _won(trial, side)
        texts.append(f"{won} ({lost} lost, {undecided} inconclusive)")
    return (
        f"With 95 % confidence over seeds, bad ones win, retaining {percent(WINS)} or more, on "
        f"{texts[0]}; in the paper's BERT-base on {texts[1]}."
    )


def _won(trial: Trial, side: str) -> tuple[str, int, int]:
    """On how many tasks of a side bad tickets win, lose, and on how many that is inconclusive."""
    found = over_seeds(trial, side)
    of = outcomes(found)
    return f"{len(of['wins'])} of {len(found)} tasks", len(of["loses"]), len(of[INCONCLUSIVE])


def _without_weak(trial: Trial) -> str:
    """What random and bad tickets retain without seeds of small gain, where one of the tasks that
    their means weigh alike rests on such seeds alone."""
    whole, rest = kept(trial.ours)["bad"].values, kept(stricter(trial))
    weak = [task for task in whole if "bad" in rest and task not in rest["bad"].values]
    if not weak:
        return ""
    texts = []
    for task in weak:
        of = trial.records[task]
        gains = np.subtract(of.scores("full"), of.scores("majority"))[of.contrasted()]
        texts.append(f"{task} ({several(len(gains), 'seed')}, gain {number(max(gains), 2)})")
    shares = {kind: rest[kind].found for kind in ("random", "bad")}
    said = [f"{kind} ones {share(found)}" for kind, found in shares.items() if found]
    return (
        f"For random and bad ones, {' and '.join(texts)} weighs as much as any other task. Without "
        f"seeds of gain below {LEARNED:g}, {' and '.join(said)} ({len(rest['bad'].values)} tasks). "
    )


def strength(trial: Trial) -> Table | Note:
    """How good the full models are, task by task, and how far chance moves their scores."""
    rows, errors = [], []
    for task, of in trial.records.items():
        full, majority, first = of.scores("full"), of.scores("majority"), of.results()[0]
        n, name = first["examples"]["validation"], METRIC_LABELS[first["metric"]]
        reach = f"{number(min(full), 2)} to {number(max(full), 2)}"
        rows.append(
            {
                "": task,
                "metric": name,
                "majority": number(np.mean(majority), 2),
                "full model": f"{number(np.mean(full), 2)} ({reach})",
                "gain": number(np.mean(np.subtract(full, majority)), 2),
                "dev examples": f"{n:,}",
            }
        )
        if name == "accuracy":
            share = float(np.mean(full))
            errors.append(((share * (1 - share) / n) ** 0.5, n))
    if not rows:
        return Note("No full model is on record yet.")
    said = f"Full models of {trial.name}: means over seeds, lowest to highest."
    if errors:
        error, n = min(errors)
        said += f" Over {n:,} dev examples, an accuracy has a standard error of about {error:.2f}, "
        said += "and a larger one over fewer."
    return Table.of(rows, caption=said, label="models")


Kept = Mapping[str, Judged | PlanVerdict]  # what good, random and bad tickets retain


def gained(larger: Analysis) -> Note | None:
    """What the larger model's full models gain, task by task, on the examples that score them."""
    found = [
        f"{task} {number(np.mean(of.full[0] - of.majority[0]), 2)} ({METRIC_LABELS[of.metric]})"
        for task, of in larger.scored.items()
    ]
    if not found:
        return None
    name = next(iter(larger.entries.values())).model
    return Note(
        f"Full models of {name} gain over the majority baseline, on held-out examples where there "
        f"are any: {'; '.join(found)}."
    )


def models(trial: Trial, larger: Analysis) -> dict[str, Kept]:
    """By model, those of which all is there; the larger one, on its registered plan, first."""
    judged = {one.claim.key: one for one in larger.verdicts()}
    plan = {kind: judged[RETAIN[kind]] for kind in TICKETS}
    name = LARGER.format(next(iter(larger.entries.values())).model) if larger.entries else ""
    found: dict[str, Kept] = {name: plan, **sides(trial)}
    return {
        name: of
        for name, of in found.items()
        if len(of) == len(KEPT) and all(one.found for one in of.values())
    }


def in_plain_words(trial: Trial, larger: Analysis) -> Finding:
    """The same without terms, for the summary."""
    texts = []
    for name, of in models(trial, larger).items():
        good, random, bad = (judged.found.mean for judged in of.values() if judged.found)
        texts.append(
            f"{name}: {percent(good)} with the best parts, {percent(random)} with random ones, "
            f"{percent(bad)} with the discarded ones (average of {_most(of)} tasks)."
        )
    if not texts:
        return Finding("There is no result yet.")
    first, *others = texts
    return Finding(
        "A part of a language model, trained alone, relearns much of what the whole learned. "
        f"{first}",
        more=" ".join(others),
    )


@style(LARGE)
def plot(trial: Trial, larger: Analysis) -> Figure | Note:
    """What retrained tickets retain of the full model's gain, a panel for each model."""
    shown = models(trial, larger)
    if not shown:
        return Note("No model has learned enough tasks yet.", missing=True)
    drawing, axes = plt.subplots(
        len(shown), 1, figsize=(4.8, 0.8 + 0.95 * len(shown)), sharex=True, squeeze=False,
        layout="constrained",
    )  # fmt: skip
    said = []
    for axis, (name, of) in zip(axes[:, 0], shown.items(), strict=True):
        for place, (kind, judged) in enumerate(of.items()):
            found, means, colour = judged.found, [*judged.means.values()], COLOURS[kind]
            assert found is not None
            axis.plot(means, [place] * len(means), "|", color=colour, ms=9)
            axis.plot([found.low, found.high], [place] * 2, color=colour, lw=2)
            axis.plot(found.mean, place, "o", color=colour, ms=7)
            said.append(f"{name}, {kind}: {number(found.mean, 2)}")
        axis.axvline(WINS, color="0.5", lw=1, ls="--", zorder=0)
        axis.axvline(1, color=COLOURS["full"], lw=1, zorder=0)
        axis.set_yticks(range(len(of)), [*of])
        axis.set_ylim(len(of) - 0.5, -0.5)
        axis.set_title(f"{name}, {_most(of)} tasks", loc="left")
    axes[-1, 0].xaxis.set_major_locator(MultipleLocator(0.5))
    in_percent(axes[-1, 0].xaxis)
    axes[-1, 0].set_xlabel("retained gain (100 %: full model)")
    bad = [
        f"{percent(of['bad'].found.mean)} in {name}"
        for name, of in shown.items()
        if of["bad"].found
    ]
    # The plan takes its tasks as fixed; all else is about tasks in general.
    planned = next(iter(shown)).split(",")[0]
    over = f" ({planned}: over seeds and examples; widths do not compare)"
    for mark, text in (
        ("o-", "mean, 95 % CI"),
        ("|", "one task"),
        ("--", f"wins ({percent(WINS)})"),
    ):
        axes[0, 0].plot([], [], mark, color="0.4", label=text)
    drawing.legend(loc="outside upper center", ncols=3, handlelength=1.5)
    return Figure.of(
        drawing,
        f"Of the gain from fine-tuning, retrained bad subnetworks retain {'; '.join(bad)}. "
        f"95 % CIs over tasks{over if len(shown) > 2 else ''}.",
        f"Interval plot of the gain that retrained tickets retain. {'; '.join(said)}.",
        "retained",
    )


def _most(of: Kept) -> int:
    return max(len(judged.means) for judged in of.values())


@style(LARGE)
def heads(trial: Trial, task: str = "SST-2") -> Figure | Note:
    """Which heads the good, the random and the bad ticket of one model keep: its first seed."""
    if task not in trial.records:
        return Note(f"Nothing of {task} is on record yet.")
    seed, stages = next(iter(trial.records[task].items()))
    drawing, axes = plt.subplots(1, 3, figsize=(4.8, 1.75), layout="constrained")
    kept = []
    for axis, kind in zip(axes, TICKETS, strict=True):
        ticket = tickets_of(stages)[kind]
        kept_heads = np.array([[int(bit) for bit in row] for row in ticket["mask"]["heads"]])
        two = ListedColormap(["#e8e8e8", COLOURS[kind]])
        axis.pcolormesh(kept_heads, cmap=two, vmin=0, vmax=1, edgecolors="white", linewidth=1)
        axis.set(aspect="equal", xticks=[], yticks=[])
        axis.spines[:].set_visible(False)
        axis.set_title(kind)
        axis.set_xlabel(f"{kept_heads.sum()} of {kept_heads.size} kept")
        kept.append(kept_heads)
    good, random, bad = kept
    return Figure.of(
        drawing,
        f"Of the {good.sum()} heads that the good ticket keeps (colour), the random one has "
        f"{(good & random).sum()} and the bad one {(good & bad).sum()}: {trial.name}, {task}, seed "
        f"{seed}, n = 1. Rows are layers, the first at the bottom.",
        f"Three grids of {good.size} attention heads, {good.sum()} of them coloured in each.",
        "heads",
    )


def verdicts(trial: Trial) -> Table:
    """How many claims got which verdict: the registered ones, and those added later."""
    rows = []
    for word in VERDICTS:
        row = {"": badge_of(word)}
        for name, judged in ((trial.name, trial.ours), (PAPER, trial.theirs)):
            of = [one.claim.added == "" for one in judged if one.verdict == word]
            row[name] = f"{sum(of)}" + (f" + {len(of) - sum(of)} added" if not all(of) else "")
        rows.append(row)
    return Table(Table.of(rows).frame, "claims", links=True)
