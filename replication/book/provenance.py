"""What a page was made from, how much of its study that is, and whether it can bear what is said.

The book links each record to the copy that the site carries (`book/_ext/provenance.py`).
"""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Collection, Iterator
from itertools import pairwise
from pathlib import PurePosixPath
from typing import Any

from lottery_utils.metrics import METRIC_LABELS
from replication.book import contents
from replication.book.show import Note, Table
from replication.book.written import several
from replication.paper import records as release
from replication.runs.data_card import trained_on
from replication.runs.records import KIND_LABELS, TaskRecords, resolve, warning
from replication.runs.status import missing, status
from replication.stages import FOLLOWUPS, PIPELINE, STAGES
from replication.store import Key, Record, Store


class Sources:
    """The records behind a page, all that were read from its store, folded away at its end."""

    def __init__(self, store: Store) -> None:
        self.records = [*store.seen.values()]

    @property
    def summary(self) -> str:
        """How many records, from when, by which version, what they cost to compute, and where."""
        if not self.records:
            return "no records"
        made = [record["provenance"] for record in self.records]
        days = sorted({run["created"][:10] for run in made})
        when = days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}"
        versions = ", ".join(sorted({run["lottery_utils"] for run in made}))
        seconds = sum(run["seconds"] for run in made)
        spent = f"{seconds / 3600:.1f} hours" if seconds >= 3600 else f"{seconds / 60:.1f} minutes"
        devices = Counter(run["device"] for run in made).most_common()
        counted = (f"{device} ({n})" if len(devices) > 1 else device for device, n in devices)
        n = several(len(self.records), "record")
        return (
            f"{n}, computed {when} by version {versions} in {spent} on {' and '.join(counted)}"
            f"{self._sizes()}"
        )

    def _sizes(self) -> str:
        """On how many examples of a task the models were fine-tuned."""
        found = trained_on(self.records)
        return f"; {found} training examples a task" if found else ""

    def _repr_html_(self) -> str:
        rows = "".join(
            f'<tr><td><span data-record="{html.escape(str(path))}">{html.escape(str(path))}</span>'
            "</td>" + "".join(f"<td>{html.escape(str(cell))}</td>" for cell in cells) + "</tr>"
            for path, *cells in map(_row, self.records)
        )
        return (
            f'<details class="lottery-sources"><summary>Made from {html.escape(self.summary)}'
            "</summary><table><thead><tr><th>record</th><th>configuration</th><th>computed</th>"
            f"<th>on</th><th>with</th><th>seconds</th></tr></thead><tbody>{rows}</tbody></table>"
            "</details>"
        )

    def __repr__(self) -> str:
        return "\n".join(" | ".join(map(str, _row(record))) for record in self.records)


def _row(record: Record) -> tuple[object, ...]:
    made = record["provenance"]
    key = Key(*(record[name] for name in ("study", "task", "seed", "stage")))
    runs = made.get("runs", [made])  # that had a part in it
    code = " + ".join(dict.fromkeys(run["commit"] or run["lottery_utils"] for run in runs))
    return (
        PurePosixPath(key.folder) / f"{key.stage}.json",
        record["hash"],
        made["created"][:16].replace("T", " "),
        f"{made['device']}, {made['threads']} thread(s), {made['training_precision']}",
        f"torch {made['torch']}, transformers {made['transformers']}, code {code}",
        made["seconds"],
    )


def standing(
    study: str,
    seeds: list[int] | str | int | None = None,
    *,
    stages: Collection[str] = STAGES + FOLLOWUPS,
    data: str | None = None,
    backbone: str | None = None,
    store: Store | None = None,
) -> Note | None:
    """What a page that shows these stages lacks of its study and how to make it; nothing where all
    is there."""
    store = store or Store()
    chosen = resolve(study, seeds=seeds, data=data, backbone=backbone, store=store)
    lacking = missing(chosen, store, stages)
    n_entries = len(chosen.tasks) * len(chosen.seeds)
    if not lacking:
        return None
    with store.still():
        done = [status(chosen, *entry, "tickets", store) for entry in chosen.entries("tickets")]
    n_done = done.count("done")
    all_seeds = [f"seed {seed}" for seed in chosen.seeds]
    whole = [task for task, what in lacking.items() if what[: len(all_seeds)] == all_seeds]
    place = f" --data {chosen.data}:DIR" if chosen.data in ("local", "csv") else ""
    parts = [f"{task}: {', '.join(what)}" for task, what in lacking.items() if task not in whole]
    parts += [f"all of {', '.join(whole)}"] if whole else []
    return Note(
        f"Incomplete: {n_done} of {n_entries} runs (a task with a seed) have their tickets of "
        "heads and MLPs. Missing: "
        f"{'; '.join(parts)}. With the data, 'lottery run {chosen.name}{place}' computes them.",
        "warning",
    )


