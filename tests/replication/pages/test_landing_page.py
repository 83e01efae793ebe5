"""The landing page: its sentences and its figure come from the verdicts, whatever they are."""

from __future__ import annotations

from dataclasses import replace

import pytest

from replication.claims.rules import kept, paper_claims
from replication.claims.trial import PAPER, Trial, over_seeds, put_on_trial
from replication.pages import landing
from replication.pages.claims import counted, won
from replication.runs.run import missing
from replication.store import Store


@pytest.fixture(scope="module")
def trial() -> Trial:
    return put_on_trial("minilm-glue")


def test_the_outcome_is_told_with_the_numbers_of_the_trial(trial: Trial) -> None:
    told = landing.outcome(trial).data
    found = kept(trial.ours)
    assert list(found) == ["good", "random", "bad"]
    for kind, judged in found.items():
        assert judged.found
        assert f"{kind} {judged.found.mean:.0%} [{judged.found.low:.0%}, " in told
    for side in (trial.study.name, PAPER):
        assert won(over_seeds(trial, side)) in told, "as the page on the claims has it"
    assert counted(trial.ours) in told
    assert bool(missing(trial.study, Store())) == ("under way" in told)


def test_before_there_is_a_result_none_is_told(trial: Trial) -> None:
    nothing = [one._replace(found=None, values={}) for one in trial.ours]
    begun = replace(trial, ours=nothing)
    assert "%" not in landing.outcome(begun).data
    assert len(landing.plot(begun).drawing.axes[0].get_yticks()) == 1, "the release alone"


def test_the_figure_has_the_means_of_all_tasks(trial: Trial) -> None:
    (axis,) = landing.plot(trial).drawing.axes
    points = [line.get_xdata()[0] for line in axis.lines if line.get_marker() == "o"]
    strokes = [[*line.get_xdata()] for line in axis.lines if line.get_marker() == "|"]
    judged = [*kept(trial.ours).values(), *kept(trial.theirs).values()]
    assert points == [one.found.mean for one in judged if one.found]
    assert strokes == [[*one.means.values()] for one in judged]


def test_every_claim_leads_to_its_trial(trial: Trial) -> None:
    shown = landing.claims(trial, "report/claims.html")._repr_html_()
    for claim in paper_claims():
        assert f'href="report/claims.html#{claim.key}"' in shown
    assert shown.count('class="verdict ') == 2 * len(paper_claims())
