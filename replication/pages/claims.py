"""Every claim of the paper with its verdict, from records alone."""

from __future__ import annotations

import html
import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from lottery_utils.agreement.inference import Interval, t_interval
from lottery_utils.agreement.sharing import limits
from replication.book.claim_rows import (
    Verdicts,
    badge,
    count_needed,
    ends_of,
    estimate,
    rule,
    strip,
)
from replication.book.show import Finding, Folded, Note, Table
from replication.book.written import number, p_text, percent, share
from replication.claims import wins as wins_of
from replication.claims.claim import LEARNED, WINS, adjusted, wins
from replication.claims.eligible import learned_seeds
from replication.claims.evidence import embeddings_alone, of_scores
from replication.claims.power import Needed, heads_for_r, needed
from replication.claims.rules import Judged, registered
from replication.claims.trial import PAPER, Trial, by_own_gain, over_seeds, sides, stricter
from replication.claims.verdicts import CONTRADICTED, INCONCLUSIVE, SUPPORTED, counted, verdict
from replication.claims.wins import outcomes
from replication.paper.records import sharing_of
from replication.runs.status import missing


def finding(trial: Trial) -> Finding:
    """The title's claim with its numbers, and how many claims got which verdict."""
    both = ((trial.name, trial.ours), (PAPER, trial.theirs))
    shares = [
        f"{share(found)} in {name} ({found.n} tasks)"
        for name, of in sides(trial).items()
        if "bad" in of and (found := of["bad"].found)
    ]
    retain = (
        f"Of the gain from fine-tuning, retrained bad subnetworks retain {', '.join(shares)}; "
        "means, 95 % CIs over tasks."
    )
    verdicts = "; ".join(
        f"{name} supports {sum(one.verdict == SUPPORTED for one in judged)} and contradicts "
        f"{sum(one.verdict == CONTRADICTED for one in judged)}"
        for name, judged in ((name, registered(judged)) for name, judged in both)
    )
    provisional = (
        " The study is incomplete, so its verdicts are provisional."
        if missing(trial.study, trial.store)
        else ""
    )
    judged = f"Of {len(registered(trial.ours))} registered claims, {verdicts}.{provisional}"
    return Finding(retain, more=judged) if shares else Finding(judged)


def count_added(trial: Trial) -> Finding:
    """The same of the claims that were added later."""
    both = ((trial.name, trial.ours), (PAPER, trial.theirs))
    texts = []
    for name, judged in both:
        words = counted(one.verdict for one in judged if one.claim.added)
        texts.append(f"{name}: {words}.")
    return Finding(" ".join(texts))


def in_one_family(trial: Trial) -> Note:
    """What becomes of the claims added later if all of them are one family in the correction."""
    added = [one for one in trial.ours if one.claim.added]
    tested = {one.claim.key: one.found for one in added if one.found}
    inside, outside = (
        adjusted([one.claim for one in added], {k: getattr(of, p) for k, of in tested.items()})
        for p in ("p", "p_outside")
    )
    changed = []
    for one in added:
        if one.found is not None:
            key, elsewhere = one.claim.key, one.claim.too_many_outside(one.means)
            word, _ = verdict(one.found.p, inside[key], outside[key], elsewhere)
            if word != one.verdict:
                said = one.claim.text.rstrip(".")
                changed.append(f"{said} ({word}, {p_text(inside[key])}, instead of {one.verdict})")
    return Note(
        f"Each addition is a family of its own. In one family of all {len(added)}, these verdicts "
        f"would change: {'; '.join(changed) or 'none'}."
    )


def between_tasks_at_most(trial: Trial) -> Note:
    """How far, and how often, the sizes of two tasks' masks limit their kappa, here and as
    released."""
    cannot, means = [], []
    for name, judged in ((trial.name, trial.ours), (PAPER, trial.theirs)):
        (one,) = (one for one in judged if one.claim.key == "tasks-differ")
        if one.found is None:
            continue
        most = _kappa_limits(trial, name, [*one.values])
        n = sum(limit < one.claim.high for limit in most)
        cannot.append(f"{n} of {len(most)} comparisons in {name}")
        means.append(f"{number(np.mean(most), 2)} ({name}; found: {number(one.found.mean, 2)})")
    n = 1 + [judged.claim.key for judged in trial.ours].index("tasks-differ")
    if not cannot:
        return Note(f"Nothing of claim {n} is on record yet.")
    return Note(
        f"Claim {n} compares masks of different sizes. In {' and '.join(cannot)} (a pair of tasks "
        f"with a seed), sizes alone keep kappa below {one.claim.high:g}, whichever heads are kept. "
        "If the smaller mask always lay within the larger, mean kappa would be "
        f"{' and '.join(means)}."
    )


def _kappa_limits(trial: Trial, name: str, tasks: Sequence[str]) -> list[float]:
    """The most that kappa of two tasks' masks can be on one side, by pair and seed."""
    if name == PAPER:
        return sharing_of(trial.release).only(tasks).limits
    masks = {task: trial.records[task].masks for task in tasks}
    sizes = {task: {s: mask.n_heads for s, mask in of.items()} for task, of in masks.items()}
    return limits(sizes, _n_heads(trial))


