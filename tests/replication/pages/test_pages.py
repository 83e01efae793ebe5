"""What pages show: every figure and table from the records of a small run."""

from __future__ import annotations

import json
import math
import os
import re
import subprocess
import sys
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from conftest import REPOSITORY
from hypothesis import given, settings
from hypothesis import strategies as st

from lottery_utils.agreement.inference import Interval, p_text, t_interval
from lottery_utils.errors import UserError
from lottery_utils.masks import StructuredMask
from replication.experiments.sweep import sweep_name
from replication.pages import plots, sweep, tables, ticket_plots, ticket_tables, weight_plots
from replication.pages.provenance import Sources
from replication.pages.show import Figure, Note
from replication.runs import records
from replication.runs.recorded import KINDS, NO_MAGNITUDE, Entries
from replication.store import Key, Store
from replication.study import STAGES, Study

TASKS = ("CoLA", "STS-B", "RTE")
SEEDS = (1337, 42)
PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(autouse=True)
def coarse_images() -> None:
    """Images are looked at for being there: few dots are drawn faster."""
    import matplotlib.pyplot as plt

    plt.rcParams["savefig.dpi"] = 40


@pytest.fixture(scope="module")
def every(tiny_run: Path) -> dict[str, Entries]:
    """All records of the tiny study, as `records.load` gives them."""
    store = Store(tiny_run / "results")
    found: dict[str, Entries] = {}
    for task in TASKS:
        found[task] = {}
        for seed in SEEDS:
            read = {stage: store.read(Key("tiny", task, seed, stage)) for stage in STAGES}
            found[task][seed] = {stage: record for stage, record in read.items() if record}
            assert len(found[task][seed]) == len(STAGES)
    return found


