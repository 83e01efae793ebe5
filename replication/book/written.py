"""How a page writes a number, an interval and a p value: one way for the whole book."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, SupportsFloat

from lottery_utils.agreement.inference import t_interval
from replication.claims.claim import LEVEL, Claim

if TYPE_CHECKING:
    from lottery_utils.agreement.chance import Chance

MINUS = "\u2212"
ANY = (-math.inf, math.inf)
# Retained gain on an axis, by what it is a share of: the page on the claims says why there are two.
OF_MEAN = "retained gain (100 %: mean of full models)"
OF_SEED = "retained gain (100 %: same seed's full model)"
EQUAL, NO_CI = "all equal", "no CI"
GAIN, DIFFERENCE = "retained gain", "difference in retained gain"  # units of claims


def number(value: SupportsFloat, digits: int = 3, *, signed: bool = False) -> str:
    """A score, a difference or a correlation as a page writes it; NaN is `undefined`."""
    return _written(value, f"{'+' if signed else ''}z.{digits}f")


def bound(value: float, digits: int = 6) -> str:
    """A bound, or a tick of an axis, without digits that say nothing: `0.5`, `−0.03`."""
    return _written(value, f"z.{digits}g")


def percent(value: SupportsFloat, digits: int = 0, *, signed: bool = False) -> str:
    """A share as a page writes it, `50 %`; NaN is `undefined`."""
    return _written(value, f"{'+' if signed else ''}z.{digits}%").replace("%", " %")


def _written(value: SupportsFloat, how: str) -> str:
    """A number with a real minus sign, and none before zero."""
    return "undefined" if math.isnan(value) else f"{float(value):{how}}".replace("-", MINUS)


def several(n: int, what: str) -> str:
    """So many of something: `1 seed`, `3 seeds`."""
    return f"{n} {what}{'' if n == 1 else 's'}"


def these(seeds: Sequence[int]) -> str:
    """Which seeds: `seed 42`, `seeds 1337, 42`."""
    return f"seed{'s' if len(seeds) > 1 else ''} {', '.join(map(str, seeds))}"


def machine(device: str) -> str:
    """What a record calls a device, as a page names it."""
    return "a processor" if device == "cpu" else device


def p_text(value: float) -> str:
    """A p value: `p = 0.012`, or `p < 0.001`, as none is zero; NaN is undefined."""
    text = p_cell(value)
    return f"p {text}" if text[0] in "<u" else f"p = {text}"


def p_cell(value: float) -> str:
    """The same in a table whose column says that it is p: `0.012`, `< 0.001`, or `0.0498`."""
    if value < 0.001:
        return "< 0.001"
    digits = 3
    while value < LEVEL <= round(value, digits):  # so that it stays on its side
        digits += 1
    return number(value, digits)


def within(
    low: SupportsFloat, high: SupportsFloat, digits: int = 3, *, signed: bool = False
) -> str:
    """An interval as a page writes it, without what it is of."""
    return f"[{number(low, digits, signed=signed)}, {number(high, digits, signed=signed)}]"


def region(claim: Claim, unit: str = "") -> str:
    """Where the mean of a claim has to lie, and the means of how many tasks, in words."""
    scale = 100 if unit in (GAIN, DIFFERENCE) else 1
    low, high = bound(scale * claim.low), bound(scale * claim.high)
    if math.isinf(claim.high):
        text = f"above {low}"
    elif math.isinf(claim.low):
        text = f"below {high}"
    else:
        text = f"{low} to {high}"
    if not text.endswith(" 0"):
        text += {GAIN: " %", DIFFERENCE: " points"}.get(unit, "")
    if not claim.at_least:
        return text
    every = "every task" if claim.at_least == 1 else f"{percent(claim.at_least)} of the tasks"
    return f"{text}, on {every}"


def interval(
    found: Sequence[float],
    digits: int = 3,
    *,
    signed: bool = False,
    possible: tuple[float, float] = ANY,
) -> str:
    """A mean with its 95 % CI, the first three of `found`, or that there is none.

    One value has none, nor have equal ones; one that leaves what scores can be (`possible`) is not
    given.
    """
    text = number(found[0], digits, signed=signed)
    if has_ci(found, possible):
        return f"{text} {within(found[1], found[2], digits, signed=signed)}"
    n = f", n = {found[3]}" if len(found) > 3 else ""
    return f"{text} ({no_ci(found)}{n})"


def estimate(values: Iterable[float], possible: tuple[float, float] = ANY) -> str:
    """The mean of independent values, such as scores over seeds, with its 95 % CI."""
    return interval(t_interval([*values]), possible=possible)


def share(found: Sequence[float], possible: tuple[float, float] = ANY) -> str:
    """The same of a share, in percent."""
    mean, low, high = (percent(value) for value in found[:3])
    return f"{mean} [{low}, {high}]" if has_ci(found, possible) else f"{mean} ({no_ci(found)})"


def amount(value: SupportsFloat, unit: str = "") -> str:
    """A value in the unit of a claim: retained gain in percent, its differences in percentage
    points, all else as a number."""
    if unit == GAIN:
        return percent(value)
    if unit == DIFFERENCE:
        return f"{number(100 * float(value), 1, signed=True)} points"
    return number(value)


def reach(low: float, high: float, unit: str = "") -> str:
    """An interval in such a unit."""
    if unit == GAIN:
        return f"[{percent(low)}, {percent(high)}]"
    if unit == DIFFERENCE:
        return within(100 * low, 100 * high, 1, signed=True)
    return within(low, high)


def points(found: Sequence[float]) -> str:
    """A difference of shares with its 95 % CI: `+5.9 points [−6.3, +18.2]`."""
    mean = amount(found[0], DIFFERENCE)
    given = has_ci(found)
    return f"{mean} {reach(found[1], found[2], DIFFERENCE) if given else f'({no_ci(found)})'}"


def has_ci(found: Sequence[float], possible: tuple[float, float] = ANY) -> bool:
    """Whether an interval is one: Student's t, of few values, may leave what scores can be."""
    low, high = possible
    return low - 1e-9 <= found[1] <= found[2] <= high + 1e-9 and no_ci(found) != EQUAL


def no_ci(found: Sequence[float]) -> str:
    """What is written where there is no interval: without any spread it would have no width."""
    return EQUAL if abs(found[2] - found[1]) < 1e-9 else NO_CI


def plus_minus(mean: SupportsFloat, std: SupportsFloat, digits: int = 3) -> str:
    """A mean and a standard deviation as a page writes them."""
    return f"{number(mean, digits)}\u00a0±\u00a0{number(std, digits)}"


def beside_chance(value: SupportsFloat, found: Chance) -> str:
    """A value, and the range of 95 % of the draws by chance."""
    if math.isnan(found.mean):
        return number(value)
    return f"{number(value)} {within(found.low, found.high)}"


def by_chance(found: Chance) -> str:
    """What chance gives on average, and the range of 95 % of its draws."""
    return beside_chance(found.mean, found)