def _n_heads(trial: Trial) -> int:
    """How many heads the model has; 0 without records."""
    return next((next(iter(of.masks.values())).heads.size for of in trial.records.values()), 0)


def basis(trial: Trial) -> Table:
    """What the verdicts rest on: the tasks that were learned, and the seeds that say little."""
    unlearned = [task for task in trial.records if task not in trial.learned]
    same, few, whole = [], [], []
    for task, of in trial.records.items():
        usable = zip(of, of.contrasted(), strict=True)
        same += [f"{task} seed {seed}" for seed, counts in usable if not counts]
        if task not in trial.learned:
            continue
        few += [f"{task} seed {seed}" for seed in of if seed not in learned_seeds(of)]
        if of.has("magnitude"):
            removed = zip(of, of.weights_removed(), strict=True)
            whole += [f"{task} seed {seed}" for seed, some in removed if not some]
    gain = f"{LEARNED:g} over the majority baseline"
    rows = {
        f"Learned: the full model gains at least {gain}, mean over seeds": trial.learned,
        "Not learned: excluded from claims about tickets": unlearned,
        "Good ticket keeps more than two thirds of the heads: excluded from random and bad": same,
        f"Full model of this seed gains less than {gain}: included": few,
        "Magnitude pruning removes nothing, so all tickets equal the full model: included": whole,
    }
    return Table.of({"": what, "which": ", ".join(of) or "none"} for what, of in rows.items())


def verdicts(trial: Trial, *sections: str, added: bool = False) -> Verdicts:
    """The registered claims of some sections (all of them, where none is named), or those `added`
    later: the claim, both sides' means with intervals in its unit, and both verdicts."""
    numbered = enumerate(zip(trial.ours, trial.theirs, strict=True), 1)
    chosen = [
        (n, pair)
        for n, pair in numbered
        if bool(pair[0].claim.added) == added
        and (not sections or pair[0].claim.section in sections)
    ]
    scales: dict[str, list[float]] = {}
    for _, pair in chosen:
        scales.setdefault(pair[0].claim.unit, []).extend(ends_of(pair))
    rows = []
    for n, pair in chosen:
        ours, theirs, claim = pair[0], as_released(pair[1]), pair[0].claim
        rows.append(
            {
                "key": claim.key,
                "claim": f"{n}. {html.escape(claim.text)}",
                "paper": f"paper: {html.escape(claim.stated)}; rule and numbers",
                "estimate, 95 % CI": strip(pair, scales[claim.unit]),
                trial.name: f"{badge(ours)} <small>{estimate(ours)}</small>",
                PAPER: f"{badge(theirs)} <small>{estimate(theirs)}</small>",
                "rule": rule(ours),
            }
        )
    return Verdicts(rows)


def bad_wins(trial: Trial) -> Finding:
    """On how many tasks bad tickets win, by which intervals, and what they retain on average."""
    texts = []
    for name, of in sides(trial).items():
        if "bad" not in of:
            continue
        found = of["bad"].found
        assert found is not None
        texts += [f"{one}." for one in won(over_seeds(trial, name))]
        texts[-2] = f"{name}: {texts[-2]}"
    first, *others = texts or [NOTHING_LEARNED]
    return Finding(first, more=" ".join(others))


NOTHING_LEARNED = "No task that the full model learned is on record yet."


def won(found: Mapping[str, Interval]) -> tuple[str, str]:
    """On how many tasks bad tickets win and lose, and how many the interval leaves open; on how
    many they would win by their means alone."""
    of = outcomes(found)
    of["by the mean"] = [task for task, one in found.items() if wins(one.mean)]
    named = {
        word: f" ({', '.join(f'{task} {percent(found[task].mean)}' for task in tasks)})"
        if tasks
        else ""
        for word, tasks in of.items()
    }
    single = ", or only one seed" if any(math.isnan(one.low) for one in found.values()) else ""
    return (
        f"of {len(found)} tasks, bad tickets win on {len(of['wins'])}{named['wins']} and lose on "
        f"{len(of['loses'])}{named['loses']}; inconclusive on {len(of[INCONCLUSIVE])} "
        f"({percent(WINS)} inside the 95 % CI over seeds{single})",
        f"By their means alone they would win on {len(of['by the mean'])}{named['by the mean']}",
    )


def kept_by_task(trial: Trial, side: str | None = None) -> Table | Note:
    """By task, what each kind of retrained ticket retains, and whether the bad one wins: here, or
    on the `side` of the released numbers.

    Where seeds are left out, because the good ticket leaves too little for another one, the cell
    says of how many it is.
    """
    name = side or trial.name
    of = sides(trial).get(name, {})
    intervals = over_seeds(trial, name) if "bad" in of else {}
    rows = []
    for task in trial.study.tasks:
        means = {kind: judged.means[task] for kind, judged in of.items() if task in judged.means}
        if not means:
            continue
        cells = {kind: percent(mean) for kind, mean in means.items()}
        if task in intervals:
            cells["bad"] = share(intervals[task])
        row = {kind: text + _seeds_used(trial, task, name, kind) for kind, text in cells.items()}
        if task in intervals:
            row["the bad ticket"] = wins_of.outcome(intervals[task])
        rows.append({"": task, **row})
    return Table.of(rows) if rows else Note(NOTHING_LEARNED)


