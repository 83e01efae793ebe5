"""What the page on the registered plan shows: ten verdicts, and what every ticket retains."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from typing import Any

import matplotlib.pyplot as plt
import numpy as np

from lottery_utils.agreement.inference import t_interval
from lottery_utils.metrics import METRIC_LABELS, possible
from replication.book.claim_rows import count_needed, estimate
from replication.book.show import LARGE, Figure, Finding, Folded, Note, Table, gains, style
from replication.book.written import (
    DIFFERENCE,
    GAIN,
    OF_SEED,
    amount,
    number,
    p_cell,
    percent,
    points,
    reach,
    region,
    several,
    share,
)
from replication.claims.claim import WINS
from replication.claims.plan import Analysis, PlanVerdict, analyse
from replication.claims.retained import Retained, Ticket
from replication.claims.trial import beside_the_plan
from replication.claims.verdicts import CONTRADICTED, INCONCLUSIVE, SUPPORTED, counted
from replication.claims.wins import outcome
from replication.paper.records import beside
from replication.runs.data_card import model_and_data
from replication.runs.records import KIND_LABELS, KINDS, METHOD_LABELS
from replication.stages import TICKET_STAGE
from replication.store import Store
from replication.study import Study

NOTHING = Note("No run (a task with a seed) is on record yet.", "warning")
BAD = Ticket("structured", "bad", "retrained")
# The claims that the first sentence is made of: what each kind of structured ticket retains.
RETAIN = {"bad": "no-losing-tickets", "random": "random-trains-well", "good": "good-close"}


def load(study: str, store: Store) -> Analysis:
    """The registered analysis of what is on record; nothing is computed."""
    return analyse(Study.load(study, store.root), store)


def finding(analysis: Analysis) -> Finding:
    """What tickets retain, bad ones first, and how the ten claims came out."""
    every = analysis.verdicts()
    by_key = {one.claim.key: one for one in every}
    shares = {k: by_key[key] for k, key in RETAIN.items() if by_key[key].found is not None}
    said = counted(one.verdict for one in every)
    so_far = [
        f"{task} {share(t_interval(of.tickets[BAD][0].tolist()), possible=_possible(of))}, "
        f"n = {len(of.seeds)}"
        for task, of in analysis.scored.items()
        if task not in analysis.left_out
    ]
    model = model_and_data(analysis.study)
    first, more = f"No verdict on {model} can be given yet.", list[str]()
    if shares:
        (worst, one), *others = shares.items()
        first = f"etrained {worst} subnetworks of {model} retain {_share(one)} of the gain from "
        first += f"fine-tuning (95 % CI over seeds and examples; {_n(one)})."
        first = f"{'Provisional: r' if analysis.provisional else 'R'}{first}"
        more = [f"{kind.capitalize()} ones retain {_share(other)}." for kind, other in others]
    elif so_far:
        more = [
            "Of the gain from fine-tuning, retrained bad subnetworks retain so far: "
            f"{'; '.join(so_far)}. These are means, 95 % CIs over seeds."
        ]
    more.append(f"The {len(every)} registered claims: {said}.")
    for one in every:
        if one.verdict == SUPPORTED and (apart := analysis.outside(one)):
            more.append(f"Of the supported, not so on {', '.join(apart)}: “{one.claim.text}”")
    return Finding(first, more=" ".join(more))


def _possible(of: Retained) -> tuple[float, float]:
    """What the lowest and the highest score would retain, of the seed that makes most of it."""
    low, high = (
        (score - of.majority[0]) / (of.full[0] - of.majority[0]) for score in possible(of.metric)
    )
    return float(low.min()), float(high.max())


def standing(analysis: Analysis) -> Note | None:
    """How many runs (a task with a seed) are in, which are missing, and which tasks are left out;
    nothing where all are there."""
    study = analysis.study
    n = len(study.tasks) * len(study.seeds)
    if not analysis.missing:
        text = f"All {n} runs are in."
    else:
        seeds: dict[str, list[int]] = {}
        for task, seed in analysis.missing:
            if seed not in analysis.entries.get(task, ()):
                seeds.setdefault(task, []).append(seed)
        part = sum(seed in analysis.entries.get(task, ()) for task, seed in analysis.missing)
        more = f", {part} more without magnitude pruning" if part else ""
        text = f"{n - len(analysis.missing)} of {n} runs are in{more}."
        named = "; ".join(
            f"{task} ({'all seeds' if len(of) == len(study.seeds) else ', '.join(map(str, of))})"
            for task, of in seeds.items()
        )
        text += f" Missing: {named}." if named else ""
    if analysis.entries and not analysis.seeds:
        text += " No seed is in for all of these tasks, which a verdict needs."
    elif analysis.seeds:
        text += f" Verdicts rest on {', '.join(analysis.entered) or 'no task'}"
        text += f" (seed{'s' * (len(analysis.seeds) > 1)} {', '.join(map(str, analysis.seeds))})."
    text += "".join(f" {task} does not enter: {why}." for task, why in analysis.left_out.items())
    if analysis.provisional:
        return Note(f"Provisional. {text}", "warning")
    return Note(text) if analysis.left_out else None


@style(LARGE)
def plot(analysis: Analysis, method: str = "structured") -> Figure | Note:
    """What every retrained ticket retains: tasks as rows, seeds as points, the mean as a stroke."""
    tickets = {
        task: {
            ticket.kind: values[0]
            for ticket, values in of.tickets.items()
            if (ticket.method, ticket.state) == (method, "retrained")
        }
        for task, of in analysis.scored.items()
        if task not in analysis.left_out
    }
    rows = {task: of for task, of in tickets.items() if of}
    if not rows:
        return Note(f"No run with {METHOD_LABELS[method]} is on record yet.")
    kinds = KINDS[method]
    seeds = {task: analysis.scored[task].seeds for task in rows}
    failed = {one[:4] for one in analysis.outcomes() if one.ended == "did not train"}
    hollow = [
        (task, kind, n)
        for task in rows
        for kind in kinds
        for n, seed in enumerate(seeds[task])
        if (task, seed, method, kind) in failed
    ]
    drawing, axis = plt.subplots(
        figsize=(4.8, 1.2 + (0.09 * len(kinds) + 0.13) * len(rows)), layout="constrained"
    )
    gains(axis, rows, kinds, WINS, hollow)
    axis.set_xlabel(OF_SEED)
    axis.plot([], [], "o", color="0.4", mfc="white", label="did not train")
    drawing.legend(loc="outside upper center", ncols=2)
    n = sorted({len(of) for of in seeds.values()})
    n_seeds = f"{n[0]} to {n[-1]} seeds" if len(n) > 1 else f"{n[0]} seeds"
    n_seeds = "one seed" if n == [1] else n_seeds
    ended = {
        kind: [outcome(t_interval(of[kind])) for of in rows.values() if kind in of]
        for kind in kinds
    }
    bad = ended["bad"]
    said = f"Bad tickets win on {bad.count('wins')} of {len(bad)} tasks ({METHOD_LABELS[method]}) "
    said += f"and lose on {bad.count('loses')}; "
    if largest := ended.get("largest_removed"):
        said += f"without the largest weights, {largest.count('wins')} and {largest.count('loses')}"
    else:
        said += f"inconclusive on {bad.count(INCONCLUSIVE)}"
    means = "; ".join(
        f"{task}, {kind}: {percent(np.mean(of[kind]))}"
        for task, of in rows.items()
        for kind in kinds
        if kind in of
    )
    return Figure.of(
        drawing,
        f"{said}. By 95 % CI over {n_seeds} (points; strokes: means) against {percent(WINS)} "
        "(dashed). Held-out examples where there are any.",
        f"Dot plot of retained gain by task and kind of ticket. {means}.",
        method,
    )


def verdicts(analysis: Analysis) -> Table:
    """The ten registered claims, each with its verdict, estimate, region, n and adjusted p.

    Before all seeds that count are in, a verdict is only what it would be so far.
    """
    return Table.of(
        {
            "claim": one.claim.text,
            "verdict": _so_far(analysis) + one.verdict + _but(analysis, one),
            "mean, 95 % CI": in_its_unit(one),
            "registered region": region(one.claim, _unit(one)),
            "n": _n(one) if one.means else "0",
            "adjusted p": _decided(one),
        }
        for one in analysis.verdicts()
    )


def _but(analysis: Analysis, one: PlanVerdict) -> str:
    """What a verdict does not say: why it is one, and which tasks lie outside the region."""
    unit = _unit(one)
    said = [one.why] * bool(one.why)
    said += [
        f"outside on {task}: {amount(of.mean, unit)} {reach(of.low, of.high, unit)}"
        for task, of in analysis.outside(one).items()
        if one.verdict != CONTRADICTED
    ]
    return f" ({'; '.join(said)})" if said else ""


def power(analysis: Analysis) -> Folded:
    """How many seeds would decide each claim, were its mean and variances as on record."""
    needed = analysis.seeds_needed()
    table = Table.of(
        {
            "claim": one.claim.text,
            "verdict": _so_far(analysis) + one.verdict,
            "seeds on record": str(one.n_seeds),
            "seeds needed": count_needed(needed.get(one.claim.key, math.nan)),
        }
        for one in analysis.verdicts()
    )
    return Folded("Seeds needed, claim by claim", table)


def others(analysis: Analysis, store: Store) -> Folded:
    """The paper's other claims that this study can be asked about, and how each comes out."""
    judged = beside_the_plan(analysis, beside(store))
    table = Table.of(
        {
            "claim": one.claim.text,
            "verdict": _so_far(analysis) + one.verdict + (f" ({one.why})" if one.why else ""),
            "mean, 95 % CI": estimate(one),
            "registered region": region(one.claim, one.claim.unit),
            "adjusted p, inside": "" if one.p is None else p_cell(one.p),
            "adjusted p, outside": "" if one.p_contrary is None else p_cell(one.p_contrary),
        }
        for one in judged
    )
    return Folded(f"{len(judged)} more claims: {counted(one.verdict for one in judged)}", table)


