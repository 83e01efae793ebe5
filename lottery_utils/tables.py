"""The tables of the notebooks, each made from records alone, as pandas data frames."""

from __future__ import annotations

import html

import numpy as np
import pandas as pd

from lottery_utils import miniglue
from lottery_utils.figure import Note
from lottery_utils.masks import StructuredMask
from lottery_utils.metrics import METRIC_LABELS
from lottery_utils.recorded import TICKETS, Entries, ticket_scores
from lottery_utils.statistics import t_interval
from lottery_utils.store import Record
from lottery_utils.tasks import TASKS

pd.set_option("display.max_colwidth", None)  # sentences are shown whole


def setup(entries: Entries) -> pd.DataFrame:
    """What was fine-tuned on what: one line per fact."""
    record = next(iter(entries.values()))["finetune"]
    results, config, task = record["results"], record["config"], TASKS[record["task"]]
    counts = results["label_counts"]
    facts = {
        "Question": task.question,
        "Data": f"{config['data']} (sha256 {results['data_sha256'][:12]})",
        "Backbone": f"{config['backbone']}: {results['layers']} layers x "
        f"{results['heads_per_layer']} heads, {results['parameters'] / 1e6:.1f} M parameters",
    }
    for split, values in counts.items():
        named = ", ".join(f"{n:,} {label}" for n, label in zip(values, task.labels, strict=True))
        tokens = results["mean_tokens"][split]
        facts[f"{split.capitalize()} examples"] = f"{named}; {tokens:.1f} tokens on average"
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
    task, sizes = TASKS[record["task"]], record["results"]["examples"]
    train = miniglue.generate(task.name, sizes["train"], sizes["validation"])["train"]
    rows = []
    for index, label in enumerate(task.labels):
        chosen = [example for example in train if example.label == index][:per_label]
        for example in chosen:
            row = {"label": label, "sentence": example.sentence1}
            rows.append({**row, **({"second sentence": example.sentence2} if task.is_pair else {})})
    return pd.DataFrame(rows).set_index("label").rename_axis(None)


def sizes(entries: Entries) -> pd.DataFrame:
    """The good subnetwork of each seed: how much of the model it is, and what it scores."""
    rows = []
    for seed, records in entries.items():
        found = records["search"]["results"]
        mask = StructuredMask.from_json(found["mask"])
        good = records["tickets"]["results"]["tickets"]["good"]
        rows.append(
            {
                "seed": f"seed {seed}",
                "heads kept": f"{mask.n_heads} of {mask.heads.size}",
                "MLPs kept": f"{mask.n_mlps} of {mask.mlps.size}",
                "parameters kept (M)": round(good["parameters"] / 1e6, 2),
                "full score": round(found["full_score"], 3),
                "good score": round(good["pruned"], 3),
                "share of full": _share(good["pruned"], found["full_score"]),
                "steps tried": len(found["steps"]),
            }
        )
    return pd.DataFrame(rows).set_index("seed").rename_axis(None)


def tickets(entries: Entries) -> pd.DataFrame:
    """Mean scores over seeds with 95 % Student t intervals, and paired differences from good."""
    full = [records["finetune"]["results"]["score"] for records in entries.values()]
    rows = [{"ticket": "full model", "score": str(t_interval(full))}]
    for state in ("pruned", "retrained"):
        by_kind = {kind: np.array(ticket_scores(entries, kind, state)) for kind in TICKETS}
        for kind, values in by_kind.items():
            row = {"ticket": f"{kind}, {state}", "score": str(t_interval(values.tolist()))}
            row["full minus this"] = str(t_interval((np.array(full) - values).tolist()))
            if kind != "random":
                row["random minus this"] = str(t_interval((by_kind["random"] - values).tolist()))
            rows.append(row)
    return pd.DataFrame(rows).fillna("").set_index("ticket").rename_axis(None)


