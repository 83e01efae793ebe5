"""A claim as a row of a table: its verdict as a label, its estimate as a strip, its rule folded."""

from __future__ import annotations

import html
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from matplotlib.ticker import MaxNLocator

from replication.book.show import named_by
from replication.book.written import (
    ANY,
    DIFFERENCE,
    EQUAL,
    GAIN,
    amount,
    bound,
    has_ci,
    no_ci,
    p_cell,
    reach,
    region,
)
from replication.claims.evidence import OF_PAIRS
from replication.claims.power import MOST
from replication.claims.rules import Judged
from replication.claims.trial import PAPER

# What a mean can be at all: an interval beyond is none.
POSSIBLE = {"kappa": (-1.0, 1.0), "share of maps": (0.0, 1.0), "Pearson's r": (-1.0, 1.0)}


@dataclass(frozen=True)
class Verdicts:
    """Claims with what was found, a row for each: `rows` have the cells by column, as HTML.

    Below a row its `rule` is folded away. On a phone, where a row is a card, each cell has its
    column's name before it.
    """

    rows: list[dict[str, str]]
    caption: str = ""
    label: str = ""

    def _repr_html_(self) -> str:
        named = self.rows[0] if self.rows else {}
        columns = [name for name in named if name not in ("key", "claim", "paper", "rule")]
        heads = "".join(f'<th scope="col">{html.escape(name)}</th>' for name in columns)
        return (
            f'<table{named_by(self.label)} class="claims verdicts">'
            f"<caption>{html.escape(self.caption)}</caption><thead><tr>{heads}</tr></thead>"
            f"{''.join(self._row(columns, row) for row in self.rows)}</table>"
        )

    def _row(self, columns: Sequence[str], row: Mapping[str, str]) -> str:
        cells = "".join(
            f'<td data-column="{html.escape(name)}">{row[name]}</td>' for name in columns
        )
        return (
            f'<tbody id="{row["key"]}"><tr><th scope="rowgroup" colspan="{len(columns)}">'
            f"{row['claim']}<details><summary>{row['paper']}</summary>{row['rule']}</details>"
            f"</th></tr><tr>{cells}</tr></tbody>"
        )

    def __repr__(self) -> str:
        return "\n".join(row["key"] for row in self.rows)


WIDTH, EDGE = 220, 14  # of a strip, in the pixels of a desktop page


def strip(pair: Sequence[Judged], ends: Sequence[float]) -> str:
    """One claim as a picture, in its unit: its region shaded, our mean a filled dot, the released
    one an open one, each with its interval. The scale reaches to all `ends`."""
    claim = pair[0].claim
    if not any(judged.found for judged in pair):
        return ""
    ticks = MaxNLocator(nbins=4, steps=[1, 2, 5, 10]).tick_values(min(ends), max(ends))
    ticks = [tick for tick in ticks if min(ends) <= tick <= max(ends)]
    low, width = min(ends), max(ends) - min(ends) or 1.0

    def x(value: float) -> str:
        return f"{EDGE + (value - low) / width * (WIDTH - 2 * EDGE):.1f}"

    left, right = x(max(claim.low, low)), x(min(claim.high, max(ends)))
    parts = [f'<rect class="region" x="{left}" y="2" width="{float(right) - float(left):.1f}" '
             'height="28"/>']  # fmt: skip
    said = []
    for judged, y, name in zip(pair, (10, 22), ("here", PAPER), strict=True):
        if (found := judged.found) is None:
            continue
        if _printable(judged):
            parts.append(f'<path d="M{x(found.low)} {y}H{x(found.high)}"/>')
        parts.append(f'<circle class="{"here" if y == 10 else "paper"}" r="4" cx="{x(found.mean)}" '
                     f'cy="{y}"/>')  # fmt: skip
        said.append(f"{name} {estimate(judged)}")
    parts.append(f'<path class="axis" d="M{EDGE} 32H{WIDTH - EDGE}"/>')
    scale = 100 if claim.unit in (GAIN, DIFFERENCE) else 1
    unit = claim.unit + {GAIN: " (%)", DIFFERENCE: " (points)"}.get(claim.unit, "")
    parts += [f'<text x="{x(tick)}" y="45">{bound(scale * tick, 3)}</text>' for tick in ticks]
    parts.append(f'<text x="{WIDTH / 2}" y="59">{html.escape(unit)}</text>')
    label = html.escape(f"{unit}: {'; '.join(said)}; region {region(claim, claim.unit)}")
    return f'<svg role="img" aria-label="{label}" viewBox="0 0 {WIDTH} 63">{"".join(parts)}</svg>'


