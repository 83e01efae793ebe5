"""A step of magnitude pruning on BERT-base's shape, against `torch.nn.utils.prune`."""

from __future__ import annotations

import copy
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch.nn.utils import prune

from benchmarks.alternate import Prepared, Row, Setting, alternate
from benchmarks.profiles import of_functions
from lottery_utils.masks import WeightMask
from lottery_utils.pruning import prunable
from lottery_utils.search import magnitude_step

FRACTION = 0.1


def rows(setting: Setting) -> Iterator[Row]:
    """One row: the second step, which starts from a mask, as all but the first do."""
    model = random_bert(setting.small)
    parameters = {name: p.detach() for name, p in prunable(model).items()}
    first = magnitude_step(parameters, None, FRACTION)
    pruned, targets = _as_modules(parameters)
    _global_step(targets)  # to the mask that `first` is
    done: list[Any] = []

    def theirs() -> Prepared:
        modules = copy.deepcopy(pruned)
        done[:] = [(module, "values") for module in modules]
        return lambda: _global_step(done)

    def ours() -> Prepared:
        return lambda: magnitude_step(parameters, first, FRACTION)

    seconds = alternate(setting, {"ours": ours, "theirs": theirs})
    theirs()()
    second = magnitude_step(parameters, first, FRACTION)
    kept = {n: module.values_mask.bool() for n, (module, _) in zip(parameters, done, strict=True)}
    n_apart = apart(parameters, kept, second)
    peaks = {side: _peak(side, setting.small) for side in ("ours", "theirs")}
    yield Row(
        "magnitude-pruning step",
        f"10 % of the remaining weights, of {second.size / 1e6:.1f} million (BERT-base's shape)",
        {"ours": "one selection", "theirs": "torch.nn.utils.prune.global_unstructured"},
        seconds,
        f"the same mask, {second.n_kept:,} weights left, but for {n_apart} weights of exactly the "
        "size at which the cut falls, of which either takes as many",
        {"theirs": 8.0},
        {
            "peak_mib": peaks,
            "peak_ratio": round(peaks["theirs"] / max(peaks["ours"], 0.1), 2),
            "goal_peak_ratio": 2.0,
            "profile": {"ours": of_functions(ours()), "theirs": of_functions(theirs())},
        },
    )


def apart(parameters: Any, theirs: dict[str, torch.Tensor], ours: WeightMask) -> int:
    """How many weights only one of two masks keeps: all of one size, or it is an error."""
    if sum(int(mask.sum()) for mask in theirs.values()) != ours.n_kept:
        raise AssertionError("the two steps left different numbers of weights")
    sizes = torch.cat([parameters[n].abs()[mask ^ ours[n]] for n, mask in theirs.items()])
    if len(torch.unique(sizes)) > 1:
        raise AssertionError(f"the two steps left {len(sizes)} different weights")
    return len(sizes)


def random_bert(small: bool) -> Any:
    """BERT-base's shape, or a tiny one, with random weights; biases too."""
    from transformers import BertConfig, BertForSequenceClassification

    torch.manual_seed(0)
    sizes = {"hidden_size": 48, "num_hidden_layers": 2, "intermediate_size": 96, "vocab_size": 99}
    model = BertForSequenceClassification(BertConfig(**(sizes if small else {})))
    for parameter in prunable(model).values():
        if parameter.dim() == 1:
            torch.nn.init.normal_(parameter, std=0.02)
    return model


def _as_modules(parameters: dict[str, torch.Tensor]) -> tuple[list[Any], list[tuple[Any, str]]]:
    """A module around each parameter, as `torch.nn.utils.prune` wants them."""
    modules = []
    for values in parameters.values():
        module = torch.nn.Module()
        module.values = torch.nn.Parameter(values.clone(), requires_grad=False)
        modules.append(module)
    return modules, [(module, "values") for module in modules]


def _global_step(targets: list[tuple[Any, str]]) -> None:
    prune.global_unstructured(targets, prune.L1Unstructured, amount=FRACTION)


def _peak(side: str, small: bool) -> float:
    """MiB above the start that two steps of `side` need at most, in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.magnitude_case", side, str(int(small))]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return round(float(told.split()[-1]), 1)


def _measure_peak(side: str, small: bool) -> float:
    parameters = {name: p.detach() for name, p in prunable(random_bert(small)).items()}
    targets = _as_modules(parameters)[1] if side == "theirs" else []
    if targets:
        del parameters
    Path("/proc/self/clear_refs").write_text("5")  # the high-water mark is what it is now
    resident = _kib("VmRSS")
    if side == "theirs":
        for _ in range(2):
            _global_step(targets)
    else:
        magnitude_step(parameters, magnitude_step(parameters, None, FRACTION), FRACTION)
    return (_kib("VmHWM") - resident) / 1024


def _kib(what: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{what}:"))


if __name__ == "__main__":
    print(_measure_peak(sys.argv[1], sys.argv[2] == "1"))
