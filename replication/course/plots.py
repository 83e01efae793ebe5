"""The three pictures of the exercises, each a `Figure` with a caption and a text for the blind."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt

from replication.book.show import COLOURS, LARGE, Figure, layer_map, style


@style(LARGE)
def heads(scores: npt.NDArray[np.float64], what: str, label: str = "") -> Figure:
    """A number for each head, as a map of layers and heads."""
    n_layers, n_heads = scores.shape
    drawing, axes = plt.subplots(figsize=(4.8, 0.9 + 0.3 * n_layers), layout="constrained")
    image = layer_map(axes, scores, limits=(0, float(scores.max())))
    drawing.colorbar(image, ax=axes)
    layer, head = np.unravel_index(int(scores.argmax()), scores.shape)
    return Figure.of(
        drawing,
        f"{what}: highest in layer {layer + 1}, head {head + 1} (one model). Yellow is high, dark "
        "blue is low; layer 1 is the lowest.",
        f"Heat map of {n_layers} layers by {n_heads} heads; the largest value, "
        f"{scores.max():.3g}, is that of layer {layer + 1}, head {head + 1}.",
        label,
    )


@style(LARGE)
def pruning(trace: Sequence[tuple[int, float]], full_score: float, what: str) -> Figure:
    """The score by the number of heads left, step by step."""
    left, scores = zip(*trace, strict=True)
    drawing, axes = plt.subplots(figsize=(4.8, 2.8), layout="constrained")
    axes.plot(left, scores, marker="o", color=COLOURS["good"])
    axes.axhline(0.9 * full_score, linestyle="--", color=COLOURS["full"], linewidth=1)
    axes.annotate("90 % of full", (left[0], 0.9 * full_score), va="bottom")
    axes.set(xlabel="heads left", ylabel="validation score")
    axes.invert_xaxis()
    return Figure.of(
        drawing,
        f"{what} It starts at {scores[0]:.3f}, and the last step has {scores[-1]:.3f} with "
        f"{left[-1]} heads. A point for each step tried (n = 1 model); dashed: 90 % of the full "
        "score.",
        f"Line from {left[0]} heads at {scores[0]:.3f} to {left[-1]} heads at {scores[-1]:.3f}.",
    )


@style(LARGE)
def among_random(score: float, others: Sequence[float], what: str) -> Figure:
    """One score among those of random tickets."""
    drawing, axes = plt.subplots(figsize=(4.8, 2.4), layout="constrained")
    axes.hist(others, bins=12, color=COLOURS["random"], edgecolor="white")
    axes.axvline(score, color=COLOURS["good"], linewidth=2.5)
    axes.set(xlabel="validation score", ylabel="random tickets")
    as_high = sum(other >= score for other in others)
    return Figure.of(
        drawing,
        f"{what}: {as_high} of {len(others)} random tickets of the same size (histogram) reach the "
        "good one (line). One model.",
        f"Histogram of {len(others)} scores from {min(others):.3f} to {max(others):.3f}, and a "
        f"line at {score:.3f}, which {as_high} of them reach.",
    )
