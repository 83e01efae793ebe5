"""The tables of the notebooks, each made from records alone, as pandas data frames."""

from __future__ import annotations

import pandas as pd

import miniglue
from lottery_utils.metrics import METRIC_LABELS
from lottery_utils.tasks import Example, Task, get_task
from replication.pages.show import Note
from replication.runs.recorded import KIND_LABELS, TICKET_STAGE, Entries, config, warning
from replication.runs.records import task_of

pd.set_option("display.max_colwidth", None)  # sentences are shown whole


def setup(entries: Entries) -> pd.DataFrame:
    """What was fine-tuned on what: one line per fact."""
    record = next(iter(entries.values()))["finetune"]
    results, config, task = record["results"], record["config"], task_of(record)
    counts = results["label_counts"]
    facts = {
        "Question": task.question,
        "Data": f"{config['data']} (sha256 {results['data_sha256'][:12]})",
        "Backbone": f"{config['backbone']}: {results['layers']} layers x "
        f"{results['heads_per_layer']} heads, {results['parameters'] / 1e6:.1f} M parameters",
    }
    for place, (split, n) in enumerate(results["examples"].items()):
        named = ", ".join(
            f"{count:,} {label}" for count, label in zip(counts[split], task.labels, strict=True)
        )
        named = named or f"{n:,} {'pairs' if task.is_pair else 'sentences'} with a grade"
        tokens = results["mean_tokens"][split]
        text = f"{named}; {tokens:.1f} tokens on average"
        if config["data"] in ("local", "hub") and task.official_sizes:
            text += f" (all of GLUE's: {task.official_sizes[place]:,})"
        facts[f"{split.capitalize()} examples"] = text
    recipe = config["recipe"]
    facts["Recipe"] = (
        f"AdamW, learning rate {recipe['learning_rate']:g}, {recipe['epochs']} epochs, batch "
        f"{recipe['batch_size']}, linear decay, gradient norm at most {recipe['clip_norm']:g}"
    )
    facts["Metric"] = METRIC_LABELS[results["metric"]]
    facts["Majority baseline"] = f"{results['majority']:.3f}"
    facts["Seeds"] = ", ".join(map(str, entries))
    return pd.DataFrame(facts.values(), index=pd.Index(facts, name=None), columns=["this page"])


def examples(entries: Entries, per_label: int = 2) -> pd.DataFrame | Note:
    """A few training examples of each label, where the corpus may be shown: the embedded one."""
    record = next(iter(entries.values()))["finetune"]
    if record["config"]["data"] != "mini":
        return Note(
            "The sentences of this study come from files that are not part of this book, so none "
            "are shown here."
        )
    task, sizes = get_task(record["task"]), record["results"]["examples"]
    drawn = miniglue.generate(task.name, sizes["train"], sizes["validation"])["train"]
    rows = []
    for label, chosen in _by_label(task, [Example(*example) for example in drawn]):
        for example in chosen[:per_label]:
            row = {"label": label, "sentence": example.sentence1}
            rows.append({**row, **({"second sentence": example.sentence2} if task.is_pair else {})})
    return pd.DataFrame(rows).set_index("label").rename_axis(None)


def warnings(entries: Entries) -> Note:
    """Whether the 90 % rule means anything for these models, and every score does."""
    by_reason: dict[str, list[str]] = {}
    for seed, records in entries.items():
        if reason := warning(records):
            by_reason.setdefault(reason, []).append(str(seed))
    reasons = [
        f"Seed{'s' if len(seeds) > 1 else ''} {', '.join(seeds)}: {reason} What the search finds "
        "there is no good subnetwork, and tickets have little or nothing to lose."
        for reason, seeds in by_reason.items()
    ]
    if reasons:
        mini = config(entries)["data"] == "mini"
        reasons.append(
            "Another recipe, or more examples, may learn the task"
            + (": the study mini-glue does." if mini else ".")
        )
    for seed, records in entries.items():
        of_full = records["finetune"]["results"]["undefined"].items()
        found = [("full model", why) for _, why in of_full]
        for stage in TICKET_STAGE.values():
            tickets = records[stage]["results"]["tickets"] if stage in records else {}
            for kind, ticket in tickets.items():
                name = KIND_LABELS.get(kind, kind)
                found += [(f"{name}, {state}", why) for state, why in ticket["undefined"].items()]
        metric = METRIC_LABELS[records["finetune"]["results"]["metric"]]
        if found:
            listed = "; ".join(f"{name}: {why}" for name, why in found)
            reasons.append(f"Seed {seed}: {metric} is undefined and counted as 0 ({listed}).")
    if not reasons:
        return Note(
            "Every full model here is far enough above the majority baseline for the share of its "
            "score that the search asks for to be a bar."
        )
    return Note(" ".join(reasons), "warning")


def _by_label(task: Task, examples: list[Example]) -> list[tuple[str, list[Example]]]:
    """Examples grouped by label, or by their grade rounded to a whole number."""
    names = task.labels or tuple(f"about {grade}" for grade in range(6))
    return [(name, [e for e in examples if round(e.label) == i]) for i, name in enumerate(names)]
