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
import pandas as pd
import pytest
from conftest import REPOSITORY

from lottery_utils.agreement import chance, fleiss_kappa
from lottery_utils.agreement.inference import welch_interval
from lottery_utils.agreement.over_seeds import OverSeeds
from lottery_utils.errors import UserError
from lottery_utils.tasks import TASKS
from replication.cli import main
from replication.pages import build, errata_tables, released_beside, released_tables, study_cost
from replication.pages.released_sentences import table as sentences
from replication.pages.released_stability import over_seeds
from replication.pages.released_tables import (
    METRIC,
    SEPARATE,
    SURVIVORS,
    contrasts,
    score,
    scores,
    sizes,
    survivor_counts,
    tickets,
)
from replication.pages.show import Note
from replication.paper import numbers, records, release
from replication.paper.release import SCORED, SEEDS, SETTINGS
from replication.store import Store

METHODS = ("structured", "magnitude")
REAL = Path(os.environ.get("LOTTERY_RELEASE", REPOSITORY.parent / "shared" / "paper"))


def write_masks(root: Path) -> None:
    rng = np.random.default_rng(0)
    for setting, parts in SETTINGS.items():
        for task in TASKS:
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


def half(root: Path) -> None:
    np.save(root / MASK, np.full((12, 12), 0.5))


def pickled(root: Path) -> None:
    np.save(root / MASK, np.array([[None]], dtype=object), allow_pickle=True)


def cut(root: Path) -> None:
    (root / MASK).write_bytes((root / MASK).read_bytes()[:200])


def no_seed(root: Path) -> None:
    shutil.rmtree((root / MASK).parent)


def no_file(root: Path) -> None:
    (root / MASK).unlink()


def no_scores(root: Path) -> None:
    shutil.rmtree(root / "evaluate_masked")


def bad_json(root: Path) -> None:
    (root / "evaluate_masked/no_mask/baseline/results.json").write_text("{", encoding="utf-8")


def no_number(root: Path) -> None:
    path = root / "evaluate_masked/no_mask/baseline/results.json"
    content = json.loads(path.read_text("utf-8"))
    content["RTE"]["acc"][0] = float("nan")
    path.write_text(json.dumps(content), encoding="utf-8")


def no_task(root: Path) -> None:
    path = root / "evaluate_masked/no_mask/baseline/results.json"
    content = json.loads(path.read_text("utf-8"))
    del content["RTE"]
    path.write_text(json.dumps(content), encoding="utf-8")


def other_task(root: Path) -> None:
    path = root / "evaluate_masked/no_mask/baseline/results.json"
    content = json.loads(path.read_text("utf-8"))
    content["HANS"] = content["RTE"]
    path.write_text(json.dumps(content), encoding="utf-8")


def not_a_release(root: Path) -> None:
    shutil.rmtree(root / "masks")


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (
            save(np.ones((6, 12))),
            r"head_mask\.npy has shape \(6, 12\): expected \(12, 12\)",
        ),
        (half, r"head_mask\.npy holds 0\.5: expected zeros and ones only"),
        (save(np.full((12, 12), np.nan)), r"holds nan: expected zeros and ones"),
        (save(np.full((12, 12), "1")), r"holds 1: expected zeros and ones|holds"),
        (pickled, r"head_mask\.npy is not a plain array, but pickled or cut off"),
        (cut, r"head_mask\.npy is not a plain array, but pickled or cut off"),
        (no_seed, r"lacks .*RTE/seed_86: expected masks of the seeds 1337, 42, 86, 71, 166"),
        (no_file, r"head_mask\.npy cannot be read \(No such file"),
        (no_scores, r"has no scores: expected .*evaluate_masked"),
        (bad_json, r"results\.json cannot be read: expected a mean and a standard deviation"),
        (no_number, r"acc of RTE under no_mask is nan"),
        (no_task, r"lack RTE under no_mask"),
        (other_task, r"has scores of 'HANS': expected GLUE's nine"),
        (not_a_release, r"is not a copy of the release: expected the folders"),
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
    read, results = release.read(whole), records.load(str(recorded))
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
    found = records.load(str(recorded))["QQP"]["tickets"]["heads_mlps_bad_1"]
    assert found["different_masks"] == 5
    assert found["mlps"]["kept"] == [mask.n_mlps for mask in bad.values()]
    assert found["heads"]["both"] == [(bad[s] & good[s]).n_heads for s in SEEDS]
    parts = zip(*found["heads"]["kept_by"].values(), strict=True)
    assert [sum(of_seed) for of_seed in parts] == found["heads"]["kept"]


