"""Whether a student's answer is right, and if not, a hint that fits the mistake.

Every check takes what the student wrote, tries it, and returns a `Note`, or raises `NotYet`. It
goes by what an answer does and never by how it is written.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from lottery_utils.agreement.inference import t_interval
from lottery_utils.errors import UserError
from lottery_utils.masks import StructuredMask
from replication.book.show import Note
from replication.book.written import number, within
from replication.course.lesson import Lesson

FloatArray = npt.NDArray[np.float64]


class NotYet(UserError):  # noqa: N818  # a step on the way, and not an error of the program
    """An answer that is not right yet. The message says what is wrong, and has a hint for it."""


def right(text: str) -> Note:
    return Note(f"Right. {text}")


def wrong(what: str, hint: str) -> NotYet:
    return NotYet(f"{what} Hint: {hint}")


def answered(answer: Any, name: str) -> Any:
    """The answer, if there is one. Raises `NotYet` for a blank, and gives nothing away."""
    if answer is ... or answer is None:
        raise NotYet(f"{name} is still blank. Write your answer in the cell above, then run both.")
    return answer


def array(answer: Any, shape: tuple[int, ...], name: str) -> FloatArray:
    """The answer as numbers of a shape. Raises `NotYet` for others."""
    try:
        found = np.asarray(answered(answer, name), float)
    except (TypeError, ValueError):
        raise wrong(
            f"{name} should be numbers, not {type(answer).__name__}.",
            "print what you give, and look at it.",
        ) from None
    if found.shape != shape:
        raise wrong(
            f"{name} should have the shape {shape}, and yours has {found.shape}.",
            "which axes should be there in the end, and which not?",
        )
    return found


# 1. Score heads by hand


def head_importance(answer: Callable[[FloatArray], Any], gradients: FloatArray) -> Note:
    """I_h, the mean over examples of |dL(x)/dxi_h|, from gradients (examples, layers, heads)."""
    hint = "read the formula from the inside out: what happens to one example first?"
    found = array(answer(gradients), gradients.shape[1:], "head_importance(gradients)")
    expected = np.abs(gradients).mean(axis=0)
    if np.allclose(found, expected, rtol=1e-5):
        return right("Examples that pull in opposite directions do not cancel.")
    if np.allclose(found, np.abs(gradients.mean(axis=0)), rtol=1e-5):
        raise wrong(
            "This is the absolute value of the mean, where examples that pull in opposite "
            "directions cancel.",
            "what comes first, the mean or the absolute value?",
        )
    if np.allclose(found, np.abs(gradients).sum(axis=0), rtol=1e-5):
        raise wrong(
            "This grows with the number of examples.", "an expectation over examples is a mean."
        )
    if (found < 0).any():
        raise wrong("Some of these are negative, and an importance is a size.", hint)
    raise wrong("These are not the importance scores.", hint)


def by_layer(answer: Callable[[FloatArray], Any]) -> Note:
    """Scores (layers, heads) divided by the l2 norm of their layer."""
    scores = np.random.default_rng(0).random((3, 4)) * np.array([[1.0], [10.0], [100.0]])
    hint = "the l2 norm is the root of a sum of squares, and every row has its own."
    found = array(answer(scores.copy()), scores.shape, "by_layer(scores)")
    if np.allclose(found, scores / np.sqrt((scores**2).sum(axis=1, keepdims=True))):
        return right("All layers now have the same norm, and no layer is emptied first.")
    if np.allclose(found, scores / np.sqrt((scores**2).sum())):
        raise wrong("This divides all by one norm: large layers stay large.", hint)
    if np.allclose(found, scores / scores.sum(axis=1, keepdims=True)):
        raise wrong("This divides by the sum of a layer.", hint)
    raise wrong("The layers are not divided by their l2 norms.", hint)


def rank_correlation(answer: Any, scores: FloatArray, measured: FloatArray, layer: int) -> Note:
    """Spearman's correlation of a layer's scores and the size of what was measured."""
    from scipy.stats import spearmanr

    hint = "Spearman's correlation is Pearson's of the ranks; scipy.stats has both."
    found = float(array(answer, (), "agreement"))
    expected = float(spearmanr(scores[layer], np.abs(measured)).statistic)
    if abs(found - expected) < 1e-6:
        return right(
            f"The ranks agree to {number(expected, 2, signed=True)}; 1 would be the same order."
        )
    raise wrong(f"{found:.3f} is not the rank correlation.", hint)


# 2. Prune until it breaks


def least_important(answer: Callable[[FloatArray, StructuredMask, int], Any]) -> Note:
    """The `n` heads of lowest score among those that are kept, as (layer, head) pairs."""
    rng = np.random.default_rng(1)
    scores = rng.permutation(12).reshape(3, 4) / 12
    kept = StructuredMask.full(3, 4).without([(0, 1), (2, 2)], [])
    scores[0, 1] = scores[2, 2] = -1.0  # already removed, and lowest
    hint = "a removed head must never come first: which score would keep it at the end?"
    found = answered(answer(scores, kept, 3), "least_important(scores, kept, n)")
    try:
        places = [(int(layer), int(head)) for layer, head in found]
    except (TypeError, ValueError):
        raise wrong("A list of (layer, head) pairs is wanted.", hint) from None
    if {(0, 1), (2, 2)} & set(places):
        raise wrong("This takes heads that have been removed before.", hint)
    if len(set(places)) != 3:
        raise wrong(f"3 heads are wanted, and these are {len(set(places))}.", hint)
    order = sorted(zip(*np.nonzero(kept.heads), strict=True), key=lambda place: scores[place])
    if set(places) == {(int(layer), int(head)) for layer, head in order[:3]}:
        return right("Only heads that are still there, the least important first.")
    if set(places) == {(int(layer), int(head)) for layer, head in order[-3:]}:
        raise wrong("These are the most important heads.", "sort upwards, and take the first n.")
    raise wrong("These are not the 3 heads of lowest score.", hint)


def passes(answer: Callable[[float, float], Any]) -> Note:
    """The 90 % rule: 90 percent of what?"""
    hint = "90 % of what? Exactly 90 % still passes."
    cases = [(0.8, 0.8, True), (0.9, 1.0, True), (0.715, 0.8, False), (0.3, 0.32, True)]
    for score, full, expected in cases:
        found = bool(answered(answer(score, full), "passes(score, full_score)"))
        if found != expected:
            word = "pass" if expected else "fail"
            raise wrong(f"A score of {score} should {word} where the full model has {full}.", hint)
    return right("90 % of the full model's score, and not a score of 0.9.")


def loop(
    answer: Any,
    lesson: Lesson,
    choose: Callable[[FloatArray, StructuredMask, int], Any],
    passes: Callable[[float, float], Any],
) -> Note:
    """Whether the loop ends where it should with the student's own two parts, right or wrong."""
    found = answered(answer, "trial")
    if not isinstance(found, StructuredMask):
        raise wrong(
            f"kept should be a mask, not {type(found).__name__}.",
            "kept.without(...) gives a mask.",
        )
    try:
        expected = lesson.prune(choose, passes)
    except (TypeError, ValueError):
        raise wrong(
            "The loop cannot run with the two functions above.", "finish those first."
        ) from None
    if found != expected and found <= expected:
        raise wrong(
            f"{found.n_heads} heads are left, and the last of these steps did not pass.",
            "go back to the last mask that passed.",
        )
    if found != expected:
        raise wrong(
            f"{found.n_heads} heads are left, and the rule leaves {expected.n_heads} (or others).",
            "score the heads again after every step, under the mask of that step.",
        )
    if expected != lesson.good():
        return right(
            f"The loop does what your two functions say. One of them is not right yet: the 90 % "
            f"rule leaves {lesson.good().n_heads} heads, and not {found.n_heads}."
        )
    return right(f"{found.n_heads} of {found.heads.size} heads are left.")


