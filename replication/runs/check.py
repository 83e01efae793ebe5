"""Whether a record holds what its stage writes: values of these types that fit each other.

That it is whole, in its place and of its own configuration, every reading checks
(`replication.store`). This goes by the types of `replication.runs.schema`, and so it imports
whatever computes them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from functools import cache
from typing import Any, get_type_hints

import numpy as np
from pydantic import TypeAdapter, ValidationError
from typing_extensions import TypedDict

from lottery_utils.errors import ReplayError, UserError
from lottery_utils.importance import Variant
from lottery_utils.masks import StructuredMask
from lottery_utils.metrics import CORRELATIONS, majority_baseline, passes, score
from lottery_utils.recipe import SearchRule
from lottery_utils.search import RELEASE_STEPS, Step, structured_search
from replication.experiments.answers import read_answers
from replication.experiments.choices import EACH_SIDE, number_of
from replication.experiments.shapes import Facts
from replication.runs.records import task_of
from replication.runs.schema import CONFIG, INPUTS, Record, results_type
from replication.same_data import KNOWN_BY
from replication.stages import PIPELINE
from replication.store import Record as Read
from replication.study import SINCE


def problem(record: Read, text: bytes | str, full: dict[object, Facts] | None = None) -> str | None:
    """The first thing that is wrong with what a record holds, or None; `text` is its file's.

    `full` gathers what the records of full models say, and holds the others of an entry to it that
    are read later.
    """
    if record["stage"] not in PIPELINE:
        return f"there is no stage {record['stage']!r}"
    facts = Facts()
    try:
        for kind in _types(record["stage"]):
            # In strict mode a text is no number; of JSON, lists are taken for tuples all the same.
            kind.validate_json(text, strict=True, context=facts)
        asked = set(PIPELINE[record["stage"]].fields) - SINCE.keys()
        if lacking := asked - record["config"].keys():
            return f"its config lacks {min(lacking)}"
        task = _of_task(record)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place, why = ".".join(map(str, first["loc"])), first["msg"].removeprefix("Value error, ")
        return f"{place}: {why}" if place else why
    except UserError as error:
        return str(error).rstrip(".")
    of_model = _full_model(record, facts, {} if full is None else full)
    return (
        facts.unlike(task, "of its task")
        or _other_examples(record, {} if full is None else full)
        or facts.unlike(of_model, "in finetune.json, of another model: restore or delete both")
        or facts.outside(of_model)
        or _misscored(record, of_model)
        or _unlike_itself(record, of_model)
        or _miscounted(record, graded=task["answers are grades"])
        or _off_the_edge(record)
        or _astray(record)
    )


def _of_task(record: Read) -> dict[str, Any]:
    """What its task and settings ask of a record. Raises `UserError` for a task that is unknown."""
    task = task_of(record)
    return {
        "metric": task.metric,
        "metrics": sorted(task.metrics),
        "metric of the search": task.search_metric or task.metric,
        "scores may be negative": any(metric in CORRELATIONS for metric in task.metrics),
        "labels": len(task.labels),
        "answers are grades": task.is_graded,
        "epochs": record["config"]["recipe"].get("epochs"),
    }


def _full_model(record: Read, facts: Facts, full: dict[object, Facts]) -> Facts:
    """What the full model says that a record starts from, or the record itself where `full` has not
    that; by the hash of its weights, or by the settings of a record that starts from none."""
    results, asked = record["results"], (record["task"], record["seed"], record["hash"])
    weights = results.get("made_from", results).get("weights_sha256", asked)
    if record["stage"] == "finetune":
        full |= {weights: facts, asked: facts}
    return full.get(weights, facts)


def _other_examples(record: Read, full: dict[object, Facts]) -> str | None:
    """Where full models, and those without layers, that differ by their seed alone were made from
    different examples, of which `full` has the first."""
    if record["stage"] not in KNOWN_BY["data_sha256"] or "data_sha256" not in record["results"]:
        return None
    here = Facts()
    here.add([("data_sha256", record["results"]["data_sha256"]), ("seed", record["seed"])])
    first = full.setdefault((record["study"], record["task"], record["hash"], "examples"), here)
    if first["data_sha256"] == here["data_sha256"]:
        return None
    return f"it was made from other examples than that of seed {first['seed']}: delete one of both"


def _models(value: Any, name: str = "results") -> Iterator[tuple[str, Any, dict[str, Any]]]:
    """The models that results speak of: a name, the score and what is said of the answers."""
    if not isinstance(value, dict):
        return
    if "seconds" in value or "curve" in value:
        for state, answered in value.get("answers", {"score": value}).items():
            yield name, value.get(state), answered
    for key, of in value.items():
        yield from _models(of, key)


def _misscored(record: Read, full: Facts) -> str | None:
    """The first model whose answers are not there though a study with `held_out` keeps them, or the
    reverse, or whose score does not follow from them and the labels, of which `full` knows.

    An answer that is a grade has three decimals on record.
    """
    kept = bool(record["config"].get("held_out"))
    metric, graded = full.get("metric", ""), full.get("answers are grades", False)
    for name, found, answered in _models(record["results"]):
        predictions = answered.get("predictions", {})
        if bool(predictions) != kept or ("held_out" in predictions) != ("held_out" in answered):
            return f"{name}: predictions and held_out should be{' ' if kept else ' not '}there"
        said = {"validation": found, "held_out": answered.get("held_out", {}).get(metric)}
        for split, text in predictions.items():
            if labels := full.get(f"{split} labels"):
                answers, true = (read_answers(one, graded=graded) for one in (text, labels))
                off = abs(score(metric, answers, true) - (said[split] or 0.0))
                if off > (0.005 if graded else 1e-6):
                    return f"{name}: {said[split]} is not the {metric} of its answers to {split}"
    return None


def _unlike_itself(record: Read, full: Facts) -> str | None:
    """Where two values differ that are on record twice, or the sizes of tickets of one size."""
    results, tickets = record["results"], record["results"].get("tickets", {})
    if (found := results.get("full_score")) is not None:
        again = full.get(f"{results['metric']} of the full model", found)
        if found != again:
            return f"its full_score is {found}, in finetune.json {again}"
    if record["stage"] == "finetune":
        last, again = results["curve"]["scores"][-1], results["scores"].get(results["metric"])
        if not results["score"] == last == again:
            return f"its score is {results['score']}, in scores {again}, after training {last}"
    if record["stage"] in ("tickets", "control"):
        from_mask, masks = (results["made_from"].get(key) for key in ("mask", "masks"))
        if tickets["good"]["mask"] not in (masks.values() if masks else [from_mask]):
            return "its good ticket is not the mask that it was made from"
    if record["stage"] in ("tickets", "control", "survivors"):
        masks = [ticket["mask"] for ticket in tickets.values()]
        sizes = {("".join(of["heads"]).count("1"), of["mlps"].count("1")) for of in masks}
        if len(sizes) > 1:
            return f"its tickets differ in size, (heads, MLPs): {str(sorted(sizes))[1:-1]}"
    return None


def _miscounted(record: Read, *, graded: bool) -> str | None:
    """Where a full model's labels were counted wrongly, or give another majority baseline."""
    if record["stage"] != "finetune":
        return None
    results = record["results"]
    counts, labels = results["label_counts"]["validation"], results.get("labels")
    if labels:
        true = read_answers(labels["validation"], graded=graded)
        if counts != [int((true == label).sum()) for label in range(len(counts))]:
            return f"its label_counts are {counts}, but not by its labels"
    elif graded:
        return None
    else:
        true = np.repeat(np.arange(len(counts)), counts)
    # Of labels that are equally frequent the first one counts, and counts do not tell which it is.
    orders = [true] if labels else [true, true[::-1]]
    found = [
        majority_baseline(results["metric"], order.tolist(), graded=graded) for order in orders
    ]
    if min(abs(one - results["majority"]) for one in found) > (0.005 if graded else 1e-6):
        return f"its majority is {results['majority']}, by its labels {found[0]}"
    return None


