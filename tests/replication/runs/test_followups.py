"""Follow-ups of a study: computed once, from the right records, and resumed where they stopped."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import running
from running import flip_mlps, without_seconds

from lottery_utils import pruning, training
from lottery_utils.agreement.survivors import KINDS
from lottery_utils.attention import attention_maps
from lottery_utils.errors import UserError
from lottery_utils.masks import StructuredMask
from lottery_utils.patterns import sorter
from lottery_utils.patterns.maps import WEIGHTINGS, AnnotatedMap
from replication.experiments import attention, choices, quirks, sensitivity
from replication.experiments.control import STATES, reinitialized
from replication.experiments.entry import Entry
from replication.experiments.sensitivity import RULES
from replication.followups import FollowUps
from replication.runs import records, run
from replication.runs import status as fresh
from replication.runs.records import TaskRecords
from replication.stages import FOLLOWUPS, PIPELINE
from replication.store import Key, Record, Store
from replication.study import Study

# STS-B's searches keep some but not all heads with either seed, so that its masks differ.
TASK, SEED, OTHER = "STS-B", 42, 1337


def asked(**changes: Any) -> Study:
    """The study of the current folder with every follow-up of one task, three of one seed."""
    every = FollowUps(
        **dict.fromkeys(set(FOLLOWUPS) - {"rates"}, (TASK,)),  # of a study with answers only
        control_seeds=(SEED,),
        sensitivity_seeds=(SEED,),
        quirks_seeds=(SEED,),
    )
    return replace(Study.load("tiny"), **{"followups": every, **changes})


def made(*stages: str, seeds: Sequence[int] = (SEED, OTHER)) -> set[tuple[str, int]]:
    """Which records of these follow-ups (by default all) were asked for, of some seeds."""
    study = asked()
    of_stages = ((what, seed) for what in stages or FOLLOWUPS for _, seed in study.entries(what))
    return {(what, seed) for what, seed in of_stages if seed in seeds}


def of_masks() -> set[tuple[str, int]]:
    """Those that start from what searches found."""
    return made(*(what for what in FOLLOWUPS if PIPELINE[what].after == "search"))


def only(what: str, **changes: Any) -> Study:
    return asked(**changes).only(what, TASK)


def ensure(study: Study) -> None:
    run.ensure(study, Store(), FOLLOWUPS, device="cpu", threads=1, quiet=True)


def statuses(study: Study) -> dict[tuple[str, int], str]:
    return {(what, seed): fresh.status(study, TASK, seed, what, Store()) for what, seed in made()}


def stale(study: Study) -> set[tuple[str, int]]:
    """The records that are not up to date; the others are."""
    found = statuses(study)
    assert set(found.values()) <= {"done", "stale"}
    return {which for which, status in found.items() if status == "stale"}


def path(stage: str, seed: int = SEED) -> Path:
    return Store().path(Key("tiny", TASK, seed, stage))


def by_place(maps: Sequence[AnnotatedMap]) -> npt.NDArray[Any]:
    """Stands in for the classifiers: a type by where a map is largest."""
    return np.array([int(m.values.argmax()) % 5 for m in maps])


def without_classifiers(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(sorter, "sorter", lambda weighting: by_place)
    patch.setattr(sorter, "chosen", lambda weighting: "network")
    patch.setattr(sorter, "sorter_sha256", lambda: "0" * 64)


def move_to_copy(source: Path, folder: Path, patch: pytest.MonkeyPatch) -> None:
    """A copy of a run as the current folder, without the classifiers that come with the library."""
    shutil.copytree(source, folder)
    patch.chdir(folder)
    (cache,) = (folder / ".cache").iterdir()
    if cache != Store().cache:  # it is named after where the store is
        cache.rename(Store().cache)
    without_classifiers(patch)


def entry(seed: int = SEED) -> Entry:
    return running.entry(TASK, seed)


def read(stage: str, seed: int = SEED) -> Record:
    return running.record(stage, TASK, seed)["results"]  # type: ignore[no-any-return]


def change(stage: str, seed: int, edit: Callable[[dict[str, Any]], object]) -> None:
    running.change(stage, TASK, seed, edit)


def follow_up(tiny_run: Path, folder: Path) -> Path:
    """Compute all follow-ups of `TASK` in a copy of the finished tiny run."""
    with pytest.MonkeyPatch.context() as patch:
        move_to_copy(tiny_run, folder, patch)
        ensure(asked())
    return folder


@pytest.fixture(scope="module")
def followed_run(tmp_path_factory: pytest.TempPathFactory, tiny_run: Path) -> Path:
    """The tiny run with its follow-ups: read it, never write."""
    return follow_up(tiny_run, tmp_path_factory.mktemp("followed") / "run")


@pytest.fixture
def followed(tmp_path: Path, followed_run: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it as the current folder: do with it what you like."""
    move_to_copy(followed_run, tmp_path / "followed", monkeypatch)
    return Path.cwd()


