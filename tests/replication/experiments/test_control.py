"""The controls of section 6: a model that was never pre-trained, and the loss around a model."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from families import EVERY_FAMILY, batch_for, logits, tiny
from torch import Tensor, nn

from replication.experiments.control import reinitialized
from replication.experiments.landscape import RADII, loss_along


def parts(model: Any) -> tuple[dict[str, Tensor], dict[str, Tensor], dict[str, Tensor]]:
    """The state of the embeddings, of the rest of the encoder, and of the classifier."""
    encoder, embeddings = f"{model.base_model_prefix}.", f"{model.base_model_prefix}.embeddings."
    found: tuple[dict[str, Tensor], ...] = ({}, {}, {})
    for name, values in model.state_dict().items():
        found[0 if name.startswith(embeddings) else 1 if name.startswith(encoder) else 2][name] = (
            values.clone()
        )
    return found  # type: ignore[return-value]


def equal(one: dict[str, Tensor], other: dict[str, Tensor]) -> list[bool]:
    assert one.keys() == other.keys()
    assert one
    return [torch.equal(values, other[name]) for name, values in one.items()]


@EVERY_FAMILY
@pytest.mark.parametrize("keep", [False, True])
def test_all_but_the_classifier_is_drawn_anew(family: str, keep: bool) -> None:
    model = tiny(family)
    before = {name: values.clone() for name, values in model.state_dict().items()}
    fresh = reinitialized(model, 3, keep_embeddings=keep)
    assert type(fresh) is type(model)
    assert not fresh.training
    for kept, drawn, expected in zip(parts(model), parts(fresh), (keep, False, True), strict=True):
        assert all(same == expected for same in equal(kept, drawn))
    assert all(equal(before, model.state_dict())), "the model itself stays"
    # The classifier is a copy: training one does not train the other.
    with torch.no_grad():
        next(fresh.classifier.parameters()).add_(1)
    assert all(equal(before, model.state_dict()))
    batch = batch_for(model)
    assert (logits(fresh, batch) - logits(model, batch)).abs().max() > 1e-3


@EVERY_FAMILY
def test_a_seed_decides_the_weights(family: str) -> None:
    model = tiny(family)
    first = parts(reinitialized(model, 3))[1]
    torch.rand(5)
    assert all(equal(first, parts(reinitialized(model, 3))[1]))
    other = parts(reinitialized(model, 4))[1]
    assert not any(torch.equal(p, other[name]) for name, p in first.items() if p.ndim > 1)


def own_loss(model: Any, batches: list[dict[str, Tensor]]) -> float:
    """The mean over examples of the loss that transformers computes."""
    with torch.no_grad():
        sums = [model(**batch).loss.item() * len(batch["labels"]) for batch in batches]
    return sum(sums) / sum(len(batch["labels"]) for batch in batches)


@pytest.mark.parametrize("n_outputs", [2, 1])
def test_at_radius_0_it_is_the_loss_of_the_model(
    tiny_model: Any, tiny_batches: list[dict[str, Tensor]], n_outputs: int
) -> None:
    model = tiny_model(n_outputs=n_outputs)
    if n_outputs == 1:
        tiny_batches = [{**batch, "labels": batch["labels"] * 2.5} for batch in tiny_batches]
    expected = own_loss(model, tiny_batches)
    model.train()  # dropout must not count, and the mode comes back
    before = {name: values.clone() for name, values in model.state_dict().items()}
    found = np.array(loss_along(model, iter(tiny_batches), seed=1))
    assert model.training
    assert all(equal(before, model.state_dict()))
    assert found.shape == (2, len(RADII))
    np.testing.assert_allclose(found[:, RADII.index(0.0)], expected, atol=2e-6)
    others = np.delete(found, RADII.index(0.0), axis=1)
    assert np.abs(others - expected).min() > 1e-4, "no step is nowhere"
    assert len(np.unique(found)) == 2 * len(RADII) - 1, "nor are two steps or directions the same"


def test_the_model_is_as_before_after_an_exception(
    tiny_model: Any, tiny_batches: list[dict[str, Tensor]]
) -> None:
    model = tiny_model().train()
    before = {name: values.clone() for name, values in model.state_dict().items()}
    model.register_forward_hook(lambda *_: (_ for _ in ()).throw(RuntimeError("out of memory")))
    with pytest.raises(RuntimeError, match="out of memory"):
        loss_along(model, tiny_batches, seed=0, radii=[0.5])
    assert model.training
    assert all(equal(before, model.state_dict()))


def test_a_seed_decides_the_directions(
    tiny_model: Any, tiny_batches: list[dict[str, Tensor]]
) -> None:
    model, radii = tiny_model(), [-0.2, 0.4]
    first = loss_along(model, tiny_batches, seed=5, n_directions=2, radii=radii)
    torch.rand(5)
    assert loss_along(model, tiny_batches, seed=5, n_directions=2, radii=radii) == first
    assert loss_along(model, tiny_batches, seed=5, n_directions=1, radii=radii) == first[:1]
    assert loss_along(model, tiny_batches, seed=6, n_directions=1, radii=radii) != first[:1]


def test_filters_move_by_the_radius_and_vectors_stay(
    tiny_model: Any, tiny_batches: list[dict[str, Tensor]]
) -> None:
    model = tiny_model()
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    seen: list[dict[str, Tensor]] = []
    model.register_forward_pre_hook(
        lambda *_: seen.append({name: p.clone() for name, p in model.named_parameters()})
    )
    loss_along(model, tiny_batches[:1], seed=0, n_directions=2, radii=[-0.2, 0.4])
    assert len(seen) == 4
    for radius, moved in zip((-0.2, 0.4, -0.2, 0.4), seen, strict=True):
        for name, start in before.items():
            if start.ndim == 1:
                assert torch.equal(moved[name], start)
                continue
            step = (moved[name] - start).norm(dim=1)
            torch.testing.assert_close(step, abs(radius) * start.norm(dim=1), rtol=1e-4, atol=1e-6)
    for name, start in before.items():
        if start.ndim > 1:
            back, forth, other, _ = (moved[name] - start for moved in seen)
            # The other way with the other sign, and elsewhere along the second direction.
            torch.testing.assert_close(-2 * back, forth, rtol=1e-3, atol=1e-5)
            cosine = nn.functional.cosine_similarity(back.flatten(), other.flatten(), dim=0)
            assert abs(cosine) < 6 / np.sqrt(start.numel())
