"""Fine-tuning learns, repeats itself exactly, and says when it breaks."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from lottery_utils import training
from lottery_utils.backbone import weights_sha256
from lottery_utils.batches import Encoded, EvaluationBatches
from lottery_utils.errors import UserError
from lottery_utils.losses import example_losses
from lottery_utils.metrics import score
from lottery_utils.recipe import Recipe
from lottery_utils.training import evaluate, finetune, predict

Model = Any
FAST = Recipe(learning_rate=3e-3, epochs=10, batch_size=16)


def learnable(n: int = 128, seed: int = 0) -> Encoded:
    """Sentences of random tokens; the label says whether they begin and end with token 7."""
    rng = np.random.default_rng(seed)
    rows, labels = [], []
    for i in range(n):
        row = rng.integers(8, 60, rng.integers(4, 12)).tolist()
        if i % 2:
            row[0] = row[-1] = 7
        rows.append([1, *row, 2])
        labels.append(i % 2)
    return Encoded(rows, [[0] * len(row) for row in rows], labels, pad_id=0)


def graded(n: int = 128, seed: int = 0) -> Encoded:
    """The same sentences, graded: those of token 7 about 4, the others about 1."""
    data, rng = learnable(n, seed), np.random.default_rng(seed)
    grades = [1 + 3 * label + rng.uniform(-0.5, 0.5) for label in data.labels]
    return Encoded(data.input_ids, data.token_type_ids, grades, data.pad_id)


@pytest.mark.parametrize(
    ("n_outputs", "examples", "metric", "reached"),
    [(2, learnable, "accuracy", 0.9), (1, graded, "pearson", 0.8)],
    ids=["classes", "grades"],
)
def test_it_learns_what_can_be_learned(
    tiny_model: Callable[..., Model],
    n_outputs: int,
    examples: Callable[..., Encoded],
    metric: str,
    reached: float,
) -> None:
    model = tiny_model(n_outputs=n_outputs)
    batches = EvaluationBatches(examples(64, seed=1), 16)
    before = evaluate(model, batches, metric)
    curve = finetune(
        model, examples(), FAST, seed=0, evaluate=lambda: evaluate(model, batches, metric)
    )
    predictions, labels = predict(model, batches)
    assert curve.scores[-1] == score(metric, predictions, labels) > max(reached, before)
    assert curve.loss[-1][1] < 0.5 * curve.loss[0][1]
    assert len(curve.scores) == FAST.epochs
    assert not model.training
    if n_outputs == 1:
        assert np.mean((predictions - labels) ** 2) < 0.5 * np.var(labels), "not only in order"


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(
    tiny_model: Callable[..., Model],
) -> None:
    hashes = []
    for seed in (1, 1, 2):
        model = tiny_model()
        finetune(model, learnable(), FAST, seed=seed)
        hashes.append(weights_sha256(model))
    assert hashes[0] == hashes[1] != hashes[2]


def test_a_score_in_between_changes_nothing(tiny_model: Callable[..., Model]) -> None:
    hashes = []
    for watched in (False, True):
        model = tiny_model()
        batches = EvaluationBatches(learnable(32), 8)
        score_it = (lambda m=model, b=batches: evaluate(m, b, "accuracy")) if watched else None
        finetune(model, learnable(), FAST, seed=0, evaluate=score_it)
        hashes.append(weights_sha256(model))
    assert hashes[0] == hashes[1]


@pytest.mark.parametrize("killed_at", [1, 11, 12, 13, 35, 36])
def test_a_training_that_was_killed_goes_on_to_the_same_bits(
    tiny_model: Callable[..., Model], killed_at: int
) -> None:
    """Within an epoch of 12 steps, at its end, at the very end: weights, losses and scores."""
    recipe, batches = (
        Recipe(learning_rate=3e-3, epochs=3, batch_size=8),
        EvaluationBatches(learnable(32, seed=1), 16),
    )
    kept: list[bytes] = []

    def keep(state: Callable[[], dict[str, Any]]) -> None:
        file = io.BytesIO()
        torch.save(state(), file)
        kept.append(file.getvalue())

    def train(model: Model, **how: Any) -> tuple[Any, str]:
        curve = finetune(
            model,
            learnable(96),
            recipe,
            seed=5,
            evaluate=lambda: evaluate(model, batches, "accuracy"),
            **how,
        )
        return curve, weights_sha256(model)

    undisturbed = train(tiny_model())
    assert train(tiny_model(), keep=keep) == undisturbed, "to look changes nothing"
    assert len(kept) == 36
    begun = torch.load(io.BytesIO(kept[killed_at - 1]), weights_only=True)
    torch.rand(3)  # another process has drawn other numbers
    assert train(tiny_model(), begun=begun) == undisturbed


@pytest.mark.parametrize("kind", ["cpu", "mps", "cuda"])
def test_the_random_numbers_of_each_device_go_on(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of devices that are not here by proxy: what draws on them is a generator of the CPU."""
    device, there = torch.device(kind), torch.Generator().manual_seed(3)
    monkeypatch.setattr(torch.mps, "get_rng_state", there.get_state)
    monkeypatch.setattr(torch.mps, "set_rng_state", there.set_state)
    monkeypatch.setattr(torch.cuda, "get_rng_state", lambda device: there.get_state())
    monkeypatch.setattr(torch.cuda, "set_rng_state", lambda state, device: there.set_state(state))
    state = training.random_state(device)

    def drawn() -> list[float]:
        return [*torch.rand(3), *(torch.rand(3, generator=there) if kind != "cpu" else ())]

    first = drawn()
    assert drawn() != first
    training.set_random_state(state, device)
    assert drawn() == first


