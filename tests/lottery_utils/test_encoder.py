"""Every family of backbones: BERT, RoBERTa, ELECTRA, DistilBERT and MPNet, tiny and random.

What a mask, its importance and its removal mean is tested on BERT (test_pruning.py,
test_importance.py). Here it is tested that they mean the same wherever a family keeps its
parts, without using the table of their names.
"""

from __future__ import annotations

import copy
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from conftest import masks, randomized
from hypothesis import given, settings
from torch import Tensor, nn

from lottery_utils import mpnet
from lottery_utils.attention import attention_maps
from lottery_utils.backbone import load_backbone
from lottery_utils.batches import EvaluationBatches, encode
from lottery_utils.encoder import FAMILIES, component_parameters, encoder_layers, encoder_shape
from lottery_utils.errors import UserError
from lottery_utils.importance import structured_importance
from lottery_utils.masks import StructuredMask
from lottery_utils.pruning import masked, prunable, remove
from lottery_utils.recipe import Recipe
from lottery_utils.tasks import Example, get_task
from lottery_utils.training import finetune

Model = Any
N_LAYERS, N_HEADS, SIZE = 3, 4, 32
CLASSES = {
    "bert": "Bert",
    "roberta": "Roberta",
    "electra": "Electra",
    "distilbert": "DistilBert",
    "mpnet": "MPNet",
}
# Where each family keeps the two maps whose outputs are added to the residual stream.
_BERT = ("encoder.layer.{}.attention.output.dense", "encoder.layer.{}.output.dense")
OUTPUTS = {
    "bert": _BERT,
    "roberta": _BERT,
    "electra": _BERT,
    "distilbert": ("transformer.layer.{}.attention.out_lin", "transformer.layer.{}.ffn.lin2"),
    "mpnet": ("encoder.layer.{}.attention.attn.o", "encoder.layer.{}.output.dense"),
}
EVERY_FAMILY = pytest.mark.parametrize("family", CLASSES)


def configuration(family: str, **values: Any) -> Any:
    shape = {"vocab_size": 300, "max_position_embeddings": 64, "type_vocab_size": 2}
    if family == "distilbert":
        shape |= {"n_layers": N_LAYERS, "n_heads": N_HEADS, "dim": SIZE, "hidden_dim": 2 * SIZE}
    else:
        shape |= {"num_hidden_layers": N_LAYERS, "num_attention_heads": N_HEADS}
        shape |= {"hidden_size": SIZE, "intermediate_size": 2 * SIZE}
    if family == "electra":
        shape["embedding_size"] = 16  # not the hidden size, as in ELECTRA itself
    return getattr(transformers, f"{CLASSES[family]}Config")(**shape, **values)


@cache
def tiny(family: str, attention: str = "sdpa", num_labels: int = 2) -> Model:
    """A random classifier in evaluation mode, biases and LayerNorms included. Do not change it."""
    config = configuration(family, num_labels=num_labels)
    config._attn_implementation = "eager" if family == "mpnet" else attention
    torch.manual_seed(0)
    model = randomized(getattr(transformers, f"{CLASSES[family]}ForSequenceClassification")(config))
    if family == "mpnet":
        model.mpnet.encoder.relative_attention_bias.weight.data.normal_(0.0, 2.0)
        if attention == "sdpa":  # ours: transformers has none
            for layer in encoder_layers(model):
                mpnet.adapt(layer.module.attention.attn)
    return model


def batch_for(model: Model, lengths: tuple[int, ...] = (7, 5, 3)) -> dict[str, Tensor]:
    """Examples of these lengths, padded by the family's own padding token."""
    generator = torch.Generator().manual_seed(0)
    attended = torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]
    ids = torch.randint(5, 60, attended.shape, generator=generator)
    labels = torch.arange(len(lengths)) % 2
    return {
        "input_ids": ids.where(attended, torch.tensor(model.config.pad_token_id)),
        "attention_mask": attended.long(),
        "labels": labels.float() * 4.5 if model.config.num_labels == 1 else labels,
    }


