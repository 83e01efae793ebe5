"""What the pages on the released BERT-base show, from the records that come with the book."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from by_hand import dots

from lottery_utils.agreement.inference import t_interval
from lottery_utils.tasks import TASKS
from replication.book import provenance
from replication.book.show import Note
from replication.book.written import percent, points
from replication.claims import wins
from replication.claims.trial import Trial
from replication.pages.released import errata, released_stability, released_tickets
from replication.paper import records
from replication.paper.records import UNLEARNED, over_seeds, score
from replication.store import Store

PARTS = ("heads", "mlps")
LEARNED = [task for task in TASKS if task not in UNLEARNED]


def test_by_hand_random_minus_bad(ours: records.Results) -> None:
    """From the scores as the paper's figure has them, to three decimals."""
    random = dict(
        zip(TASKS, (0.417, 0.894, 0.679, 0.791, 0.876, 0.790, 0.842, 0.565), strict=False)
    )
    bad = dict(zip(TASKS, (0.406, 0.858, 0.677, 0.607, 0.820, 0.803, 0.766, 0.588), strict=False))
    differences = [random[t] - bad[t] for t in random]
    last = released_tickets.contrasts(ours, ["random minus bad, retrained"]).frame.iloc[-1, 0]
    assert str(last).startswith(f"{np.mean(differences):+.3f}")
    assert str(last).endswith(f"{sum(d > 0 for d in differences)} of 8 above 0")


def test_what_the_pages_say_in_words_is_in_the_records(ours: records.Results, trial: Trial) -> None:
    table = released_tickets.sentences(ours).frame
    shown = {one.claim.text: one.verdict for one in trial.theirs}
    assert len(table) == len(released_tickets.SENTENCES)
    for text, row in table.iterrows():
        words = shown[text.split(" (added")[0]]
        assert row["verdict"].startswith(words), "two pages must not tell two stories"


def test_tables_have_every_task(ours: records.Results) -> None:
    tables = [
        *(
            released_tickets.tickets(ours, state, method)
            for state in ("pruned", "retrained")
            for method in ("structured", "magnitude")
        ),
        released_tickets.sizes(ours),
        released_tickets.scores(ours, released_tickets.SEPARATE),
        released_tickets.scores(ours, released_tickets.SURVIVORS),
        released_tickets.survivor_counts(ours),
        released_tickets.full_models(ours),
        released_stability.agreement_table(ours, "mlps"),
        released_stability.paper_measures(ours),
        provenance.released(),
    ]
    for table in tables:
        assert [*table.frame.index] == [*TASKS]
        assert "nan" not in table.frame.to_string().lower()


def test_the_figure_of_tickets_has_what_they_retain(ours: records.Results) -> None:
    axis = released_tickets.plot(ours).drawing.axes[0]
    assert [label.get_text() for label in axis.get_yticklabels()] == LEARNED[::-1]
    drawn = [bars[0].get_xdata()[0] for bars in axis.containers]
    wanted = []
    for task in reversed(LEARNED):
        of = records.scores(ours, task)
        gain = of["full"].mean - of["majority"].mean
        for kind in ("good", "random", "bad"):
            wanted.append((of[f"{kind}, retrained"].mean - of["majority"].mean) / gain)
    assert drawn == pytest.approx(wanted)


def test_the_findings_are_means_over_the_learned_tasks(ours: records.Results) -> None:
    kept = [of.retained["bad"][0] for of in wins.of_release(ours).values()]
    mean, low, high, n = t_interval(kept)
    found = repr(released_tickets.finding(ours))
    assert f"keep {percent(mean)} of the gain" in found and n == 8
    assert f"(95 % CI [{percent(low)}, {percent(high)}], n = 8 tasks: inconclusive" in found
    assert low < 0.5 < high
    by_hand = []
    for task in LEARNED:
        of = records.scores(ours, task)
        gain = of["full"].mean - of["majority"].mean
        by_hand.append((of["random, retrained"].mean - of["bad, retrained"].mean) / gain)
    contrast = points(t_interval(by_hand))
    assert f"{contrast} retrained, not significant" in found
    kappas = [
        over_seeds(ours, "heads")[task].beside_chance["Fleiss' kappa"].observed for task in LEARNED
    ]
    found = repr(released_stability.finding(ours))
    assert f"mean kappa of {np.mean(kappas):.2f} (95 % CI [" in found
    assert "above chance on 8 of 8 tasks" in found
    two = {task: ours[task] for task in ("SST-2", "WNLI")}  # one that was learned
    for page in (released_tickets, released_stability):
        assert repr(page.finding(two)).startswith("Fewer than two tasks")


def test_the_maps_count_the_seeds(ours: records.Results) -> None:
    axes = released_stability.survival_maps(ours).drawing.axes
    heads, mlps = (over_seeds(ours, part) for part in PARTS)
    for axis, task in zip(axes, TASKS, strict=False):
        shown = axis.images[0].get_array()
        assert np.array_equal(shown[:, :-1], heads[task].survival)
        assert np.array_equal(shown[:, -1], mlps[task].survival)