# 3. Is your ticket better than random?


def random_like(answer: Callable[[StructuredMask, Any], Any]) -> Note:
    """Masks with exactly as many heads as another, every head equally likely."""
    hint = "draw as many places as the mask has heads, out of all, without replacement."
    heads = np.zeros((3, 8), bool)
    heads[0, :6] = True
    mask = StructuredMask(heads, np.ones(3, bool))
    rng = np.random.default_rng(0)
    draws = [answered(answer(mask, rng), "random_like(mask, rng)") for _ in range(400)]
    if not all(isinstance(draw, StructuredMask) for draw in draws):
        raise wrong("random_like should give a StructuredMask.", "StructuredMask(heads, mask.mlps)")
    sizes = {draw.n_heads for draw in draws}
    if sizes != {mask.n_heads}:
        raise wrong(
            f"A mask of {mask.n_heads} heads gave masks of {min(sizes)} to {max(sizes)}.", hint
        )
    if len(set(draws)) < 10:
        raise wrong("The draws are (nearly) all the same.", "every mask needs a new draw from rng.")
    share = np.mean([draw.heads for draw in draws], axis=0)
    if np.abs(share - 6 / 24).max() > 0.12:  # five standard errors and more
        raise wrong("Some heads are drawn far more often than others.", hint)
    return right("Same size, so that only the choice of heads differs.")