def _off_the_edge(record: Read) -> str | None:
    """Where the heads among which every choice was scored are not those at a ticket's edge."""
    if record["stage"] != "choices":
        return None
    results = record["results"]
    (good,) = map(StructuredMask.from_json, results["made_from"]["masks"].values())
    heads = [(layer, head) for layer, head in results["heads"]]
    kept = [head for head in heads if good.heads[head]]
    sides = [min(EACH_SIDE, n) for n in (good.n_heads, good.heads.size - good.n_heads)]
    if len({*heads}) < len(heads) or [len(kept), len(heads) - len(kept)] != sides:
        return f"its heads are not {sides[0]} that the good ticket keeps and {sides[1]} others"
    if results["importance"] != sorted(results["importance"], reverse=True):
        return "its heads are not in the order of their importance"
    if results["good"] != (number := number_of(good, heads)):
        return f"its good choice is number {results['good']}, by its mask {number}"
    return None


def _astray(record: Read) -> str | None:
    """Where a search does not come to what its record says it found."""
    if replay := STEPS.get(record["stage"]):
        config = record["config"]
        try:
            replay(record["results"], SearchRule(**config["search"]), config["variant"])
        except ReplayError as error:
            return str(error)
    return None


def _searched(results: Any, rule: SearchRule, variant: Variant) -> None:
    """Raises `ReplayError` where the steps of a structured search do not follow from each other,
    or its mask from them."""

    def unfinished(mask: StructuredMask) -> Any:
        raise ReplayError("its search has not come to its end")

    found = structured_search(
        StructuredMask.full(*StructuredMask.from_json(results["mask"]).heads.shape),
        results["full_score"],
        unfinished,
        unfinished,
        threshold=rule.threshold,
        head_step=rule.head_step,
        variant=variant,
        done=[Step.from_json({key: step[key] for key in STEP}) for step in results["steps"]],
    )
    if found.mask.to_json() != results["mask"]:
        raise ReplayError("its mask is not what the last passing step left")