def overview(records: dict[str, Entries]) -> pd.DataFrame:
    """One line per task: the mean over seeds of everything that matters."""
    rows = []
    for task, entries in records.items():
        results = [r["finetune"]["results"] for r in entries.values()]
        masks = [StructuredMask.from_json(r["search"]["results"]["mask"]) for r in entries.values()]
        row: dict[str, object] = {
            "task": task,
            "metric": METRIC_LABELS[results[0]["metric"]],
            "majority": round(results[0]["majority"], 3),
            "full": round(float(np.mean([r["score"] for r in results])), 3),
            "heads kept": f"{np.mean([m.n_heads for m in masks]):.1f} of {masks[0].heads.size}",
            "MLPs kept": f"{np.mean([m.n_mlps for m in masks]):.1f} of {masks[0].mlps.size}",
        }
        for state in ("pruned", "retrained"):
            for kind in TICKETS:
                mean = float(np.mean(ticket_scores(entries, kind, state)))
                row[f"{kind}, {state}"] = round(mean, 3)
        rows.append(row)
    return pd.DataFrame(rows).set_index("task").rename_axis(None)


def verdicts(records: dict[str, Entries]) -> pd.DataFrame:
    """How often, over tasks and seeds, the scores stood in the order that the paper reports.

    Entries whose full model learned nothing are left out: there no order means anything.
    """
    seen: dict[str, list[bool]] = {}
    for entries in records.values():
        for stages in entries.values():
            found, scored = stages["search"]["results"], stages["tickets"]["results"]["tickets"]
            if found["warning"]:
                continue
            full, good, random, bad = found["full_score"], *(scored[kind] for kind in TICKETS)
            for claim, holds in {
                "pruned: good above random": good["pruned"] > random["pruned"],
                "pruned: random above bad": random["pruned"] > bad["pruned"],
                "retrained: good reaches 90 % of full": good["retrained"] >= 0.9 * full,
                "retrained: random reaches 90 % of full": random["retrained"] >= 0.9 * full,
                "retrained: bad reaches 90 % of full": bad["retrained"] >= 0.9 * full,
                "retrained: random above bad": random["retrained"] > bad["retrained"],
                "bad: retrained above pruned": bad["retrained"] > bad["pruned"],
            }.items():
                seen.setdefault(claim, []).append(holds)
    rows = [{"seen": f"{sum(held)} of {len(held)}", "claim": claim} for claim, held in seen.items()]
    return pd.DataFrame(rows, columns=["claim", "seen"]).set_index("claim").rename_axis(None)


def warnings(entries: Entries) -> Note:
    """Whether the 90 % rule means anything for these models."""
    found = {
        seed: records["search"]["results"]["warning"]
        for seed, records in entries.items()
        if records["search"]["results"]["warning"]
    }
    if not found:
        return Note("Every full model here beats the majority baseline, so the rule has a meaning.")
    text = " ".join(f"Seed {seed}: {reason}" for seed, reason in found.items())
    return Note(f"{text} What the search finds there is not a good subnetwork.", "warning")


class Sources:
    """What a page was made from: every record, folded away at the end of the page."""

    def __init__(self, entries: Entries) -> None:
        self.records: list[Record] = [r for stages in entries.values() for r in stages.values()]

    def _repr_html_(self) -> str:
        rows = "".join(
            "<tr>"
            + "".join(f"<td>{html.escape(str(cell))}</td>" for cell in _source_row(record))
            + "</tr>"
            for record in self.records
        )
        seconds = sum(record["provenance"]["seconds"] for record in self.records)
        return (
            '<details class="lottery-sources"><summary>What this page was made from: '
            f"{len(self.records)} records, {seconds / 60:.1f} minutes of computing</summary>"
            "<table><thead><tr><th>record</th><th>configuration</th><th>computed</th><th>on</th>"
            f"<th>with</th><th>seconds</th></tr></thead><tbody>{rows}</tbody></table></details>"
        )

    def __repr__(self) -> str:
        return "\n".join(" | ".join(map(str, _source_row(record))) for record in self.records)


def _source_row(record: Record) -> tuple[object, ...]:
    made = record["provenance"]
    return (
        f"{record['study']}/{record['task']}/seed-{record['seed']}/{record['stage']}.json",
        record["hash"],
        made["created"][:16].replace("T", " "),
        f"{made['device']}, {made['threads']} thread(s), {made['training_precision']}",
        f"torch {made['torch']}, transformers {made['transformers']}, "
        f"code {made['commit'] or made['lottery_utils']}",
        made["seconds"],
    )


def _share(score: float, full: float) -> str:
    return f"{score / full:.0%}" if full > 0 else "undefined"