def test_the_learning_rate_falls_linearly_to_zero_and_gradients_are_clipped(
    tiny_model: Callable[..., Model], monkeypatch: pytest.MonkeyPatch
) -> None:
    rates, norms = [], []
    real_step, real_clip = torch.optim.AdamW.step, torch.nn.utils.clip_grad_norm_

    def step(self: torch.optim.AdamW, *args: Any) -> Any:
        rates.append(self.param_groups[0]["lr"])
        group = self.param_groups[0]
        assert (group["eps"], group["weight_decay"]) == (1e-8, 0.0)
        return real_step(self, *args)

    def clip(parameters: Any, max_norm: float) -> Any:
        norms.append(max_norm)
        return real_clip(parameters, max_norm)

    monkeypatch.setattr(torch.optim.AdamW, "step", step)
    monkeypatch.setattr(torch.nn.utils, "clip_grad_norm_", clip)
    finetune(tiny_model(), learnable(64), Recipe(epochs=2, batch_size=16), seed=0)
    np.testing.assert_allclose(rates, 2e-5 * (1 - np.arange(8) / 8))
    assert norms == [1.0] * 8


def test_a_diverging_loss_and_no_data_are_refused(tiny_model: Callable[..., Model]) -> None:
    with pytest.raises(UserError, match=r"Training diverged.*learning rate 1e\+30"):
        finetune(tiny_model(), learnable(), Recipe(learning_rate=1e30, clip_norm=1e30), seed=0)
    with pytest.raises(ValueError, match="at least one"):
        finetune(tiny_model(), Encoded([], [], [], 0), FAST, seed=0)


