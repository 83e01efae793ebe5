"""Fixtures that several test files share. Nothing here asks a network for anything."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

# One thread and no hub, in this process and in those that tests start. Set before torch and
# transformers are imported, because both read the environment only once.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["HF_HUB_OFFLINE"] = "1"

import matplotlib
import pytest
import torch
from browsing import browser, page, site  # noqa: F401  # fixtures
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from torch import Tensor, nn

from lottery_utils.masks import StructuredMask

matplotlib.use("Agg")
settings.register_profile("unhurried", deadline=None)  # a busy machine is no fault
settings.load_profile("unhurried")

REPOSITORY = Path(__file__).resolve().parents[1]
PACKAGES = ("lottery_utils", "replication", "miniglue")
BUNDLED_TOKENIZER = ("tokenizer.json", "tokenizer_config.json", "vocab.txt")

# Files with tests of minutes. They start first: else one process is left with them at the end.
LONG = ("test_site.py", "test_bench.py", "test_notebooks.py", "test_followups.py", "test_export.py")


def library() -> list[Path]:
    """Every Python file of the three packages."""
    return sorted(path for name in PACKAGES for path in (REPOSITORY / name).rglob("*.py"))


def module_at(path: Path) -> Any:
    """A Python file that lies in no package, as a module."""
    spec = importlib.util.spec_from_file_location(f"{path.stem}_at", path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.path.name not in LONG)


@st.composite
def masks(draw: st.DrawFn, n_layers: int = 3, n_heads: int = 4) -> StructuredMask:
    """Random masks of the tiny model, layers without heads and without MLP among them."""
    heads = draw(arrays(bool, (n_layers, n_heads)))
    for layer in draw(st.sets(st.integers(0, n_layers - 1))):
        heads[layer] = False
    return StructuredMask(heads, draw(arrays(bool, n_layers)))


def randomized(model: Any) -> Any:
    """`model` in evaluation mode with all weights random, biases and LayerNorms included.

    transformers starts those at 0 and 1, where forgetting one would change nothing.
    """
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, nn.Linear):
                module.weight.normal_(0.0, 0.2)
                module.bias.normal_(0.0, 0.5)
            if isinstance(module, nn.LayerNorm):
                module.weight.normal_(1.0, 0.2)
                module.bias.normal_(0.0, 0.2)
    return model.eval()


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Small tensors are fastest on one thread, and sums come out the same every time."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def tiny_model() -> Callable[..., Any]:
    """A factory: `tiny_model(attn="sdpa", seed=0)` is a fresh BERT of 3 layers x 4 heads.

    A classifier of 2 labels, or with `n_outputs=1` a model of grades, that knows 60 tokens,
    has 32 channels and is in evaluation mode. Biases and LayerNorm weights are random too:
    transformers starts them at 0 and 1, where forgetting one would change nothing.
    """

    def make(attn: str = "sdpa", seed: int = 0, n_outputs: int = 2) -> Any:
        from transformers import BertConfig, BertForSequenceClassification

        config = BertConfig(**_shape(vocab_size=60, num_hidden_layers=3), num_labels=n_outputs)
        config._attn_implementation = attn
        torch.manual_seed(seed)
        model = BertForSequenceClassification(config)
        return randomized(model)

    return make


@pytest.fixture
def tiny_batches() -> list[dict[str, Tensor]]:
    """Three batches for `tiny_model`, of 3, 2 and 1 examples, padded, the first two of pairs."""
    generator = torch.Generator().manual_seed(0)
    batches = []
    for lengths in ((7, 5, 3), (4, 6), (5,)):
        width = max(lengths)
        attended = torch.arange(width) < torch.tensor(lengths)[:, None]
        ids = torch.randint(1, 60, (len(lengths), width), generator=generator)
        second = (torch.arange(width) >= 3) & attended
        batches.append(
            {
                "input_ids": ids * attended,  # token 0 is padding
                "attention_mask": attended.long(),
                "token_type_ids": second.long() * (len(lengths) > 1),
                "labels": torch.randint(0, 2, (len(lengths),), generator=generator),
            }
        )
    return batches


@pytest.fixture(scope="session")
def tiny_backbone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for `--backbone`: a random BERT of 2 layers x 4 heads that trains in a second.

    The tokenizer is the bundled backbone's, so that it reads the embedded corpus.
    """
    return make_backbone(tmp_path_factory.mktemp("backbone") / "tiny", seed=0)


def make_backbone(folder: Path, seed: int) -> Path:
    """Write such a folder; other seeds give other weights."""
    from transformers import BertConfig, BertModel

    from lottery_utils.backbone import bundled_folder

    folder.mkdir(parents=True)
    for name in BUNDLED_TOKENIZER:
        shutil.copy(bundled_folder() / name, folder / name)
    vocabulary = len(json.loads((folder / "tokenizer.json").read_text("utf-8"))["model"]["vocab"])
    torch.manual_seed(seed)
    # A wide first draw: with BERT's own narrow one, a mask would hardly change what comes out.
    config = BertConfig(**_shape(vocab_size=vocabulary, num_hidden_layers=2), initializer_range=0.3)
    BertModel(config, add_pooling_layer=True).save_pretrained(folder)
    return folder