def p_value(answer: Callable[[float, Sequence[float]], Any]) -> Note:
    """(1 + how many random scores reach the good one's) / (1 + how many there are)."""
    hint = "if it were just another draw, your ticket would be one of the draws: count it too."
    below = [0.1, 0.2, 0.3, 0.4]
    for score, among, expected in ((0.5, below, 0.2), (0.3, below, 0.6), (0.0, below, 1.0)):
        found = float(array(answer(score, among), (), "p_value(score, random_scores)"))
        if abs(found - expected) > 1e-9:
            if found == np.mean(np.array(among) >= score):
                raise wrong("No number of draws can show a p of 0.", hint)
            raise wrong(f"p of {score} among {among} should be {expected}, not {found:.3g}.", hint)
    return right("With n draws the smallest p is 1 / (n + 1).")


def interval(answer: Any, differences: Sequence[float]) -> Note:
    """Student's 95 % interval of a few paired differences: (low, high)."""
    hint = "mean ± a quantile of Student's t times the standard error of the mean."
    low, high = array(answer, (2,), "interval")
    expected = t_interval(differences)
    if np.allclose((low, high), expected[1:3], atol=1e-6):
        return right(f"{within(low, high, signed=True)}, from {len(differences)} seeds.")
    half = 1.96 * np.std(differences, ddof=1) / np.sqrt(len(differences))
    if np.allclose(high - low, 2 * half, atol=1e-6):
        raise wrong("1.96 is for many seeds.", f"with {len(differences)} take Student's t. {hint}")
    raise wrong("This is not Student's 95 % interval.", hint)


# 4. Argue from attention maps


def shares(answer: Callable[[Any, Any], Any]) -> Note:
    """The share of each of five types among the maps of some heads."""
    types = np.array([[[0, 1], [4, 4]], [[0, 2], [4, 1]]])  # (examples, layers, heads)
    heads = np.array([[True, False], [False, True]])
    hint = "first take the maps of those heads only, then count each number from 0 to 4."
    found = array(answer(types, heads), (5,), "shares(types, heads)")
    if np.allclose(found, [0.5, 0.25, 0, 0, 0.25]):
        return right("They add up to 1.")
    if np.allclose(found, [2, 1, 0, 0, 1]):
        raise wrong("These are counts.", "divide by the number of maps.")
    raise wrong("These are not the shares of the five types among those heads' maps.", hint)


def beyond_chance(answer: Any, own: FloatArray, drawn: FloatArray) -> Note:
    """For each type, whether its share lies outside 95 % of what random heads give: bool (5,)."""
    hint = "the middle 95 % of a column of drawn lies between two of its quantiles. Which?"
    found = array(answered(answer, "outside"), own.shape, "outside").astype(bool)
    low, high = np.quantile(drawn, [0.025, 0.975], axis=0)
    expected = (own < low) | (own > high)
    if np.array_equal(found, expected):
        return right(f"Outside: {int(expected.sum())} of {len(own)} types.")
    if np.array_equal(found, ~expected):
        raise wrong("This is the other way round.", "true where the share is outside.")
    raise wrong("These are not the types outside of the bounds.", hint)


def choice(answer: Any, best: str, why_not: dict[str, str]) -> Note:
    """A letter: the best of several sentences, and what is wrong with each of the others."""
    letters = sorted({best, *why_not})
    hint = f"one of the letters {', '.join(letters)}."
    letter = str(answered(answer, "answer")).strip().lower()
    if letter == best:
        return right("That is as far as the maps go.")
    if letter in why_not:
        raise wrong(f"Not {letter}: {why_not[letter]}", "what would random heads have shown?")
    raise wrong(f"{answer!r} is no answer.", hint)