def check_parameters() -> None:
    """Of a page in its kernel: raises `UserError` where papermill gave a name that it has not."""
    from IPython import get_ipython

    shell = get_ipython()
    for cell, injected in pairwise(shell.user_ns["In"] if shell else ()):
        if injected.startswith("# Parameters"):  # as papermill begins such a cell
            contents.refuse_unknown(sorted(contents.names_in(injected)), cell)


def warnings(entries: TaskRecords, stages: Collection[str] = tuple(PIPELINE)) -> Note | None:
    """What a reader must know: where the 90 % threshold means nothing, and undefined scores of
    these stages."""
    by_reason: dict[str, list[str]] = {}
    for seed, records in entries.items():
        if reason := warning(records):
            by_reason.setdefault(reason, []).append(str(seed))
    reasons = [
        f"{said} What the search finds there is no good subnetwork, and tickets have little or "
        "nothing to lose."
        for said in _of_seeds(by_reason)
    ]
    if reasons:
        mini = (entries.config["data"], entries.config["backbone"]) == ("mini", "bundled")
        reasons.append(
            "Another recipe, or more examples, may learn the task"
            + (": the study mini-glue does." if mini else ".")
        )
    undefined: dict[str, list[str]] = {}
    for seed, records in entries.items():
        found: dict[str, list[str]] = {}
        for record in (record for stage, record in records.items() if stage in stages):
            for name, why in _undefined(record["results"]):
                found.setdefault(why, []).append(name)
        metric = METRIC_LABELS[records["finetune"]["results"]["metric"]]
        if found:
            listed = "; ".join(
                f"{', '.join(of) if len(of) < 4 else f'{len(of)} scores'}: {why}"
                for why, of in found.items()
            )
            text = f"{metric} is undefined and counted as 0 ({listed})."
            undefined.setdefault(text, []).append(str(seed))
    reasons += _of_seeds(undefined)
    return Note(" ".join(reasons), "warning") if reasons else None


LABELS = KIND_LABELS | {
    "tickets": "",
    "full": "full model",
    "averaged": "mean of embeddings",
    "emptied": "embeddings without a mean",
}


def _undefined(results: Any, *where: str) -> Iterator[tuple[str, str]]:
    """Which scores of a stage's results are undefined, by the names of its tickets and states, and
    why."""
    if not isinstance(results, dict):
        return
    said = results.get("undefined") or {}
    for state, why in said.items() if isinstance(said, dict) else [("", said)]:
        names = [LABELS.get(name, name.replace("_", " ")) for name in (*where, state)]
        yield " ".join(filter(None, names)), why
    for name, of in results.items():
        yield from _undefined(of, *where, name) if name != "undefined" else ()


def _of_seeds(said: dict[str, list[str]]) -> list[str]:
    """What is said, each time after the seeds that it is said of."""
    return [
        f"Seed{'s' if len(seeds) > 1 else ''} {', '.join(seeds)}: {text}"
        for text, seeds in said.items()
    ]


def released(store: Store | None = None) -> Table:
    """The records behind a page on the release: when and by which code each was made, from what."""
    rows = (
        {
            "": task,
            "record": record["hash"],
            "made (UTC)": record["provenance"]["created"][:16].replace("T", " "),
            "code": record["provenance"]["commit"] or record["provenance"]["lottery_utils"],
            "sha256 of the good masks": record["results"]["sha256"][release.GOOD][:12],
        }
        for task, record in release.load_records(store).items()
    )
    return Table.of(rows, f"{release.STUDY}/TASK/{release.STAGE}.json")
