"""The authors' release: read as it lies, refused where it is not as it should be, summed up."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from by_hand import figure
from conftest import REPOSITORY, executed

from lottery_utils.agreement import chance, fleiss_kappa
from lottery_utils.agreement.inference import welch_interval
from lottery_utils.agreement.over_seeds import OverSeeds
from lottery_utils.errors import UserError
from lottery_utils.tasks import TASKS
from replication.book.show import Note, Table
from replication.cli import main
from replication.pages import cost
from replication.paper import records, release
from replication.paper.records import METRIC
from replication.paper.release import ALSO, HANS, HANS_DATA, ON_TRAIN, SCORED, SEEDS, SETTINGS
from replication.store import Store

REAL = Path(os.environ.get("LOTTERY_RELEASE", REPOSITORY.parent / "shared" / "paper"))


def write_masks(root: Path) -> None:
    rng = np.random.default_rng(0)
    every = [(s, task, parts) for s, parts in SETTINGS.items() for task in TASKS]
    every += [(s, task, (*release.FILES,)) for s, tasks in ALSO.items() for task in tasks]
    for setting, task, parts in every:
        for seed in SEEDS:
            folder = root / "masks" / setting / task / f"seed_{seed}"
            folder.mkdir(parents=True)
            for part in parts:
                shape = release.SHAPES[part]
                np.save(folder / release.FILES[part], (rng.random(shape) < 0.6).astype("f4"))


def write_scores(root: Path) -> None:
    """In folders, as the authors have them."""
    rng = np.random.default_rng(1)
    for setting in SCORED:
        content = {
            task: {METRIC.get(task, "acc"): [float(rng.uniform(0.4, 0.9)), 0.02]} for task in TASKS
        }
        baseline = () if setting == "freq_baseline" else ("baseline",)
        path = root.joinpath("evaluate_masked", setting, *baseline, "results.json")
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(content), encoding="utf-8")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("release")
    write_masks(root)
    write_scores(root)
    figure(root / release.FIGURE)
    return root


@pytest.fixture
def copy(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "copy"))


@pytest.fixture(scope="module")
def recorded(whole: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Records of a made-up release, written by the command."""
    results = tmp_path_factory.mktemp("results")
    assert main(["released", str(whole), "--results-dir", str(results)]) == 0
    return results


def test_a_release_is_read_as_it_lies(whole: Path) -> None:
    found = release.read(whole)
    folder = whole / "masks/heads_mlps/RTE/seed_86"
    mask = found.masks["heads_mlps"]["RTE"][86]
    assert np.array_equal(mask.heads, np.load(folder / "head_mask.npy"))
    assert np.array_equal(mask.mlps, np.load(folder / "mlp_mask.npy"))
    assert found.masks["heads"]["CoLA"][42].mlps.all()  # the search left them alone
    assert [*found.masks["heads"]["CoLA"]] == [*SEEDS]
    mean, std = found.scores["CoLA"]["no_mask"]["mcc"]
    assert 0.4 < mean < 0.9 and std == 0.02
    assert "acc" in found.scores["RTE"]["freq_baseline"]


def test_the_digest_is_that_of_sha256sums_lines(whole: Path) -> None:
    paths = sorted((whole / "masks/heads_mlps/CoLA").rglob("*.npy"))
    lines = "".join(
        f"{hashlib.sha256(p.read_bytes()).hexdigest()}  {p.relative_to(whole).as_posix()}\n"
        for p in paths
    )
    found = release.digest(release.read(whole), "CoLA", "heads_mlps")
    assert found == hashlib.sha256(lines.encode()).hexdigest()


def test_scores_may_be_a_table(copy: Path) -> None:
    before = release.read(copy).scores
    rows = [
        f"{setting},{task},{metric},{mean},{std}"
        for task, settings in before.items()
        for setting, metrics in settings.items()
        for metric, (mean, std) in metrics.items()
    ]
    header = "setting,task,metric,mean,std_population"
    (copy / "results.csv").write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    shutil.rmtree(copy / "evaluate_masked")
    assert release.read(copy).scores == before


MASK = "masks/heads_mlps/RTE/seed_86/head_mask.npy"


def save(values: Any) -> Callable[[Path], None]:
    return lambda root: np.save(root / MASK, values)


def pickled(root: Path) -> None:
    np.save(root / MASK, np.array([[None]], dtype=object), allow_pickle=True)


def cut(root: Path) -> None:
    (root / MASK).write_bytes((root / MASK).read_bytes()[:200])


def zipped(root: Path) -> None:
    (root / MASK).write_bytes(b"PK\x03\x04")


def without(path: str) -> Callable[[Path], None]:
    def remove(root: Path) -> None:
        shutil.rmtree(root / path) if (root / path).is_dir() else (root / path).unlink()

    return remove