def _so_far(analysis: Analysis) -> str:
    """What stands before a verdict until all seeds that count are in."""
    return "provisional: " if analysis.provisional else ""


def tasks(analysis: Analysis) -> Table | Note:
    """What the full models gain on each task, on how many examples, and whether it enters."""
    if not analysis.scored:
        return NOTHING
    rows = []
    for task, of_task in analysis.scored.items():
        gain = of_task.full[0] - of_task.majority[0]
        rows.append(
            {
                "task": task,
                "metric": METRIC_LABELS[of_task.metric],
                "full model": number(of_task.full[0].mean()),
                "gain over the majority": number(gain.mean()),
                "examples": f"{of_task.n:,}" + _where(analysis, task),
                "enters": _enters(analysis, task, of_task),
            }
        )
    return Table.of(rows)


def outcomes(analysis: Analysis) -> Table | Note:
    """By kind of ticket, how many retrained ones did not train, and how many retain half the gain,
    seed by seed."""
    found = analysis.outcomes()
    if not found:
        return NOTHING
    rows = []
    for method, kinds in KINDS.items():
        for kind in kinds:
            ended = Counter(o.ended for o in found if (o.method, o.kind) == (method, kind))
            if ended:
                rows.append(
                    {
                        "ticket": f"{METHOD_LABELS[method]}: {KIND_LABELS[kind]}",
                        "retrained": str(ended.total()),
                        "did not train": str(ended["did not train"]),
                        f"trained, retains less than {percent(WINS)}": str(ended["lost"]),
                        f"retains {percent(WINS)} or more": str(ended["won"]),
                    }
                )
    return Table.of(rows)