@pytest.fixture
def workplace(tmp_path: Path, tiny_backbone: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder with studies/tiny.yaml: records and caches go there, not here."""
    monkeypatch.chdir(make_workplace(tmp_path / "workplace", tiny_backbone))
    return Path.cwd()


@pytest.fixture(scope="session")
def tiny_run(tmp_path_factory: pytest.TempPathFactory, tiny_backbone: Path) -> Path:
    """A workplace whose study `tiny` is done: three tasks, two seeds. Read it, never write.

    CoLA's metric is a correlation, RTE has pairs, and STS-B's answers are grades.
    """
    from replication.runs.run import ensure
    from replication.store import Store
    from replication.study import Study

    folder = make_workplace(tmp_path_factory.mktemp("run") / "workplace", tiny_backbone)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        study = Study.load("tiny")
        ensure(study, Store(), device="cpu", threads=1, quiet=True)
    return folder


@pytest.fixture(scope="session")
def answered_run(tmp_path_factory: pytest.TempPathFactory, tiny_backbone: Path) -> Path:
    """A workplace whose study `answered` is done: CoLA and STS-B, one seed, answers kept.

    CoLA has 50 examples held out, STS-B none. It trains for so few steps that some tickets do
    not train. Read it, never write.
    """
    from lottery_utils import data
    from replication.runs import run
    from replication.store import Store
    from replication.study import Study

    folder = make_workplace(tmp_path_factory.mktemp("answered") / "workplace", tiny_backbone)
    text = TINY_STUDY.format(backbone=json.dumps(str(tiny_backbone)))
    text = text.replace("CoLA, STS-B, RTE", "CoLA, STS-B").replace("[1337, 42]", "[42]")
    text = text.replace("train_size: 64", "train_size: 8\nheld_out: true")
    (folder / "studies" / "answered.yaml").write_text(text, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        more = data.load_examples("CoLA", "mini", validation_size=90)["validation"][-50:]
        patch.setattr(
            data, "left_out_examples", lambda task, *_: more if task.name == "CoLA" else []
        )
        study = Study.load("answered")
        run.ensure(study, Store(), device="cpu", threads=1, quiet=True)
    return folder


@pytest.fixture(scope="session")
def every(tiny_run: Path) -> dict[str, Any]:
    """All records of the study `tiny`: every[task][seed][stage]."""
    from replication.runs.records import TaskRecords
    from replication.stages import STAGES
    from replication.store import Key, Store

    store = Store(tiny_run / "results")
    return {
        task: TaskRecords(
            {
                seed: {stage: store.read(Key("tiny", task, seed, stage)) for stage in STAGES}
                for seed in (1337, 42)
            }
        )
        for task in ("CoLA", "STS-B", "RTE")
    }


@pytest.fixture(scope="session")
def trial() -> Any:
    """The study that the book is about, on trial: read it, never write."""
    from replication.claims.trial import put_on_trial

    return put_on_trial("minilm-glue", _committed())


@pytest.fixture(scope="session")
def small_trial() -> Any:
    """The same of two tasks of real GLUE, where whatever is measured at all is measured."""
    from replication.claims.trial import put_on_trial

    return put_on_trial("glue-small", _committed())


@pytest.fixture(scope="session")
def ours() -> Any:
    """The authors' results as this repository has them: read them, never write."""
    from replication.paper import records

    return records.load(_committed())


def _committed() -> Any:
    from replication.store import Store

    return Store(REPOSITORY / "results")


def printed_by(code: str) -> str:
    """What a Python that has imported nothing yet prints of this code."""
    command = [sys.executable, "-c", code]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.strip()


def executed(notebook: str, path: Path, **parameters: Any) -> tuple[list[Any], str]:
    """Make a page of a notebook of this repository: its cells, and all HTML and text it shows."""
    import nbformat

    from replication.book.build import build_page

    build_page(REPOSITORY / "notebooks" / f"{notebook}.ipynb", path, parameters)
    cells = nbformat.read(path, as_version=4).cells  # type: ignore[no-untyped-call]
    return cells, shown_by(cells)


def shown_by(cells: list[Any]) -> str:
    """All HTML and text that the cells of an executed notebook show."""
    outputs = [output for cell in cells for output in cell.get("outputs", [])]
    return "\n".join(str(of.get("data", {}).get("text/html", of)) for of in outputs)


@pytest.fixture
def finished(tmp_path: Path, tiny_run: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of `tiny_run`, caches included, as the current folder: do with it what you like."""
    from replication.store import Store

    folder = tmp_path / "finished"
    shutil.copytree(tiny_run, folder)
    monkeypatch.chdir(folder)
    # The cache of a store is named after where the store is, and it has just been moved.
    (cache,) = (folder / ".cache").iterdir()
    cache.rename(Store().cache)
    return folder


# So small a model learns next to nothing and scores near chance, up and down from mask to mask.
# A threshold of 1 makes most searches stop halfway all the same, with something left to test.
TINY_STUDY = """\
backbone: {backbone}
data: mini
tasks: [CoLA, STS-B, RTE]
seeds: [1337, 42]
train_size: 64
validation_size: 40
recipe:
  learning_rate: 1.0e-3
  epochs: 1
  batch_size: 4
search:
  threshold: 1.0
  head_step: 0.25
  weight_step: 0.5
"""


def make_workplace(folder: Path, backbone: Path) -> Path:
    """A folder with studies/tiny.yaml, a study that takes seconds for each entry."""
    (folder / "studies").mkdir(parents=True)
    text = TINY_STUDY.format(backbone=json.dumps(str(backbone)))
    (folder / "studies" / "tiny.yaml").write_text(text, encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def glue_dir() -> Path:
    """The folder of the official GLUE files: $LOTTERY_GLUE, or ../shared/glue."""
    folder = Path(os.environ.get("LOTTERY_GLUE", REPOSITORY.parent / "shared" / "glue"))
    if not folder.is_dir():
        pytest.skip("no GLUE files: set LOTTERY_GLUE to a folder with CoLA/train.tsv and so on")
    return folder


def _shape(**values: Any) -> dict[str, Any]:
    return {
        "hidden_size": 32,
        "num_attention_heads": 4,
        "intermediate_size": 64,
        "max_position_embeddings": 128,
        **values,
    }