def logits(model: Model, batch: dict[str, Tensor]) -> Tensor:
    with torch.no_grad():
        result: Tensor = model(batch["input_ids"], attention_mask=batch["attention_mask"]).logits
    return result


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
    with masked(model, StructuredMask.full(N_LAYERS, N_HEADS).without([(1, 2)], [0])):
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
    smaller = remove(model, StructuredMask.full(N_LAYERS, N_HEADS).without([(0, 1), (2, 3)], [1]))
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
    everything = StructuredMask.full(N_LAYERS, N_HEADS)
    smaller = remove(tiny(family), everything.without(heads, mlps))
    batch = batch_for(smaller)
    for use in (
        lambda: masked(smaller, everything).__enter__(),
        lambda: remove(smaller, everything),
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
    model, everything = tiny("mpnet"), StructuredMask.full(N_LAYERS, N_HEADS)
    batch = batch_for(model)
    other = copy.deepcopy(model)
    other.mpnet.encoder.relative_attention_bias.weight.data[:, 2] += torch.arange(32.0)
    assert (logits(other, batch) - logits(model, batch)).abs().max() > 1e-3
    without = everything.without([(layer, 2) for layer in range(N_LAYERS)], [])
    torch.testing.assert_close(
        logits(remove(other, without), batch), logits(remove(model, without), batch)
    )


def test_removal_keeps_what_was_frozen() -> None:
    model = copy.deepcopy(tiny("bert")).requires_grad_(False)
    smaller = remove(model, StructuredMask.full(N_LAYERS, N_HEADS).without([(0, 1)], []))
    assert not any(p.requires_grad for p in smaller.parameters())


def gradients_by_hand(model: Model, example: dict[str, Tensor], mask: StructuredMask) -> Any:
    """dL/dxi of one example by scaling the weights: no hooks, and the model's own loss."""
    heads = torch.tensor(mask.heads.tolist(), dtype=torch.float32, requires_grad=True)
    mlps = torch.tensor(mask.mlps.tolist(), dtype=torch.float32, requires_grad=True)
    parameters, changed = dict(model.named_parameters()), {}
    attention, mlp = (f"{model.base_model_prefix}.{p}" for p in OUTPUTS[model.config.model_type])
    for i in range(N_LAYERS):
        name = attention.format(i)
        columns = heads[i].repeat_interleave(SIZE // N_HEADS)
        changed[f"{name}.weight"] = parameters[f"{name}.weight"] * columns
        if not mask.heads[i].any():
            changed[f"{name}.bias"] = torch.zeros_like(parameters[f"{name}.bias"])
        for part in ("weight", "bias"):
            name = f"{mlp.format(i)}.{part}"
            changed[name] = parameters[name] * mlps[i]
    loss = torch.func.functional_call(model, changed, kwargs=example).loss
    of_heads, of_mlps = torch.autograd.grad(loss, (heads, mlps))
    return np.column_stack([of_heads.numpy(), of_mlps.numpy()])


@EVERY_FAMILY
@pytest.mark.parametrize("num_labels", [2, 1], ids=["classes", "regression"])
@pytest.mark.parametrize("attention", ["sdpa", "eager"])
def test_importance_equals_a_loop_of_one_backward_per_example(
    family: str, attention: str, num_labels: int
) -> None:
    model = tiny(family, attention, num_labels)
    everything = StructuredMask.full(N_LAYERS, N_HEADS)
    mask = everything.without([(0, 1), *((1, h) for h in range(N_HEADS))], [2])
    batch = batch_for(model)
    singles = []
    for i, length in enumerate(batch["attention_mask"].sum(1).tolist()):
        singles.append({k: v[i : i + 1, :length] for k, v in batch.items() if v.dim() == 2})
        singles[-1]["labels"] = batch["labels"][i : i + 1]
    expected = np.abs([gradients_by_hand(model, single, mask) for single in singles]).mean(axis=0)
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


def test_another_architecture_is_refused_by_name() -> None:
    model = nn.Module()
    model.config = transformers.GPT2Config()
    with pytest.raises(UserError, match=r"'gpt2' model.*bert, roberta, electra, distilbert"):
        encoder_layers(model)
