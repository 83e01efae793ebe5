"""The first page: what the paper claimed and what came out, in one figure and a few sentences."""

from __future__ import annotations

import html

import matplotlib.pyplot as plt
from IPython.display import Markdown
from matplotlib.ticker import MultipleLocator

from replication.book.show import COLOURS, Figure, Table, number, share, style
from replication.claims.claim import WINS
from replication.claims.rules import KEPT, Judged, kept
from replication.claims.trial import PAPER, Trial, over_seeds, sides
from replication.pages.claims import as_released, badge, counted, linked, registered, won
from replication.runs.run import missing


def outcome(trial: Trial) -> Markdown:
    """What happened here, in a few sentences made from the verdicts."""
    here = kept(trial.ours)
    under_way = missing(trial.study, trial.store)
    if len(here) == len(KEPT):
        shares = ", ".join(f"{kind} {share(of.found)}" for kind, of in here.items() if of.found)
        first = (
            f"Of the gain from fine-tuning, retrained tickets retain on average: {shares} (95 % CI "
            f"over {len(here['bad'].values)} tasks). {_answer(trial)}"
        )
    else:
        first = "Too few tasks have been learned so far: there is no result yet."
    n_claims = len(registered(trial.ours))
    second = f"Of {n_claims} registered claims: {counted(trial.ours)}."
    if under_way:
        n, every = len(trial.study.tasks) - len(under_way), len(trial.study.tasks)
        second += f" The study is under way ({n} of {every} tasks complete), and this may change."
    return Markdown(  # type: ignore[no-untyped-call]
        f"**What happened here:** {first} {second}"
    )


def _answer(trial: Trial) -> str:
    """On how many tasks bad tickets win, here and by the same rule in the released numbers."""
    here, theirs = (won(over_seeds(trial, side)) for side in (trial.study.name, PAPER))
    return (
        f"A ticket wins if it retains at least {WINS:.0%} of the gain. In this small model, "
        f"{here}. In BERT-base, by the released scores, {theirs}."
    )


@style()
def plot(trial: Trial) -> Figure:
    """What retrained tickets keep of the full model's gain, for BERT-base and here."""
    shown = sides(trial)
    drawing, axis = plt.subplots(figsize=(7.2, 1.9), layout="constrained")
    told = []
    for place, (name, of) in enumerate(shown.items()):
        for up, (kind, judged) in zip((0.26, 0.0, -0.26), of.items(), strict=False):
            found, means = judged.found, [*judged.means.values()]
            assert found is not None
            axis.plot(means, [place + up] * len(means), "|", color=COLOURS[kind], alpha=0.6)
            axis.plot([found.low, found.high], [place + up] * 2, color=COLOURS[kind], lw=2)
            label = f"{kind} ticket" if place == 0 else None
            axis.plot(found.mean, place + up, "o", color=COLOURS[kind], label=label)
            told.append(f"{name}, {kind}: {number(found.mean, 2)}")
    axis.set_yticks(range(len(shown)), [_with_size(name, of) for name, of in shown.items()])
    axis.set_ylim(-0.5, len(shown) - 0.5)
    for x, text in ((0, "majority baseline"), (1, "full model")):
        axis.axvline(x, color="0.7", lw=1, zorder=0)
        axis.annotate(text, (x, 1), xycoords=("data", "axes fraction"), ha="center", fontsize=8)
    axis.xaxis.set_major_locator(MultipleLocator(0.5))
    axis.set_xlabel("kept of what fine-tuning gains (share)")
    axis.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize=9)
    return Figure.of(
        drawing,
        "What a retrained ticket keeps: its gain over the majority baseline as a share of the full "
        "model's. Dots are means over tasks, lines their 95 % intervals, strokes the single tasks. "
        f"Up to {len(trial.study.seeds)} seeds a task here, five of BERT-base.",
        f"Interval plot of what retrained tickets keep. {'; '.join(told)}.",
    )


def _with_size(name: str, of: dict[str, Judged]) -> str:
    n = max(judged.found.n for judged in of.values() if judged.found)
    return f"{name}\n{n} tasks"


def claims(trial: Trial, page: str) -> Table:
    """Every claim in a line, with both verdicts; `page` is the address of the page on trial, which
    says more of those that have an interval."""
    return linked(
        {
            "": f'<a href="{page}#{ours.claim.key}">{html.escape(ours.claim.text)}</a>'
            + (f"<small>added {ours.claim.added}</small>" if ours.claim.added else ""),
            "here": badge(_short(ours)),
            PAPER: badge(_short(as_released(theirs))),
        }
        for ours, theirs in zip(trial.ours, trial.theirs, strict=True)
    )


def _short(judged: Judged) -> Judged:
    return judged._replace(why="") if judged.found else judged
