"""A pass over batches, on a CPU one batch per thread.

Threads that share every operation wait for each other some hundred times in a batch; threads
with a batch of their own do not. What comes of a batch depends on that batch alone, so nothing
changes but the time. And as each operation then has one thread, whose sums have one order, what
comes out does not depend on how many threads there are.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from queue import SimpleQueue
from typing import Any, TypeVar

import torch
from torch import Tensor

Batch = dict[str, Tensor]
T = TypeVar("T")


def over_batches(
    model: Any, batches: Iterable[Batch], work: Callable[[Any, Batch], T]
) -> Iterator[T]:
    """`work(model, batch)` of every batch, in the order of the batches.

    On a CPU as many batches at a time as PyTorch has threads, each with a model of its own that
    shares all parameters and hooks: `work` may put hooks on the model that it is given, and
    should change nothing else. It has to ask for the gradient mode that it wants, since that
    holds for one thread.
    """
    n_threads = torch.get_num_threads()
    if n_threads == 1 or next(model.parameters()).device.type != "cpu":
        for batch in batches:
            yield work(model, batch)
        return
    models: SimpleQueue[Any] = SimpleQueue()
    for _ in range(n_threads):
        models.put(_twin(model))

    def run(batch: Batch) -> T:
        own = models.get()
        try:
            return work(own, batch)
        finally:
            models.put(own)

    torch.set_num_threads(1)
    try:
        with ThreadPoolExecutor(n_threads) as pool:
            yield from pool.map(run, batches)
    finally:
        torch.set_num_threads(n_threads)


def _twin(model: Any) -> Any:
    """A copy of the modules with the same parameters and buffers."""
    shared = {id(tensor): tensor for tensor in chain(model.parameters(), model.buffers())}
    return copy.deepcopy(model, shared)