def test_kappa_is_drawn_beside_chance(ours: records.Results) -> None:
    for axis, part in zip(released_stability.kappa_plot(ours).drawing.axes, PARTS, strict=True):
        found = [over_seeds(ours, part)[task] for task in reversed(LEARNED)]
        drawn = [line.get_xdata() for line in axis.lines]
        points = [x[0] for x in drawn if len(x) == 1]
        assert points == [of.beside_chance["Fleiss' kappa"].observed for of in found]


def test_noise_is_drawn_and_tabled_as_recorded(ours: records.Results) -> None:
    found = records.noise_of(ours, "heads")
    means = {
        kind: np.mean([found[task][kind].observed for task in LEARNED])
        for kind in released_stability.NOISES
    }
    # By hand, from the masks: kappa of each pair, averaged over pairs, then over tasks.
    assert [*means.values()] == pytest.approx([0.243, 0.225, 0.186], abs=5e-4)
    table = released_stability.noise_table(ours).frame
    for kind, label in released_stability.NOISES.items():
        assert str(table.loc[label].iloc[0]).startswith(f"{means[kind]:.3f} [")
        assert table.loc[label, "tasks above chance"] == "8 of 8"
    axis = released_stability.noise_plot(ours).drawing.axes[0]
    points = [dot.get_xdata()[0] for dot in dots(axis)]
    assert points == pytest.approx([*means.values()][::-1])
    reading = repr(released_stability.noise_reading(ours))
    assert "inconclusive" in reading and f"{means['seed']:.3f}" in reading
    assert [*released_stability.noise_by_task(ours, "mlps").frame.index] == LEARNED


def test_a_release_without_more_masks_says_so(ours: records.Results) -> None:
    more = ("on_train", "hans", "drawn")
    fewer = {t: {k: v for k, v in of.items() if k not in more} for t, of in ours.items()}
    for page in (
        released_stability.noise_reading,
        released_stability.noise_table,
        released_stability.noise_by_task,
        released_stability.noise_plot,
        released_stability.hans_table,
        errata.drawn_bars,
    ):
        assert isinstance(page(fewer), Note)


def test_winners_of_the_release_are_those_that_are_drawn_above_the_line(
    ours: records.Results,
) -> None:
    figure = released_tickets.plot(ours)
    drawn = figure.drawing.axes[0].containers
    kinds = [*released_tickets.MARKERS]
    won, beyond = dict.fromkeys(kinds, 0), []
    of_tasks = [*reversed(wins.of_release(ours).items())]
    for i, container in enumerate(drawn):  # task by task, its kinds in one order
        (task, of), kind = of_tasks[i // len(kinds)], kinds[i % len(kinds)]
        if container.has_xerr:
            ((low, _), (high, _)) = container.lines[2][0].get_segments()[0]
            assert of.possible[0] <= low <= high <= of.possible[1]
        else:
            low = wins.mean_over([of], kind).low
            beyond.append((task, kind))
        won[kind] += bool(low > released_tickets.WINS)
    assert beyond == [("STS-B", "good")], "Pearson's r ends at 1"
    said = re.search(
        r"win on (\d) of 8 tasks, random ones on (\d), bad ones on (\d)", figure.caption
    )
    assert said and [*map(int, said.groups())] == [won["good"], won["random"], won["bad"]]


def test_seeds_agree_least_on_hans(ours: records.Results) -> None:
    table = released_stability.hans_table(ours).frame
    assert [*table.index] == ["MNLI", "HANS", "HANS_MNLI", "MNLI_TWO", "MNLI_TWO_HALF"]
    kappas = {
        data: float(str(text).split()[0])
        for data, text in table["Fleiss' kappa [by chance, same sizes]"].items()
    }
    assert min(kappas, key=lambda data: kappas[data]) == "HANS"
    assert table.loc["HANS", "heads kept"] == "67, 67, 60, 74, 46"


def test_beside_the_study_both_have_the_same_measures(ours: records.Results) -> None:
    table = released_tickets.beside(ours, released_tickets.RETAINED, "glue-small", Store())
    full, majority, good = (
        score(ours, "SST-2", setting).mean
        for setting in ("no_mask", "freq_baseline", "head_mlp_retrained")
    )
    kept = (good - majority) / (full - majority)
    # Kept shares are of scores to four decimals.
    assert table.frame.loc["SST-2, BERT-base", "good"] == percent(kept)
    assert table.frame.index.name == "MiniLM-L6: 3 seeds (1337, 42, 86)"
    agreement = released_tickets.beside(ours, released_stability.AGREEMENT, "glue-small", Store())
    assert agreement.frame.loc["SST-2, BERT-base", "heads kept"] == percent(67 / 144)


def test_beside_a_study_without_records_the_page_says_so(
    ours: records.Results, tmp_path: Path
) -> None:
    assert isinstance(
        released_tickets.beside(ours, released_tickets.RETAINED, "quick", Store(tmp_path)), Note
    )
