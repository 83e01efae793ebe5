"""What tickets retain of the full model's gain, on the examples as they are and drawn again.

The unit and the bootstrap of the registered plan (`plan.yaml`), for one task. Records are read,
and the examples that are drawn again are the same in every run.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from lottery_utils.errors import UserError
from lottery_utils.metrics import majority_answers
from lottery_utils.tasks import get_task
from replication.claims.claim import reaches
from replication.experiments.answers import read_answers
from replication.runs.records import STATES
from replication.stages import TICKET_STAGE
from replication.store import Record

DRAWS = 2000
LEAST_GAIN = {"MRPC": 0.1, "RTE": 0.1}  # of a full model, for its task to enter
LEAST_GAIN_ELSE = 0.2

Array = npt.NDArray[np.float64]
Split = Literal["validation", "held_out"]


class Ticket(NamedTuple):
    """One kind of ticket of one method, `pruned` or `retrained`."""

    method: str
    kind: str
    state: str


# Numbers with their resampled selves: the first row is found on the examples as they are, each
# further one on examples drawn again, so that arithmetic on them needs no second thought.


def example_weights(n: int, name: str, draws: int = DRAWS) -> Array:
    """How often each of `n` examples counts: shape (1 + draws, n), the first row all ones.

    The others are bootstrap draws, always the same for a `name`.
    """
    rng = np.random.default_rng([*hashlib.sha256(name.encode()).digest()[:8]])
    drawn = rng.integers(n, size=(draws, n)) + n * np.arange(draws)[:, None]
    counts = np.bincount(drawn.ravel(), minlength=draws * n).reshape(draws, n)
    return np.vstack([np.ones(n), counts])


def weighted_scores(metric: str, answers: npt.ArrayLike, labels: Array, weights: Array) -> Array:
    """The metric of each of `answers`, shape (models, n), by each row of `weights`: (rows, models).

    Of the metrics by which GLUE's tasks are reported here: accuracy, and correlations, of which
    Matthews' is Pearson's where there are two classes. Undefined ones count as 0. Raises
    `UserError` for another metric.
    """
    given = np.atleast_2d(np.asarray(answers))

    def mean(values: Array) -> Array:
        found: Array = weights @ values.T / weights.sum(axis=1, keepdims=True)
        return found

    if metric == "accuracy":
        return mean((given == labels).astype(float))
    if metric not in ("matthews", "pearson") or (metric == "matthews" and labels.max() > 1):
        raise UserError(
            f"The registered plan has no bootstrap for {metric}: expected tasks that are reported "
            "by accuracy, by Pearson's r or, of two classes, by Matthews correlation."
        )
    x, y = given - given.mean(axis=1, keepdims=True), (labels - labels.mean())[None]
    covariance = mean(x * y) - mean(x) * mean(y)
    spread = (mean(x * x) - mean(x) ** 2) * (mean(y * y) - mean(y) ** 2)
    undefined = spread < 1e-12
    return np.where(undefined, 0.0, covariance / np.sqrt(np.where(undefined, 1.0, spread)))


@dataclass(frozen=True)
class Retained:
    """What one task's tickets retain of the full model's gain, on one set of `n` examples.

    `full` has the score of each seed's full model, `majority` that of the baseline, `tickets`
    each ticket's retained gain: shape (1 + draws, seeds), of `majority` (1 + draws, 1). A full
    model that gains nothing leaves no gain to retain: not a number.
    """

    metric: str
    seeds: tuple[int, ...]
    n: int
    full: Array
    majority: Array
    tickets: dict[Ticket, Array]

    def of_seeds(self, seeds: Sequence[int]) -> Retained:
        """The same of some of the seeds."""
        at = [self.seeds.index(seed) for seed in seeds]
        tickets = {ticket: values[:, at] for ticket, values in self.tickets.items()}
        return Retained(self.metric, tuple(seeds), self.n, self.full[:, at], self.majority, tickets)

    def why_left_out(self, task: str, threshold: float) -> str | None:
        """Why the task does not enter by the plan's rule, or None if it does."""
        least, majority = LEAST_GAIN.get(task, LEAST_GAIN_ELSE), self.majority[0, 0]
        gain = float((self.full[0] - majority).mean())
        if not reaches(gain, least):
            return f"its full models gain {gain:.3f} over the majority baseline, less than {least}"
        errors = self.full[1:].std(axis=0, ddof=1)
        if (threshold * self.full[0] - majority - 2 * errors).mean() < 0:
            return (
                f"{100 * threshold:.0f} % of the full model's score is less than two standard "
                "errors above the majority baseline"
            )
        return None


def retained(task: str, entries: Mapping[int, Mapping[str, Record]], split: Split) -> Retained:
    """Measure one task's tickets of all seeds on the examples of `split`, held out or searched."""
    about, seeds = get_task(task), tuple(entries)
    tuned = [entries[seed]["finetune"]["results"] for seed in seeds]
    texts = {one["labels"][split] for one in tuned}
    if len(texts) > 1:
        raise UserError(
            f"The seeds of {task} were not scored on the same examples: expected one set of "
            "labels; compute the entries again from the same files."
        )
    labels = read_answers(texts.pop(), graded=about.is_graded)
    answers = [one["predictions"][split] for one in tuned]
    names: list[Ticket] = []
    for method, stage in TICKET_STAGE.items():
        if not all(stage in entries[seed] for seed in seeds):
            continue
        of_seeds = [entries[seed][stage]["results"]["tickets"] for seed in seeds]
        for kind in of_seeds[0]:
            for state in STATES:
                names.append(Ticket(method, kind, state))
                answers += [one[kind]["answers"][state]["predictions"][split] for one in of_seeds]
    given = [read_answers(text, graded=about.is_graded) for text in answers]
    given.append(majority_answers(labels, graded=about.is_graded))
    weights = example_weights(len(labels), f"{task} {split}")
    scores = weighted_scores(about.metric, np.array(given), labels.astype(float), weights)
    full, majority = scores[:, : len(seeds)], scores[:, -1:]
    of_tickets = scores[:, len(seeds) : -1].reshape(len(scores), len(names), len(seeds))
    shares = {
        name: _shares(of_tickets[:, i] - majority, full - majority) for i, name in enumerate(names)
    }
    return Retained(about.metric, seeds, len(labels), full, majority, shares)


def _shares(gains: Array, of_full: Array) -> Array:
    """Gains as shares of the full model's, all of shape (1 + draws, seeds).

    Exact on the examples as they are, to first order on those drawn again: a full model of small
    gain has next to none in a few draws, and those few ratios would make most of the variance.
    """
    whole = np.where(of_full[0] > 0, of_full[0], np.nan)
    shares = gains[0] / whole
    found: Array = shares + (gains - shares * of_full) / whole
    return found
