"""How much each head and each MLP matters: the scores of Michel et al. (2019), section 3.3.

With a mask variable xi_h on every head and nu_l on every MLP (1 = keep, 0 = masked), a head's
importance is  I_h = E_x | dL(x) / d xi_h |  over the validation examples x with their true labels,
and an MLP's is the same with nu_l. Every example of a batch has its own copy of the variables:
one backward pass of the summed loss gives each example's gradient.

`variant="release"` is what the authors' code computes instead: the gradient of the mean loss of a
batch is added to a running sum that is never reset, and the absolute values of that sum are
accumulated. That does depend on batches; the code uses 64 examples in file order. And a layer
without heads still adds its output projection's bias, as only attention is masked there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from lottery_utils.encoder import encoder_shape
from lottery_utils.errors import UserError
from lottery_utils.fast.first_token import first_token_only
from lottery_utils.fast.side_by_side import Batch, over_batches
from lottery_utils.losses import example_losses, predictions
from lottery_utils.masks import StructuredMask
from lottery_utils.metrics import score
from lottery_utils.pruning import scaled

Variant = Literal["paper", "release"]
FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Importance:
    """Raw scores: `heads` float64 (layers, heads) and `mlps` float64 (layers,), in the paper's
    variant means of |dL/dxi|. `n_tokens` counts the tokens that were read, padding excluded.
    """

    heads: FloatArray
    mlps: FloatArray
    n_examples: int
    n_tokens: int

    def normalized(self) -> Importance:
        """The scores by which the search compares components, all between 0 and 1.

        Heads are divided by the l2 norm of their layer (Molchanov et al. 2017), MLPs by the number
        of tokens; then each kind is scaled from its smallest, 0, to its largest, 1 (equal ones: 0).
        """
        norms = np.sqrt((self.heads**2).sum(axis=1, keepdims=True))
        heads = np.divide(self.heads, norms, out=np.zeros_like(self.heads), where=norms > 0)
        mlps = self.mlps / max(self.n_tokens, 1)
        return Importance(_min_max(heads), _min_max(mlps), self.n_examples, self.n_tokens)


def structured_importance(
    model: nn.Module,
    batches: Iterable[Batch],
    mask: StructuredMask | None = None,
    *,
    variant: Variant = "paper",
    on_logits: Callable[[Tensor, Tensor], None] = lambda logits, labels: None,
) -> Importance:
    """Importance of every head and MLP of `model` under `mask` (default: nothing masked).

    `batches` are dicts of tensors on the model's device: `input_ids` and `attention_mask`
    (batch, tokens), whatever else the model takes, and `labels` (batch,). Masked components are
    scored too: the gradient at xi = 0 says what they would add. `on_logits` is given the masked
    model's logits (batch, outputs) and the labels of every batch; `variant` decides about those
    too, where a layer has no heads. Raises `ValueError` if there are
    no examples, and `UserError` if a gradient is not finite.
    """
    n_layers, n_heads = encoder_shape(model)
    mask, released = mask or StructuredMask.full(n_layers, n_heads), variant == "release"
    total = np.zeros((n_layers, n_heads + 1))
    running = np.zeros_like(total)
    n_examples = n_tokens = 0

    def one_batch(model: nn.Module, batch: Batch) -> tuple[Tensor, Tensor, Batch]:
        return *mask_gradients(model, batch, mask, released), batch

    with frozen(model):
        for gradients, logits, batch in over_batches(model, batches, one_batch):
            on_logits(logits, batch["labels"])
            if gradients.device.type == "mps":  # Apple's GPUs have no float64
                gradients = gradients.cpu()
            if released:
                running += gradients.mean(0).double().cpu().numpy()
                total += np.abs(running)
            else:
                total += gradients.abs().sum(0, dtype=torch.float64).cpu().numpy()
            n_examples += len(gradients)
            n_tokens += int(batch["attention_mask"].sum())
    if not n_examples:
        raise ValueError("importance needs at least one example")
    if not np.isfinite(total).all():
        raise UserError(
            "Training diverged: a gradient of the loss is not finite, so that importance is "
            "undefined; choose a lower learning rate or weight decay."
        )
    if not released:
        total /= n_examples
    return Importance(total[:, :n_heads], total[:, n_heads], n_examples, n_tokens)


def score_and_importance(
    model: nn.Module,
    batches: Iterable[Batch],
    mask: StructuredMask,
    metric: str,
    variant: Variant = "paper",
) -> tuple[float, Importance]:
    """The score of `model` under `mask`, six decimals, and its importance: one pass for both."""
    answers: list[tuple[Tensor, Tensor]] = []
    found = structured_importance(
        model, batches, mask, variant=variant, on_logits=lambda *of: answers.append(of)
    )
    logits, labels = (torch.cat(part) for part in zip(*answers, strict=True))
    return round(score(metric, predictions(logits).cpu().numpy(), labels.cpu().numpy()), 6), found


@torch.enable_grad()
def mask_gradients(
    model: nn.Module, batch: Batch, mask: StructuredMask, keep_headless_bias: bool = False
) -> tuple[Tensor, Tensor]:
    """dL(x)/dxi of each example: float32 (batch, layers, heads + 1), the MLP's last; and logits.

    `keep_headless_bias` is as in `lottery_utils.pruning.masked`.
    """
    inputs = {name: values for name, values in batch.items() if name != "labels"}
    labels = batch["labels"]
    start = np.concatenate([mask.heads, mask.mlps[:, None]], axis=1).astype(np.float32)
    scales = torch.as_tensor(start, device=labels.device).repeat(len(labels), 1, 1)
    scales.requires_grad_()
    headless = np.flatnonzero(~mask.heads.any(axis=1)).tolist()
    mlpless = np.flatnonzero(~mask.mlps).tolist()
    with (
        first_token_only(model),
        scaled(
            model,
            lambda layer: scales[:, layer, :-1],
            lambda layer: scales[:, layer, -1],
            () if keep_headless_bias else headless,
            silent_attention=headless,
            silent_mlps=mlpless,
        ),
    ):
        logits = model(**inputs).logits
    (gradients,) = torch.autograd.grad(example_losses(logits, labels).sum(), scales)
    return gradients, logits.detach()


@contextmanager
def frozen(model: nn.Module) -> Iterator[None]:
    """Evaluation mode, no gradients for parameters; as before afterwards."""
    training, wanted = model.training, [p for p in model.parameters() if p.requires_grad]
    model.eval().requires_grad_(False)
    try:
        yield
    finally:
        model.train(training)
        for parameter in wanted:
            parameter.requires_grad_(True)


def _min_max(values: FloatArray) -> FloatArray:
    low, high = values.min(), values.max()
    return (values - low) / (high - low) if high > low else np.zeros_like(values)
