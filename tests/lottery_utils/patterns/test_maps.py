"""Annotated maps: written and read again, refused where broken, and drawn for labelling."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt
import pytest

from lottery_utils.errors import UserError
from lottery_utils.patterns import sheets as annotation
from lottery_utils.patterns.maps import (
    CLS,
    PUNCTUATION,
    SEP,
    TYPES,
    WORD,
    AnnotatedMap,
    load_maps,
    save_maps,
    token_kinds,
)


def noise(n: int, seed: int = 0) -> npt.NDArray[np.float32]:
    """A map of n tokens without a pattern, its largest value 1."""
    values = np.random.default_rng(seed).random((n, n), dtype=np.float32)
    return values / values.max()


def test_what_was_saved_is_what_is_loaded(tmp_path: Path) -> None:
    kept = [
        AnnotatedMap(
            noise(n, n), np.arange(n, dtype=np.uint8) % 4, n, n + 1, f"task {n}", "tuned", n % 5
        )
        for n in (5, 1, 9)
    ]
    kept[1] = replace(kept[1], label=2, second=4)
    save_maps(kept, tmp_path / "maps.npz")
    found = load_maps(tmp_path / "maps.npz")
    for one, other in zip(kept, found, strict=True):
        assert other.values.dtype == np.float32
        np.testing.assert_allclose(other.values, one.values, atol=0.5 / 255 + 1e-6)
        assert other.tokens.tolist() == one.tokens.tolist()
        for name in ("layer", "head", "task", "state", "label", "second"):
            assert getattr(other, name) == getattr(one, name), name


def test_kinds_of_tokens() -> None:
    tokens = "[CLS] it 's good , ##ly ! [SEP] <s> ... </s>".split()
    kinds = token_kinds(tokens)
    assert kinds.dtype == np.uint8
    sentence = [CLS, WORD, WORD, WORD, PUNCTUATION, WORD, PUNCTUATION, SEP]
    assert kinds.tolist() == [*sentence, CLS, PUNCTUATION, SEP]
    of_roberta = token_kinds(["\u0120so", "\u0120,", "\u0120", "!"])
    assert of_roberta.tolist() == [WORD, PUNCTUATION, WORD, PUNCTUATION]


def test_maps_without_kinds_of_tokens_stay_so(tmp_path: Path) -> None:
    plain = AnnotatedMap(noise(4))
    known = AnnotatedMap(noise(3), np.array([CLS, WORD, SEP], np.uint8))
    for number, kept in enumerate(([plain, plain], [plain, known], [known, plain])):
        path = tmp_path / f"{number}.npz"
        save_maps(kept, path)
        assert [m.tokens.tolist() for m in load_maps(path)] == [m.tokens.tolist() for m in kept]


class Trap:
    """Whoever unpickles it makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


@pytest.mark.parametrize(
    "name", ["missing", "text", "cut", "pickle", "another array", "few labels", "objects"]
)
def test_a_broken_file_is_one_clear_sentence(tmp_path: Path, name: str) -> None:
    path, trap = tmp_path / "maps.npz", Trap(tmp_path / "sprung")
    save_maps([AnnotatedMap(noise(4)), AnnotatedMap(noise(5))], path)
    with np.load(path) as file:
        data = dict(file)
    contents = {"text": b"maps", "cut": path.read_bytes()[:-40], "pickle": pickle.dumps(trap)}
    changes = {
        "few labels": {"label": data["label"][:1]},
        "objects": {"task": np.array([trap] * 2, object)},
    }
    path.unlink()
    if name in contents:
        path.write_bytes(contents[name])
    elif name in changes:
        np.savez(path, **(data | changes[name]))
    elif name == "another array":
        with path.open("wb") as opened:
            np.save(opened, noise(4))
    with pytest.raises(UserError, match=r"Cannot read annotated maps from .*maps\.npz.*expected"):
        load_maps(path)
    assert not (tmp_path / "sprung").exists(), "nothing was unpickled"