@pytest.fixture
def trainings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What has been trained since."""
    found: list[str] = []
    train = Entry.train_model

    def counted(self: Entry, model: Any, what: str, **how: Any) -> Any:
        found.append(what)
        return train(self, model, what, **how)

    monkeypatch.setattr(Entry, "train_model", counted)
    return found


# What is done and what is not


def test_a_follow_up_is_a_record_beside_those_of_the_stages(followed: Path) -> None:
    found = {p for p in followed.glob("results/**/*.json") if p.stem in FOLLOWUPS}
    assert found == {path(what, seed).resolve() for what, seed in made()}
    assert set(statuses(asked()).values()) == {"done"}
    assert not list(Store().cache.rglob("*.jsonl"))


def test_fewer_seeds_leave_a_record_as_it_is_and_more_do_not(followed: Path) -> None:
    assert not stale(asked(seeds=(SEED,)))
    assert not stale(asked(seeds=(OTHER, SEED)))
    assert stale(asked(seeds=(1337, 42, 7))) == made("survivors")


def test_another_mask_makes_stale_what_was_made_from_it(followed: Path) -> None:
    change("search", OTHER, flip_mlps)
    found = stale(asked())
    assert found == (made(seeds=[OTHER]) & of_masks()) | made("survivors")
    assert ("control", SEED) not in found, "it is of the other seed"
    assert not made("attention") & of_masks()
    change("search", SEED, flip_mlps)
    assert stale(asked()) == of_masks()


def test_other_weights_make_stale_what_was_made_from_them(followed: Path) -> None:
    for stage in ("finetune", "search"):
        change(stage, SEED, lambda results: results.update(weights_sha256="1" * 64))
    of_weights = [what for what in FOLLOWUPS if PIPELINE[what].after]
    assert stale(asked()) == made(*of_weights, seeds=[SEED])
    assert "embeddings" not in of_weights, "they start from the pre-trained weights"


def test_other_settings_make_stale_what_depends_on_them(followed: Path) -> None:
    pruning = [what for what in FOLLOWUPS if "variant" in PIPELINE[what].fields]
    assert stale(asked(variant="release")) == made(*pruning)
    assert stale(asked(train_size=32)) == made()


def test_another_classifier_makes_types_of_maps_stale(
    followed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sorter, "sorter_sha256", lambda: "1" * 64)
    assert stale(asked()) == made("attention", "quirks")


def test_lost_searches_make_stale_what_followed(followed: Path) -> None:
    path("search", OTHER).unlink()
    assert stale(asked()) == (made(seeds=[OTHER]) & of_masks()) | made("survivors")
    with pytest.raises(UserError, match=r"survivors of STS-B need the search of every seed first"):
        ensure(asked())


# Which ones a study has


@pytest.mark.parametrize("what", FOLLOWUPS)
def test_none_means_every_task(workplace: Path, what: str) -> None:
    study = asked(followups=FollowUps(**{what: None}), held_out=what == "rates")
    entries = {(task, seed) for task in study.tasks for seed in study.seeds}
    assert set(study.entries(what)) == entries
    assert not any(study.entries(other) for other in FOLLOWUPS if other != what)


def test_seeds_can_be_chosen_for_the_control_alone(workplace: Path) -> None:
    study = asked(followups=FollowUps(survivors=None, control=(TASK,), control_seeds=(SEED, 7)))
    assert study.entries("control") == ((TASK, SEED),), "7 is no seed of the study"
    assert len(study.entries("survivors")) == 6
    by_task = FollowUps(control=None, control_seeds={TASK: (SEED,), "RTE": (OTHER, SEED)})
    assert set(asked(followups=by_task).entries("control")) == {
        (TASK, SEED),
        ("RTE", OTHER),
        ("RTE", SEED),
    }, "a task without seeds has none"
    more = by_task.joined(FollowUps(control=None, control_seeds={TASK: (7,)}))
    assert more.control_seeds == {TASK: (SEED, 7), "RTE": (OTHER, SEED)}
    assert more.joined(FollowUps(control=None)).control_seeds is None
    assert set(more.joined(FollowUps(control=None, control_seeds=(1,))).control_seeds) == {
        *(SEED, 7, OTHER, 1)
    }


# The command and the pages


def test_a_page_has_what_it_asks_for_and_no_more(finished: Path, trainings: list[str]) -> None:
    study = asked(followups=FollowUps(survivors=("RTE",), control=None, control_seeds=(SEED,)))
    found = records.load(study, TASK, also=["control"], device="cpu")[TASK].stage("control")
    assert list(found) == [SEED]
    assert found[SEED]["results"] == read("control")
    assert len(trainings) == 3 * len(STATES), "of one task and one follow-up"
    again = records.load(study, TASK, also=["survivors"], device="cpu")[TASK]
    assert again.stage("survivors") == {}
    assert len(trainings) == 3 * len(STATES)


def test_a_page_shows_what_is_up_to_date_although_it_is_no_longer_asked_for(
    followed: Path,
) -> None:
    study = Study.load("tiny")

    def shown(study: Study) -> list[int]:
        return [*TaskRecords.of(study, TASK, Store(), ["survivors"]).stage("survivors")]

    assert shown(study) == list(study.seeds)
    assert shown(replace(study, seeds=(SEED,))) == [SEED]
    assert shown(replace(study, variant="release")) == []


# Interruptions and lost caches


@pytest.mark.parametrize(
    ("what", "work", "at", "n_calls"),
    [
        ("survivors", "train_model", 3, 3),
        ("control", "train_model", 3, 6),
        ("sensitivity", "train_model", 3, 7),
        ("choices", "score", 21, None),
    ],
)
def test_an_interrupted_follow_up_goes_on_where_it_stopped(
    followed: Path,
    monkeypatch: pytest.MonkeyPatch,
    what: str,
    work: str,
    at: int,
    n_calls: int | None,
) -> None:
    before = without_seconds(read(what))
    path(what).unlink()
    done, seen = getattr(Entry, work), list[tuple[Any, ...]]()

    def interrupted(self: Entry, model: Any, *which: Any, **how: Any) -> Any:
        seen.append(which)
        if len(seen) == at:
            raise KeyboardInterrupt
        return done(self, model, *which, **how)

    monkeypatch.setattr(Entry, work, interrupted)
    with pytest.raises(KeyboardInterrupt):
        ensure(only(what))
    assert not path(what).exists()
    ensure(only(what))
    assert seen[at] == seen[at - 1], "it goes on with what was cut off"
    n_calls = n_calls or len(before["scores"]) + 1  # and the full model
    assert len(seen) == n_calls + 1
    assert without_seconds(read(what)) == before
    assert not list(Store().cache.rglob("*.jsonl"))


def test_choices_among_other_heads_begin_again(
    followed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where importance adds up to another order of heads, old scores are of other choices."""
    before = read("choices")["scores"]
    path("choices").unlink()
    score, edge, seen = Entry.score, choices.edge, list[Any]()

    def interrupted(self: Entry, model: Any, *which: Any) -> float:
        seen.append(model)
        if len(seen) == 5:
            raise KeyboardInterrupt
        return score(self, model, *which)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Entry, "score", interrupted)
        ensure(only("choices"))
    monkeypatch.setattr(choices, "edge", lambda *of: edge(*of)[::-1])
    ensure(only("choices"))
    heads, scores = read("choices")["heads"], read("choices")["scores"]
    others = [int(f"{number:0{len(heads)}b}"[::-1], 2) for number in range(len(scores))]
    assert scores == [before[other] for other in others]


