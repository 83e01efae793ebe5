"""The paper's study: its file, and a slice of it on a model of BERT-base's shape.

The weights of that model are random and its vocabulary is small, so that no number here says
anything about BERT. What is tested is that the machinery holds at full size: 12 layers of 12
heads and 768 channels, within a minute on one core.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from conftest import REPOSITORY
from torch import Tensor

from lottery_utils.backbone import bundled_folder, load_backbone
from lottery_utils.batches import EvaluationBatches, encode
from lottery_utils.data import load_examples
from lottery_utils.encoder import component_parameters, encoder_shape
from lottery_utils.importance import structured_importance
from lottery_utils.masks import StructuredMask
from lottery_utils.pruning import masked, remove
from lottery_utils.recipe import Recipe, SearchRule
from lottery_utils.search import Step, structured_search
from lottery_utils.tasks import TASKS
from lottery_utils.training import evaluate
from replication.study import Study

STUDY = REPOSITORY / "studies" / "bert-base-glue.yaml"


@pytest.fixture(scope="module")
def study() -> Study:
    return Study.load(STUDY)


def test_the_study_is_the_papers(study: Study) -> None:
    """Section 3 of the paper, value by value, not by what happens to be a default here."""
    assert study.name == STUDY.stem
    assert study.backbone == "hub:google-bert/bert-base-uncased"
    assert study.data == "hub"
    glue = {"CoLA", "SST-2", "MRPC", "STS-B", "QQP", "MNLI", "QNLI", "RTE", "WNLI"}
    assert set(study.tasks) == glue
    assert study.seeds == (1337, 42, 86, 71, 166)
    assert study.train_size is study.validation_size is None
    assert study.recipe == Recipe(
        learning_rate=2e-5,
        epochs=3,
        batch_size=32,
        max_length=128,
        weight_decay=0.0,
        adam_epsilon=1e-8,
        clip_norm=1.0,
        bf16=True,
    )
    assert study.search == SearchRule(threshold=0.9, head_step=0.1, weight_step=0.1)
    assert study.variant == "paper"
    assert all(study.stages(task)[-1] == "magnitude" for task in study.tasks)


def test_what_its_comment_says_of_its_size_is_so(study: Study) -> None:
    text = STUDY.read_text("utf-8")
    sizes = {task: TASKS[task].official_sizes[0] for task in study.tasks}
    examples = sum(sizes.values())
    assert f"{examples:,} training" in text
    assert f"one entry: {sizes['RTE']:,} examples" in text
    assert f"({(sizes['MNLI'] + sizes['QQP']) / examples:.0%} of".replace("%", " %") in text
    seen = examples * study.recipe.epochs * 11 * len(study.seeds)
    steps = seen / study.recipe.batch_size
    assert f"make {seen / 1e6:.0f}\n# million examples in {steps / 1e6:.1f} million steps" in text
    followed = dict(study.entries("attention")).keys()
    assert set(study.tasks) - followed == {"WNLI"}, "as in the paper"
    assert len(study.entries("survivors")) == 45
    assert f"its {len(study.tasks) * len(study.seeds)} entries" in text


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random model of BERT-base's shape; the bundled tokenizer, trained anew on few words."""
    place = tmp_path_factory.mktemp("bert-base")
    examples = load_examples("RTE", "mini", train_size=50, validation_size=6)["train"]
    bundled = transformers.AutoTokenizer.from_pretrained(bundled_folder())
    texts = [text for example in examples for text in (example.sentence1, example.sentence2)]
    tokenizer = bundled.train_new_from_iterator(texts, 400, show_progress=False)
    tokenizer.save_pretrained(place)
    torch.manual_seed(0)
    config = transformers.BertConfig(vocab_size=len(tokenizer))  # the rest is BERT-base's
    transformers.BertModel(config).save_pretrained(place)
    return place


class SeenEnoughError(Exception):
    """The search has shown what it should."""


def test_a_slice_at_bert_bases_size(study: Study, folder: Path) -> None:
    changed = study.override(
        {"backbone": str(folder), "data": "mini", "tasks": ["RTE"], "validation_size": 6}
    )
    assert changed.name.startswith("bert-base-glue-")  # it never mixes with the paper's study
    model, tokenizer = load_backbone(changed.backbone, "RTE", seed=changed.seeds[0])
    assert encoder_shape(model) == (12, 12)
    # Of BERT-base's 109.5 M parameters, 85.1 M are in the layers: all but the embeddings.
    layers = sum(p.numel() for p in model.bert.encoder.parameters())
    assert layers == 85_054_464

    examples = load_examples("RTE", "mini", train_size=1, validation_size=6)["validation"]
    encoded = encode(tokenizer, examples, changed.recipe.max_length)
    batches = EvaluationBatches(encoded, batch_size=6)
    steps: list[Step] = []

    def score(mask: StructuredMask) -> float:
        with masked(model, mask):
            return evaluate(model, batches, "accuracy")

    def on_step(step: Step) -> None:
        steps.append(step)
        if len(steps) == 2:
            raise SeenEnoughError

    everything = StructuredMask.full(12, 12)
    with pytest.raises(SeenEnoughError):
        structured_search(
            everything,
            score(everything),
            score,
            lambda mask: structured_importance(model, batches, mask, variant="paper"),
            threshold=1e-9,  # a model that knows nothing shall not end the search by chance
            head_step=changed.search.head_step,
            variant="paper",
            on_step=on_step,
        )
    kept = everything
    for step in steps:
        assert len(step.removed_heads) == 14  # a tenth of 144, as in the paper
        assert len(step.removed_mlps) == 1
        assert np.isfinite(step.head_scores).all()
        kept = kept.without(step.removed_heads, step.removed_mlps)
    assert (kept.n_heads, kept.n_mlps) == (144 - 28, 10)
    kept = kept.without([(3, head) for head in range(12)], [])  # and a layer without heads

    smaller = remove(model, kept)
    each = component_parameters(model)
    assert each == {"head": 196_800, "mlp": 4_722_432}
    removed = (144 - kept.n_heads) * each["head"] + 2 * each["mlp"] + 768  # and one layer's bias
    assert layers - sum(p.numel() for p in smaller.bert.encoder.parameters()) == removed
    (batch,) = batches
    with masked(model, kept):
        expected = logits(model, batch)
    torch.testing.assert_close(logits(smaller, batch), expected, atol=1e-5, rtol=0)


def logits(model: Any, batch: dict[str, Tensor]) -> Tensor:
    with torch.no_grad():
        found: Tensor = model(**{k: v for k, v in batch.items() if k != "labels"}).logits
    return found
