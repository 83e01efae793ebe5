"""Every family of backbones: BERT, RoBERTa, ELECTRA, DistilBERT and MPNet, tiny and random.

What a mask, its importance and its removal mean is the same wherever a family keeps its parts;
the expected numbers are made without the table of their names (families.py).
"""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from conftest import masks
from families import (
    CLASSES,
    EVERY_FAMILY,
    N_HEADS,
    N_LAYERS,
    OUTPUTS,
    SIZE,
    WHOLE,
    batch_for,
    configuration,
    gradients_by_hand,
    logits,
    singles,
    tiny,
)
from hypothesis import given, settings

from lottery_utils.attention import attention_maps
from lottery_utils.backbone import load_backbone
from lottery_utils.batches import EvaluationBatches, encode
from lottery_utils.encoder import FAMILIES, component_parameters, encoder_shape
from lottery_utils.errors import UserError
from lottery_utils.importance import structured_importance
from lottery_utils.masks import StructuredMask
from lottery_utils.pruning import masked, prunable, remove
from lottery_utils.recipe import Recipe
from lottery_utils.tasks import Example, get_task
from lottery_utils.training import finetune


def test_every_family_of_the_table_is_tested() -> None:
    assert set(FAMILIES) == set(CLASSES)


@EVERY_FAMILY
@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@settings(max_examples=20, deadline=None)
@given(mask=masks())
def test_masked_equals_removed(family: str, attention: str, mask: StructuredMask) -> None:
    model = tiny(family, attention)
    batch = batch_for(model)
    with masked(model, mask):
        expected = logits(model, batch)
    torch.testing.assert_close(logits(remove(model, mask), batch), expected, atol=1e-5, rtol=0)


@EVERY_FAMILY
def test_a_mask_zeroes_what_it_should(family: str) -> None:
    """By hand: a head is its columns of the output projection, an MLP its output map."""
    model = tiny(family)
    batch = batch_for(model)
    with masked(model, WHOLE.without([(1, 2)], [0])):
        found = logits(model, batch)
    attention, mlp = OUTPUTS[family]
    by_hand = dict(model.named_parameters())
    prefix, size = model.base_model_prefix, SIZE // N_HEADS
    columns = torch.ones(SIZE)
    columns[2 * size : 3 * size] = 0
    changed = {
        name: by_hand[name] * factor
        for name, factor in (
            (f"{prefix}.{attention.format(1)}.weight", columns),
            (f"{prefix}.{mlp.format(0)}.weight", 0),
            (f"{prefix}.{mlp.format(0)}.bias", 0),
        )
    }
    inputs = {name: batch[name] for name in ("input_ids", "attention_mask")}
    with torch.no_grad():
        expected = torch.func.functional_call(model, changed, kwargs=inputs).logits
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=0)
    assert (found - logits(model, batch)).abs().max() > 1e-3


@EVERY_FAMILY
def test_removal_takes_away_exactly_its_parameters(family: str) -> None:
    model = tiny(family)
    each = component_parameters(model)
    smaller = remove(model, WHOLE.without([(0, 1), (2, 3)], [1]))
    sizes = [sum(p.numel() for p in m.parameters()) for m in (model, smaller)]
    assert sizes[0] - sizes[1] == 2 * each["head"] + each["mlp"]
    # An emptied model's layers keep their two LayerNorms and nothing else.
    empty = remove(model, StructuredMask(np.zeros((N_LAYERS, N_HEADS)), np.zeros(N_LAYERS)))
    layers = getattr(empty, empty.base_model_prefix).get_submodule(
        OUTPUTS[family][0].split(".{")[0]
    )
    assert sum(p.numel() for p in layers.parameters()) == N_LAYERS * 2 * 2 * SIZE


@EVERY_FAMILY
@pytest.mark.parametrize(
    "heads, mlps", [([(0, 1)], []), ([(1, h) for h in range(4)], []), ([], [2])]
)
def test_a_model_that_lost_something_is_refused(
    family: str, heads: list[tuple[int, int]], mlps: list[int]
) -> None:
    """By everything that speaks of the heads of a whole model."""
    smaller = remove(tiny(family), WHOLE.without(heads, mlps))
    batch = batch_for(smaller)
    for use in (
        lambda: masked(smaller, WHOLE).__enter__(),
        lambda: remove(smaller, WHOLE),
        lambda: structured_importance(smaller, [batch]),
        lambda: next(attention_maps(smaller, [batch])),
        lambda: component_parameters(smaller),
        lambda: prunable(smaller),
    ):
        with pytest.raises(
            UserError, match=f"layer {heads[0][0] if heads else mlps[0]} of this model"
        ):
            use()


def test_the_fused_attention_is_the_one_of_transformers() -> None:
    for lengths in ((7, 5, 3), (1,), (4, 4), (60, 33)):
        batch = batch_for(tiny("mpnet"), lengths)
        found, expected = (logits(tiny("mpnet", kernel), batch) for kernel in ("sdpa", "eager"))
        torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)


def test_the_bias_by_position_matters_and_each_layer_keeps_its_heads_rows() -> None:
    model = tiny("mpnet")
    batch = batch_for(model)
    other = copy.deepcopy(model)
    other.mpnet.encoder.relative_attention_bias.weight.data[:, 2] += torch.arange(32.0)
    assert (logits(other, batch) - logits(model, batch)).abs().max() > 1e-3
    without = WHOLE.without([(layer, 2) for layer in range(N_LAYERS)], [])
    torch.testing.assert_close(
        logits(remove(other, without), batch), logits(remove(model, without), batch)
    )


