"""Mini-GLUE: a corpus in the formats of GLUE that comes with the code.

English sentences drawn from small grammars and one lexicon, so that every stage of the
study runs where no data set can be downloaded. Each grammar covers constructions whose
label depends on structure, and balances them so that words alone say little. It is a
stand-in to learn and test with, not a benchmark: scores on it are not scores on GLUE.
"""

from __future__ import annotations

from collections.abc import Set

from miniglue import cola, mnli, mrpc, qnli, qqp, rte, sst2, stsb, wnli
from miniglue.grammar import Draw, Example, Grammar, MiniGlueError

GRAMMARS: dict[str, Grammar] = {
    "CoLA": cola.GRAMMAR,
    "SST-2": sst2.GRAMMAR,
    "RTE": rte.GRAMMAR,
    "MRPC": mrpc.GRAMMAR,
    "QQP": qqp.GRAMMAR,
    "STS-B": stsb.GRAMMAR,
    "MNLI": mnli.GRAMMAR,
    "QNLI": qnli.GRAMMAR,
    "WNLI": wnli.GRAMMAR,
}
TASKS_COVERED: tuple[str, ...] = tuple(GRAMMARS)

# The grammars give more than this; a larger training set would only repeat itself.
MOST_EXAMPLES = 20_000

Annotated = tuple[str, Example]


def generate(task: str, n_train: int, n_validation: int, seed: int = 0) -> dict[str, list[Example]]:
    """A training and a validation set for `task`, the same for the same arguments everywhere.

    No sentence occurs in both. The validation set depends on `n_validation` and `seed`
    only, so studies with training sets of different sizes are scored on the same examples.
    """
    annotated = generate_annotated(task, n_train, n_validation, seed)
    return {split: [example for _, example in drawn] for split, drawn in annotated.items()}


def generate_annotated(
    task: str, n_train: int, n_validation: int, seed: int = 0
) -> dict[str, list[Annotated]]:
    """As `generate`, each example with the name of the phenomenon that it shows."""
    grammar = _grammar(task)
    _check_sizes(task, n_train, n_validation)
    # Validation comes first and never looks at training; training steps around it.
    validation = _fill(
        grammar, n_validation, Draw(f"{task} validation {seed}", all_words=True), frozenset()
    )
    seen = frozenset(s for _, example in validation for s in _sentences(example))
    train = _fill(grammar, n_train, Draw(f"{task} train {seed}", all_words=False), seen)
    return {"train": train, "validation": validation}


def _grammar(task: str) -> Grammar:
    if task not in GRAMMARS:
        raise MiniGlueError(
            f"Mini-GLUE has no task {task!r}: it covers {', '.join(TASKS_COVERED)}; "
            f"take another data source for the rest."
        )
    return GRAMMARS[task]


def _check_sizes(task: str, n_train: int, n_validation: int) -> None:
    if n_train < 1 or n_validation < 1:
        raise MiniGlueError(
            f"Mini-GLUE needs at least one training and one validation example, "
            f"not {n_train} and {n_validation}."
        )
    if n_train + n_validation > MOST_EXAMPLES:
        raise MiniGlueError(
            f"Mini-GLUE gives at most {MOST_EXAMPLES} examples of {task} in all, "
            f"not {n_train} + {n_validation}: ask for fewer."
        )


def _sentences(example: Example) -> tuple[str, ...]:
    """What may not occur in two splits: each side of the example, whatever its case."""
    sides = (example.sentence1, example.sentence2)
    return tuple(side.lower() for side in sides if side is not None)


def _fill(grammar: Grammar, size: int, draw: Draw, elsewhere: Set[str]) -> list[Annotated]:
    """Draw groups until every label has its quota; skip groups that touch `elsewhere`.

    Each round goes once through all phenomena. A round gives a dozen new examples or more,
    so that running out of rounds means that the grammar has no more to say.
    """
    room = grammar.quotas(size)
    drawn: list[Annotated] = []
    had: set[tuple[str, ...]] = set()
    for _ in range(100 + size):
        if not any(room):
            return draw.shuffled(drawn)
        for phenomenon in draw.shuffled(grammar.phenomena):
            group = phenomenon(draw)
            if any(side in elsewhere for example in group for side in _sentences(example)):
                continue
            for example in draw.shuffled(group):
                if room[int(example.label)] and _sentences(example) not in had:
                    had.add(_sentences(example))
                    room[int(example.label)] -= 1
                    drawn.append((phenomenon.__name__, example))
    raise MiniGlueError(f"Mini-GLUE found only {len(drawn)} of {size} examples: ask for fewer.")