class Images(HTMLParser):
    """The images of a piece of HTML, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.alts: list[str | None] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "img":
            self.alts.append(dict(attrs).get("alt"))

    def handle_data(self, data: str) -> None:
        self.text += data


def shown(figure: Figure) -> tuple[str, str]:
    """The alternative text and the caption of a figure, as a browser would read them."""
    assert figure.png.startswith(PNG)
    assert len(figure.png) > 1000
    page = Images(figure._repr_html_())
    (alt,) = page.alts
    assert alt
    assert page.text
    assert figure.alt == alt
    return alt, page.text


def magnitude_bars(entries: Entries) -> Figure | Note:
    return ticket_plots.ticket_bars(entries, "magnitude")


def magnitude_tickets(entries: Entries) -> pd.DataFrame | Note:
    return ticket_tables.tickets(entries, "magnitude")


OF_HEADS_AND_MLPS: list[Callable[[Entries], Any]] = [
    plots.fine_tuning_curves,
    plots.importance,
    plots.search_curve,
    plots.survivors,
    ticket_plots.ticket_bars,
]
OF_WEIGHTS: list[Callable[[Entries], Any]] = [
    magnitude_bars,
    weight_plots.weight_search_curve,
    weight_plots.weight_densities,
]
OF_ONE_TASK = OF_HEADS_AND_MLPS + OF_WEIGHTS
TABLES: list[Callable[[Entries], Any]] = [
    tables.setup,
    tables.examples,
    ticket_tables.sizes,
    ticket_tables.tickets,
]
TABLES_OF_WEIGHTS: list[Callable[[Entries], Any]] = [ticket_tables.weights, magnitude_tickets]


@pytest.mark.filterwarnings("error::UserWarning", "error::RuntimeWarning")
@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("draw", OF_ONE_TASK, ids=lambda draw: draw.__name__)
def test_a_figure_says_what_it_shows(
    every: dict[str, Entries], draw: Callable[[Entries], Figure], task: str
) -> None:
    import matplotlib.pyplot as plt

    alt, caption = shown(draw(every[task]))
    for text in (alt, caption):
        assert task in text
        assert not [other for other in TASKS if other != task and other in text]
    assert "40 validation examples" in caption or "2 seed" in caption
    assert not plt.get_fignums(), "a figure that stays open is shown twice by a notebook"


@pytest.mark.parametrize("draw", OF_ONE_TASK, ids=lambda draw: draw.__name__)
def test_one_seed_is_enough_for_a_figure(
    every: dict[str, Entries], draw: Callable[[Entries], Figure]
) -> None:
    shown(draw({42: every["STS-B"][42]}))


def test_captions_count_what_was_drawn(every: dict[str, Entries]) -> None:
    entries = every["CoLA"]
    assert "64 training and 40 validation examples" in plots.fine_tuning_curves(entries).caption
    assert "from 40 validation examples" in plots.importance(entries).caption
    assert "n = 40 validation examples" in plots.search_curve(entries).caption
    assert "2 seeds (1337, 42)" in plots.search_curve(entries).caption
    assert "1 seed (42)" in plots.search_curve({42: entries[42]}).caption
    assert "of the 2 seed" in plots.survivors(entries).caption
    assert "n = 2; 40 validation examples" in ticket_plots.ticket_bars(entries).caption
    kept = StructuredMask.from_json(entries[42]["search"]["results"]["mask"])
    assert f"seed 42 keeps {kept.n_heads} of 8 heads" in plots.survivors(entries).alt
    bars = magnitude_bars(entries)
    assert isinstance(bars, Figure)
    assert "under magnitude pruning" in bars.caption
    assert "everything else held at zero" in bars.caption
    weights = weight_plots.weight_search_curve(entries)
    assert isinstance(weights, Figure)
    assert "2 seeds (1337, 42)" in weights.caption
    assert "the smallest 50% of what remains" in weights.caption
    assert "n = 40 validation examples" in weights.caption
    density = entries[42]["magnitude"]["results"]["weights"]["density"]
    assert f"{density:.1%}" in weights.alt


@pytest.mark.parametrize("method", ["structured", "magnitude"])
def test_bars_name_the_scores_of_every_ticket(every: dict[str, Entries], method: str) -> None:
    bars = ticket_plots.ticket_bars(every["STS-B"], method)
    assert isinstance(bars, Figure)
    for kind in KINDS[method]:
        scores = [
            stages["tickets" if method == "structured" else "magnitude"]["results"]["tickets"][kind]
            for stages in every["STS-B"].values()
        ]
        pruned, retrained = (
            np.mean([s[state] for s in scores]) for state in ("pruned", "retrained")
        )
        assert f"{pruned:.3f} pruned, {retrained:.3f} retrained" in bars.alt
    assert "beside the paper" in bars.alt
    assert "the released scores" in bars.caption


def test_a_search_of_grades_is_drawn_by_the_metric_it_went_by(every: dict[str, Entries]) -> None:
    for draw in (plots.search_curve, weight_plots.weight_search_curve):
        assert "mean of Pearson and Spearman of the masked model" in draw(every["STS-B"]).caption
        assert "Matthews correlation of the masked model" in draw(every["CoLA"]).caption
    assert (
        "Pearson correlation on the validation" in plots.fine_tuning_curves(every["STS-B"]).caption
    )


def without_magnitude(entries: Entries, *seeds: int) -> Entries:
    """The same records but those of magnitude pruning (of these seeds, by default of all)."""
    return {
        seed: {
            stage: record
            for stage, record in records.items()
            if stage != "magnitude" or (seeds and seed not in seeds)
        }
        for seed, records in entries.items()
    }


@pytest.mark.parametrize("seeds", [(), (42,)], ids=["no seed has it", "a seed lacks it"])
@pytest.mark.parametrize("show", OF_WEIGHTS + TABLES_OF_WEIGHTS, ids=lambda show: show.__name__)
def test_without_magnitude_pruning_a_page_says_so(
    every: dict[str, Entries], show: Callable[[Entries], Any], seeds: tuple[int, ...]
) -> None:
    assert show(without_magnitude(every["CoLA"], *seeds)) is NO_MAGNITUDE
    assert "magnitude_tasks" in NO_MAGNITUDE._repr_html_()


@pytest.mark.parametrize("show", OF_HEADS_AND_MLPS + TABLES, ids=lambda show: show.__name__)
def test_without_magnitude_pruning_the_rest_of_a_page_is_the_same(
    every: dict[str, Entries], show: Callable[[Entries], Any]
) -> None:
    found = show(without_magnitude(every["CoLA"]))
    assert isinstance(found, Figure | pd.DataFrame)


def test_an_overview_has_only_the_tasks_with_magnitude_pruning(every: dict[str, Entries]) -> None:
    some = {**every, "CoLA": without_magnitude(every["CoLA"])}
    drawn = ticket_plots.tickets_over_tasks(some, "magnitude")
    assert isinstance(drawn, Figure)
    assert "CoLA" not in drawn.alt
    assert "STS-B" in drawn.alt
    table = ticket_tables.overview(some, "magnitude")
    assert isinstance(table, pd.DataFrame)
    assert list(table.index) == ["STS-B", "RTE"]
    both = ticket_tables.verdicts(with_warnings(some, set()), "magnitude")
    assert {seen.split(" of ")[1] for seen in both["seen"]} == {"4"}
    none = {task: without_magnitude(entries) for task, entries in every.items()}
    assert ticket_plots.tickets_over_tasks(none, "magnitude") is NO_MAGNITUDE
    assert ticket_tables.overview(none, "magnitude") is NO_MAGNITUDE
    assert ticket_tables.verdicts(none, "magnitude").empty


@pytest.mark.parametrize("n_seeds", [5, 9])
def test_every_seed_is_drawn(
    every: dict[str, Entries], monkeypatch: pytest.MonkeyPatch, n_seeds: int
) -> None:
    import matplotlib.pyplot as plt

    many = {seed: every["STS-B"][SEEDS[seed % 2]] for seed in range(n_seeds)}
    labels: list[str] = []

    def remember(drawing: Any, caption: str, alt: str) -> Figure:
        labels.extend(axes_label for a in drawing.axes for axes_label in legend_of(a))
        plt.close(drawing)
        return Figure(PNG, caption, alt)

    def legend_of(axes: Any) -> list[str]:
        return [str(label) for label in axes.get_legend_handles_labels()[1]]

    monkeypatch.setattr(Figure, "of", remember)
    for draw in (plots.fine_tuning_curves, plots.search_curve, weight_plots.weight_search_curve):
        labels.clear()
        assert f"{n_seeds} seeds" in draw(many).caption
        assert {f"seed {seed}" for seed in many} <= set(labels)


@pytest.mark.parametrize("method", ["structured", "magnitude"])
def test_the_overview_names_every_task(every: dict[str, Entries], method: str) -> None:
    drawn = ticket_plots.tickets_over_tasks(every, method)
    assert isinstance(drawn, Figure)
    alt, caption = shown(drawn)
    assert all(task in alt for task in TASKS)
    assert "2 seeds (1337, 42)" in caption
    assert f"under {method} pruning" in caption


def test_html_of_texts_is_escaped() -> None:
    figure = Figure(PNG, "a < b & <script>", 'say "so" & <b>')
    page = Images(figure._repr_html_())
    assert page.alts == ['say "so" & <b>']
    assert page.text == "a < b & <script>"
    assert "<script>" not in Note("<script>", "warning")._repr_html_()


def cells(table: pd.DataFrame) -> str:
    """All that a reader sees of a table, as text."""
    return re.sub(r"<[^>]*>", " ", table.to_html())


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("make", TABLES + TABLES_OF_WEIGHTS, ids=lambda make: make.__name__)
def test_a_table_is_filled(
    every: dict[str, Entries], make: Callable[[Entries], pd.DataFrame], task: str
) -> None:
    one_seed = {42: every[task][42]}
    for entries in (every[task], one_seed):
        table = make(entries)
        assert table.size
        assert not table.isna().any(axis=None)
        if make is not tables.examples:  # sentences may say "none"
            assert not re.search(r"\b(nan|none|inf)\b", cells(table), re.IGNORECASE)


def test_the_setup_is_the_records(every: dict[str, Entries]) -> None:
    facts = tables.setup(every["RTE"])["this page"]
    assert "entail" in facts["Question"]
    assert facts["Train examples"].startswith("32 entailment, 32 not_entailment; ")
    assert facts["Seeds"] == "1337, 42"
    assert "learning rate 0.001, 1 epochs, batch 4" in facts["Recipe"]
    assert facts["Backbone"].startswith("local:")
    assert facts["Majority baseline"] == "0.500"
    graded = tables.setup(every["STS-B"])["this page"]
    assert graded["Train examples"].startswith("64 pairs with a grade; ")
    assert graded["Metric"] == "Pearson correlation"


def test_examples_are_those_that_were_trained_on(every: dict[str, Entries]) -> None:
    from lottery_utils.data import load_examples

    shown_here = tables.examples(every["RTE"])
    assert isinstance(shown_here, pd.DataFrame)
    assert sorted(shown_here.index) == ["entailment"] * 2 + ["not_entailment"] * 2
    train = load_examples("RTE", "mini", train_size=64, validation_size=40)["train"]
    assert set(shown_here["sentence"]) <= {example.sentence1 for example in train}
    assert list(tables.examples(every["CoLA"]).columns) == ["sentence"]
    graded = tables.examples(every["STS-B"])
    train = load_examples("STS-B", "mini", train_size=64)["train"]
    grades = {(e.sentence1, e.sentence2): e.label for e in train}
    assert set(graded.index) == {f"about {grade}" for grade in range(6)}
    pairs = zip(graded["sentence"], graded["second sentence"], strict=True)
    assert [f"about {round(grades[pair])}" for pair in pairs] == [*graded.index]


def test_sentences_from_files_are_not_shown(every: dict[str, Entries]) -> None:
    entries = json.loads(json.dumps(every["STS-B"]))
    for stages in entries.values():
        stages["finetune"]["config"]["data"] = "local"
    note = tables.examples(entries)
    assert isinstance(note, Note)
    assert "not part of this book" in note._repr_html_()


def test_sizes_are_the_masks(every: dict[str, Entries]) -> None:
    table = ticket_tables.sizes(every["CoLA"])
    for seed in SEEDS:
        found = every["CoLA"][seed]["search"]["results"]
        mask = StructuredMask.from_json(found["mask"])
        row = table.loc[f"seed {seed}"]
        assert row["heads kept"] == f"{mask.n_heads} of 8"
        assert row["MLPs kept"] == f"{mask.n_mlps} of 2"
        assert row["steps tried"] == len(found["steps"])


def test_weights_are_the_masks(every: dict[str, Entries]) -> None:
    table = ticket_tables.weights(every["STS-B"])
    assert isinstance(table, pd.DataFrame)
    for seed in SEEDS:
        found = every["STS-B"][seed]["magnitude"]["results"]
        row = table.loc[f"seed {seed}"]
        assert row["share kept"] == f"{found['weights']['density']:.1%}"
        assert row["steps tried"] == len(found["steps"])
        assert row["good score"] == round(found["tickets"]["good"]["pruned"], 3)


@pytest.mark.parametrize("method", ["structured", "magnitude"])
def test_ticket_table_pairs_scores_by_seed(every: dict[str, Entries], method: str) -> None:
    entries = every["STS-B"]
    table = ticket_tables.tickets(entries, method)
    names = {kind: kind for kind in ("good", "random", "bad")}
    if method == "magnitude":
        names["largest_removed"] = "bad (largest removed)"
    assert list(table.index) == ["full model"] + [
        f"{name}, {state}" for state in ("pruned", "retrained") for name in names.values()
    ]
    stage = "tickets" if method == "structured" else "magnitude"
    for kind, state in (("bad", "pruned"), ("good", "retrained"), ([*names][-1], "pruned")):
        scores = [e[stage]["results"]["tickets"][kind][state] for e in entries.values()]
        full = [e["finetune"]["results"]["score"] for e in entries.values()]
        differences = [of_full - score for of_full, score in zip(full, scores, strict=True)]
        row = table.loc[f"{names[kind]}, {state}"]
        assert row["score"] == str(t_interval(scores))
        assert row["full minus this"] == str(t_interval(differences))
    assert table.loc["full model", "full minus this"] == ""
    assert table.loc["random, pruned", "random minus this"] == ""


@pytest.mark.parametrize("method", ["structured", "magnitude"])
def test_overview_has_a_row_for_every_task(every: dict[str, Entries], method: str) -> None:
    table = ticket_tables.overview(every, method)
    assert list(table.index) == list(TASKS)
    scores = [e["finetune"]["results"]["score"] for e in every["CoLA"].values()]
    assert table.loc["CoLA", "full"] == round(float(np.mean(scores)), 3)
    assert table.loc["CoLA", "metric"] == "Matthews correlation"
    assert not table.isna().any(axis=None)
    assert not re.search(r"\bnan\b", cells(table), re.IGNORECASE)
    stage = "tickets" if method == "structured" else "magnitude"
    bad = [e[stage]["results"]["tickets"]["bad"]["pruned"] for e in every["STS-B"].values()]
    assert table.loc["STS-B", "bad, pruned"] == round(float(np.mean(bad)), 3)
    if method == "magnitude":
        found = [e["magnitude"]["results"]["weights"]["density"] for e in every["RTE"].values()]
        assert table.loc["RTE", "weights kept"] == f"{np.mean(found):.1%}"


def with_warnings(every: dict[str, Entries], warned: set[int]) -> dict[str, Entries]:
    """The same records with a warning for some seeds only, and every score defined."""
    copy: dict[str, Entries] = {}
    for task, entries in every.items():
        copy[task] = {}
        for seed, stages in entries.items():
            copy[task][seed] = json.loads(json.dumps(stages))
            full = copy[task][seed]["finetune"]["results"]
            full["score"] = full["majority"] + (0 if seed in warned else 0.3)
            full["undefined"] = {}
            for stage in ("tickets", "magnitude"):
                if stage in stages:
                    for ticket in copy[task][seed][stage]["results"]["tickets"].values():
                        ticket["undefined"] = {}
    return copy


def test_verdicts_leave_out_what_learned_nothing(every: dict[str, Entries]) -> None:
    records = with_warnings(every, {42})
    table = ticket_tables.verdicts(records)
    assert {seen.split(" of ")[1] for seen in table["seen"]} == {"3"}
    held = 0
    for entries in records.values():
        full = entries[1337]["finetune"]["results"]["score"]
        tickets = entries[1337]["tickets"]["results"]["tickets"]
        held += tickets["bad"]["retrained"] >= 0.9 * full
    assert table.loc["retrained: bad reaches 90 % of full", "seen"] == f"{held} of 3"
    assert ticket_tables.verdicts(with_warnings(every, {42, 1337})).empty


def test_a_meaningless_rule_is_a_warning(every: dict[str, Entries]) -> None:
    warned = tables.warnings(with_warnings(every, {42})["CoLA"])
    assert warned.kind == "warning"
    assert "Seed 42: The full model" in warned.text
    assert "Seed 1337" not in warned.text
    assert tables.warnings(with_warnings(every, set())["CoLA"]).kind == "note"


def test_an_undefined_score_is_a_sentence(every: dict[str, Entries]) -> None:
    entries = with_warnings(every, set())["CoLA"]
    why = "all predictions are the same"
    entries[42]["finetune"]["results"]["undefined"] = {"full": why}
    entries[42]["tickets"]["results"]["tickets"]["bad"]["undefined"] = {"retrained": why}
    largest = entries[42]["magnitude"]["results"]["tickets"]["largest_removed"]
    largest["undefined"] = {"pruned": why}
    note = tables.warnings(entries)
    assert (note.kind, note.text) == (
        "warning",
        f"Seed 42: Matthews correlation is undefined and counted as 0 (full model: {why}; "
        f"bad, retrained: {why}; bad (largest removed), pruned: {why}).",
    )
    alone = tables.warnings(without_magnitude(entries))
    assert "largest removed" not in alone.text
    assert "bad, retrained" in alone.text


def test_what_is_undefined_in_the_records_is_said(every: dict[str, Entries]) -> None:
    said = tables.warnings(every["CoLA"])
    assert said.kind == "warning"
    assert "Matthews correlation is undefined and counted as 0 (" in said.text
    assert "undefined" not in tables.warnings(every["RTE"]).text, "accuracy always is defined"


def test_sources_list_every_record(every: dict[str, Entries]) -> None:
    html = all_of(every["STS-B"])._repr_html_()
    for seed in SEEDS:
        for stage in STAGES:
            assert f"tiny/STS-B/seed-{seed}/{stage}.json" in html
            assert every["STS-B"][seed][stage]["hash"] in html
    assert "Made from 8 records of tiny, computed 2" in html
    size = every["STS-B"][42]["finetune"]["config"]["train_size"]
    assert f"; training examples of a task: tiny at most {size:,}</summary>" in html
    assert f"tiny/STS-B/seed-42/{STAGES[0]}.json" in repr(all_of(every["STS-B"]))


def all_of(entries: Entries) -> Sources:
    return Sources(record for stages in entries.values() for record in stages.values())


def test_sources_are_what_was_read(every: dict[str, Entries], tiny_run: Path) -> None:
    code = (
        "from replication.pages import provenance; from replication.runs import records; "
        "print(provenance.Sources().summary); "
        "records.load('tiny', 'RTE', [42]); print(provenance.Sources())"
    )
    first, *rows = subprocess.run(
        [sys.executable, "-c", code], cwd=tiny_run, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    assert first == "no records"
    read = {row.split(" | ")[0] for row in rows}
    assert read == {f"tiny/RTE/seed-42/{stage}.json" for stage in STAGES}


@pytest.fixture
def swept(workplace: Path) -> dict[str, Any]:
    """A sweep of the tiny study, written as `lottery sweep` would, with known scores."""
    from dataclasses import replace

    study, store = Study.load("tiny"), Store()
    for task in TASKS:
        runs = [
            {
                "learning_rate": rate,
                "batch_size": 4,
                "epochs": epochs,
                "seed": seed,
                "score": score + bonus,
                "loss": 1.0,
            }
            for rate, epochs, score in ((3e-4, 1, 0.5), (1e-3, 1, 0.7), (1e-3, 2, 0.6))
            for seed, bonus in zip(SEEDS, (0.0, 0.1), strict=True)
        ]
        results = {
            "runs": runs,
            "metric": "accuracy",
            "majority": 0.5,
            "examples": {"fit": 48, "held_out": 16},
        }
        run = {"device": "cpu", "threads": 1, "training_precision": "fp32", "seconds": 1.0}
        key = Key(sweep_name(study), task, None, "sweep")
        replace(study, name=sweep_name(study)).keep(store.root)
        store.write(key, study.hash("sweep"), study.identity("sweep"), results, run)
    return sweep.load("tiny")


def test_the_sweep_page_shows_its_records(swept: dict[str, Any]) -> None:
    alt, caption = shown(sweep.plot(swept))
    assert "task" in alt
    assert "2 seeds" in caption
    assert all(f"{task}: 48 fitted, 16 held out" in caption for task in TASKS)
    table = sweep.table(swept)
    assert table["CoLA"].tolist() == [0.75, 0.65, 0.55], "means over seeds, the best first"
    assert table["mean over tasks"].tolist() == [0.75, 0.65, 0.55]
    assert table["learning_rate"].tolist() == [1e-3, 1e-3, 3e-4]
    assert table["epochs"].tolist() == [1, 2, 1]


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (("1.0e-3", "1.0e-3"), "note"),
        (("1.0e-3", "3.0e-4"), "warning"),
        (("epochs: 1", "epochs: 2"), "warning"),
    ],
)
def test_a_study_that_does_not_follow_its_sweep_is_warned_about(
    swept: dict[str, Any], change: tuple[str, str], kind: str
) -> None:
    path = Path("studies/tiny.yaml")
    path.write_text(path.read_text("utf-8").replace(*change), "utf-8")
    note = sweep.choice(swept, "tiny")
    assert note.kind == kind
    assert "tiny" in note.text


def test_a_missing_sweep_says_how_to_make_it(workplace: Path) -> None:
    with pytest.raises(UserError, match=r"no sweep of the study 'tiny'.*lottery sweep tiny"):
        sweep.load("tiny")
    none = sweep.load("tiny", needed=False)
    assert sweep.table(none) is sweep.choice(none, "tiny") is sweep.NO_SWEEP


def test_a_sweep_of_some_tasks_shows_those(swept: dict[str, Any]) -> None:
    (task, *others) = swept
    assert others
    for other in others:
        Store().path(Key(sweep_name(Study.load("tiny")), other, None, "sweep")).unlink()
    assert [*sweep.load("tiny")] == [task]


def test_records_are_read_without_heavy_libraries(tiny_run: Path) -> None:
    """A page that only reads should start in a second, and without torch installed."""
    code = """