@EVERY_FAMILY
@pytest.mark.parametrize("num_labels", [2, 1], ids=["classes", "regression"])
@pytest.mark.parametrize("attention", ["sdpa", "eager"])
def test_importance_equals_a_loop_of_one_backward_per_example(
    family: str, attention: str, num_labels: int
) -> None:
    model = tiny(family, attention, num_labels)
    mask = WHOLE.without([(0, 1), *((1, h) for h in range(N_HEADS))], [2])
    batch = batch_for(model)
    each = [gradients_by_hand(model, example, mask) for example in singles([batch])]
    expected = np.abs(each).mean(axis=0)
    found = structured_importance(model, [batch], mask)
    assert expected.min() > 0  # masked components have a score too
    np.testing.assert_allclose(found.heads, expected[:, :-1], rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(found.mlps, expected[:, -1], rtol=1e-3, atol=1e-5)


# All of one length: batches are made of examples of similar length, and would be of one label.
EXAMPLES = [
    Example(f"{a} {b} was {c}", f"it was {d}", int(d in ("good", "fine")))
    for a in ("the", "a", "this")
    for b in ("film", "play", "cat")
    for c in ("seen", "there")
    for d in ("good", "fine", "bad", "dull")
]


def tokenizer_for(family: str) -> Any:
    """The family's own tokenizer, trained on a few words."""
    specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    start: dict[str, Any] = {}
    if family == "roberta":
        specials, start = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"], {"merges": []}
    kind = getattr(transformers, f"{CLASSES[family]}Tokenizer")
    empty = kind(vocab={token: i for i, token in enumerate(specials)}, **start)
    return empty.train_new_from_iterator(
        [text for e in EXAMPLES for text in e[:2]], 300, show_progress=False
    )


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder per family with a pre-trained model that was never trained, and its tokenizer."""
    place = tmp_path_factory.mktemp("families")
    for family, name in CLASSES.items():
        torch.manual_seed(0)
        base = getattr(transformers, f"{name}Model")(configuration(family))
        base.save_pretrained(place / family)
        tokenizer_for(family).save_pretrained(place / family)
    return place


@EVERY_FAMILY
@pytest.mark.parametrize("task", ["RTE", "STS-B"])
def test_a_ticket_is_scored_removed_and_trained(stored: Path, family: str, task: str) -> None:
    model, tokenizer = load_backbone(str(stored / family), task)
    assert model.config.model_type == family
    assert encoder_shape(model) == (N_LAYERS, N_HEADS)
    assert model.config.num_labels == get_task(task).n_outputs
    examples = EXAMPLES
    if task == "STS-B":
        examples = [example._replace(label=5.0 * example.label) for example in examples]
    train = encode(tokenizer, examples, 32)
    assert (train.token_type_ids is None) == (family in ("roberta", "distilbert", "mpnet"))
    scores = structured_importance(model, EvaluationBatches(train, 16)).normalized()
    assert scores.heads.max() == scores.mlps.max() == 1

    kept = scores.heads > np.median(scores.heads, axis=1, keepdims=True)
    kept[0] = False  # and a layer without heads, and one without an MLP
    smaller = remove(model, StructuredMask(kept, [1, 0, 1]))
    recipe = Recipe(learning_rate=5e-3, epochs=10, batch_size=8)
    before = {name: p.detach().clone() for name, p in smaller.named_parameters()}
    curve = finetune(smaller, train, recipe, seed=2)
    losses = [loss for _, loss in curve.loss]
    assert np.mean(losses[-5:]) < 0.5 * np.mean(losses[:5])
    layers = OUTPUTS[family][0].split(".{")[0]
    still = [n for n, p in smaller.named_parameters() if layers in n and torch.equal(p, before[n])]
    # A constant added to all keys of a row does not change its softmax.
    assert all(n.endswith(("key.bias", "k_lin.bias", "attn.k.bias")) for n in still), still


@EVERY_FAMILY
def test_what_was_stored_is_what_is_loaded(stored: Path, family: str) -> None:
    name = f"{CLASSES[family]}Model"
    kept = getattr(transformers, name).from_pretrained(stored / family, local_files_only=True)
    model, _ = load_backbone(str(stored / family), "RTE")
    loaded = getattr(model, model.base_model_prefix).state_dict()
    assert loaded
    assert all(torch.equal(values, kept.state_dict()[key]) for key, values in loaded.items())


@EVERY_FAMILY
@pytest.mark.parametrize("attention", ["sdpa", "eager"])
def test_head_masks_do_nothing_in_transformers(family: str, attention: str) -> None:
    """A guard: whoever trusts the argument `head_mask` prunes nothing, or is told so.

    Should this fail, transformers honours head masks again. Masks act by hooks here
    (lottery_utils/pruning.py) and need no change, but its explanation does.
    """
    model = tiny(family, attention)
    batch = batch_for(model)
    inputs = {name: batch[name] for name in ("input_ids", "attention_mask")}
    with torch.no_grad():
        try:
            found = model(**inputs, head_mask=torch.zeros(N_LAYERS, N_HEADS)).logits
        except TypeError as refusal:
            assert "head_mask" in str(refusal)
            return
    assert torch.equal(found, logits(model, batch))
