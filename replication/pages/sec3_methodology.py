"""The page on section 3: what is fine-tuned on what, how it learns, and what each part matters."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np

import miniglue
from lottery_utils.agreement.inference import t_interval
from lottery_utils.metrics import METRIC_LABELS, possible
from lottery_utils.tasks import Example, Task
from replication.book.show import (
    COLOURS,
    LARGE,
    Figure,
    Finding,
    Note,
    Table,
    coloured,
    layer_map,
    style,
)
from replication.book.written import has_ci, number, several, within
from replication.runs.records import TaskRecords, seeds_text, task_of


def finding(entries: TaskRecords) -> Finding:
    """What the fine-tuned models score, and what the majority baseline does."""
    results, found = entries.results()[0], t_interval(entries.scores("full"))
    n = f"n = {several(found.n, 'seed')}"
    interval = f"no CI, {n}"
    if has_ci(found, possible(results["metric"])):
        interval = f"95 % CI {within(found.low, found.high)}, {n}"
    return Finding(
        f"Fine-tuned on {results['examples']['train']:,} examples of {entries.title}, "
        f"{entries.model} reaches a mean {METRIC_LABELS[results['metric']]} of "
        f"{number(found.mean)} ({interval}). The majority baseline scores "
        f"{number(results['majority'])}."
    )


def setup(entries: TaskRecords) -> Table:
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
            text += f" (GLUE has {task.official_sizes[place]:,})"
        facts[f"{split.capitalize()} examples"] = text
    recipe = config["recipe"]
    facts["Recipe"] = (
        f"AdamW, learning rate {recipe['learning_rate']:g}, epochs {recipe['epochs']}, batch "
        f"{recipe['batch_size']}, linear decay, gradient norm at most {recipe['clip_norm']:g}"
    )
    facts["Metric"] = METRIC_LABELS[results["metric"]]
    facts["Majority baseline"] = number(results["majority"])
    facts["Seeds"] = ", ".join(map(str, entries))
    return Table.of({"": fact, "here": text} for fact, text in facts.items())


def examples(entries: TaskRecords, per_label: int = 2) -> Table | Note:
    """A few training examples of each label, where the corpus may be shown: the embedded one."""
    record = next(iter(entries.values()))["finetune"]
    if record["config"]["data"] != "mini":
        return Note("No sentences are shown: they come from files that are not part of this book.")
    task, sizes = task_of(record), record["results"]["examples"]
    drawn = miniglue.generate(task.name, sizes["train"], sizes["validation"])["train"]
    rows = []
    for label, chosen in _by_label(task, [Example(*example) for example in drawn]):
        for example in chosen[:per_label]:
            row = {"label": label, "sentence": example.sentence1}
            rows.append({**row, **({"second sentence": example.sentence2} if task.is_pair else {})})
    return Table.of(rows)


def _by_label(task: Task, examples: list[Example]) -> list[tuple[str, list[Example]]]:
    """Examples grouped by label, or by their grade rounded to a whole number."""
    names = task.labels or tuple(f"about {grade}" for grade in range(6))
    return [(name, [e for e in examples if round(e.label) == i]) for i, name in enumerate(names)]


@style(LARGE)
def fine_tuning_curves(entries: TaskRecords) -> Figure:
    """Training loss by step, and the validation score after each epoch."""
    task, first = entries.title, entries.results("finetune")[0]
    drawing, (loss, score) = plt.subplots(1, 2, figsize=(4.8, 2.8), layout="constrained")
    for colour, seed, records in coloured(entries):
        curve = records["finetune"]["results"]["curve"]
        steps, losses = zip(*curve["loss"], strict=True)
        loss.plot(steps, losses, color=colour, label=f"seed {seed}")
        epochs = range(1, len(curve["scores"]) + 1)
        score.plot(epochs, curve["scores"], "o-", color=colour)
        score.set_xticks(epochs)
    score.axhline(first["majority"], color=COLOURS["majority"], linestyle=":")
    loss.plot([], [], color=COLOURS["majority"], linestyle=":", label="majority")
    loss.set(xlabel="training step", title="training loss (nats)")
    score.set(xlabel="epoch", title=METRIC_LABELS[first["metric"]])
    drawing.legend(loc="outside upper center", ncols=min(4, len(entries) + 1), handlelength=1)
    n, final = first["examples"], [r["score"] for r in entries.results()]
    low, high = number(min(final)), number(max(final))
    ends = f"ends at {low}" if low == high else f"ends between {low} and {high}"
    return Figure.of(
        drawing,
        f"Fine-tuning on {task} {ends} (n = {len(entries)}; {n['train']:,} training and "
        f"{n['validation']:,} validation examples). Left: loss, averaged between points. Right: "
        "validation score after each epoch.",
        f"Two line plots for {task}: training loss by step, and the validation score after each "
        f"epoch, which {ends}.",
        "curves",
    )


@style(LARGE)
def importance(entries: TaskRecords) -> Figure:
    """Normalized importance in the full model: heads as a map, MLPs as bars, a row per seed."""
    n_layers = entries.results()[0]["layers"]
    drawing, axes = plt.subplots(
        len(entries), 2, figsize=(4.8, 0.9 + (0.6 + 0.17 * n_layers) * len(entries)), sharex="col",
        width_ratios=(2.4, 1), squeeze=False, layout="constrained",
    )  # fmt: skip
    highest = []
    for (heads, mlps), (seed, records) in zip(axes, entries.items(), strict=True):
        step = records["search"]["results"]["steps"][0]
        scores = np.array(step["head_scores"])
        image = layer_map(heads, scores, f"heads, seed {seed}")
        highest.append(1 + int(scores.max(axis=1).argmax()))
        layers = np.arange(1, len(step["mlp_scores"]) + 1)
        mlps.barh(layers, step["mlp_scores"], color=COLOURS["good"], height=0.7)
        mlps.set(yticks=layers, xlabel="0 to 1", xlim=(0, 1.05), title="MLPs")
        heads.label_outer()
        mlps.label_outer()
    drawing.colorbar(image, ax=axes[:, 0], label="importance, 0 to 1", location="bottom", aspect=30)
    task, n = entries.title, entries.results()[0]["examples"]["validation"]
    where = " and ".join(map(str, sorted(set(highest))))
    return Figure.of(
        drawing,
        f"On {task}, the most important head of the full model is in layer {where} "
        f"(n = {several(len(entries), 'seed')}; {n:,} validation examples). Heads divided by "
        "their layer's norm; heads and MLPs each from 0 (least) to 1.",
        f"Heat maps of head importance by layer and head, with bars of MLP importance by layer, "
        f"for {task}, {seeds_text(entries)}.",
        "importance",
    )