def test_what_tasks_share_comes_back_from_the_records(whole: Path, recorded: Path) -> None:
    from lottery_utils.agreement.sharing import Sharing

    direct = Sharing.of(release.read(whole).masks["heads_mlps"])
    again = records.sharing_of(records.load(str(recorded)))
    assert again.kept == direct.kept and again.n_super == direct.n_super
    assert again.seeds == SEEDS and again.n_heads == 144
    one, other = again.of_pair("RTE", "CoLA"), direct.of_pair("CoLA", "RTE")
    assert one.heads.excess == pytest.approx(other.heads.excess, abs=1e-8)
    assert one.survivors == pytest.approx(other.survivors, abs=1e-8)
    fewer = again.only(["CoLA", "RTE"])
    assert fewer.tasks == ["CoLA", "RTE"] and len(fewer.pairs) == 1


def test_without_records_a_page_says_so(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"There is no record of CoLA.*lottery released DIR"):
        records.load(str(tmp_path))
    assert not records.on_record(str(tmp_path))


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


@pytest.fixture(scope="module")
def ours() -> dict[str, dict[str, Any]]:
    return records.load()


def test_the_books_numbers_are_those_of_the_table_in_the_package(
    ours: dict[str, dict[str, Any]],
) -> None:
    """`paper.py` and the records were written apart."""
    for task in TASKS:
        for setting, name in (("no_mask", "full"), ("head_mlp_bad_1", "bad, pruned")):
            assert score(ours, task, setting) == pytest.approx(
                numbers.published(task, name), abs=1e-4
            )
        heads = OverSeeds.from_json(ours[task]["masks"]["heads_mlps"]["heads"])
        assert np.mean(heads.kept) == pytest.approx(numbers.of_masks(task, "heads_kept"))
        kappa = heads.beside_chance["Fleiss' kappa"].observed
        assert kappa == pytest.approx(numbers.of_masks(task, "kappa"), abs=1e-4)


def test_our_statistics_are_those_that_the_authors_printed(ours: dict[str, dict[str, Any]]) -> None:
    """Their notebook of statistics shows Cochran's p and Krippendorff's alpha in full."""
    found = {t: OverSeeds.from_json(of["masks"]["heads_mlps"]["heads"]) for t, of in ours.items()}
    p_values = {"MNLI": 0.394845, "MRPC": 0.013838, "QNLI": 0.032996, "STS-B": 0.057868}
    for task, p_value in p_values.items():
        assert found[task].q.p_value == pytest.approx(p_value, abs=1e-6)
    alpha = found["CoLA"].beside_chance["Krippendorff's alpha"].observed
    assert alpha == pytest.approx(0.229206, abs=1e-6)


def test_by_hand_random_minus_bad(ours: dict[str, dict[str, Any]]) -> None:
    """From the scores as the paper's figure has them, to three decimals."""
    random = dict(
        zip(TASKS, (0.417, 0.894, 0.679, 0.791, 0.876, 0.790, 0.842, 0.565), strict=False)
    )
    bad = dict(zip(TASKS, (0.406, 0.858, 0.677, 0.607, 0.820, 0.803, 0.766, 0.588), strict=False))
    differences = [random[t] - bad[t] for t in random]
    last = contrasts(ours, ["random minus bad, retrained"]).iloc[-1, 0]
    assert str(last).startswith(f"{np.mean(differences):+.3f}")
    assert str(last).endswith(f"{sum(d > 0 for d in differences)} of 8 above 0")


