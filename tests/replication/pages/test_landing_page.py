"""The landing page and the summary: sentences and figures come from the verdicts."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
from by_hand import dots

from replication.book.show import Figure, Note, Table
from replication.book.written import number, percent
from replication.claims.plan import Analysis, PlanVerdict, analyse
from replication.claims.rules import counted, kept
from replication.claims.trial import PAPER, Trial, over_seeds
from replication.claims.verdicts import INCONCLUSIVE, VERDICTS
from replication.claims.wins import outcomes
from replication.pages import landing
from replication.paper import records as paper
from replication.runs.status import missing
from replication.store import Store
from replication.study import Study


def of_plan(trial: Trial) -> Analysis:
    return analyse(Study.load("mpnet-glue"), trial.store)


def planned(trial: Trial) -> dict[str, PlanVerdict]:
    by_key = {one.claim.key: one for one in of_plan(trial).verdicts()}
    keys = ("good-close", "random-trains-well", "no-losing-tickets")
    return dict(zip(("good", "random", "bad"), map(by_key.__getitem__, keys), strict=True))


def test_the_finding_has_the_numbers_of_the_trial(trial: Trial) -> None:
    said = repr(landing.finding(trial))
    found = kept(trial.ours)
    assert list(found) == ["good", "random", "bad"]
    for kind, judged in found.items():
        assert judged.found
        retained = f"{percent(judged.found.mean)} [{percent(judged.found.low)}, "
        assert f"{kind} {'subnetworks retain' if kind == 'good' else 'ones'} {retained}" in said
    assert f"over {len(found['bad'].values)} tasks, up to {len(trial.study.seeds)} seeds" in said
    for side in (trial.name, PAPER):
        of = outcomes(over_seeds(trial, side))
        n = len(over_seeds(trial, side))
        lost, undecided = len(of["loses"]), len(of[INCONCLUSIVE])
        won = f"{len(of['wins'])} of {n} tasks ({lost} lost, {undecided} inconclusive)"
        assert won in said
    assert counted(trial.ours) in said
    plain = repr(landing.in_plain_words(trial, of_plan(trial)))
    for of in (kept(trial.ours), kept(trial.theirs), planned(trial)):
        means = [one.found.mean for one in of.values() if one.found]
        assert [percent(mean) in plain for mean in means] == [True] * 3
    assert bool(missing(trial.study, Store())) == ("may change" in said)


def test_only_the_small_model_leaves_out_large_good_tickets(trial: Trial) -> None:
    """As the page says: the plan's means and the released ones count such seeds, too."""
    of_bad = kept(trial.ours)["bad"].values
    assert any(len(values) < len(trial.records[task]) for task, values in of_bad.items())
    plan = analyse(Study.load("mpnet-glue"), trial.store)
    counts = [plan.entries[task].of_seeds(plan.seeds).contrasted() for task in plan.entered]
    assert not all(map(all, counts))
    released = paper.over_seeds(trial.release, "heads").values()
    assert any(3 * size > 2 * of.survival.size for of in released for size in of.kept)


def test_a_task_of_a_single_weak_seed_is_named_with_the_means_without_it(trial: Trial) -> None:
    """Random and bad tickets of CoLA count with one seed, whose full model gains little."""
    cola = trial.records["CoLA"]
    gains = np.subtract(cola.scores("full"), cola.scores("majority"))
    (gain,) = gains[cola.contrasted()]
    assert gain < 0.1
    said = repr(landing.finding(trial))
    assert f"CoLA (1 seed, gain {number(gain, 2)})" in said
    for kind in ("random", "bad"):
        means = [mean for task, mean in kept(trial.ours)[kind].means.items() if task != "CoLA"]
        assert f"{kind} ones {percent(np.mean(means))} [" in said.split("CoLA", 1)[1]
    assert f"({len(means)} tasks)" in said
    others = replace(trial, ours=[one._replace(values={**one.values}) for one in trial.ours])
    for one in others.ours:
        one.values.pop("CoLA", None)
    assert "weighs as much" not in repr(landing.finding(others))


def test_the_first_page_says_how_strong_the_models_are(trial: Trial) -> None:
    table = landing.strength(trial)
    assert isinstance(table, Table)
    for task, of in trial.records.items():
        full = np.mean(of.scores("full"))
        gain = np.mean(np.subtract(of.scores("full"), of.scores("majority")))
        row = table.frame.loc[task]
        assert row["full model"].startswith(number(full, 2)) and row["gain"] == number(gain, 2)
    assert "400 dev examples, an accuracy has a standard error of about 0.02" in table.caption
    assert isinstance(landing.strength(replace(trial, records={})), Note)
    plan = of_plan(trial)
    for task, scored in plan.scored.items():
        assert f"{task} {number((scored.full[0] - scored.majority[0]).mean(), 2)} (" in repr(
            landing.gained(plan)
        )
    assert landing.gained(replace(plan, scored={})) is None


def test_before_there_is_a_result_none_is_given(trial: Trial, tmp_path: Path) -> None:
    nothing = [one._replace(found=None, values={}) for one in trial.ours]
    begun = replace(trial, ours=nothing, records={})
    said = repr(landing.finding(begun))
    assert "%" not in said and "no result yet" in said
    without = analyse(Study.load("mpnet-glue"), Store(tmp_path))
    plain = repr(landing.in_plain_words(begun, without))
    assert begun.name not in plain and "MPNet" not in plain, "the release alone"
    figure = landing.plot(begun, without)
    assert isinstance(figure, Figure) and len(figure.drawing.axes) == 1, "the release alone"
    nowhere = replace(begun, theirs=[one._replace(found=None) for one in trial.theirs])
    assert isinstance(landing.plot(nowhere, without), Note)
    assert isinstance(landing.heads(begun), Note)


def test_the_figure_has_the_means_of_all_tasks(trial: Trial) -> None:
    figure = landing.plot(trial, of_plan(trial))
    assert isinstance(figure, Figure)
    axes = figure.drawing.axes
    points = [dot.get_xdata()[0] for axis in axes for dot in dots(axis)]
    lines = [line for axis in axes for line in axis.lines if len(line.get_xdata())]
    strokes = [[*line.get_xdata()] for line in lines if line.get_marker() == "|"]
    sides = (planned(trial), kept(trial.ours), kept(trial.theirs))
    judged = [one for of in sides for one in of.values()]
    assert points == [one.found.mean for one in judged if one.found]
    assert strokes == [[*one.means.values()] for one in judged]


def test_three_tickets_are_drawn_head_by_head(trial: Trial) -> None:
    figure = landing.heads(trial)
    assert not isinstance(figure, Note)
    seed = next(iter(trial.records["SST-2"]))
    mask = trial.records["SST-2"].masks[seed]
    drawn = [axis.collections[0].get_array() for axis in figure.drawing.axes]
    assert [int(of.sum()) for of in drawn] == [mask.n_heads] * 3, "of one size"
    assert (drawn[0].reshape(mask.heads.shape) == mask.heads).all()


def test_the_counts_are_of_all_claims(trial: Trial) -> None:
    frame = landing.verdicts(trial).frame
    assert len(frame) == len(VERDICTS)
    for name, judged in ((trial.name, trial.ours), (PAPER, trial.theirs)):
        numbers = [[int(n) for n in re.findall(r"\d+", cell)] for cell in frame[name]]
        assert sum(of[0] for of in numbers) == sum(not one.claim.added for one in judged)
        assert sum(map(sum, numbers)) == len(judged)
