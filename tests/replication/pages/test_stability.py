"""Section 5.1: what the pages say of agreement is what the records' masks say."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pandas as pd
import pytest
from conftest import REPOSITORY

from lottery_utils.agreement import chance, votes
from lottery_utils.masks import StructuredMask, WeightMask
from replication.experiments.weight_overlap import (
    MISSING,
    overlap_counts,
    recorded_overlap,
    weight_overlap,
)
from replication.pages import stability_plots, stability_tables
from replication.pages.show import Figure, Note
from replication.pages.stability_tables import ONE_SEED, good_masks
from replication.runs import records
from replication.runs.recorded import NO_MAGNITUDE, Entries
from replication.store import Key, Store
from replication.study import Study

SCHEMA = REPOSITORY / "replication" / "runs" / "record.schema.json"
TASK, SEEDS = "STS-B", [1337, 42]


@pytest.fixture
def entries(finished: Path) -> Entries:
    return records.load("tiny", TASK)[TASK]


def random_weight_masks(n_seeds: int, sizes: tuple[int, ...] = (7, 60)) -> list[WeightMask]:
    rng = np.random.default_rng(0)
    return [
        WeightMask({f"p{i}": rng.random(n) < 0.3 + 0.2 * i for i, n in enumerate(sizes)})
        for _ in range(n_seeds)
    ]


def test_masks_are_those_of_the_search(entries: Entries) -> None:
    for i, found in enumerate(entries.values()):
        mask = StructuredMask.from_json(found["search"]["results"]["mask"])
        assert good_masks(entries, "heads")[i].tolist() == mask.heads.ravel().tolist()
        assert good_masks(entries, "mlps")[i].tolist() == mask.mlps.tolist()


def test_the_table_says_what_the_masks_say(entries: Entries) -> None:
    table = stability_tables.agreement_table(entries)
    assert isinstance(table, pd.DataFrame)
    heads = good_masks(entries, "heads")
    overlap = chance.against_chance("mean overlap", heads)
    row = table.loc["overlap of two seeds (Jaccard)"]
    assert row["heads"] == f"{overlap.observed:.3f}"
    assert row["heads, by chance"].startswith(f"{overlap.mean:.3f} [{overlap.low:.3f}, ")
    assert table.loc["kept, seed by seed", "heads"] == ", ".join(map(str, heads.sum(axis=1)))
    assert "nan" not in table.to_string().lower()


def test_ranks_are_scipys(entries: Entries) -> None:
    from scipy.stats import spearmanr

    scores = [entries[s]["search"]["results"]["importance"]["heads"] for s in SEEDS]
    table = stability_tables.rank_correlations(entries)
    assert isinstance(table, pd.DataFrame)
    expected = spearmanr(np.ravel(scores[0]), np.ravel(scores[1])).statistic
    assert table.loc["1337 and 42", "heads"] == f"{expected:.3f}"
    assert np.isnan(stability_tables.spearman(np.ones(4), np.arange(4)))


def test_one_seed_agrees_with_nobody(entries: Entries) -> None:
    one = {42: entries[42]}
    for say in (
        stability_tables.agreement_table,
        stability_tables.rank_correlations,
        stability_tables.density_spread,
        stability_plots.survival_map,
    ):
        assert say(one) is ONE_SEED
    assert isinstance(stability_plots.importance_profile(one), Figure)


def test_figures_name_task_seeds_and_n(entries: Entries) -> None:
    heads = good_masks(entries, "heads")
    drawn = stability_plots.survival_map(entries)
    assert isinstance(drawn, Figure)
    assert f"{heads.all(axis=0).sum()} of {heads.shape[1]} heads survive with every" in drawn.alt
    profile = stability_plots.importance_profile(entries)
    assert "n = 40 validation examples" in profile.caption
    for figure in (drawn, profile):
        assert TASK in figure.caption and "2 seeds (1337, 42)" in figure.caption


def test_counts_are_those_of_the_masks() -> None:
    masks = random_weight_masks(3)
    counts = overlap_counts(masks)
    for name in ("p0", "p1"):
        bits = np.stack([mask.flat(name) for mask in masks])
        assert counts["votes"][name] == votes(bits).tolist()
        assert counts["kept"][name] == bits.sum(axis=1).tolist()
    assert counts["both"][1] == (masks[0] & masks[2]).n_kept
    with pytest.raises(ValueError, match="other parameters"):
        overlap_counts([masks[0], *random_weight_masks(1, (8, 60))])


def test_weights_are_counted_as_heads_are(entries: Entries) -> None:
    """The table of counts is what the whole masks, laid side by side, would give."""
    masks = random_weight_masks(2, (300, 700))
    record = {"results": overlap_counts(masks)}
    table = stability_tables.like_with_like(entries, record)
    assert isinstance(table, pd.DataFrame)
    whole = np.stack([np.concatenate([m.flat("p0"), m.flat("p1")]) for m in masks])
    for statistic, label in stability_tables.LABELS.items():
        if label not in table.index:
            continue
        found = chance.against_chance(statistic, whole)
        assert table.loc[label, "weights"] == f"{found.observed:.3f}"
        assert float(table.loc[label, "weights, by chance"]) == pytest.approx(found.mean, abs=0.01)
        assert found.low < float(table.loc[label, "the same matrix by matrix"])
    # What the matrices share by their densities alone is more than what size alone gives.
    row = table.loc["overlap of two seeds (Jaccard)"]
    assert float(row["the same matrix by matrix"]) > float(row["weights, by chance"])


def test_the_overlap_is_recorded_once(finished: Path) -> None:
    study, store = Study.load("tiny"), Store()
    record = weight_overlap(study, TASK, SEEDS, store)
    assert record is not None
    assert store.read(Key("tiny", TASK, None, "weight_overlap")) == record
    schema = json.loads(SCHEMA.read_text("utf-8"))
    jsonschema.Draft202012Validator(schema).validate(record)
    for field in ("votes", "kept", "both", "made_from"):
        broken = {**record, "results": {k: v for k, v in record["results"].items() if k != field}}
        assert not jsonschema.Draft202012Validator(schema).is_valid(broken), field
    places = [Key("tiny", TASK, seed, "magnitude") for seed in SEEDS]
    masks = [WeightMask.load(store.scratch(p, "good-weights.safetensors")) for p in places]
    assert record["results"]["both"] == [(masks[0] & masks[1]).n_kept]
    shutil.rmtree(finished / ".cache")
    assert weight_overlap(study, TASK, SEEDS, store) == record, "read, not computed"
    assert isinstance(
        stability_tables.like_with_like(records.load("tiny", TASK)[TASK], record), pd.DataFrame
    )


def test_an_overlap_of_other_masks_does_not_count(finished: Path) -> None:
    study, store = Study.load("tiny"), Store()
    first = weight_overlap(study, TASK, SEEDS, store)
    assert first is not None
    other: dict[str, Any] = json.loads(json.dumps(first["results"]))
    other["made_from"]["42"] = "0" * 64
    run = {"device": "cpu", "threads": 1, "seconds": 0.0}
    key, stage = Key("tiny", TASK, None, "weight_overlap"), "weight_overlap"
    store.write(key, study.hash(stage), study.identity(stage), other, run)
    again = weight_overlap(study, TASK, SEEDS, store)
    assert again is not None and again["results"] == first["results"]


def test_what_is_missing_is_said(finished: Path) -> None:
    study, store = Study.load("tiny"), Store()
    assert weight_overlap(study, TASK, [42], store) is None
    assert weight_overlap(study, TASK, [42, 99], store) is None
    shutil.rmtree(finished / ".cache")
    assert weight_overlap(study, TASK, SEEDS, store) is None
    entries = records.load("tiny", TASK)[TASK]
    assert stability_tables.like_with_like(entries, None) is MISSING
    assert isinstance(MISSING, Note)
    bare = {seed: {k: v for k, v in e.items() if k != "magnitude"} for seed, e in entries.items()}
    assert stability_tables.density_spread(bare) is NO_MAGNITUDE


@pytest.mark.filterwarnings("error")
def test_masks_that_keep_nothing_are_compared_without_a_warning() -> None:
    entries = records.load("minilm-glue", "MRPC")["MRPC"]  # the empty model passes its bar
    overlap = recorded_overlap(Study.load("minilm-glue"), "MRPC", list(entries), Store())
    table = stability_tables.like_with_like(entries, overlap)
    assert isinstance(table, pd.DataFrame)
    row = table.loc[stability_tables.LABELS["mean overlap"]]
    assert row["heads"] == row["weights"] == "1.000", "nothing and nothing are equal"
    assert table.loc[stability_tables.LABELS["Fleiss' kappa"], "weights"] == "undefined"
