"""Importance: the same whatever the batching, the authors' variant, and how it is normalized.

That it is Michel et al.'s definition is tested for every family (test_encoder.py).
"""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from families import N_HEADS, N_LAYERS, WHOLE, gradients_by_hand, logits, singles
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from lottery_utils import importance
from lottery_utils.encoder import encoder_layers
from lottery_utils.errors import UserError
from lottery_utils.importance import Importance, structured_importance
from lottery_utils.masks import StructuredMask
from lottery_utils.pruning import masked

Model = Any
Batches = list[dict[str, Tensor]]


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_scores_are_the_same_for_any_batching(
    tiny_model: Callable[..., Model], tiny_batches: Batches, data: st.DataObject
) -> None:
    examples, model = singles(tiny_batches), tiny_model()
    order = data.draw(st.permutations(range(len(examples))))
    size = data.draw(st.integers(1, len(examples)))
    rebatched = [
        pad_together([examples[i] for i in order[start : start + size]])
        for start in range(0, len(order), size)
    ]
    one_by_one = structured_importance(model, examples)
    found = structured_importance(model, rebatched)
    np.testing.assert_allclose(found.heads, one_by_one.heads, atol=1e-6)
    np.testing.assert_allclose(found.mlps, one_by_one.mlps, atol=1e-6)
    assert found.n_examples == one_by_one.n_examples
    assert found.n_tokens == one_by_one.n_tokens


def pad_together(examples: Batches) -> dict[str, Tensor]:
    width = max(e["input_ids"].shape[1] for e in examples)

    def padded(values: Tensor) -> Tensor:
        return (
            nn.functional.pad(values, (0, width - values.shape[1])) if values.dim() == 2 else values
        )

    return {key: torch.cat([padded(e[key]) for e in examples]) for key in examples[0]}


HEADLESS = WHOLE.without([(0, 2), *((1, head) for head in range(N_HEADS))], [2])


@pytest.mark.parametrize("mask", [WHOLE, HEADLESS], ids=["whole", "a layer without heads"])
def test_the_release_accumulates_the_running_sum_of_batch_mean_gradients(
    tiny_model: Callable[..., Model], tiny_batches: Batches, mask: StructuredMask
) -> None:
    """And only attention is masked there: a layer without heads adds its projection's bias."""
    model = tiny_model()
    running, total = np.zeros((N_LAYERS, N_HEADS + 1)), np.zeros((N_LAYERS, N_HEADS + 1))
    for batch in tiny_batches:
        by_hand = [
            gradients_by_hand(model, e, mask, keep_headless_bias=True) for e in singles([batch])
        ]
        running += np.mean(by_hand, axis=0)
        total += np.abs(running)
    answers: list[Tensor] = []
    found = structured_importance(
        model,
        tiny_batches,
        mask,
        variant="release",
        on_logits=lambda given, _: answers.append(given),
    )
    np.testing.assert_allclose(found.heads, total[:, :-1], atol=1e-5)
    np.testing.assert_allclose(found.mlps, total[:, -1], atol=1e-5)
    with masked(model, mask, keep_headless_bias=True):
        for batch, given in zip(tiny_batches, answers, strict=True):
            torch.testing.assert_close(logits(model, batch), given, atol=1e-5, rtol=0)
    # ... which is another number than the paper's definition, and depends on the batching.
    paper = structured_importance(model, tiny_batches, mask)
    assert not np.allclose(found.heads / found.heads.max(), paper.heads / paper.heads.max(), 1e-2)


def test_normalization_by_hand() -> None:
    raw = Importance(
        np.array([[3.0, 4.0], [5.0, 12.0], [8.0, 6.0]]), np.array([2.0, 6.0, 3.0]), 2, 9
    )
    scores = raw.normalized()
    # Layer norms are 5, 13 and 10; of .6 .8, 5/13 12/13 and .8 .6 the second layer's are the ends.
    np.testing.assert_allclose(scores.heads, [[2.8 / 7, 5.4 / 7], [0, 1], [5.4 / 7, 2.8 / 7]])
    np.testing.assert_allclose(scores.mlps, [0, 1, 0.25])


def test_equal_scores_do_not_divide_by_zero() -> None:
    scores = Importance(np.zeros((2, 2)), np.ones(2), 1, 1).normalized()
    np.testing.assert_array_equal(scores.heads, 0)
    np.testing.assert_array_equal(scores.mlps, 0)


def test_the_model_is_left_as_it_was(
    tiny_model: Callable[..., Model], tiny_batches: Batches
) -> None:
    model = tiny_model().train()
    model.bert.embeddings.requires_grad_(False)
    wanted = [p.requires_grad for p in model.parameters()]
    structured_importance(model, tiny_batches)
    assert model.training
    assert [p.requires_grad for p in model.parameters()] == wanted
    assert all(p.grad is None for p in model.parameters())


def test_no_examples_and_infinite_gradients_are_refused(
    tiny_model: Callable[..., Model], tiny_batches: Batches
) -> None:
    with pytest.raises(ValueError, match="at least one"):
        structured_importance(tiny_model(), [])
    model = tiny_model()
    with torch.no_grad():
        model.classifier.weight.fill_(float("nan"))
    with pytest.raises(UserError, match="not finite"):
        structured_importance(model, tiny_batches)


def test_a_device_without_float64_sums_on_the_cpu(
    tiny_model: Callable[..., Any],
    tiny_batches: list[dict[str, Tensor]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As Apple's: gradients that can be brought to the CPU and nothing else."""
    usual = structured_importance(tiny_model(), tiny_batches)
    gradients = importance.mask_gradients

    def elsewhere(*of: Any) -> Any:
        found, logits = gradients(*of)
        return SimpleNamespace(device=torch.device("mps"), cpu=lambda: found), logits

    monkeypatch.setattr(importance, "mask_gradients", elsewhere)
    found = structured_importance(tiny_model(), tiny_batches)
    assert np.array_equal(found.heads, usual.heads)
    assert np.array_equal(found.mlps, usual.mlps)


def test_no_gradient_is_sought_behind_what_is_masked(
    tiny_model: Callable[..., Model], tiny_batches: Batches
) -> None:
    model = tiny_model()
    mask = WHOLE.without([(1, h) for h in range(N_HEADS)], [0])
    passed: list[str] = []

    def told(name: str) -> Callable[..., None]:
        return lambda module, found, given: passed.append(name)

    for i, layer in enumerate(encoder_layers(model)):
        layer.value.register_full_backward_hook(told(f"attention {i}"))
        layer.mlp_input.register_full_backward_hook(told(f"mlp {i}"))
    structured_importance(model, tiny_batches[:1], mask)
    # Layer 0 reads embeddings, which need no gradient, so that none passes its value map.
    assert sorted(passed) == ["attention 2", "mlp 1", "mlp 2"]