def test_a_folder_in_the_layout_of_the_authors(tmp_path: Path) -> None:
    np.save(tmp_path / "one.npy", 4 * noise(5))
    np.save(tmp_path / "two.npy", np.zeros((3, 3)))
    (tmp_path / "labels.tsv").write_text("two\tblock\none.npy\tvertical+diagonal\n")
    two, one = load_maps(tmp_path)
    assert (TYPES[two.label], TYPES[one.label]) == ("block", "vertical+diagonal")
    np.testing.assert_allclose(one.values, noise(5), rtol=1e-6)
    assert one.values.dtype == two.values.dtype == np.float32
    assert not two.values.any()


OBJECTS = np.array([[Trap(Path("sprung"))]], object)


@pytest.mark.parametrize(
    ("table", "content", "message"),
    [
        ("one\tblock\ntwo\tblock\n", noise(4), r"labels\.tsv, line 2: cannot read .*two\.npy"),
        ("one\tblock\none\tbox\n", noise(4), r"labels\.tsv, line 2: expected .* vertical, diag"),
        ("one,block\n", noise(4), r"labels\.tsv, line 1: expected the name of a map, a tab"),
        ("", noise(4), r"labels\.tsv is empty"),
        (b"on\xe9\tblock\n", noise(4), r"labels\.tsv, line 1"),
        (None, noise(4), "one .tsv file of names and labels; it has 0"),
        ("one\tblock\n", noise(4)[:3], r"labels\.tsv, line 1: .*one\.npy.* shape.* \(3, 4\)"),
        ("one\tblock\n", np.full((2, 2), np.nan), r"labels\.tsv, line 1: .*one\.npy.* numbers"),
        ("one\tblock\n", np.array([["a", "b"], ["c", "d"]]), r"labels\.tsv, line 1: .*one\.npy"),
        ("one\tblock\n", b"maps", r"labels\.tsv, line 1: cannot read .*one\.npy"),
        ("one\tblock\n", OBJECTS, r"labels\.tsv, line 1: cannot read .*one\.npy"),
    ],
)
def test_a_broken_folder_names_file_and_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, table: Any, content: Any, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    if table is not None:
        raw = table if isinstance(table, bytes) else table.encode()
        (tmp_path / "labels.tsv").write_bytes(raw)
    if isinstance(content, bytes):
        (tmp_path / "one.npy").write_bytes(content)
    else:
        np.save(tmp_path / "one.npy", content)
    with pytest.raises(UserError, match=message):
        load_maps(tmp_path)
    assert not (tmp_path / "sprung").exists(), "nothing was unpickled"


def test_a_contact_sheet_draws_each_map_under_its_number() -> None:
    tokens = np.array([CLS, WORD, PUNCTUATION, WORD, SEP], np.uint8)
    maps = [AnnotatedMap(noise(5, i), tokens) for i in range(11)]
    sheet = annotation.contact_sheet(maps, [7 * i for i in range(11)])
    shown = [axis for axis in sheet.axes if axis.get_visible()]
    assert [axis.get_title() for axis in shown] == [str(7 * i) for i in range(11)]
    for axis, drawn_map in zip(shown, maps, strict=True):
        (image,) = axis.images
        np.testing.assert_array_equal(image.get_array(), drawn_map.values)
        assert len(axis.lines) == 2 * 3, "both edges of the three that are no words"
    plt.close(sheet)


def test_sheets_hold_every_map_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_maps([AnnotatedMap(noise(3)) for _ in range(50)], tmp_path / "maps.npz")
    found: list[list[int]] = []

    def note(maps: list[AnnotatedMap], numbers: list[int]) -> Any:
        assert len(maps) == len(numbers) <= 48
        found.append(numbers)
        return plt.figure(figsize=(1, 1))

    monkeypatch.setattr(annotation, "contact_sheet", note)
    command = ["annotation", str(tmp_path / "maps.npz"), str(tmp_path / "sheets")]
    for order in ([], ["--order", "7"]):
        monkeypatch.setattr("sys.argv", [*command, *order])
        annotation.main()
    sheets = sorted(path.name for path in (tmp_path / "sheets").iterdir())
    assert sheets == ["maps-01.png", "maps-02.png"]
    plain, shuffled = found[0] + found[1], found[2] + found[3]
    assert plain == list(range(50))
    assert shuffled != plain
    assert sorted(shuffled) == plain
