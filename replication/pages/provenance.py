"""What a page was made from: every record that its notebook read, with when, on what and how long.

The book links each record to the copy that the site carries (`book/_ext/provenance.py`).
"""

from __future__ import annotations

import html
from collections.abc import Iterable
from pathlib import PurePosixPath

from replication import store
from replication.store import Key, Record


class Sources:
    """The records behind a page, folded away at its end; by default all that this process read."""

    def __init__(self, records: Iterable[Record] | None = None) -> None:
        self.records = [*(store.READ.values() if records is None else records)]

    @property
    def summary(self) -> str:
        """How many records, from when, by which version, and what they cost to compute."""
        if not self.records:
            return "no records"
        made = [record["provenance"] for record in self.records]
        days = sorted({run["created"][:10] for run in made})
        when = days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}"
        versions = ", ".join(sorted({run["lottery_utils"] for run in made}))
        studies = ", ".join(sorted({record["study"] for record in self.records}))
        seconds = sum(run["seconds"] for run in made)
        spent = f"{seconds / 3600:.1f} hours" if seconds >= 3600 else f"{seconds / 60:.1f} minutes"
        n = len(self.records)
        return (
            f"{n} record{'' if n == 1 else 's'} of {studies}, computed {when} by version "
            f"{versions} in {spent}{self._sizes()}"
        )

    def _sizes(self) -> str:
        """How many examples of each task the models were fine-tuned on at most, by study."""
        of_studies = {(record["study"], record["config"]["train_size"]) for record in self.records}
        told = [
            f"{study} at most {size:,}"
            for study, size in sorted(of_studies, key=str)
            if size is not None
        ]
        return f"; training examples of a task: {', '.join(told)}" if told else ""

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
    return (
        PurePosixPath(key.folder) / f"{key.stage}.json",
        record["hash"],
        made["created"][:16].replace("T", " "),
        f"{made['device']}, {made['threads']} thread(s), {made['training_precision']}",
        f"torch {made['torch']}, transformers {made['transformers']}, "
        f"code {made['commit'] or made['lottery_utils']}",
        made["seconds"],
    )
