"""The page on section 5.3: what tasks share is counted from their masks."""

from __future__ import annotations

import itertools

import numpy as np
import numpy.typing as npt
import pytest
from of_seeds import random_masks, study

from lottery_utils.agreement.inference import jackknifed, t_interval
from lottery_utils.agreement.sharing import Seeds, Sharing, between, survive_all
from lottery_utils.tasks import TASKS
from replication.book.show import Figure, Note
from replication.book.written import number, percent, plus_minus, within
from replication.claims.rules import paper_claims
from replication.pages import sec5_3_shared_between_tasks as page
from replication.pages.sec5_3_shared_between_tasks import KINDS_OF_TASK, ONE_TASK
from replication.paper import records as paper
from replication.runs.records import TaskRecords, load
from replication.store import Store


def entries_of(masks: Seeds, score: float = 0.9) -> TaskRecords:
    """As much of a task's records as these pages read, of full models with that accuracy."""
    found = {
        seed: {
            "finetune": {"results": {"score": score, "majority": 0.6}},
            "search": {
                "config": {"search": {"threshold": 0.9}},
                "results": {"mask": mask.to_json()},
            },
        }
        for seed, mask in masks.items()
    }
    return TaskRecords(found)


def test_the_table_has_every_pair() -> None:
    every = study("CoLA", "RTE", "WNLI")
    table = page.pairs_table(Sharing.of(every))
    assert [*table.frame.index] == ["CoLA and RTE", "CoLA and WNLI", "RTE and WNLI"]
    found = between(every["CoLA"], every["RTE"], "heads")
    mean, std = found.observed.mean(), found.observed.std(ddof=1)
    assert table.frame.loc["CoLA and RTE", "heads shared"] == plus_minus(mean, std, 1)
    assert table.frame.loc["CoLA and RTE", "seeds beyond that"] == f"{found.beyond} of 3"


def test_super_survivors_are_kept_by_every_seed() -> None:
    every = study("CoLA", "RTE")
    masks = random_masks(0)
    together = masks[1337] & masks[42] & masks[86]
    assert survive_all(every["CoLA"]).tolist() == together.heads.ravel().tolist()
    assert survive_all(every["CoLA"], "mlps").tolist() == together.mlps.tolist()
    table = page.super_survivor_table(Sharing.of(every))
    kept = [survive_all(every[task]) for task in ("CoLA", "RTE")]
    row = table.frame.loc["CoLA and RTE"]
    assert row["super-survivors"] == f"{kept[0].sum()} and {kept[1].sum()}"
    assert row["shared"] == str((kept[0] & kept[1]).sum())


def test_pairs_are_shown_with_the_papers(every: dict[str, TaskRecords]) -> None:
    release = paper.beside(Store())
    of_study = load("minilm-glue")
    found = page.beside_release(of_study, release).frame
    pair = ("CoLA", "QNLI")
    for column, sharing in (
        ("here", page.recorded(of_study)),
        ("BERT-base", paper.sharing_of(release)),
    ):
        heads = sharing.of_pair(*pair).heads
        share = np.mean([o - c.mean for o, c in zip(heads.observed, heads.by_layer, strict=True)])
        expected = percent(share / sharing.n_heads, 1, signed=True)
        assert found.loc[" and ".join(pair), column] == f"{expected} (n = {len(heads.observed)})"
    assert len(found) == 15  # of six tasks that can be compared
    assert isinstance(page.beside_release(every, release), Note), "made-up sentences are not GLUE's"


def test_the_page_counts_where_sizes_alone_keep_kappa_low() -> None:
    sharing = page.recorded(load("minilm-glue"))
    note = page.kappa_limits(sharing)
    assert note
    (claim,) = (claim for claim in paper_claims() if claim.key == "tasks-differ")
    below = sum(limit < claim.high for limit in sharing.limits)
    assert (
        f" {below} of {len(sharing.tasks) * 5 // 2 * len(sharing.seeds)} comparisons" in note.text
    )
    assert page.kappa_limits(Sharing.of({})) is None, "no pair of tasks"


