"""The paper's study is the paper's."""

from __future__ import annotations

import pytest
from conftest import REPOSITORY

from lottery_utils.recipe import Recipe, SearchRule
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
    followed = dict(study.entries("attention")).keys()
    assert set(study.tasks) - followed == {"WNLI"}
    assert len(study.entries("survivors")) == 45