def ends_of(pair: Sequence[Judged]) -> list[float]:
    """What a scale for this claim has to reach: its bounds, means and intervals."""
    claim, found = pair[0].claim, [judged for judged in pair if judged.found]
    ends = [bound for bound in (claim.low, claim.high) if math.isfinite(bound)]
    for judged in found:
        of = judged.found
        assert of is not None
        ends += [of.mean, *((of.low, of.high) if _printable(judged) else ())]
    # A little is seen beyond either end: of an open region, and around a mean that is an end.
    room = 0.08 * (max(ends) - min(ends) or 1.0)
    return [*ends, max(ends) + room, min(ends) - room]


def rule(judged: Judged) -> str:
    """How a claim was judged: what is measured, its region and why, p values, task by task."""
    claim, found = judged.claim, judged.found
    section = claim.section.replace(".", "_")
    lines = {
        "Section": f'<a href="../../sec{section}.html">{claim.section}</a>',
        "Measured": html.escape(f"{claim.measure} ({claim.unit})"),
        "Region": f"{html.escape(region(claim, claim.unit))}. {html.escape(claim.why)}",
    }
    if found is not None and judged.p is not None and judged.resampled is not None:
        lines["p inside"] = f"{p_cell(found.p)}, after correction {p_cell(judged.p)}"
        lines["p outside"] = f"after correction {p_cell(judged.p_contrary or 0.0)}"
        lines["95 % CI by bootstrap"] = reach(*judged.resampled, claim.unit)
    if claim.beside:
        lines["Repeats"] = f'<a href="#{claim.beside}">a registered claim</a>'
    if judged.means:
        paired = claim.measure in OF_PAIRS
        lines["Jackknife pseudo-values" if paired else "By task"] = html.escape(
            ", ".join(f"{task} {amount(mean, claim.unit)}" for task, mean in judged.means.items())
        )
    return f"<dl>{''.join(f'<dt>{name}</dt><dd>{text}</dd>' for name, text in lines.items())}</dl>"


def badge(judged: Judged) -> str:
    """A verdict as a label, and why where the word alone is not enough."""
    return f"{badge_of(judged.verdict)} {judged.why}".strip()


def badge_of(word: str) -> str:
    """One of the verdicts as a label."""
    name = word.split(",")[0].replace(" ", "-")
    return f'<span class="verdict verdict-{name}">{word}</span>'


def estimate(judged: Judged) -> str:
    found = judged.found
    if found is None:
        n = len(judged.means)
        return f"{n} task{'s' if n > 1 else ''}" if n else ""
    unit = judged.claim.unit
    interval = reach(found.low, found.high, unit)
    if not _printable(judged):
        equal = no_ci((found.mean, found.low, found.high)) == EQUAL
        interval = f"({EQUAL if equal else 'no CI: it would exceed the possible range'})"
    paired = judged.claim.measure in OF_PAIRS
    tasks = f"jackknife over {found.n} tasks" if paired else f"inside on {_inside(judged)}"
    return f"{amount(found.mean, unit)} {interval}; {tasks}"


def _printable(judged: Judged) -> bool:
    """Whether the interval stays within what the unit allows."""
    found, possible = judged.found, POSSIBLE.get(judged.claim.unit, ANY)
    return found is not None and has_ci((found.mean, found.low, found.high), possible)


def _inside(judged: Judged) -> str:
    """On how many tasks the mean over seeds lies in the region; of one task, of how many seeds."""
    assert judged.found is not None
    n, unit = judged.found.n, "seeds" if len(judged.means) == 1 else "tasks"
    return f"{round(judged.found.inside * n)} of {n} {unit}"


def count_needed(n: float | None) -> str:
    """How many tasks or seeds a claim needs: None where the most that are counted are too few."""
    if n is None:
        return f"over {MOST:,}"
    return "–" if math.isnan(n) else f"{n:.0f}"