def test_what_the_pages_say_in_words_is_in_the_records(ours: dict[str, dict[str, Any]]) -> None:
    follows = sentences(ours)["follows"]
    assert [*follows] == ["yes", "not shown", "not shown", "yes", "yes", "yes", "yes"]
    by_task = contrasts(ours)[["random minus bad, pruned", "random minus bad, retrained"]].iloc[:-1]
    for text in by_task.to_numpy().ravel():  # no single task settles the order
        low, high = (float(end) for end in text.split("[")[1].rstrip("]").split(", "))
        assert low < 0 < high or low == high == 0
    q = errata_tables.agreement_and_q(ours)
    assert float(q["p of Q"].iloc[0]) < 0.05 < float(q.loc["MNLI", "p of Q"])
    made_up = errata_tables.what_q_tests()
    assert (made_up["p of Q"].astype(float) < 0.05).tolist() == [False, False, True]
    counts = errata_tables.different_masks(ours)
    assert (counts.loc["CoLA":"RTE"].to_numpy() == [1, 5, 1]).all()  # type: ignore[misc]
    assert (errata_tables.most_frequent_types()["most frequent"] == "heterogeneous").sum() == 5
    retrained = ("head_mlp_retrained", "head_mlp_random_retrained")
    same = [t for t in TASKS if len({score(ours, t, setting).mean for setting in retrained}) == 1]
    assert same == ["WNLI"]
    learned = [task for task in TASKS if task != "WNLI"]
    for task in learned:  # what each search spares, both together do not
        full = score(ours, task, "no_mask").mean
        assert score(ours, task, "head_mlp_separate").mean < 0.9 * full
    mlps = over_seeds(ours, "mlps")
    kappas = [mlps[task].beside_chance["Fleiss' kappa"] for task in learned]
    assert sum(of.observed > of.high for of in kappas) <= 2, "no more than by chance on most"
    shares = [numbers.pattern_shares(t, "fine-tuned", "super", "raw") for t in learned]
    assert sum(of is not None and of["heterogeneous"] > 0.5 for of in shares) <= 3
    pairs = records.sharing_of(ours).only(learned).pairs.values()
    for pair in pairs:  # most of what two tasks share, they share by their sizes
        assert np.mean([of.mean for of in pair.heads.by_size]) > pair.heads.observed.mean() / 2
    anti = [ours[t]["tickets"]["heads_mlps_super_bizzaro"]["heads"]["kept_by"] for t in learned]
    assert sum(of["some"][0] + of["all"][0] > 0 for of in anti) >= 5, "others fill the places"


def test_tables_have_every_task(ours: dict[str, dict[str, Any]]) -> None:
    tables = [
        *(
            tickets(ours, s, m)
            for s in ("pruned", "retrained")
            for m in ("structured", "magnitude")
        ),
        sizes(ours),
        scores(ours, SEPARATE),
        scores(ours, SURVIVORS),
        survivor_counts(ours),
        released_tables.sources(),
    ]
    for table in tables:
        assert [*table.index] == [*TASKS]
        assert "nan" not in table.to_string().lower()


@pytest.mark.skipif(not REAL.is_dir(), reason="no copy of the release: set LOTTERY_RELEASE")
def test_the_books_records_are_made_again_from_the_release(
    ours: dict[str, dict[str, Any]], tmp_path: Path
) -> None:
    records.released(REAL, Store(tmp_path))
    assert records.load(str(tmp_path)) == ours


def test_beside_the_study_both_have_the_same_measures(ours: dict[str, dict[str, Any]]) -> None:
    table = released_beside.table(ours, released_beside.TICKETS, "glue-small")
    assert isinstance(table, pd.DataFrame)
    full, majority, good = (
        score(ours, "SST-2", setting).mean
        for setting in ("no_mask", "freq_baseline", "head_mlp_retrained")
    )
    kept = (good - majority) / (full - majority)
    # The numbers in the package have four decimals.
    assert float(table.loc["SST-2", "good, BERT-base"]) == pytest.approx(kept, abs=0.0101)
    assert table.index.name == "glue-small: 3 seeds (1337, 42, 86)"
    agreement = released_beside.table(ours, released_beside.AGREEMENT, "glue-small")
    assert isinstance(agreement, pd.DataFrame)
    assert agreement.loc["SST-2", "heads kept, BERT-base"] == f"{67 / 144:.2f}"


def test_beside_a_study_without_records_the_page_says_so(
    ours: dict[str, dict[str, Any]], tmp_path: Path
) -> None:
    note = released_beside.table(ours, released_beside.TICKETS, "quick", str(tmp_path))
    assert isinstance(note, Note)


@pytest.mark.parametrize(
    "notebook", ["released_tickets", "released_stability", "released_sharing", "errata"]
)
def test_pages_are_made_of_any_release(notebook: str, recorded: Path, tmp_path: Path) -> None:
    """Through papermill, from a made-up release; the book's own pages are made by `make book`."""
    page = tmp_path / "page.ipynb"
    source = REPOSITORY / "notebooks" / f"{notebook}.ipynb"
    build.build_page(source, page, {"results_dir": str(recorded)})
    cells = json.loads(page.read_text("utf-8"))["cells"]
    outputs = [out for cell in cells for out in cell.get("outputs", [])]
    shown = "\n".join("".join(out.get("data", {}).get("text/html", "")) for out in outputs)
    assert "CoLA" in shown
    assert "lottery-figure" in shown
    assert not re.search(r"\bnan\b", re.sub(r"<[^>]*>", " ", shown), re.IGNORECASE)


def test_reading_a_release_is_not_a_study_that_cost_hours(recorded: Path, tiny_run: Path) -> None:
    assert isinstance(study_cost.table(recorded), Note)
    both = study_cost.table(tiny_run / "results")
    assert isinstance(both, pd.DataFrame) and [*both.index] == ["tiny"]