def rates(analysis: Analysis) -> Table | Note:
    """What tickets that did not train score at half and at twice the learning rate."""
    failed = [one for one in analysis.outcomes() if one.ended == "did not train"]
    if not failed:
        return Note("Every retrained ticket on record trained.") if analysis.entries else NOTHING
    rows = []
    for one in failed:
        metric = analysis.scored[one.task].metric
        stages = analysis.entries[one.task][one.seed]
        own = stages[TICKET_STAGE[one.method]]["results"]["tickets"][one.kind]
        tried = stages["rates"]["results"]["tickets"] if "rates" in stages else {}
        again = tried.get(one.method, {}).get(one.kind, {})
        kind = f"{METHOD_LABELS[one.method]}: {KIND_LABELS[one.kind]}"
        rows.append(
            {
                "ticket": f"{one.task}, seed {one.seed}, {kind}",
                "own rate": _scored(own["answers"]["retrained"], own["retrained"], metric),
                **dict.fromkeys(("half", "twice"), "not tried yet"),
                **{name: _scored(of, of["score"], metric) for name, of in again.items()},
            }
        )
    return Table.of(rows)


def searched(analysis: Analysis) -> Table:
    """Every claim on the examples that the search saw: its mean and verdict there."""
    both = zip(analysis.verdicts(), analysis.verdicts(searched=True), strict=True)
    return Table.of(
        {
            "claim": scored.claim.text,
            "held-out": in_its_unit(scored),
            "verdict": _so_far(analysis) + scored.verdict,
            "searched": in_its_unit(seen),
            "verdict on searched": _so_far(analysis) + seen.verdict,
        }
        for scored, seen in both
    )


