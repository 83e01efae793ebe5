"""The page on super-survivors as tickets (section 5.1): what those heads and MLPs that every seed
keeps can learn, against as many that no seed, or only some, keep.
"""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import numpy as np

from lottery_utils.agreement.inference import t_interval
from lottery_utils.agreement.survivors import KINDS
from lottery_utils.masks import StructuredMask
from lottery_utils.metrics import possible
from replication.book.show import LARGE, Figure, Finding, Note, Table, style
from replication.book.written import estimate, has_ci, percent, points, several
from replication.claims.verdicts import INCONCLUSIVE
from replication.experiments.answers import majority_of, untrained
from replication.pages.sec4_2_good_random_bad import Retained, model_rows, of_release, retained
from replication.paper import records as paper
from replication.runs.records import KIND_LABELS, STATES, TaskRecords, task_of

_OWN = {"super": "all", "in_between": "some", "anti": "none"}
NO_SURVIVORS = Note(
    "The tickets of survivors are not computed for this task here. To have them with two seeds or "
    "more: lottery run STUDY --set followups.survivors=null.",
    missing=True,
)
EMPTY = Note(
    "No head and no MLP survives with every seed. Tickets of that size are empty, and their scores "
    "would mean nothing."
)


def finding(entries: TaskRecords) -> Finding | Note:
    """What retrained super-survivors retain, and whether anti-survivors retain less."""
    found = entries.results("survivors")
    if not found:
        return NO_SURVIVORS
    if _is_empty(found):
        return EMPTY
    own, task = _own(entries, found), entries.title
    if not own.found:
        return Finding(f"On {task}, {own.label} has no gain from fine-tuning to retain.")
    kept, never = KINDS[0], KINDS[-1]
    gap = t_interval(np.subtract(own.values[kept], own.values[never]).tolist())
    side = "above" if gap.low > 0 else "below" if gap.high < 0 else ""
    said = f"{side} 0, uncorrected" if side and has_ci(gap) else INCONCLUSIVE
    came = found[0]["tickets"][never]["heads_from"]
    return Finding(
        f"On {task}, retrained super-survivors of {own.label} retain "
        f"{percent(own.found[kept].mean)} of the gain, anti-survivors of the same size "
        f"{percent(own.found[never].mean)}. The difference is {points(gap)} "
        f"({'95 % CI, ' * has_ci(gap)}n = {several(gap.n, 'seed')}: {said}).",
        more="Heads in the anti-survivors' ticket that no seed keeps: "
        f"{came['none']} of {sum(came.values())}.{_untrained(entries)}{_on_held_out(entries)}",
    )


def _untrained(entries: TaskRecords) -> str:
    """How many of these tickets did not train, where their answers are on record."""
    n: Counter[str] = Counter()
    for stages in entries.values():
        found, tuned = stages.get("survivors"), stages["finetune"]
        if found and (labels := tuned["results"].get("labels")):
            tickets, graded = found["results"]["tickets"], task_of(tuned).is_graded
            n.update(untrained(tickets, labels, graded=graded))
    if not n:
        return ""
    said = ", ".join(f"{KIND_LABELS[kind]} {n[kind]}" for kind in KINDS if n[kind])
    return (
        f" Tickets that did not train (one answer to all examples), of {len(entries)} of a kind: "
        f"{said}."
    )


def _on_held_out(entries: TaskRecords) -> str:
    """The same means on examples that no search saw, where there are any."""
    above: dict[str, list[float]] = {kind: [] for kind in ("full", *KINDS)}
    for stages in entries.values():
        tuned, found = stages["finetune"]["results"], stages.get("survivors")
        if not found or "held_out" not in tuned:
            return ""
        metric, graded = tuned["metric"], task_of(stages["finetune"]).is_graded
        majority = majority_of(tuned, "held_out", graded=graded)
        above["full"].append(tuned["held_out"][metric] - majority)
        for kind in KINDS:
            answers = found["results"]["tickets"][kind]["answers"]["retrained"]
            above[kind].append(answers["held_out"][metric] - majority)
    gain = float(np.mean(above["full"])) or math.nan
    shares = {kind: percent(np.mean(above[kind]) / gain) for kind in KINDS}
    return (
        " These are scores of the examples searched on; on those held out super-survivors retain "
        f"{shares[KINDS[0]]}, anti-survivors {shares[KINDS[-1]]}."
    )


