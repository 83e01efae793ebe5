"""The overlap of weight masks over seeds: its record, and what section 5.1 makes of it."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from by_hand import without_magnitude
from running import put

from lottery_utils.agreement import chance, votes
from lottery_utils.masks import StructuredMask, WeightMask
from replication.book.build import tools, without_empty
from replication.book.show import NO_MAGNITUDE, Table
from replication.book.written import MINUS
from replication.experiments.weight_overlap import overlap_counts
from replication.pages import sec5_1_stability as page
from replication.pages.sec5_1_stability import MISSING, ONE_SEED
from replication.runs import records
from replication.runs.measured import good_masks
from replication.runs.records import TaskRecords
from replication.runs.schema import record_schema
from replication.store import Key, Store, home
from replication.study import Study

TASK, SEEDS = "STS-B", [1337, 42]


def overlap(seeds: list[int] = SEEDS) -> Any:
    return records.load("tiny", TASK, seeds, also=["weight_overlap"])[TASK].overlap


@pytest.fixture
def entries(finished: Path) -> TaskRecords:
    return records.load("tiny", TASK)[TASK]


def random_weight_masks(n_seeds: int, sizes: tuple[int, ...] = (7, 60)) -> list[WeightMask]:
    rng = np.random.default_rng(0)
    return [
        WeightMask({f"p{i}": rng.random(n) < 0.3 + 0.2 * i for i, n in enumerate(sizes)})
        for _ in range(n_seeds)
    ]


def test_masks_are_those_of_the_search(entries: TaskRecords) -> None:
    for i, found in enumerate(entries.values()):
        mask = StructuredMask.from_json(found["search"]["results"]["mask"])
        assert good_masks(entries, "heads")[i].tolist() == mask.heads.ravel().tolist()
        assert good_masks(entries, "mlps")[i].tolist() == mask.mlps.tolist()


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


def test_weights_are_counted_as_heads_are(entries: TaskRecords) -> None:
    """The table of counts is what the whole masks, laid side by side, would give."""
    masks = random_weight_masks(2, (300, 700))
    record = {"results": overlap_counts(masks)}
    table = page.like_with_like(replace(entries, overlap=record))
    whole = np.stack([np.concatenate([m.flat("p0"), m.flat("p1")]) for m in masks])
    for statistic, label in page.LABELS.items():
        if label not in table.frame.index:
            continue
        found = chance.against_chance(statistic, whole)
        row = table.frame.loc[label].str.replace(MINUS, "-")
        assert row["weights"] == f"{found.observed:.3f}"
        assert float(row["weights, by chance"]) == pytest.approx(found.mean, abs=0.01)
        assert found.low < float(row["the same matrix by matrix"])
    # What the matrices share by their densities alone is more than what size alone gives.
    row = table.frame.loc["overlap of two seeds (Jaccard)"]
    assert float(row["the same matrix by matrix"]) > float(row["weights, by chance"])


def test_the_overlap_is_recorded_once(finished: Path) -> None:
    store, record = Store(), overlap()
    assert store.read(Key("tiny", TASK, None, "weight_overlap")) == record
    schema = jsonschema.Draft202012Validator(record_schema())
    schema.validate(record)
    for field in ("votes", "kept", "both", "made_from"):
        broken = {**record, "results": {k: v for k, v in record["results"].items() if k != field}}
        assert not schema.is_valid(broken), field
    places = [Key("tiny", TASK, seed, "magnitude") for seed in SEEDS]
    masks = [WeightMask.load(store.scratch(p, "good-weights.safetensors")) for p in places]
    assert record["results"]["both"] == [(masks[0] & masks[1]).n_kept]
    shutil.rmtree(finished / ".cache")
    found = TaskRecords.of(Study.load("tiny"), TASK, store, ["weight_overlap"])
    assert found.overlap == record, "read, not computed"
    assert isinstance(page.like_with_like(found), Table)


def test_an_overlap_of_other_masks_does_not_count(finished: Path) -> None:
    study, first = Study.load("tiny"), overlap()
    other: dict[str, Any] = json.loads(json.dumps(first["results"]))
    other["made_from"]["42"] = "0" * 64
    put(study, TASK, None, "weight_overlap", other)
    again = overlap()
    assert again is not None and again["results"] == first["results"]


def test_what_is_missing_is_said(finished: Path) -> None:
    assert overlap([42]) is None
    for masks in (finished / ".cache").rglob("good-weights.safetensors"):
        masks.unlink()
    assert overlap() is None
    entries = records.load("tiny", TASK)[TASK]
    assert page.like_with_like(entries) is MISSING
    assert page.like_with_like(entries.of_seeds([42])) is ONE_SEED
    for say in (page.density_spread, page.like_with_like):
        assert say(without_magnitude(entries)) is NO_MAGNITUDE


def test_prose_about_the_overlap_is_left_out_with_it() -> None:
    nbformat, _ = tools()
    cells = nbformat.read(home() / "notebooks/sec5_1_stability.ipynb", 4).cells
    (cell,) = (cell for cell in cells if "like_with_like" in cell.source)
    shown = {"text/html": MISSING._repr_html_()}
    cell.outputs = [nbformat.v4.new_output("display_data", shown)]
    kept = without_empty(cells)
    assert cell in kept
    assert not any("{numref}`like`" in one.source for one in kept)


@pytest.mark.filterwarnings("error")
def test_masks_that_keep_nothing_are_compared_without_a_warning() -> None:
    entries = records.load("minilm-glue", "MRPC", also=["weight_overlap"])["MRPC"]
    table = page.like_with_like(entries)  # the empty model passes its bar
    row = table.frame.loc[page.LABELS["mean overlap"]]
    assert row["heads"] == row["weights"] == "1.000", "nothing and nothing are equal"
    assert table.frame.loc[page.LABELS["Fleiss' kappa"], "weights"] == "undefined"
