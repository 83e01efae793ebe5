"""What the page on errata measures of the authors' quirks, against records made by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from lottery_utils.masks import StructuredMask
from lottery_utils.patterns.maps import TYPES
from replication.pages import quirks
from replication.pages.show import Note
from replication.runs import followups
from replication.store import Store
from replication.study import Study

OURS = StructuredMask(np.array([[1, 1, 0, 0], [1, 0, 0, 0]]), np.array([1, 0]))
THEIRS = StructuredMask(np.array([[1, 0, 1, 0], [1, 1, 0, 0]]), np.array([1, 1]))


def searched(theirs: StructuredMask) -> dict[str, Any]:
    return {
        "results": {
            "made_from": {"masks": {"42": OURS.to_json()}},
            "tickets": {"as released": {"mask": theirs.to_json()}},
        }
    }


def measured(counts: list[list[int]]) -> dict[str, Any]:
    equal = {"scores": [0.6, 0.8], "heads": [3, 3], "mlps": [1, 1]}
    alone = {"scores": [0.5, 0.9], "heads": [2, 5], "mlps": [0, 2]}
    types = {"types": [*TYPES], "examples": 2, "counts": counts}
    return {"results": {"random": {"equal": equal, "independent": alone}, "transposed": types}}


def test_searches_are_compared_head_by_head() -> None:
    found = {("RTE", 42): searched(THEIRS), ("RTE", 1337): searched(OURS)}
    table = quirks.searches(found)
    assert isinstance(table, pd.DataFrame)
    row = table.loc["RTE, seed 42"]
    assert [*row] == ["3", "4", "2", "0.40", "1", "2"]
    assert table.loc["the same heads", "overlap (Jaccard)"] == "1 of 2"


def test_random_tickets_of_both_kinds() -> None:
    table = quirks.random_tickets({("RTE", 42): measured([[1] * 5] * 5)})
    assert isinstance(table, pd.DataFrame)
    row = table.loc["RTE, seed 42"]
    assert [*row] == ["3", "2 to 5", "0.700 ± 0.141", "0.700 ± 0.283", "+1.00"]


def test_types_that_change_are_off_the_diagonal() -> None:
    counts = np.diag([10, 0, 0, 0, 20])
    counts[0, 4] = 10
    table = quirks.transposed({("RTE", 42): measured(counts.tolist())})
    assert isinstance(table, pd.DataFrame)
    assert table.loc["all", "of another type"] == table.loc["RTE, seed 42", "of another type"]
    assert table.loc["all", "of another type"] == "25.0%"
    assert table.loc[f"share of {TYPES[0]}", "right"] == "50.0%"
    assert table.loc[f"share of {TYPES[0]}", "transposed"] == "25.0%"


@pytest.mark.parametrize("table", ["searches", "random_tickets", "transposed"])
def test_without_records_the_page_says_so(table: str, tmp_path: Path) -> None:
    nothing = followups.on_record(Study.load("minilm-glue"), "quirks", Store(tmp_path))
    assert nothing == {}
    assert isinstance(getattr(quirks, table)(nothing), Note)