def _searched_weights(results: Any, rule: SearchRule, variant: Variant) -> None:
    """The same of magnitude pruning, as far as the numbers of weights say it."""
    steps, n_left, n_steps = results["steps"], results["weights"]["prunable"], 0
    while n_left and n_steps < len(steps):
        step, n_steps = steps[n_steps], n_steps + 1
        n_kept = n_left - max(1, round(rule.weight_step * n_left))
        passed = passes(step["score"], results["full_score"], rule.threshold)
        if (step["n_kept"], step["passed"]) != (n_kept, passed):
            raise ReplayError(f"step {n_steps} of its search does not follow from those before it")
        if not passed or (variant == "release" and n_steps == RELEASE_STEPS):
            break
        n_left = n_kept
    else:
        if n_left:
            raise ReplayError("its search has not come to its end")
    if (n_steps, results["weights"]["kept"]) != (len(steps), n_left):
        raise ReplayError("its weights are not what the last passing step left")


STEP = [field.name for field in fields(Step)]
STEPS = {"search": _searched, "magnitude": _searched_weights}


@cache
def _types(name: str) -> list[TypeAdapter[Any]]:
    """What a record of this stage is, and what ties it to those that it starts from."""
    hints = get_type_hints(Record, include_extras=True)
    inputs = {key: kind for what in PIPELINE[name].made_from for key, kind in INPUTS[what].items()}
    if not inputs.keys() <= {"weights_sha256"}:
        made_from = inputs.get("good_weights") or TypedDict("made_from", inputs)  # type: ignore
        inputs = {"made_from": made_from}
    config = TypedDict("config", CONFIG, total=False)  # type: ignore
    whole = TypedDict("record", {**hints, "config": config, "results": results_type(name)})  # type: ignore
    tied = TypedDict("record", {"results": TypedDict("tied", inputs)})  # type: ignore  # noqa: UP013
    return [TypeAdapter(whole), TypeAdapter(tied)]
