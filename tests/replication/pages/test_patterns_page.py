"""The page on types of attention: labels, classifiers, galleries."""

from __future__ import annotations

import re

import pytest

from lottery_utils.patterns.maps import TYPES, WEIGHTINGS
from replication.pages import patterns as page


def test_the_tables_of_labels_and_classifiers() -> None:
    labels, validation = page.labels().frame, page.validation().frame
    for weighting in WEIGHTINGS:
        column = labels[f"{weighting} maps"]
        assert int(column["in all"]) == sum(int(column[name]) for name in TYPES) >= 400
        assert column["looked at twice"] == "100"
        of = [int(column[f"of {name} sentences"]) for name in ("GLUE's", "made-up")]
        assert min(of) > 0 and sum(of) == int(column["in all"])
        assert 0 < int(column["of fine-tuned models"]) < int(column["in all"]) / 2
    assert set(validation["sorts the maps"]) <= {"network", "tree"}
    better = validation[["network", "tree"]].astype(float).idxmax(axis=1)
    assert (better == validation["sorts the maps"]).all()
    assert "class: vertical" in page.tree_rules("raw")


def test_the_finding_is_the_f1_of_the_table_within_its_interval() -> None:
    validation, found = page.validation().frame, repr(page.finding(n_draws=20))
    for row in validation.to_dict("records"):
        f1 = float(row[row["sorts the maps"]])
        low, high = re.findall(rf"{f1:.2f} \(95 % CI \[([\d.]+), ([\d.]+)\]", found)[0]
        assert float(low) < f1 < float(high)


@pytest.mark.parametrize("weighting", WEIGHTINGS)
def test_the_gallery_names_types_that_do_not_occur(weighting: str) -> None:
    figure = page.gallery(weighting, 2)
    shown = figure.alt.split(": ")[1]
    absent = [name for name in TYPES if name not in shown.rstrip(".").split(", ")]
    assert absent, "every type occurs now: say so elsewhere"
    assert all(name in figure.caption for name in absent)


def test_confusions_count_every_map_once() -> None:
    drawing = page.confusions().drawing
    for axis, weighting in zip(drawing.axes, WEIGHTINGS, strict=True):
        counts = [int(text.get_text()) for text in axis.texts]
        assert sum(counts) == int(page.labels().frame.loc["in all", f"{weighting} maps"])
        right = sum(counts[i * (len(TYPES) + 1)] for i in range(len(TYPES)))
        assert f"{weighting}" in axis.get_title() and right > sum(counts) / 2