def test_an_infinite_gradient_of_the_last_step_is_noticed(
    tiny_model: Callable[..., Model], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its loss is finite, and so are all before: only the weights say so."""
    model, clip, steps = tiny_model(), torch.nn.utils.clip_grad_norm_, []

    def burst(parameters: Any, most: float) -> Any:
        parameters = list(parameters)
        steps.append(1)
        if len(steps) == 8:
            next(p for p in parameters if p.grad is not None).grad[0] = float("inf")
        return clip(parameters, most)

    monkeypatch.setattr("torch.nn.utils.clip_grad_norm_", burst)
    with pytest.raises(UserError, match=r"Training diverged: weights .* at step 8 of 8.*smaller"):
        finetune(model, learnable(), Recipe(batch_size=16, epochs=1), seed=0)


@pytest.mark.parametrize("n_outputs", [1, 2])
def test_outputs_that_are_no_numbers_are_no_predictions(
    tiny_model: Callable[..., Model], n_outputs: int
) -> None:
    model = tiny_model(n_outputs=n_outputs)
    with torch.no_grad():
        model.classifier.bias[0] = float("nan")
    with pytest.raises(UserError, match=r"Training diverged.*outputs"):
        predict(model, EvaluationBatches(learnable(), 16))


def test_the_loss_of_classes_is_cross_entropy_and_that_of_grades_the_squared_error() -> None:
    generator = torch.Generator().manual_seed(0)
    logits, classes = torch.randn(5, 3, generator=generator), torch.tensor([0, 2, 1, 1, 0])
    losses = example_losses(logits, classes)
    by_hand = -torch.log_softmax(logits, -1)[range(5), classes]
    torch.testing.assert_close(losses, by_hand)
    grades = torch.tensor([0.0, 1.5, 5.0, 2.5, 4.0])
    squared = example_losses(logits[:, :1], grades)
    torch.testing.assert_close(squared, (logits[:, 0] - grades) ** 2)
    torch.testing.assert_close(example_losses(logits[:, :1].double(), grades.double()), squared)
    assert losses.dtype == squared.dtype == torch.float32


@pytest.mark.parametrize(("n_outputs", "examples"), [(2, learnable), (1, graded)])
def test_predictions_do_not_depend_on_batches_and_change_nothing(
    tiny_model: Callable[..., Model], n_outputs: int, examples: Callable[..., Encoded]
) -> None:
    model, data = tiny_model(n_outputs=n_outputs).train(), examples(21)
    before = weights_sha256(model)
    predictions, labels = predict(model, EvaluationBatches(data, 8, file_order=True))
    assert model.training and weights_sha256(model) == before, "it is left as it was"
    np.testing.assert_allclose(labels, data.labels, rtol=1e-6)
    again, _ = predict(model.eval(), EvaluationBatches(data, 1, file_order=True))
    np.testing.assert_allclose(predictions, again, atol=1e-5)
    assert not model.training
    assert (predictions.dtype.kind, len(set(predictions)) > 2) == (
        ("i", False) if n_outputs == 2 else ("f", True)
    )


def test_training_the_rows_that_occur_gives_the_same_model(
    tiny_model: Callable[..., Model], monkeypatch: pytest.MonkeyPatch
) -> None:
    data = learnable()
    data.input_ids[0] = [1, 59, 2]  # rows of very different lengths, so that there is padding
    data.token_type_ids[0] = [0, 0, 0]  # type: ignore[index]
    unused = [i for i in range(60) if i not in {t for row in data.input_ids for t in row}]
    trained = {}
    for trimmed in (True, False):
        model = tiny_model()
        model.bert.embeddings.word_embeddings.padding_idx = 0
        if not trimmed:
            monkeypatch.setattr(
                "lottery_utils.training.only_used_rows", lambda *_: contextlib.nullcontext()
            )
        table = model.bert.embeddings.word_embeddings
        finetune(model, data, FAST, seed=0, evaluate=lambda: 0.0)
        assert model.bert.embeddings.word_embeddings is table
        trained[trimmed] = model.state_dict()
    fresh = tiny_model().bert.embeddings.word_embeddings.weight
    for name, values in trained[False].items():
        torch.testing.assert_close(trained[True][name], values, atol=1e-5, rtol=0)
    rows = trained[True]["bert.embeddings.word_embeddings.weight"]
    assert torch.equal(rows[unused], fresh[unused])
    assert (rows[7] != fresh[7]).any()


def test_unused_tokens_can_be_evaluated_in_between(tiny_model: Callable[..., Model]) -> None:
    from lottery_utils.fast.used_rows import only_used_rows

    model, data = tiny_model(), learnable(16)
    batch = {k: v for k, v in data.collate(range(16)).items() if k != "labels"}
    expected = model(**batch).logits
    with only_used_rows(model, [1, 2, 7]):
        torch.testing.assert_close(model(**batch).logits, expected)


def test_a_cpu_trains_in_bf16_only_where_the_recipe_asks_and_it_can(
    tiny_model: Callable[..., Model], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "cpu_has_bf16", lambda: True)
    assert not training.uses_bf16("cpu", Recipe()), "the default is for graphics cards"
    assert not training.uses_bf16("cpu", Recipe(bf16=False))
    assert training.uses_bf16("cpu", Recipe(bf16="cpu"))
    weights = {}
    for bf16 in (True, "cpu"):
        model = tiny_model()
        finetune(model, learnable(), Recipe(bf16=bf16, epochs=1, learning_rate=1e-3), seed=1)  # type: ignore[arg-type]
        weights[bf16] = torch.cat([p.detach().flatten() for p in model.parameters()])
        assert weights[bf16].dtype == torch.float32
    assert not torch.equal(weights[True], weights["cpu"])
    assert torch.allclose(weights[True], weights["cpu"], atol=2e-2)
    monkeypatch.setattr(training, "cpu_has_bf16", lambda: False)
    assert not training.uses_bf16("cpu", Recipe(bf16="cpu"))
