"""Another draw of the bad tickets, where two studies have the same models."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from replication.book.other_draw import other_draw, two_draws
from replication.book.written import percent
from replication.claims.wins import Shares
from replication.runs.records import on_record
from replication.store import Key, Store
from replication.study import Study


def test_a_page_of_one_task_gives_another_draw_that_is_on_record(tmp_path: Path) -> None:
    """SST-2 with 1,000 examples was searched in two studies; the bad tickets are other draws."""
    store, seeds = Store(), (1337, 42, 86)
    of_study = on_record(Study.load("minilm-glue"), store)
    again = Study.load("minilm-size").override({"train_size": 1000})
    kept: dict[str, list[str]] = {}
    for name in ("minilm-glue", again.name):
        for seed in seeds:
            full, tickets = (
                Store().read(Key(name, "SST-2", seed, stage))["results"]  # type: ignore[index]
                for stage in ("finetune", "tickets")
            )
            bad = tickets["tickets"]["bad"]["retrained"] - full["majority"]
            share = percent(bad / (full["score"] - full["majority"]))
            kept.setdefault(name, []).append(share)
    note = other_draw(of_study["SST-2"], "minilm-size", store)
    assert note and kept["minilm-glue"] != kept[again.name]
    for shares in kept.values():
        assert f" {', '.join(shares)} (" in note.text
    first = note.text.index(", ".join(kept[again.name]))
    assert first < note.text.index(", ".join(kept["minilm-glue"])), "the other draw, then this one"
    some = other_draw(of_study["SST-2"].of_seeds([42, 86]), "minilm-size", store)
    assert some and f" {', '.join(kept[again.name][1:])} (" in some.text, "of the page's seeds"
    others = [of for task, of in of_study.items() if task != "SST-2"]
    others += on_record(Study.load("mpnet-glue"), store).values()
    others += on_record(again, store).values()  # the page of that draw itself
    assert others and not any(other_draw(of, "minilm-size", store) for of in others)
    assert other_draw(of_study["SST-2"], "minilm-size", Store(tmp_path)) is None


def test_the_same_draw_is_not_another() -> None:
    one = Shares({"good": [1.0, 1.0], "random": [0.5, 0.5], "bad": [0.1, 0.9]}, 100)
    assert two_draws(one, one) is None
    nothing = replace(one, retained={"good": [], "random": [], "bad": []})
    assert two_draws(nothing, replace(one, retained={**one.retained, "good": []})) is None
    assert two_draws(one, replace(one, train_examples=2)) is None