def survivors_table(entries: TaskRecords) -> Table | Note:
    """The three kinds: how large, how many of another kind fill the places, what they score.

    Where too few components are left, two kinds are one subnetwork: its row says so.
    """
    found = entries.results("survivors")
    if not found:
        return NO_SURVIVORS
    if _is_empty(found):
        return EMPTY
    rows, limits = [], possible(entries.results()[0]["metric"])
    masks = {kind: found[0]["tickets"][kind]["mask"] for kind in KINDS}
    for kind in KINDS:
        tickets = [results["tickets"][kind] for results in found]
        mask = StructuredMask.from_json(masks[kind])
        equal = (of for of in KINDS[: KINDS.index(kind)] if masks[of] == masks[kind])
        same = next((f" (the same ticket as {KIND_LABELS[of]})" for of in equal), "")
        row = {"": f"{KIND_LABELS[kind]}{same}"}
        for part, n in (("heads", mask.n_heads), ("MLPs", mask.n_mlps)):
            came = tickets[0][f"{part.lower()}_from"]
            row[part] = f"{n}{_filled(came, _OWN[kind])}"
        for state in STATES:
            row[state] = estimate([t[state] for t in tickets], limits)
        rows.append(row)
    return Table.of(rows)


def _filled(came: dict[str, int], own: str) -> str:
    others = {name: n for name, n in came.items() if name != own and n}
    if not others:
        return ""
    text = " and ".join(f"{n} kept by {name} seeds" for name, n in others.items())
    return f", of them {text}".replace("none seeds", "no seed")


@style(LARGE)
def survivors_plot(entries: TaskRecords, release: paper.Results) -> Figure | Note:
    """What retrained tickets of survivors retain, here and in BERT-base as released."""
    found = entries.results("survivors")
    if not found:
        return NO_SURVIVORS
    if _is_empty(found):
        return EMPTY
    task, released = entries.title, of_release(release, entries.task, "survivors")
    models = [_own(entries, found), *filter(None, [released])]
    if not any(model.found for model in models):
        return Note(f"No model here has learned {task}, so there is no gain to retain.")
    means = "; ".join(
        f"{model.label}: "
        + ", ".join(f"{KIND_LABELS[kind]} {percent(of.mean)}" for kind, of in model.found.items())
        for model in models
        if model.found
    )
    return Figure.of(
        model_rows(models, KINDS),
        f"Gain retained on {task}. {means}. Large markers are means, lines 95 % CI over n seeds.",
        f"Dot plot of retained gain on {task}. {means}.",
        "survivors",
    )


def _own(entries: TaskRecords, found: list[dict[str, Any]]) -> Retained:
    """What each kind retains, retrained, of the mean gain of the full models, seed by seed."""
    majority = float(np.mean(entries.scores("majority")))
    gain = float(np.mean(entries.scores("full"))) - majority
    scores = {kind: [results["tickets"][kind]["retrained"] for results in found] for kind in KINDS}
    shares = {kind: [(x - majority) / gain for x in of] for kind, of in scores.items() if gain > 0}
    return retained(entries, shares)


def _is_empty(found: list[dict[str, Any]]) -> bool:
    """Whether nothing survives with every seed, so that tickets of that size are empty."""
    masks = (results["tickets"][KINDS[0]]["mask"] for results in found)
    return all(not (m.n_heads or m.n_mlps) for m in map(StructuredMask.from_json, masks))
