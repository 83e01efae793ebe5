"""How much each head and each MLP matters: the scores of Michel et al. (2019).

With a mask variable xi_h on every head and nu_l on every MLP (1 = keep, 0 = masked), the
importance of a head is

    I_h = E_x | dL(x) / d xi_h |

over the examples x of the validation set, with their true labels (paper, section 3.3), and that of
an MLP is the same with nu_l. Every example of a batch has its own copy of the mask variables, which
enters its own loss only: one backward pass of the summed loss gives each example's gradient, and
the result does not depend on how examples are batched.

`variant="release"` is what the authors' code computes instead: the gradient of the mean loss of a
batch is added to a running sum that is never reset, and the absolute values of that sum are
accumulated. That does depend on batches; the code uses 64 examples in file order.
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
    """Raw scores: `heads` float64 (layers, heads) and `mlps` float64 (layers,).

    With the paper's variant these are means over examples of |dL/dxi|, in units of loss
    per unit of mask; `n_tokens` counts the tokens that were read, padding excluded.
    """

    heads: FloatArray
    mlps: FloatArray
    n_examples: int
    n_tokens: int

    def normalized(self) -> Importance:
        """The scores by which the search compares components, all between 0 and 1.

        In the paper's order: heads are divided by the l2 norm of their layer (Molchanov et
        al. 2017), MLPs by the number of tokens; then heads and MLPs are each scaled so that
        the model's smallest is 0 and its largest 1. Where all values are equal, they become 0.
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
    (batch, tokens), whatever else the model takes, and `labels` (batch,): class indices, or
    numbers where the model has one output (regression).
    Masked components are scored too: the gradient at xi = 0 says what they would add.
    `on_logits` is told the masked model's logits (batch, outputs) and the labels of every
    batch. The model is in evaluation mode meanwhile. Raises `ValueError` if there are no
    examples or if a gradient is not finite.
    """
    n_layers, n_heads = encoder_shape(model)
    mask = mask or StructuredMask.full(n_layers, n_heads)
    total = np.zeros((n_layers, n_heads + 1))
    running = np.zeros_like(total)
    n_examples = n_tokens = 0

    def one_batch(model: nn.Module, batch: Batch) -> tuple[Tensor, Tensor, Batch]:
        return *mask_gradients(model, batch, mask), batch

    with frozen(model):
        for gradients, logits, batch in over_batches(model, batches, one_batch):
            on_logits(logits, batch["labels"])
            if variant == "release":
                running += gradients.mean(0).double().cpu().numpy()
                total += np.abs(running)
            else:
                total += gradients.abs().sum(0, dtype=torch.float64).cpu().numpy()
            n_examples += len(gradients)
            n_tokens += int(batch["attention_mask"].sum())
    if not n_examples:
        raise ValueError("importance needs at least one example")
    if not np.isfinite(total).all():
        raise ValueError("a gradient of the loss is not finite: importance is undefined")
    if variant == "paper":
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

    def on_logits(logits: Tensor, labels: Tensor) -> None:
        answers.append((predictions(logits), labels))

    found = structured_importance(model, batches, mask, variant=variant, on_logits=on_logits)
    predicted, labels = (torch.cat(part).cpu().numpy() for part in zip(*answers, strict=True))
    return round(score(metric, predicted, labels), 6), found


@torch.enable_grad()
def mask_gradients(model: nn.Module, batch: Batch, mask: StructuredMask) -> tuple[Tensor, Tensor]:
    """dL(x)/dxi for each example of a batch: float32 (batch, layers, heads + 1); and the logits.

    The last column is the MLP's.
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
            headless,
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
    training, wanted = model.training, [p.requires_grad for p in model.parameters()]
    model.eval()
    model.requires_grad_(False)
    try:
        yield
    finally:
        model.train(training)
        for parameter, flag in zip(model.parameters(), wanted, strict=True):
            parameter.requires_grad_(flag)


def _min_max(values: FloatArray) -> FloatArray:
    low, high = values.min(), values.max()
    return (values - low) / (high - low) if high > low else np.zeros_like(values)