import sys
from replication.pages import corpus, plots, sweep
from replication.pages import tables, ticket_plots, ticket_tables, weight_plots
from replication.runs import records
entries = records.load("tiny", "STS-B", "[42]")["STS-B"]
plots.search_curve(entries), tables.setup(entries), ticket_tables.tickets(entries)
tables.examples(entries), weight_plots.weight_densities(entries)
heavy = {"torch", "transformers", "datasets", "evaluate", "sklearn", "safetensors"}
print(sorted(heavy & set(sys.modules)))
"""
    found = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        cwd=tiny_run,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY), "MPLBACKEND": "Agg"},
    )
    assert found.returncode == 0, found.stderr
    assert found.stdout.strip() == "[]"


def test_a_user_error_is_one_sentence_in_a_notebook(workplace: Path) -> None:
    with pytest.raises(UserError) as caught:
        records.load("tiny", "SST2")
    (line,) = caught.value._render_traceback_()
    assert line.startswith("UserError: Unknown task 'SST2'")


@settings(deadline=None, max_examples=50)
@given(
    st.lists(st.floats(-1, 1), min_size=2, max_size=12).filter(lambda v: np.std(v) > 1e-6),
    st.sampled_from([0.9, 0.95, 0.99]),
)
def test_intervals_are_scipys(values: list[float], level: float) -> None:
    from scipy import stats

    found = t_interval(values, level)
    expected = stats.t.interval(
        level, len(values) - 1, loc=np.mean(values), scale=stats.sem(values)
    )
    assert (found.low, found.high) == pytest.approx(expected)
    assert found.mean == pytest.approx(np.mean(values))
    assert found.n == len(values)


def test_intervals_by_hand() -> None:
    # Two values: t(0.975, 1) = 12.7062, standard error 0.1 / sqrt(2) / sqrt(2) = 0.05.
    two = t_interval([0.8, 0.9])
    assert two.mean == pytest.approx(0.85)
    assert (two.low, two.high) == pytest.approx((0.85 - 0.63531, 0.85 + 0.63531), abs=1e-5)
    # Five values, s = sqrt(2.5), t(0.975, 4) = 2.77645.
    five = t_interval([1, 2, 3, 4, 5])
    assert five.high - five.mean == pytest.approx(2.77645 * math.sqrt(2.5 / 5), abs=1e-5)
    assert str(two) == "0.850 [0.215, 1.485]"


def test_one_value_has_no_interval_and_none_is_an_error() -> None:
    one = t_interval([0.5])
    assert one[:1] + one[3:] == (0.5, 1)
    assert math.isnan(one.low)
    assert math.isnan(one.high)
    assert str(one) == "0.500 (n = 1)"
    assert isinstance(one, Interval)
    assert t_interval([0.5, 0.5])[:3] == (0.5, 0.5, 0.5)
    with pytest.raises(ValueError, match="at least one value"):
        t_interval([])


def test_a_pages_texts_name_no_place(every: dict[str, Entries], tiny_run: Path) -> None:
    for entries in every.values():
        html = all_of(entries)._repr_html_() + tables.setup(entries).to_html()
        assert not re.search(re.escape(str(tiny_run.parent)), html)


def test_no_p_value_is_said_to_be_zero() -> None:
    assert [p_text(p) for p in (0.0123, 0.001, 0.0004)] == ["p = 0.012", "p = 0.001", "p < 0.001"]
    assert p_text(float("nan")) == "p undefined"