def test_the_finding_is_the_mean_over_pairs_with_an_interval_over_tasks() -> None:
    every = study("CoLA", "RTE", "WNLI", "QNLI")
    pairs = {
        (a, b): between(every[a], every[b], "heads") for a, b in itertools.combinations(every, 2)
    }
    excess = {pair: float(found.excess.mean()) for pair, found in pairs.items()}
    of_tasks = [value for (value,) in jackknifed(excess).values()]
    low, high = t_interval(of_tasks)[1:3]
    found = page.finding(Sharing.of(every)).text
    assert f"{np.mean([of.observed.mean() for of in pairs.values()]):.1f} of 24 heads" in found
    assert f"the excess is {number(np.mean([*excess.values()]), 1, signed=True)} heads" in found
    assert f"95 % CI {within(low, high, 1, signed=True)}, jackknife over 4 tasks" in found
    assert ("not significant" in found) == (low < 0 < high)
    alone = page.finding(Sharing.of(study("CoLA", "RTE", n_seeds=1))).text
    assert "no CI: 2 tasks" in alone
    for few in (Sharing.of(study("CoLA")), page.recorded({})):
        assert page.finding(few).text == ONE_TASK.text


def test_few_tasks_or_seeds_are_said_to_be_few() -> None:
    alone = Sharing.of(study("CoLA"))
    assert page.pairs_table(alone) is page.mlps_table(alone) is ONE_TASK
    assert page.shared_heads(alone) is ONE_TASK
    assert page.pairs_table(page.recorded({})) is ONE_TASK
    three = Sharing.of(study("CoLA", "RTE", "WNLI", n_seeds=1))
    for say in (
        page.super_survivor_table,
        page.kinds_table,
        page.task_tree,
    ):
        assert isinstance(say(three), Note)
    assert isinstance(page.shared_heads(three), Figure)


def alike(kinds: bool) -> Sharing:
    """Nine tasks: of one kind the same masks, or each its own."""
    kind_of = {task: i for i, tasks in enumerate(KINDS_OF_TASK.values()) for task in tasks}
    numbers = kind_of if kinds else {task: i for i, task in enumerate(kind_of)}
    return Sharing.of({task: random_masks(numbers[task]) for task in kind_of})


def test_kinds_are_glues() -> None:
    named = [*itertools.chain(*KINDS_OF_TASK.values())]
    assert sorted(named) == sorted(TASKS)
    assert all(not TASKS[task].is_pair for task in KINDS_OF_TASK["one sentence"])


def test_kinds_are_found_where_they_are_and_not_where_not() -> None:
    shares = []
    for kinds in (True, False):
        table = page.kinds_table(alike(kinds))
        shares.append([float(text) for text in table.frame.iloc[-2:, 0]])
    (found, least), (other, _) = shares
    assert found == least == 0.001, "one of 1,260 assignments"
    assert other > 0.05


def test_a_tree_joins_tasks_of_the_same_masks() -> None:
    drawn = page.task_tree(alike(True), n_draws=20)
    assert "CoLA with SST-2" in drawn.alt and "MRPC with QQP with STS-B" in drawn.alt


def test_the_map_says_what_exceeds_the_layers() -> None:
    every = study("CoLA", "RTE", "WNLI")
    drawn = page.shared_heads(Sharing.of(every))
    found: npt.NDArray[np.float64] = np.array(
        [
            between(every[a], every[b], "heads").excess.mean()
            for a, b in itertools.combinations(every, 2)
        ]
    )
    axis = drawn.drawing.axes[0]
    shown = axis.images[0].get_array().T
    assert shown[np.triu_indices(3, 1)].tolist() == pytest.approx(found.tolist())
    kept = np.mean([mask.n_heads for mask in every["CoLA"].values()])
    assert f"{kept:.0f}" in [text.get_text() for text in axis.texts]


def test_a_study_under_way_compares_the_tasks_that_have_all_seeds() -> None:
    masks = study("CoLA", "RTE", "WNLI")
    del masks["RTE"][42]  # type: ignore[attr-defined]
    found = page.recorded({task: entries_of(of) for task, of in masks.items()})
    assert found.tasks == ["CoLA", "WNLI"]
    assert found == Sharing.of({task: masks[task] for task in ("CoLA", "WNLI")})


def test_tasks_whose_full_model_learned_too_little_are_left_out() -> None:
    masks = study("CoLA", "RTE", "WNLI")
    scores = {"CoLA": 0.7, "RTE": 0.66, "WNLI": 0.6}  # 0.9 x 0.66 is below the majority's 0.6
    every = {task: entries_of(of, scores[task]) for task, of in masks.items()}
    assert page.recorded(every).tasks == ["CoLA"]
    told = page.compared(every).text
    assert told.startswith("Compared here: CoLA.") and told.endswith("baseline: RTE, WNLI.")
    assert "Left out" not in page.compared({"CoLA": every["CoLA"]}).text
