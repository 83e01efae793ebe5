"""Another draw of bad tickets for models that are on record twice: what it changes, as a note."""

from __future__ import annotations

from contextlib import suppress

from lottery_utils.errors import UserError
from replication.book.show import Note
from replication.book.written import percent
from replication.claims.wins import Shares, mean_over, of_records, outcome
from replication.runs.records import TaskRecords
from replication.store import Store
from replication.study import Study


def two_draws(first: Shares, again: Shares) -> tuple[str, str] | None:
    """What bad tickets of two draws retain, seed by seed, and whether they win; None unless the
    good ones retain the same of as many training examples, and the bad ones differ."""
    same = (first.train_examples, first.retained["good"]) == (
        again.train_examples,
        again.retained["good"],
    )
    if not first.n or not same or first.retained["bad"] == again.retained["bad"]:
        return None
    one, other = (
        f"{', '.join(map(percent, of.retained['bad']))} ({outcome(mean_over([of], 'bad'))})"
        for of in (first, again)
    )
    return one, other


def other_draw(entries: TaskRecords, draws: str, store: Store) -> Note | None:
    """What the page of one task says of it, where the study `draws` has its models on record."""
    if not entries.of_glue:
        return None
    with suppress(UserError):  # a folder of one's own may not have that study
        size, backbone = (entries.config[name] for name in ("train_size", "backbone"))
        study = Study.load(draws, store.root).override({"train_size": size})
        if study.backbone != backbone or entries.task not in study.tasks:
            return None
        again = TaskRecords.of(study, entries.task, store)
        both = [of.of_seeds([*(set(entries) & set(again))]) for of in (entries, again)]
        if all(both) and (said := two_draws(*map(of_records, both))):
            return Note(
                "A bad ticket is one draw. Another draw, for full models and good tickets of the "
                f"same scores, retains {said[1]} of each seed's own gain; the one shown here "
                f"{said[0]}."
            )
    return None