def scores(change: Callable[[dict[str, Any]], Any]) -> Callable[[Path], None]:
    """Of the full model."""

    def rewrite(root: Path) -> None:
        path = root / "evaluate_masked/no_mask/baseline/results.json"
        content = json.loads(path.read_text("utf-8"))
        change(content)
        path.write_text(json.dumps(content), encoding="utf-8")

    return rewrite


def bad_json(root: Path) -> None:
    (root / "evaluate_masked/no_mask/baseline/results.json").write_text("{", encoding="utf-8")


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (
            save(np.ones((6, 12))),
            r"head_mask\.npy has shape \(6, 12\): expected \(12, 12\)",
        ),
        (save(np.full((12, 12), 0.5)), r"head_mask\.npy holds 0\.5: expected zeros and ones only"),
        (save(np.full((12, 12), np.nan)), r"holds nan: expected zeros and ones"),
        (save(np.eye(12, dtype=complex)), r"holds complex128: expected zeros and ones"),
        (save(np.zeros((12, 12), [("a", int)])), r"holds \[\('a', '<i8'\)\]: expected zeros"),
        (zipped, r"head_mask\.npy is not a plain array"),
        (save(np.full((12, 12), "1")), r"holds 1: expected zeros and ones|holds"),
        (pickled, r"head_mask\.npy is not a plain array, but pickled or cut off"),
        (cut, r"head_mask\.npy is not a plain array, but pickled or cut off"),
        (
            without("masks/heads_mlps/RTE/seed_86"),
            r"lacks .*RTE/seed_86: expected .*1337, 42",
        ),
        (
            without("masks/heads_mlps_on_train/RTE/seed_86"),
            r"lacks .*heads_mlps_on_train.RTE/seed_86: expected .*1337, 42",
        ),
        (without("masks/heads_mlps_hans/MNLI_TWO"), r"lacks .*MNLI_TWO/seed_1337: expected"),
        (without(MASK), r"head_mask\.npy cannot be read \(No such file"),
        (without("evaluate_masked"), r"has no scores: expected .*evaluate_masked"),
        (bad_json, r"results\.json cannot be read: expected a mean and a standard deviation"),
        (
            scores(lambda of: of["RTE"].update(acc=[float("nan"), 0.1])),
            r"acc of RTE under no_mask is nan",
        ),
        (scores(lambda of: of.pop("RTE")), r"lack RTE under no_mask"),
        (
            scores(lambda of: of.update(HANS=of["RTE"])),
            r"scores of 'HANS': expected GLUE's nine",
        ),
        (without("masks"), r"is not a copy of the release: expected the folders"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_malformed_release_is_one_clear_sentence(
    copy: Path, spoil: Callable[[Path], None], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    spoil(copy)
    results = copy.parent / "results"
    with pytest.raises(UserError, match=said):
        release.read(copy)
    assert main(["released", str(copy), "--results-dir", str(results)]) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1 and lines[0].startswith("lottery: ")
    assert not results.exists()  # nothing is written of a release that is not whole


def lists_in(value: Any) -> Iterator[tuple[Any, ...]]:
    """Every list without lists in it, anywhere in a record."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        if value and not any(isinstance(item, dict | list) for item in value):
            yield tuple(value)
        for item in value:
            yield from lists_in(item)


def test_records_hold_what_the_masks_come_to(whole: Path, recorded: Path) -> None:
    read, results = release.read(whole), records.load(Store(recorded))
    assert [*results] == [*TASKS]
    masks = np.stack([m.heads for m in read.masks["heads_mlps"]["RTE"].values()])
    found = OverSeeds.from_json(results["RTE"]["masks"]["heads_mlps"]["heads"])
    assert found.kept == masks.sum(axis=(1, 2)).tolist()
    assert np.array_equal(found.survival, masks.sum(axis=0))
    assert found.n_all == masks.all(axis=0).sum()
    assert found.n_none == (~masks.any(axis=0)).sum()
    flat = masks.reshape(5, -1)
    kappa = found.beside_chance["Fleiss' kappa"]
    assert kappa.observed == pytest.approx(fleiss_kappa(flat), abs=1e-8)
    assert kappa == pytest.approx(chance.against_chance("Fleiss' kappa", flat), abs=1e-8)
    assert set(results["RTE"]["masks"]["heads"]) == {"heads"}
    # The masks themselves are the authors' and are not kept.
    rows = {
        tuple(row)
        for m in read.masks["heads_mlps"].values()
        for s in m.values()
        for row in s.heads.astype(int)
    }
    assert not rows & set(lists_in(results))
    assert results["RTE"]["scores"]["no_mask"]["acc"]["std"] == pytest.approx(0.02 * 1.25**0.5)


def test_tickets_stand_beside_the_good_ones(whole: Path, recorded: Path) -> None:
    masks = release.read(whole).masks
    good, bad = masks["heads_mlps"]["QQP"], masks["heads_mlps_bad_1"]["QQP"]
    found = records.load(Store(recorded))["QQP"]["tickets"]["heads_mlps_bad_1"]
    assert found["different_masks"] == 5
    assert found["mlps"]["kept"] == [mask.n_mlps for mask in bad.values()]
    assert found["heads"]["both"] == [(bad[s] & good[s]).n_heads for s in SEEDS]
    parts = zip(*found["heads"]["kept_by"].values(), strict=True)
    assert [sum(of_seed) for of_seed in parts] == found["heads"]["kept"]


def test_masks_from_training_examples_are_set_beside_those_from_dev(
    whole: Path, recorded: Path
) -> None:
    masks = release.read(whole).masks
    dev, train = masks["heads_mlps"]["QQP"], masks[ON_TRAIN]["QQP"]
    results = records.load(Store(recorded))
    pairs = [np.stack([dev[s].heads.ravel(), train[s].heads.ravel()]) for s in SEEDS]
    found = records.noise_of(results, "heads")
    assert [*found] == [*TASKS]
    kappa = np.mean([fleiss_kappa(pair) for pair in pairs])
    assert found["QQP"]["examples"].observed == pytest.approx(kappa, abs=1e-8)
    kept = [train[s].n_mlps for s in SEEDS]
    assert results["QQP"]["on_train"]["mlps"]["kept"] == kept
    assert ON_TRAIN in results["QQP"]["sha256"]


def test_masks_of_hans_lie_beside_those_of_mnli(whole: Path, recorded: Path) -> None:
    masks, results = release.read(whole).masks, records.load(Store(recorded))
    found = records.hans_of(results)
    assert found is not None
    heads, sharing = found
    assert [*heads] == sharing.tasks == ["MNLI", *HANS_DATA]
    assert heads["HANS"].kept == [mask.n_heads for mask in masks[HANS]["HANS"].values()]
    for other, own in (("MNLI", masks["heads_mlps"]["MNLI"]), ("HANS", masks[HANS]["HANS"])):
        both = [(own[s] & masks[HANS]["MNLI_TWO"][s]).n_heads for s in SEEDS]
        assert sharing.of_pair("MNLI_TWO", other).heads.observed.tolist() == both
    assert [task for task, of in results.items() if "hans" in of] == ["MNLI"]


def test_a_release_without_them_is_read_as_before(copy: Path, recorded: Path) -> None:
    for setting in ALSO:
        shutil.rmtree(copy / "masks" / setting)
    (copy / release.FIGURE).unlink()
    results = copy.parent / "results"
    records.released(copy, Store(results))
    fewer, whole = records.load(Store(results)), records.load(Store(recorded))
    assert records.noise_of(fewer, "heads") == {} and records.hans_of(fewer) is None
    for task, of in fewer.items():
        more = ("on_train", "hans", "drawn")
        same = {key: value for key, value in whole[task].items() if key not in more}
        also = (*ALSO, release.FIGURE)
        same["sha256"] = {k: v for k, v in same["sha256"].items() if not k.startswith(also)}
        assert of == same


def test_the_figure_is_read_where_the_authors_have_it(copy: Path, recorded: Path) -> None:
    there = copy / release.FIGURES[0]
    there.parent.mkdir(parents=True)
    (copy / release.FIGURE).rename(there)
    found = release.read(copy)
    assert release.FIGURES[0] in found.sha256
    for task, of in records.load(Store(recorded)).items():
        assert of["drawn"] == found.drawn[task]


def test_what_tasks_share_comes_back_from_the_records(whole: Path, recorded: Path) -> None:
    from lottery_utils.agreement.sharing import Sharing

    direct = Sharing.of(release.read(whole).masks["heads_mlps"])
    again = records.sharing_of(records.load(Store(recorded)))
    assert again.kept == direct.kept and again.n_super == direct.n_super
    assert again.seeds == SEEDS and again.n_heads == 144
    one, other = again.of_pair("RTE", "CoLA"), direct.of_pair("CoLA", "RTE")
    assert one.heads.excess == pytest.approx(other.heads.excess, abs=1e-8)
    assert one.survivors == pytest.approx(other.survivors, abs=1e-8)
    fewer = again.only(["CoLA", "RTE"])
    assert fewer.tasks == ["CoLA", "RTE"] and len(fewer.pairs) == 1


def test_without_records_a_page_says_so(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"There is no record of CoLA.*lottery released DIR"):
        records.load(Store(tmp_path))


def test_over_seeds_without_spread_is_undefined() -> None:
    nothing = OverSeeds.of(np.zeros((5, 12), bool))
    again = OverSeeds.from_json(json.loads(json.dumps(nothing.to_json())))
    assert np.isnan(again.beside_chance["Fleiss' kappa"].observed)
    assert np.isnan(again.q.p_value) and again.by_layer is None
    assert (again.n_all, again.n_none) == (0, 12)


def test_welchs_interval_is_scipys() -> None:
    from scipy.stats import ttest_ind

    rng = np.random.default_rng(0)
    one, other = rng.normal(0.8, 0.1, 5), rng.normal(0.7, 0.02, 5)
    told = [(float(v.mean()), float(v.std(ddof=1))) for v in (one, other)]
    found = welch_interval(told[0], told[1], 5)
    expected = ttest_ind(one, other, equal_var=False).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))
    assert np.isnan(welch_interval((0.5, 0), (0.4, 0), 5).low)


# The records that come with the book


def test_scores_have_the_names_of_ours(ours: records.Results) -> None:
    """By hand, from the release: means and population deviations over five seeds."""
    theirs = {
        ("CoLA", "structured", "full"): (0.5604, 0.0055),
        ("CoLA", "structured", "bad, retrained"): (0.4060, 0.0939),
        ("STS-B", "structured", "random, pruned"): (0.5301, 0.2265),
        ("MNLI", "structured", "majority"): (0.3545, 0.0),
        ("MNLI", "survivors", "in_between, retrained"): (0.7469, 0.0128),
        ("SST-2", "survivors", "super, pruned"): (0.5408, 0.0243),
        ("RTE", "survivors", "anti, retrained"): (0.4917, 0.0294),
        ("CoLA", "magnitude", "good, pruned"): (0.5170, 0.0069),
        ("CoLA", "magnitude", "largest_removed, retrained"): (0.0247, 0.0292),
    }
    for (task, method, name), (mean, population_std) in theirs.items():
        found = records.scores(ours, task, method)[name]
        assert found.mean == pytest.approx(mean, abs=5.01e-5)
        assert found.std == pytest.approx(population_std * 1.25**0.5, abs=6e-5)
    assert len(records.scores(ours, "RTE")) == 8
    assert records.scores(ours, "MINE") == {}


def test_the_books_own_records_serve_where_a_folder_has_none(tmp_path: Path) -> None:
    empty = Store(tmp_path)
    assert records.beside(empty, ["RTE", "MINE"]) == records.beside(Store(), ["RTE"])
    assert [path.parent.name for path in empty.seen] == ["RTE"], "it is named as a source"


def test_our_statistics_are_those_that_the_authors_printed(ours: records.Results) -> None:
    """Their notebook of statistics shows Cochran's p and Krippendorff's alpha in full."""
    found = {t: OverSeeds.from_json(of["masks"]["heads_mlps"]["heads"]) for t, of in ours.items()}
    p_values = {"MNLI": 0.394845, "MRPC": 0.013838, "QNLI": 0.032996, "STS-B": 0.057868}
    for task, p_value in p_values.items():
        assert found[task].q.p_value == pytest.approx(p_value, abs=1e-6)
    alpha = found["CoLA"].beside_chance["Krippendorff's alpha"].observed
    assert alpha == pytest.approx(0.229206, abs=1e-6)


@pytest.mark.skipif(not REAL.is_dir(), reason="no copy of the release: set LOTTERY_RELEASE")
def test_the_books_records_are_made_again_from_the_release(
    ours: records.Results, tmp_path: Path
) -> None:
    records.released(REAL, Store(tmp_path))
    assert records.load(Store(tmp_path)) == ours


@pytest.mark.parametrize(
    "notebook", ["released_tickets", "released_stability", "released_sharing", "errata"]
)
def test_pages_are_made_of_any_release(notebook: str, recorded: Path, tmp_path: Path) -> None:
    """Through papermill, from a made-up release; the book's own pages are made by `make book`."""
    _, shown = executed(notebook, tmp_path / "page.ipynb", results_dir=str(recorded))
    assert "CoLA" in shown
    assert "lottery-figure" in shown
    assert not re.search(r"\bnan\b", re.sub(r"<[^>]*>", " ", shown), re.IGNORECASE)


def test_reading_a_release_is_not_a_study_that_cost_hours(recorded: Path, tiny_run: Path) -> None:
    assert isinstance(cost.studies(store=Store(recorded)), Note)
    both = cost.studies(store=Store(tiny_run / "results"))
    assert isinstance(both, Table) and [*both.frame.index] == ["tiny"]
    hours = float(both.frame.loc["tiny", "hours of one core"])
    assert f"The studies on record (1) took {hours:,.0f} hours of one core" in repr(
        cost.total(store=Store(tiny_run / "results"))
    )
    assert isinstance(cost.total(store=Store(recorded)), Note)
