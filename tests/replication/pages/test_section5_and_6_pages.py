"""What pages show of survivors, attention types and the control, against records made by hand."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lottery_utils.agreement.survivors import KINDS
from lottery_utils.masks import StructuredMask
from lottery_utils.patterns.maps import TYPES, WEIGHTINGS
from replication.pages import patterns, sec5_1_stability, sec6_discussion
from replication.pages import sec5_2_attention_patterns as sec5_2
from replication.pages.show import Figure, Note, Table
from replication.runs import measured
from replication.runs.recorded import Entries

SEEDS = (1337, 42)
MASKS = (np.array([[1, 1, 0, 0], [1, 0, 0, 0]]), np.array([[1, 0, 1, 0], [1, 0, 0, 0]]))
LANDSCAPE = {
    "n_examples": 40,
    "radii": [-0.4, 0.0, 0.4],
    "loss": [[1.5, 0.5, 2.5], [0.5, 0.5, 0.5]],
}


def entries(task: str = "SST-2", majority: float = 0.5) -> Entries:
    found: Entries = {}
    for seed, heads in zip(SEEDS, MASKS, strict=True):
        mask = StructuredMask(heads, np.ones(2)).to_json()
        tickets = {
            kind: {"pruned": score, "retrained": score + 0.1, "landscape": LANDSCAPE}
            for kind, score in (("good", 0.7), ("random", 0.6), ("bad", 0.6))
        }
        finetune = {
            "score": 0.9, "metric": "accuracy", "majority": majority, "layers": 2,
            "heads_per_layer": 4, "examples": {"train": 100, "validation": 50},
        }  # fmt: skip
        found[seed] = {
            "finetune": {"task": task, "results": finetune},
            "search": {"results": {"mask": mask}},
            "tickets": {"results": {"tickets": tickets}},
        }
    return found


def control(nothing: float = 0.6, embeddings: float = 0.65) -> dict[int, Any]:
    of = {"reinitialized": {"score": nothing}, "embeddings_kept": {"score": embeddings}}
    return {
        s: {"results": {"tickets": dict.fromkeys(("good", "random", "bad"), of)}} for s in SEEDS
    }


def attention(heterogeneous: list[int], n: int = 100) -> dict[int, Any]:
    """Eight heads, of each so many of `n` maps heterogeneous and the others vertical."""
    of_heads = [[n - h, 0, 0, 0, h] for h in heterogeneous]
    counts = {
        state: {w: [of_heads[:4], of_heads[4:]] for w in WEIGHTINGS} for state in sec5_2.STATES
    }
    return {s: {"results": {"counts": counts, "examples": n}} for s in SEEDS}


def survivors() -> dict[int, Any]:
    mask = StructuredMask(MASKS[0] * MASKS[1], np.ones(2)).to_json()
    came = {
        "super": {"all": 2, "some": 0, "none": 0},
        "in_between": {"all": 0, "some": 2, "none": 0},
        "anti": {"all": 0, "some": 1, "none": 1},
    }
    found = {}
    for shift, seed in enumerate(SEEDS):
        tickets = {
            kind: {
                "mask": mask, "heads_from": came[kind],
                "mlps_from": {"all": 2, "some": 0, "none": 0},
                "pruned": 0.5 + 0.1 * shift, "retrained": 0.7 + 0.1 * shift,
            }
            for kind in KINDS
        }  # fmt: skip
        found[seed] = {"results": {"tickets": tickets}}
    return found


def test_survivors_tell_how_many_places_others_fill() -> None:
    table = sec5_1_stability.survivors_table(survivors())
    assert isinstance(table, Table)
    assert table.frame["heads"].tolist() == ["2", "2", "2, of them 1 kept by some seeds"]
    # All MLPs survive with all seeds, so that neither other kind has any of its own.
    assert table.frame["MLPs"].tolist() == ["2", *["2, of them 2 kept by all seeds"] * 2]
    assert all(text.startswith("0.550 [") for text in table.frame["pruned"])
    assert all(text.startswith("0.750 [") for text in table.frame["retrained"])


def test_empty_tickets_of_survivors_are_not_scored() -> None:
    nothing = survivors()
    for record in nothing.values():
        for ticket in record["results"]["tickets"].values():
            ticket["mask"] = StructuredMask(MASKS[0] & False, np.zeros(2, bool)).to_json()
    assert sec5_1_stability.survivors_table(nothing) is sec5_1_stability.EMPTY
    assert sec5_1_stability.survivors_plot(entries(), nothing) is sec5_1_stability.EMPTY


def test_survivors_stand_beside_the_papers() -> None:
    figure = sec5_1_stability.survivors_plot(entries(), survivors())
    assert isinstance(figure, Figure)
    assert "super-survivors pruned 0.550" in figure.alt
    assert "n = 2; 50 validation examples" in figure.caption
    assert "the paper's means" in figure.caption
    own = sec5_1_stability.survivors_plot(entries("MINE"), survivors())
    assert isinstance(own, Figure)
    assert "paper" not in own.caption


def test_shares_of_super_survivors_and_of_all_heads() -> None:
    # Heads 0 and 4 survive with both seeds.
    found = measured.shares(entries(), attention([100, 0, 0, 0, 50, 0, 0, 0]), "fine-tuned", "raw")
    assert found["super"]["heterogeneous"] == 0.75
    assert found["all"]["heterogeneous"] == 150 / 800
    assert found["all"]["vertical"] == 650 / 800
    table = sec5_2.shares_table(entries(), attention([100, 0, 0, 0, 50, 0, 0, 0]))
    assert isinstance(table, Table)
    assert table.frame.loc["raw, fine-tuned, super-survivors", "heterogeneous"] == "75% (35%)"
    figure = sec5_2.shares(entries(), attention([100, 0, 0, 0, 50, 0, 0, 0]))
    assert isinstance(figure, Figure)
    assert "super-survivors 75% heterogeneous" in figure.alt
    assert "100 validation" in figure.caption


def test_phi_is_pearsons_r_over_single_maps() -> None:
    rng = np.random.default_rng(0)
    chosen = rng.random(12) < 0.4
    counts = rng.multinomial(30, np.full(len(TYPES), 1 / len(TYPES)), size=12)
    inside = np.repeat(chosen, counts.sum(axis=1)).astype(float)
    hits = np.concatenate([np.arange(c.sum()) < c[-1] for c in counts]).astype(float)
    assert measured.phi(chosen, counts) == pytest.approx(np.corrcoef(inside, hits)[0, 1])
    assert math.isnan(measured.phi(np.ones(12, bool), counts))


def test_the_interval_over_heads_is_as_wide_as_eight_heads_make_it() -> None:
    def interval(n: int) -> tuple[float, float]:
        table = sec5_2.association(entries(), attention([n, 0, n // 2, 0, n, 0, 0, n], n))
        assert isinstance(table, Table)
        low, high = (
            table.frame.loc["raw, fine-tuned", "95 % interval over heads"].strip("[]").split(",")
        )
        return float(low), float(high)

    few, many = interval(10), interval(1000)
    assert many == pytest.approx(few, abs=0.02), "more maps of the same heads are no more heads"
    assert few[1] - few[0] > 0.3


def test_the_control_and_what_it_says() -> None:
    table = sec6_discussion.table(entries(), control())
    assert isinstance(table, Table)
    assert table.frame.loc["bad", "what pre-training adds"].startswith("0.100 [")
    assert table.frame.loc["good", "only embeddings pre-trained"].startswith("0.650 [")
    note = sec6_discussion.reading(entries(), control())
    assert "the good ticket is +0.300 from the majority" in note.text
    assert (
        "with nothing pre-trained it keeps 33% of that, with only the embeddings 50%" in note.text
    )
    assert "n = 2 seeds" in note.text
    nothing = sec6_discussion.reading(entries(majority=0.9), control())
    assert "nothing to explain" in nothing.text
    figure = sec6_discussion.plot(entries(), control())
    assert isinstance(figure, Figure)
    assert "bad, nothing pre-trained: 0.600" in figure.alt


def test_the_landscape_starts_from_zero() -> None:
    figure = sec6_discussion.landscape(entries())
    assert isinstance(figure, Figure)
    # Along the first direction 1 and 2 above the middle, along the second flat.
    assert "good +0.750 on average at both ends" in figure.alt
    assert "n = 40 validation" in figure.caption
    older = entries()
    del older[42]["tickets"]["results"]["tickets"]["good"]["landscape"]
    assert sec6_discussion.landscape(older) is sec6_discussion.NO_LANDSCAPE


def test_runs_look_around_good_and_bad_tickets(tiny_run: Path) -> None:
    for path in tiny_run.glob("results/tiny/*/seed-*/tickets.json"):
        results = json.loads(path.read_text("utf-8"))["results"]
        looked = {kind for kind, of in results["tickets"].items() if "landscape" in of}
        assert looked == {"good", "bad"}
        for kind in looked:
            found = results["tickets"][kind]["landscape"]
            middle = found["radii"].index(0)
            assert len({line[middle] for line in found["loss"]}) == 1, "all start from the ticket"
            assert 0 < found["n_examples"] <= 100


def test_without_records_pages_say_how_to_make_them() -> None:
    notes = [
        sec5_1_stability.survivors_table({}),
        sec5_1_stability.survivors_plot(entries(), {}),
        sec6_discussion.table(entries(), {}),
        sec6_discussion.plot(entries(), {}),
        sec6_discussion.reading(entries(), {}),
        sec5_2.shares_table(entries(), {}),
        sec5_2.association(entries(), {}),
        sec5_2.shares(entries(), {}),
    ]
    for note in notes:
        assert isinstance(note, Note)
        assert "lottery run STUDY --set followups." in note.text


def test_the_tables_of_labels_and_classifiers() -> None:
    labels, validation = patterns.labels().frame, patterns.validation().frame
    for weighting in WEIGHTINGS:
        column = labels[f"{weighting} maps"]
        assert int(column["in all"]) == sum(int(column[name]) for name in TYPES) >= 400
        assert column["looked at twice"] == "100"
    assert set(validation["sorts the maps"]) <= {"network", "tree"}
    better = validation[["network", "tree"]].astype(float).idxmax(axis=1)
    assert (better == validation["sorts the maps"]).all()
    assert "class: vertical" in patterns.tree_rules("raw")


@pytest.mark.parametrize("weighting", WEIGHTINGS)
def test_the_gallery_names_types_that_do_not_occur(weighting: str) -> None:
    figure = patterns.gallery(weighting, 2)
    shown = figure.alt.split(": ")[1]
    absent = [name for name in TYPES if name not in shown.rstrip(".").split(", ")]
    assert absent, "every type occurs now: say so elsewhere"
    assert all(name in figure.caption for name in absent)
    assert "right" in patterns.confusions().alt
