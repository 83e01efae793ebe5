"""The embeddings without layers above them: what such a model can know, and what it cannot."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import running
import torch

from lottery_utils import data, pruning
from lottery_utils.encoder import encoder_shape
from lottery_utils.fast.first_token import first_token_only
from lottery_utils.masks import StructuredMask
from replication.experiments import embeddings, entry, unfinished
from replication.experiments.embeddings import average
from replication.experiments.parts import Parts
from replication.store import code
from replication.study import Study


def emptied(model: Any) -> Any:
    shape = encoder_shape(model)
    return pruning.remove(model, StructuredMask(np.zeros(shape, bool), np.zeros(shape[0], bool)))


def logits(model: Any, texts: list[list[int]]) -> torch.Tensor:
    longest = max(map(len, texts))
    ids = torch.tensor([t + [0] * (longest - len(t)) for t in texts])
    with torch.no_grad(), first_token_only(model):
        return model(input_ids=ids, attention_mask=(ids != 0).long()).logits  # type: ignore[no-any-return]


def test_without_layers_no_word_reaches_the_classifier(tiny_model: Any) -> None:
    model = emptied(tiny_model().eval())
    one, other = logits(model, [[2, 7, 8, 3], [2, 11, 12, 3]])
    assert torch.equal(one, other)


def test_the_mean_knows_the_words_and_not_the_padding(tiny_model: Any) -> None:
    model = emptied(tiny_model().eval())
    average(model, 0)
    texts = [[2, 7, 8, 3], [2, 11, 12, 3], [2, 7, 3]]
    together = logits(model, texts)
    assert not torch.allclose(together[0], together[1], atol=1e-4)
    alone = torch.cat([logits(model, [text]) for text in texts])
    torch.testing.assert_close(together, alone)


def test_parts_of_equal_weights_do_not_go_on_from_each_other(
    workplace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The emptied model and the averaged one have the same weights and compute different things."""
    monkeypatch.setattr(unfinished, "EVERY", 0.0)
    entry = running.entry("CoLA", 42)
    steps = iter([None, None, None])
    monkeypatch.setattr(entry.progress, "at", lambda *_: next(steps))
    with pytest.raises(StopIteration):  # killed in its fourth step
        entry.train_model(entry.pretrained(), "train the embeddings, emptied")
    monkeypatch.setattr(entry.progress, "at", lambda *_: None)
    (kept,) = workplace.rglob("*.training")
    entry.train_model(entry.pretrained(), "train the embeddings, averaged")
    assert kept.is_file(), "what the other left was neither used nor cleared"
    entry.train_model(entry.pretrained(), "train the embeddings, emptied")
    assert not kept.is_file(), "and its own training went on from there"


def test_a_part_of_other_examples_or_another_seed_is_not_taken_from_the_cache(
    workplace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Embeddings start from no record that would tell one entry's parts from another's."""
    losses = iter(range(10))
    monkeypatch.setattr(embeddings, "trained", lambda *_: trained(float(next(losses))))

    def found(task: str, seed: int, **changed: Any) -> Any:
        study = replace(Study.load("tiny"), **changed)
        return Parts(running.entry(task, seed, study), "embeddings", {})["emptied"]["loss"]

    first = found("CoLA", 42)
    assert found("CoLA", 42) == first
    (kept,) = workplace.rglob("embeddings-emptied.jsonl")
    for copied in (kept.parent.with_name("seed-7"), kept.parents[2] / "RTE" / "seed-42"):
        shutil.copytree(kept.parent, copied)
    assert found("CoLA", 7) != first
    assert found("RTE", 42) != first
    usual = data.load_examples
    monkeypatch.setattr(
        data, "load_examples", lambda *a, **how: usual(*a, **{**how, "train_size": 20})
    )
    assert found("CoLA", 42) != first


def test_who_finds_a_part_done_has_no_share_in_it(
    workplace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embeddings, "trained", lambda *_: trained(0.5))
    known, commits = code(), {}
    for commit, part in (("a", "emptied"), ("b", "emptied"), ("c", "averaged")):
        monkeypatch.setattr(entry, "code", lambda commit=commit: {**known, "commit": commit})
        at_work = running.entry("CoLA", 42)
        parts = Parts(at_work, "embeddings", {})
        _ = parts["emptied"], parts[part]
        commits[commit] = {one["commit"] for one in at_work.runs}
    assert commits == {"a": {"a"}, "b": {"a"}, "c": {"a", "c"}}


def test_parts_of_two_machines_say_both_precisions(workplace: Path) -> None:
    parts = Parts(running.entry("CoLA", 42), "embeddings", {})
    card = {"device": "A card", "threads": 1, "training_precision": "bf16"}
    parts.runs = [card, {"device": "cpu", "threads": 4, "training_precision": "fp32"}, card]
    both = {"device": "A card + cpu", "threads": 4, "training_precision": "bf16 + fp32"}
    assert parts.run() == both


def trained(loss: float) -> dict[str, Any]:
    return {"score": 0.5, "undefined": None, "loss": [[1, loss]], "seconds": 1.0}
