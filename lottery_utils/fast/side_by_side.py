"""A pass over batches, on a CPU some at a time: threads with a batch of their own need not wait."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from typing import TypeVar

import torch
from torch import Tensor, nn

AT_A_TIME = 4  # batches: each needs memory for all that the model computes of it
Batch = dict[str, Tensor]
Result = TypeVar("Result")


def over_batches(
    model: nn.Module, batches: Iterable[Batch], work: Callable[[nn.Module, Batch], Result]
) -> list[Result]:
    """`work(model, batch)` of every batch, in the order of the batches.

    On a CPU up to `AT_A_TIME` batches are in work at once, each with a model of its own that has
    the same weights: `work` may put hooks on it, and has to ask for its gradient mode, which holds
    for one thread. What it raises is raised, and no further batch is begun.
    """
    batches = list(batches)
    n_threads = torch.get_num_threads()
    n = min(AT_A_TIME, n_threads, len(batches))
    if n < 2 or next(model.parameters()).device.type != "cpu":
        return [work(model, batch) for batch in batches]
    models: SimpleQueue[nn.Module] = SimpleQueue()
    for _ in range(n):
        models.put(_twin(model))

    def run(batch: Batch) -> Result:
        own = models.get()
        try:
            return work(own, batch)
        finally:
            models.put(own)

    # The largest first, so that no thread is left alone with it at the end.
    order = sorted(range(len(batches)), key=lambda i: -batches[i]["input_ids"].numel())
    torch.set_num_threads(n_threads // n)
    try:
        with ThreadPoolExecutor(n) as pool:
            futures = {i: pool.submit(run, batches[i]) for i in order}
            try:
                return [futures[i].result() for i in range(len(batches))]
            finally:
                pool.shutdown(wait=False, cancel_futures=True)
    finally:
        torch.set_num_threads(n_threads)


def _twin(module: nn.Module) -> nn.Module:
    """The same weights and hooks in modules of their own, on which other hooks can be put."""
    own = copy.copy(module)
    for name in ("_modules", "_forward_hooks", "_forward_pre_hooks"):
        setattr(own, name, getattr(module, name).copy())
    for name, child in module.named_children():
        own._modules[name] = _twin(child)
    return own
