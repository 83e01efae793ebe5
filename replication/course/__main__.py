"""What a teacher does with the exercises; the Makefile calls it.

python -m replication.course cache SST-2 7 11      make course-cache TASK=SST-2 SEEDS="7 11"
python -m replication.course handouts class        make handouts
python -m replication.course check task=RTE        make course
python -m replication.course page NOTEBOOK PAGE HANDOUT
"""

from __future__ import annotations

import argparse
import sys

from lottery_utils.errors import UserError, expanded, in_one_sentence
from replication.book import contents
from replication.book.build import parse_parameters
from replication.course import blanks, lesson
from replication.store import home


def cache(given: argparse.Namespace) -> None:
    for seed in given.seeds:
        print(f"{given.task}, seed {seed}: {lesson.prepare(given.task, seed)}", flush=True)


def handouts(given: argparse.Namespace) -> None:
    print(blanks.hand_out(given.folder))


def check(given: argparse.Namespace) -> None:
    parameters = parse_parameters(given.parameters)
    paths = sorted((home() / "notebooks" / "course").glob("exercise_*.ipynb"))
    contents.refuse_unknown(parameters, "\n".join(map(contents.cell_of_parameters, paths)))
    for path in paths:
        print(blanks.check(path, parameters), flush=True)


def page(given: argparse.Namespace) -> None:
    blanks.page(given.notebook, given.page, given.handout, {})


def main(arguments: list[str]) -> int:
    """Returns 0, or 1 after one sentence about what was wrong."""
    parser = argparse.ArgumentParser(
        "python -m replication.course",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True)
    of = commands.add_parser("cache")
    of.add_argument("task")
    of.add_argument("seeds", type=int, nargs="+")
    of.set_defaults(command=cache)
    of = commands.add_parser("handouts")
    of.add_argument("folder", type=expanded)
    of.set_defaults(command=handouts)
    of = commands.add_parser("check")
    of.add_argument("parameters", nargs="*", metavar="NAME=VALUE")
    of.set_defaults(command=check)
    of = commands.add_parser("page")
    for name in ("notebook", "page", "handout"):
        of.add_argument(name, type=expanded)
    of.set_defaults(command=page)
    given = parser.parse_args(arguments)
    try:
        given.command(given)
    except UserError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    with in_one_sentence():
        sys.exit(main(sys.argv[1:]))
