"""Which of five types is an attention map? The paper's network (section 5.2), trained by us.

    python -m lottery_utils.patterns.network                  train on the maps that come with this
    python -m lottery_utils.patterns.network raw=FOLDER       on a folder of .npy files and labels

Two 3x3 convolutions with 16, 32 and 64 channels, halved in size between them, then 1x1 to 16, an
average over the map's own tokens (so that maps may be of any size), and 1x1 to the types.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from lottery_utils.errors import UserError, in_one_sentence
from lottery_utils.patterns.maps import (
    TYPES,
    UNLABELLED,
    WEIGHTINGS,
    AnnotatedMap,
    load_maps,
    network_file,
    shipped,
)

FloatArray = npt.NDArray[np.float32]
EPOCHS, BATCH, RATE = 40, 8, 2e-3  # enough to fit the maps trained on; no others were looked at
SMALLEST = 8  # smaller maps are surrounded with zeros, so that halving twice leaves something


class PatternNet(nn.Module):
    """Maps, float32 (batch, side, side), to scores of the types (batch, types)."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(before, after, 3, padding=1),
                nn.ReLU(),
                nn.Conv2d(after, after, 3, padding=1),
                nn.ReLU(),
            )
            for before, after in ((1, 16), (16, 32), (32, 64))
        )
        self.narrow = nn.Conv2d(64, 16, 1)
        self.types = nn.Conv2d(16, len(TYPES), 1)

    def forward(self, maps: Tensor, sizes: Tensor) -> Tensor:
        """`sizes` (batch,) are the maps' own sides; what is beyond them is zero."""
        x = maps[:, None]
        places = torch.arange(maps.shape[-1], device=maps.device) < sizes[:, None]
        inside = (places[:, :, None] & places[:, None, :]).float()[:, None]
        for i, block in enumerate(self.blocks):
            if i:  # halved upwards, so that an odd map keeps its last row and column
                x, inside = (
                    nn.functional.max_pool2d(values, 2, ceil_mode=True) for values in (x, inside)
                )
            for layer in block.children():  # beyond the map is zero for every one
                x = layer(x) * inside
        x = torch.relu(self.narrow(x)) * inside
        mean = x.sum(dim=(2, 3), keepdim=True) / inside.sum(dim=(2, 3), keepdim=True)
        scores: Tensor = self.types(mean).flatten(1)
        return scores


def padded(maps: Sequence[FloatArray]) -> tuple[Tensor, Tensor]:
    """Maps of several sizes as one tensor (batch, side, side), and their sizes (batch,)."""
    side = max(SMALLEST, *(len(values) for values in maps))
    batch = np.zeros((len(maps), side, side), np.float32)
    for i, values in enumerate(maps):
        batch[i, : len(values), : len(values)] = values / max(float(values.max()), 1e-12)
    return torch.from_numpy(batch), torch.tensor([len(values) for values in maps])


def train(maps: Sequence[AnnotatedMap], *, seed: int = 0, epochs: int = EPOCHS) -> PatternNet:
    """A network trained on labelled maps: Adam, cosine decay, cross-entropy, nothing chosen
    by looking at other maps. Raises `ValueError` without maps.
    """
    if not maps:
        raise ValueError("training the classifier needs labelled maps")
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    net = PatternNet()
    n_batches = -(-len(maps) // BATCH)
    optimizer = torch.optim.Adam(net.parameters(), lr=RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs * n_batches)
    labels = torch.tensor([m.label for m in maps])
    lengths = np.array([len(m.values) for m in maps])
    for _ in range(epochs):
        # Maps of about the same size go together, others in every epoch: less padding.
        batches = np.array_split(np.argsort(lengths + rng.normal(0, 4, len(maps))), n_batches)
        for chosen in (batches[i] for i in rng.permutation(n_batches)):
            batch, sizes = padded([maps[i].values for i in chosen])
            loss = nn.functional.cross_entropy(net(batch, sizes), labels[chosen])
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
    return net.eval()


@torch.inference_mode()
def classify(net: PatternNet, maps: Sequence[FloatArray], batch: int = 256) -> npt.NDArray[Any]:
    """The type of each map (tokens, tokens), as an index of `TYPES`: int64 (maps,)."""
    order = np.argsort([len(values) for values in maps], kind="stable")
    found = np.zeros(len(maps), np.int64)
    device = next(net.parameters()).device
    for start in range(0, len(order), batch):
        chosen = order[start : start + batch]
        values, sizes = padded([maps[i] for i in chosen])
        found[chosen] = net(values.to(device), sizes.to(device)).argmax(1).cpu().numpy()
    return found


def load(weighting: str) -> PatternNet:
    """The trained network. Raises `UserError` where its file is missing or broken."""
    from safetensors.torch import load_file

    net, path = PatternNet(), network_file(weighting)
    try:
        net.load_state_dict(load_file(path))
    except Exception as error:  # safetensors has exceptions of its own
        raise UserError(
            f"Cannot read the classifier {path} ({type(error).__name__}): train it with "
            "'python -m lottery_utils.patterns.network'."
        ) from error
    return net.eval()


def main(arguments: Sequence[str]) -> None:
    """Train both networks, or those named, on the shipped maps or on a folder's."""
    from safetensors.torch import save_file

    places = dict(argument.partition("=")[::2] for argument in arguments)
    if unknown := set(places) - set(WEIGHTINGS):
        raise UserError(f"Unknown maps {sorted(unknown)}: expected raw=FOLDER or normed=FOLDER.")
    for weighting in places or WEIGHTINGS:
        maps = load_maps(places.get(weighting) or shipped(weighting))
        net = train([m for m in maps if m.label != UNLABELLED])
        save_file({k: v.contiguous() for k, v in net.state_dict().items()}, network_file(weighting))
        print(f"{network_file(weighting)}: trained on {len(maps)} maps")


if __name__ == "__main__":
    with in_one_sentence():
        main(sys.argv[1:])