def readings(trial: Trial) -> Table | Note:
    """The registered claims whose verdict another reading of the same records changes: without
    seeds that say little, and with each seed's own gain as the unit."""
    every = zip(_numbered(trial), trial.ours, stricter(trial), by_own_gain(trial), strict=True)
    rows = []
    for name, *of in every:
        one = of[0].claim
        if one.added or one.tasks != "learned" or len({judged.verdict for judged in of}) == 1:
            continue
        cells = [f"{badge(judged)} <small>{estimate(judged)}</small>" for judged in of]
        rows.append({"": name} | dict(zip(READINGS, cells, strict=True)))
    return linked(rows) if rows else Note("Neither reading changes a verdict.")


READINGS = ("by the rules", "without such seeds", "by each seed's own gain")


def power(trial: Trial) -> Folded:
    """How many tasks, or seeds, would decide each claim, were means and variances as on record."""
    n_heads, rows = _n_heads(trial), []
    for name, judged in zip(_numbered(trial), trial.ours, strict=True):
        claim, why = judged.claim, [judged.why] if judged.found is None else []
        tasks, seeds = Needed(math.nan, math.nan)
        if judged.found is not None:
            family = sum(one.claim.added == claim.added for one in trial.ours)
            tasks, seeds = needed(claim, judged.values, family)
            why += ["a claim about one task"] * (len(judged.values) == 1)
            why += ["one value for all seeds"] * (seeds is not None and math.isnan(seeds))
        if claim.measure.startswith("r of") and 0 < n_heads < (wanted := heads_for_r(claim.high)):
            why.append(f"on one task, {n_heads} heads are too few: needs {wanted}")
        row = {"": name, "tasks on record": str(len(judged.values))}
        row |= {"tasks needed": count_needed(tasks), "seeds a task needed": count_needed(seeds)}
        rows.append(row | {"remark": "; ".join(why)})
    return Folded("Tasks and seeds needed, claim by claim", linked(rows))


def without_layers(trial: Trial) -> Note:
    """What a model without any layer retains, by task: where that is enough to win, winning says
    nothing of layers."""
    found = {task: embeddings_alone(trial.records[task]) for task in trial.learned}
    said = [f"{task} {share(t_interval(of))}" for task, of in found.items() if len(of) > 1]
    return Note(
        "Without any head or MLP, a classifier on the mean of the pre-trained embeddings retains "
        f"of the same seed's gain (95 % CI over seeds): {'; '.join(said) or 'not on record'}. "
        f"Where it reaches {percent(WINS)}, a ticket that wins may owe this to embeddings alone."
    )


def flatness(trial: Trial) -> Table | Note:
    """How wide the middle half of the heads' importance is, in medians: by task, over seeds.

    Of raw importance: once scaled to 0 to 1, the least and the greatest head would set the unit.
    """
    row = {"": "between the quartiles, in medians"}
    for task in trial.learned:
        searches = trial.records[task].results("search")
        scores = [np.ravel(results["importance"]["heads"]) for results in searches]
        low, middle, high = np.quantile(scores, [0.25, 0.5, 0.75], axis=1)
        row[task] = number(float(((high - low) / middle).mean()), 2)
    return Table.of([row]) if trial.learned else Note(NOTHING_LEARNED)


def as_released(judged: Judged) -> Judged:
    """Why the released numbers say nothing of a claim, in words of their own."""
    if judged.found is not None:
        return judged
    if judged.claim.measure.endswith("minus the paper's"):
        return judged._replace(why="it is the reference")
    return judged._replace(why="a mean without its seeds" if judged.means else "not released")


def linked(rows: Iterable[dict[str, str]], classes: str = "claims") -> Table:
    """A table of cells that are HTML."""
    return Table(Table.of(rows).frame, classes, links=True)


def _numbered(trial: Trial) -> list[str]:
    """The claims' words with their numbers, as the tables have them, each a link to its row."""
    return [
        f'<a href="#{judged.claim.key}">{n}. {html.escape(judged.claim.text)}</a>'
        for n, judged in enumerate(trial.ours, 1)
    ]


def _seeds_used(trial: Trial, task: str, name: str, kind: str) -> str:
    """Of how many seeds a cell is; of good tickets, what they retain with those seeds."""
    if name != trial.name:
        return ""
    of_task = trial.records[task]
    usable = of_task.contrasted()
    if all(usable):
        return ""
    seeds = f"{sum(usable)} of {len(usable)} seeds"
    if kind != "good" or not any(usable):
        return f" ({seeds})" if kind != "good" else ""
    measured = dict(of_scores(of_task.scores, {"structured": "bad"}))
    of_good = measured["structured: kept by good, retrained"]
    same = [share for share, counts in zip(of_good, usable, strict=True) if counts]
    return f" ({percent(np.mean(same))} with {seeds})"
