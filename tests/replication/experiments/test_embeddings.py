"""The embeddings without layers above them: what such a model can know, and what it cannot."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from lottery_utils import pruning
from lottery_utils.encoder import encoder_shape
from lottery_utils.fast.first_token import first_token_only
from lottery_utils.masks import StructuredMask
from replication.experiments.embeddings import average


def emptied(model: Any) -> Any:
    shape = encoder_shape(model)
    return pruning.remove(model, StructuredMask(np.zeros(shape, bool), np.zeros(shape[0], bool)))


def logits(model: Any, texts: list[list[int]]) -> torch.Tensor:
    longest = max(map(len, texts))
    ids = torch.tensor([t + [0] * (longest - len(t)) for t in texts])
    with torch.no_grad(), first_token_only(model):
        return model(input_ids=ids, attention_mask=(ids != 0).long()).logits  # type: ignore[no-any-return]


def test_without_layers_no_word_reaches_the_classifier(tiny_model: Any) -> None:
    model = emptied(tiny_model().eval())
    one, other = logits(model, [[2, 7, 8, 3], [2, 11, 12, 3]])
    assert torch.equal(one, other)


def test_the_mean_knows_the_words_and_not_the_padding(tiny_model: Any) -> None:
    model = emptied(tiny_model().eval())
    average(model, 0)
    texts = [[2, 7, 8, 3], [2, 11, 12, 3], [2, 7, 3]]
    together = logits(model, texts)
    assert not torch.allclose(together[0], together[1], atol=1e-4)
    alone = torch.cat([logits(model, [text]) for text in texts])
    torch.testing.assert_close(together, alone)
