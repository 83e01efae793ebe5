"""Training without the rows of the embedding matrix that no example uses.

Without weight decay a row that gets no gradient never moves: the trained model is the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn


@contextmanager
def only_used_rows(model: Any, token_ids: Iterable[int]) -> Iterator[None]:
    """Within the block, `model` has parameters for the embeddings of `token_ids` only.

    In training mode it may only be given these tokens, in evaluation mode any. At the end the
    trained rows are written back into the model's own matrix.
    """
    whole = model.get_input_embeddings()
    used = torch.tensor(sorted(set(token_ids)), device=whole.weight.device)
    rows = _UsedRows(whole, used)
    model.set_input_embeddings(rows)
    try:
        yield
    finally:
        with torch.no_grad():
            whole.weight[used] = rows.weight
        model.set_input_embeddings(whole)


class _UsedRows(nn.Module):
    def __init__(self, whole: nn.Embedding, used: Tensor) -> None:
        super().__init__()
        self.train(whole.training)
        self._whole = (whole,)  # in a tuple, so that its weight is not a parameter here
        self.weight = nn.Parameter(whole.weight.detach()[used])
        self.register_buffer("place", torch.full((whole.num_embeddings,), -1, device=used.device))
        self.place: Tensor
        self.place[used] = torch.arange(len(used), device=used.device)
        # The padding token's row gets no gradient, as in the whole matrix.
        padding = None if whole.padding_idx is None else int(self.place[whole.padding_idx])
        self.padding_idx = None if padding == -1 else padding

    def forward(self, token_ids: Tensor) -> Tensor:
        place = self.place[token_ids]
        if self.training:
            return nn.functional.embedding(place, self.weight, self.padding_idx)
        unused = self._whole[0].weight.detach()[token_ids]
        return torch.where((place >= 0)[..., None], self.weight[place.clamp(min=0)], unused)