def test_a_lost_checkpoint_is_trained_again_where_it_is_needed(
    followed: Path, trainings: list[str]
) -> None:
    before = {what: without_seconds(read(what)) for what in ("control", "survivors", "attention")}
    shutil.rmtree(Store().cache)
    for what in before:
        path(what).unlink()
        ensure(only(what))
        assert ("fine-tune" in trainings) == (what != "control"), "which starts from scratch"
    assert {what: without_seconds(read(what)) for what in before} == before
    assert trainings.count("fine-tune") == 1, "it is in the cache again"


def test_weights_that_cannot_be_had_again_are_one_clear_sentence(finished: Path) -> None:
    """The records come from another machine, where training gives other weights."""
    for stage in ("finetune", "search"):
        change(stage, SEED, lambda results: results.update(weights_sha256="1" * 64))
    with pytest.raises(UserError) as raised:
        ensure(only("attention"))
    message = str(raised.value)
    assert f"behind {path('finetune').parent} are not in the cache" in message
    assert message.endswith("delete that folder to have all of it computed here.")
    assert ". " not in message
    assert not path("attention").exists()


# What the records hold


@pytest.fixture
def here(followed_run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The current folder is the finished run: to be read."""
    monkeypatch.chdir(followed_run)
    without_classifiers(monkeypatch)


def mask_of(ticket: dict[str, Any]) -> StructuredMask:
    return StructuredMask.from_json(ticket["mask"])


def test_survivors_are_of_one_size_and_the_same_for_all_seeds(here: None) -> None:
    good = {seed: mask_of(read("search", seed)) for seed in (OTHER, SEED)}
    tickets = read("survivors")["tickets"]
    assert tuple(tickets) == KINDS
    assert mask_of(tickets["super"]) == good[OTHER] & good[SEED]
    sizes = {(mask_of(ticket).n_heads, mask_of(ticket).n_mlps) for ticket in tickets.values()}
    assert sizes == {((good[OTHER] & good[SEED]).n_heads, (good[OTHER] & good[SEED]).n_mlps)}
    ((n_heads, n_mlps),) = sizes
    assert n_heads > 0, "empty masks would prove nothing"
    for ticket in tickets.values():
        assert sum(ticket["heads_from"].values()) == n_heads
        assert sum(ticket["mlps_from"].values()) == n_mlps
    others = read("survivors", OTHER)["tickets"]
    for kind in KINDS:
        assert others[kind]["mask"] == tickets[kind]["mask"]
    assert others["super"]["loss"] != tickets["super"]["loss"], "the models are the seed's own"
    assert read("survivors")["made_from"] == {
        "weights_sha256": read("finetune")["weights_sha256"],
        "masks": {str(seed): good[seed].to_json() for seed in (OTHER, SEED)},
    }


def test_searches_by_other_rules_are_those_of_studies_with_other_settings(followed: Path) -> None:
    found = read("sensitivity")["tickets"]
    assert list(found) == list(RULES)
    for name, changes in {
        "threshold 0.8": {"search.threshold": 0.8},
        "steps of 5 %": {"search.head_step": 0.05},
        "as released": {"variant": "release"},
    }.items():
        other = Study.load("tiny").override({**changes, "magnitude_tasks": []})
        other = replace(other, tasks=(TASK,), seeds=(SEED,))
        run.ensure(other, Store(), device="cpu", threads=1, quiet=True)
        record = Store().read(Key(other.name, TASK, SEED, "search"))
        good = Store().read(Key(other.name, TASK, SEED, "tickets"))
        assert found[name]["mask"] == record["results"]["mask"], name
        assert found[name]["steps"] == len(record["results"]["steps"])
        for state in ("pruned", "retrained"):
            assert found[name][state] == good["results"]["tickets"]["good"][state]


def test_quirks_are_measured_beside_what_is_meant(followed: Path) -> None:
    of, found, mask = entry(), read("quirks"), StructuredMask.from_json(read("search")["mask"])
    model = of.saved_model()
    equal, alone = found["random"]["equal"], found["random"]["independent"]
    assert set(equal["heads"]) == {mask.n_heads} and set(equal["mlps"]) == {mask.n_mlps}
    assert len(set(alone["heads"])) > 1
    assert np.mean(alone["heads"]) == pytest.approx(mask.n_heads, abs=2)
    with pruning.masked(model, mask.random_like(3)):
        assert of.score(model) == equal["scores"][3]
    drawn = quirks.independent_like(mask, 5)
    assert (drawn.n_heads, drawn.n_mlps) == (alone["heads"][5], alone["mlps"][5])
    with pruning.masked(model, drawn):
        assert of.score(model) == alone["scores"][5]
    # Right maps are those that the follow-up on attention counts, over all heads.
    right = np.array(read("attention")["counts"]["fine-tuned"]["normed"]).sum(axis=(0, 1))
    counts = np.array(found["transposed"]["counts"])
    assert counts.sum(axis=1).tolist() == right.tolist()
    assert counts.sum() == found["transposed"]["examples"] * mask.heads.size


def test_every_choice_at_the_edge_is_scored(followed: Path) -> None:
    of, found, mask = entry(), read("choices"), StructuredMask.from_json(read("search")["mask"])
    model = of.saved_model()
    heads = [(layer, head) for layer, head in found["heads"]]
    assert len(found["scores"]) == 2 ** len(heads)
    assert choices.chosen(mask, heads, found["good"]) == mask
    for number in (0, 5, found["good"], len(found["scores"]) - 1):
        with pruning.masked(model, choices.chosen(mask, heads, number)):
            assert of.score(model) == found["scores"][number]


def test_masks_from_training_data_see_neither_what_was_trained_on_nor_the_validation_set(
    here: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = entry()
    model = work.saved_model()
    expected = read("sensitivity")["tickets"]["masks from training data"]["mask"]
    known = {tuple(ids) for ids in (*work.train.input_ids, *work.validation.input_ids)}
    monkeypatch.setattr(Entry, "validation_batches", property(lambda e: pytest.fail("was read")))
    seen: list[Any] = []
    make = sensitivity.EvaluationBatches

    def watched(examples: Any, *others: Any, **how: Any) -> Any:
        seen.extend(examples.input_ids)
        return make(examples, *others, **how)

    monkeypatch.setattr(sensitivity, "EvaluationBatches", watched)
    found = sensitivity.search_by(work, model, RULES["masks from training data"])
    assert found["mask"] == expected
    assert len(seen) == len(work.validation)
    assert not known & {tuple(ids) for ids in seen}


def test_without_unseen_examples_there_is_nothing_to_find_masks_on(
    here: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lottery_utils import data

    monkeypatch.setattr(data, "unseen_examples", lambda *a: [])
    with pytest.raises(UserError, match="takes all training examples of STS-B"):
        _ = entry().unseen


def test_the_control_trains_the_tickets_from_scratch(here: None) -> None:
    found, tickets = read("control")["tickets"], read("tickets")["tickets"]
    assert {kind: ticket["mask"] for kind, ticket in found.items()} == {
        kind: ticket["mask"] for kind, ticket in tickets.items()
    }
    losses = [[ticket[state]["loss"] for state in STATES] for ticket in found.values()]
    for (anew, kept), ticket in zip(losses, tickets.values(), strict=True):
        assert anew != kept
        assert ticket["loss"] not in (anew, kept)
    of = entry()
    for state in STATES:
        start = reinitialized(of.pretrained(), SEED, keep_embeddings=state == "embeddings_kept")
        start = pruning.remove(start, mask_of(found["bad"]))
        curve = training.finetune(start, of.train, of.study.recipe, seed=SEED)
        assert [list(point) for point in curve.loss] == found["bad"][state]["loss"]
        assert of.score(start) == found["bad"][state]["score"]


@pytest.mark.parametrize("weighting", WEIGHTINGS)
@pytest.mark.parametrize("state", ["pre-trained", "fine-tuned"])
def test_attention_counts_are_those_of_the_maps(here: None, state: str, weighting: str) -> None:
    of = entry()
    tuned = of.saved_model()
    model = of.pretrained() if state == "pre-trained" else tuned
    batches = [of.validation.collate([i]) for i in range(40)]
    expected = np.zeros((2, 4, 5), int)
    for maps in attention_maps(model, batches):
        for layer, head in np.ndindex(2, 4):
            place = int(getattr(maps, weighting)[layer, head].argmax()) % 5
            expected[layer, head, place] += 1
    found = read("attention")
    assert found["counts"][state][weighting] == expected.tolist()
    assert found["examples"] == 40, "all of the validation set, as it has fewer than 100"
    assert found["classifier"] == dict.fromkeys(WEIGHTINGS, "network")


def test_attention_looks_at_the_first_examples_alone(
    followed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path("attention").unlink()
    monkeypatch.setattr(attention, "ATTENTION_EXAMPLES", 3)
    asked_for: list[tuple[int, ...]] = []
    collate = type(entry().validation).collate

    def noted(self: Any, indices: Sequence[int], *args: Any) -> Any:
        asked_for.append(tuple(indices))
        return collate(self, indices, *args)

    monkeypatch.setattr(type(entry().validation), "collate", noted)
    ensure(only("attention"))
    assert read("attention")["examples"] == 3
    assert asked_for == [(0,), (1,), (2,)] * 2