def optimism(analysis: Analysis) -> Table | Note:
    """By how much more tickets seem to retain on the examples that the search saw."""
    found = analysis.optimism()
    if not found:
        return Note("Two seeds of a task with held-out examples are needed to compare the two.")
    rows: dict[tuple[str, str], dict[str, str]] = {}
    for ticket, one in found.items():
        name = f"{METHOD_LABELS[ticket.method]}: {KIND_LABELS[ticket.kind]}"
        row = rows.setdefault((ticket.method, ticket.kind), {"ticket": name})
        row[ticket.state] = points(one)
    return Table.of(rows.values())


def _enters(analysis: Analysis, task: str, of_task: Retained) -> str:
    why = analysis.left_out.get(task)
    if why is None and task not in analysis.entered:
        why = of_task.why_left_out(task, analysis.study.search.threshold)
    return "yes" if why is None else f"no: {why}"


def _where(analysis: Analysis, task: str) -> str:
    return " held out" if task in analysis.held_out else " searched"


def _scored(answers: Mapping[str, Any], searched: float, metric: str) -> str:
    """A score on held-out examples, or where a task has none, that on the searched ones."""
    return number(answers.get("held_out", {}).get(metric, searched))


def in_its_unit(one: PlanVerdict) -> str:
    """The mean of a claim with its 95 % CI, where there is one."""
    unit = _unit(one)
    if one.found is not None:
        return f"{amount(one.found.mean, unit)} {reach(one.found.low, one.found.high, unit)}"
    return amount(np.mean(list(one.means.values())), unit) if one.means else ""


def _share(one: PlanVerdict) -> str:
    """A mean of what tickets retain, with its 95 % CI; there is one."""
    assert one.found is not None
    return f"{percent(one.found.mean)} {reach(one.found.low, one.found.high, GAIN)}"


def _unit(one: PlanVerdict) -> str:
    """What the means of a claim are: what one ticket retains, or a difference of two."""
    return DIFFERENCE if len(one.claim.tickets) > 1 else GAIN


def _decided(one: PlanVerdict) -> str:
    """The adjusted p value of the side that was decided for: inside, unless contradicted."""
    p = one.p_contrary if one.verdict == CONTRADICTED else one.p
    return "" if p is None else p_cell(p)


def _n(one: PlanVerdict) -> str:
    tasks, seeds = several(len(one.means), "task"), several(one.n_seeds, "seed")
    return f"{tasks} × {seeds}, {one.n_examples:,} examples"
