"""The numbers in the package and the records of the release were written apart: are they one?"""

from __future__ import annotations

import json
from importlib.resources import files

import numpy as np
import pytest
from scipy.special import comb

from replication.paper import records

PAPER = files("replication.paper")


def test_all_scores_and_masks_of_the_package_are_on_record() -> None:
    section4, section5 = (
        json.loads(PAPER.joinpath(f"paper_section{n}.json").read_text("utf-8")) for n in (4, 5)
    )
    results, seen = records.load(), 0
    for method, of in {**section4, "survivors": section5["survivors"]}.items():
        for task, settings in of.items():
            found = records.scores(results, task, method)
            for name, (mean, population_std) in settings.items():
                seen += 1
                assert found[name].mean == pytest.approx(mean, abs=5.01e-5)
                assert found[name].std * 0.8**0.5 == pytest.approx(population_std, abs=5.01e-5)
    assert seen == 180
    heads, mlps = (records.over_seeds(results, part) for part in ("heads", "mlps"))
    for task, theirs in section5["masks"].items():
        of_heads = heads[task]
        assert np.mean(of_heads.kept) == pytest.approx(theirs["heads_kept"])
        assert np.mean(mlps[task].kept) == pytest.approx(theirs["mlps_kept"])
        kappa = of_heads.beside_chance["Fleiss' kappa"].observed
        assert kappa == pytest.approx(theirs["kappa"], abs=5.01e-5)
        for n in range(2, 6):
            every = comb(of_heads.survival, n) / comb(5, n)
            none = comb(5 - of_heads.survival, n) / comb(5, n)
            for name, shares in {
                "super_survivors": every,
                "some_but_not_all": 1 - every - none,
            }.items():
                assert shares.mean() == pytest.approx(theirs[name][str(n)], abs=5.01e-5)
