"""From sentences to tensors, with little padding: batches are of similar length, each padded to its
own longest example.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from lottery_utils.errors import UserError
from lottery_utils.tasks import Example

# In training, this many batches' worth of shuffled examples are sorted by length together:
# enough for nearly no padding, few enough that batches differ between epochs.
BUCKET_BATCHES = 50
Values = TypeVar("Values", bound=npt.NDArray[Any])


@dataclass(frozen=True)
class Encoded:
    """Tokenized examples: lists of token ids, token types (or None), and labels or grades."""

    input_ids: list[list[int]]
    token_type_ids: list[list[int]] | None
    labels: list[float]
    pad_id: int

    def __len__(self) -> int:
        return len(self.labels)

    def first(self, n: int) -> Encoded:
        """The first `n` examples, or all if there are fewer."""
        types = None if self.token_type_ids is None else self.token_type_ids[:n]
        return Encoded(self.input_ids[:n], types, self.labels[:n], self.pad_id)

    def collate(
        self, indices: Sequence[int], device: torch.device | str = "cpu"
    ) -> dict[str, Tensor]:
        """The batch of these examples: int64 tensors (batch, longest), `labels` (batch,)."""
        rows = [self.input_ids[i] for i in indices]
        batch = {
            "input_ids": _padded(rows, self.pad_id),
            "attention_mask": _padded([[1] * len(row) for row in rows], 0),
            "labels": torch.tensor([self.labels[i] for i in indices]),
        }
        if self.token_type_ids is not None:
            batch["token_type_ids"] = _padded([self.token_type_ids[i] for i in indices], 0)
        return {name: values.to(device, non_blocking=True) for name, values in batch.items()}


def encode(tokenizer: Any, examples: Sequence[Example], max_length: int) -> Encoded:
    """Tokenize sentences or pairs, cut to `max_length` tokens, special tokens included.

    Raises `UserError` where some then have more tokens than the backbone has positions.
    """
    if not examples:  # which the tokenizers do not take
        return Encoded([], None, [], tokenizer.pad_token_id)
    first = [example.sentence1 for example in examples]
    second = [example.sentence2 for example in examples]
    pairs = (first, second) if examples[0].sentence2 is not None else (first,)
    tokens = tokenizer(*pairs, truncation=True, max_length=max_length)
    if (longest := max(map(len, tokens["input_ids"]))) > tokenizer.model_max_length:
        raise UserError(
            f"recipe.max_length should be at most {tokenizer.model_max_length} for this backbone, "
            f"which has no positions beyond: a text has {longest} tokens."
        )
    return Encoded(
        input_ids=tokens["input_ids"],
        token_type_ids=tokens.get("token_type_ids"),
        labels=[example.label for example in examples],
        pad_id=tokenizer.pad_token_id,
    )


class EvaluationBatches(list[dict[str, Tensor]]):
    """Batches in order of length (or in file order), the same on every pass."""

    def __init__(
        self,
        encoded: Encoded,
        batch_size: int,
        device: torch.device | str = "cpu",
        *,
        file_order: bool = False,
    ) -> None:
        order = list(range(len(encoded)))
        if not file_order:
            order.sort(key=lambda i: len(encoded.input_ids[i]))
        self._order = order
        starts = range(0, len(order), batch_size)
        super().__init__(encoded.collate(order[i : i + batch_size], device) for i in starts)

    def in_file_order(self, values: Values) -> Values:
        """One value per example, in the order of the batches, brought back to the file's."""
        placed: Values = np.empty_like(values)
        placed[self._order] = values
        return placed


def training_order(encoded: Encoded, batch_size: int, rng: np.random.Generator) -> list[list[int]]:
    """One epoch's batches of example indices: shuffled, bucketed by length, shuffled again. Every
    example occurs exactly once; all batches but one have `batch_size` examples.
    """
    shuffled = rng.permutation(len(encoded)).tolist()
    span = batch_size * BUCKET_BATCHES
    batches: list[list[int]] = []
    for start in range(0, len(shuffled), span):
        bucket = sorted(shuffled[start : start + span], key=lambda i: len(encoded.input_ids[i]))
        batches += [bucket[i : i + batch_size] for i in range(0, len(bucket), batch_size)]
    return [batches[i] for i in rng.permutation(len(batches))]


def _padded(rows: list[list[int]], value: int) -> Tensor:
    width = max(map(len, rows))
    return torch.tensor([row + [value] * (width - len(row)) for row in rows])
