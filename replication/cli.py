"""The `lottery` command: run a study, see what is done, choose a recipe, verify, export, and read
the paper's released masks."""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from lottery_utils.errors import UserError, expanded, refuse_empty
from replication.files import write_out
from replication.runs import records
from replication.runs import run as machine
from replication.runs import status as fresh
from replication.stages import FOLLOWUPS, STAGES
from replication.store import Record, Store
from replication.study import Study
from replication.studyfile import parse


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point. Returns 0, 2 for a user's mistake, 130 when interrupted, and 141 where work
    ended as nobody reads what it prints."""
    options = _parser().parse_args(arguments)
    if isinstance(sys.stdout, io.TextIOWrapper):  # a terminal may not know all letters of a name
        sys.stdout.reconfigure(errors="replace", line_buffering=True)
    try:
        for name, value in vars(options).items():
            place = name.upper() if name in ("study", "directory") else f"--{name}"
            refuse_empty(place.replace("_", "-"), value)
        options.command(options)
    except UserError as error:
        print(f"lottery: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("lottery: interrupted; the same command goes on from here.", file=sys.stderr)
        return 130
    except BrokenPipeError:  # whoever reads our output has enough of it, such as `head`
        shows = options.command in (status, export, data)
        if not shows:
            with suppress(OSError):
                print("lottery: ended, as nobody reads what it prints.", file=sys.stderr)
        _say_no_more()
        return 0 if shows else 141
    except OSError as error:  # wherever a file of ours is not to be had, or our output
        place = error.filename or "what this command prints"
        print(f"lottery: Cannot read or write {place}: {error.strerror}.", file=sys.stderr)
        if error.filename is None:
            _say_no_more()
        return 2
    return 0


def _say_no_more() -> None:
    """What could not be printed is not tried again when Python ends."""
    for output in (sys.stdout, sys.stderr):
        with suppress(OSError):  # where output is no file of the system's
            os.dup2(os.open(os.devnull, os.O_WRONLY), output.fileno())


def run(options: argparse.Namespace) -> None:
    """Compute what is missing, then say where the records are."""
    if options.ticket and options.gather:  # one computes, the other must not
        raise UserError("--ticket and --gather exclude each other: keep one of them.")
    study, store = _study(options), _store(options)
    how = {"device": options.device, "threads": options.threads}
    if options.stage:
        _run_stage(options, store, how)
        return
    if options.ticket or options.gather:
        raise UserError("--ticket and --gather are of one stage: expected --stage NAME too.")
    machine.ensure(study, store, **how)
    for task, entries in records.on_record(study, store).items():
        for seed, stages in entries.items():
            if reason := records.warning(stages):
                print(f"{task}, seed {seed}: {reason}")
    print(f"Study {study.name}: all records are in {store.root / study.name}.")


def _run_stage(options: argparse.Namespace, store: Store, how: dict[str, Any]) -> None:
    """Compute the records of one stage, or of each one ticket: what a job of a cluster does."""
    # A stage that compares seeds is of all of the study's, also where one of them is computed.
    study, seeds = _study(argparse.Namespace(**{**vars(options), "seed": None})), options.seed
    if not set(seeds or ()) <= set(study.seeds):
        study, seeds = _study(options), None
    if options.stage not in STAGES + FOLLOWUPS or not fresh.wanted(study, [options.stage]):
        known = [name for name in STAGES + FOLLOWUPS if fresh.wanted(study, [name])]
        raise UserError(
            f"The study {study.name} has no stage {options.stage!r} for these tasks and seeds: "
            f"expected one of {', '.join(known)}."
        )
    parts = {"ticket": options.ticket, "gather": options.gather}
    machine.ensure(study, store, [options.stage], seeds=seeds, **parts, **how)


def sweep(options: argparse.Namespace) -> None:
    """Try recipes on held-out training data and record how each did."""
    from replication.experiments.sweep import recipes

    study = _study(options)
    store = _store(options)
    grid = {
        "learning_rate": options.rates,
        "batch_size": options.batch_sizes or [study.recipe.batch_size],
        "epochs": options.epochs or [study.recipe.epochs],
    }
    how = {"device": options.device, "threads": options.threads}
    machine.ensure(study, store, ["sweep"], asked=recipes(study, grid), **how)
    print(f"Study {study.name}: records are in {store.root / study.folder('sweep')}.")


def baselines(options: argparse.Namespace) -> None:
    """Record what the majority baseline, a bag of words and the fine-tuned backbone score."""
    study, store = _study(options), _store(options)
    how = {"device": options.device, "threads": options.threads}
    machine.ensure(study, store, ["baselines"], **how)
    print(f"Study {study.name}: records are in {store.root / study.folder('baselines')}.")


def status(options: argparse.Namespace) -> None:
    """One line per entry, and how many of the study's records are there."""
    store = _store(options)
    with store.still():
        _show_status(_study(options), store)


def _show_status(study: Study, store: Store) -> None:
    n_done = 0
    n_all = 0
    shown = [stage for stage in STAGES if any(stage in study.stages(t) for t in study.tasks)]
    print(f"{'task':<8} {'seed':>6}  " + "  ".join(f"{stage:<9}" for stage in shown))
    for task in study.tasks:
        for seed in study.seeds:
            stages = study.stages(task)
            state = {name: fresh.status(study, task, seed, name, store) for name in stages}
            n_all += len(state)
            n_done += sum(value == "done" for value in state.values())
            cells = "  ".join(f"{state.get(stage, '-'):<9}" for stage in shown)
            print(f"{task:<8} {seed:>6}  {cells}")
    for what in FOLLOWUPS:
        asked = study.entries(what)
        done = sum(fresh.status(study, *entry, what, store) == "done" for entry in asked)
        n_all, n_done = n_all + len(asked), n_done + done
        if asked:
            print(f"{what:<16}  {done} of {len(asked)} done")
    print(f"Study {study.name}: {n_done} of {n_all} records are done.")
    if n_done < n_all:
        print("To compute the rest: 'lottery run' with the same options.")


def verify(options: argparse.Namespace) -> None:
    """Compute entries again from scratch and say whether they agree with their records."""
    from replication.runs.verify import verify as verify_entry

    study, store = _study(options), _store(options)
    how = {"device": options.device, "threads": options.threads}
    apart = []
    for task in study.tasks:
        for seed in study.seeds:
            found = verify_entry(study, task, seed, store, **how)
            print(f"{task}, seed {seed}: on record, again, tolerance")
            for check in found.checks:
                verdict = "" if check.agrees else "  APART"
                numbers = f"{check.recorded:8.4f} {check.again:8.4f} {check.tolerance:6.2f}"
                print(f"  {check.what:<38} {numbers}{verdict}")
            bits = "the same bits as" if found.same else "other bits than"
            print(f"  the fine-tuned weights are {bits} those on record")
            apart += [] if found.agrees else [f"{task} seed {seed}"]
    if apart:
        raise UserError(
            f"Not reproduced within the tolerances: {', '.join(apart)}; expected numbers as above "
            "on record. Another device or version adds up in another order, and a run of few "
            "examples may end elsewhere: compare with how far the seeds of the task differ."
        )
    print("All entries agree with their records.")


def export(options: argparse.Namespace) -> None:
    """Write the study's records as one table, a CSV file with a row for every score."""
    from replication.runs.table import to_csv

    study = _study(options)
    table = to_csv(study, _store(options), tasks=options.task, seeds=options.seed)
    if options.out is not None:
        write_out(expanded(options.out), table)
        return
    if isinstance(sys.stdout, io.TextIOWrapper):  # a table has every letter, whatever shows it
        sys.stdout.reconfigure(encoding="utf-8")
    sys.stdout.write(table)


def data(options: argparse.Namespace) -> None:
    """Say what the study's data are, and count them where the files are at hand."""
    from replication.runs import data_card

    study, store = _study(options), Store(options.results_dir)
    for task in study.tasks:
        if ":" in study.data:
            made = store.read(study.key(task, study.seeds[0], "finetune"))
            data_card.keep(study, task, store, made)
        print(f"{task}: {data_card.card(study, task, store)}")


def fetch(options: argparse.Namespace) -> None:
    """Bring a study's weights and data to where HF_HOME says, for machines without a network."""
    from lottery_utils import backbone
    from lottery_utils.data import load_examples

    study = _study(options)
    for task in map(study.task, study.tasks):
        splits = load_examples(task, study.data, **study.sizes(task.name))
        print(f"{task.name}: " + ", ".join(f"{len(of)} {name}" for name, of in splits.items()))
    backbone.load_backbone(study.backbone, study.task(study.tasks[0]))
    print(f"The weights of {study.backbone} are here too. Elsewhere, set HF_HUB_OFFLINE=1.")


def released(options: argparse.Namespace) -> None:
    """Record what the masks and scores come to that the paper's authors released."""
    from replication.paper.records import STUDY
    from replication.paper.records import released as record_released

    store = Store(options.results_dir)
    record_released(options.directory, store)
    print(f"Study {STUDY}: a record for each task is in {store.root / STUDY}.")


def _store(options: argparse.Namespace) -> Store:
    """The records, each of them held to the types of what its stage writes, and to each other."""
    full: dict[object, Any] = {}

    def problem(record: Record, text: bytes) -> str | None:
        from replication.runs.check import problem

        return problem(record, text, full)

    return Store(options.results_dir, vars(options).get("cache_dir", ".cache"), problem)


def _study(options: argparse.Namespace) -> Study:
    places = [name for name in ("data", "backbone") if vars(options)[name] is not None]
    given = [*places, *(key for key, _ in options.changes)]
    for key in given:  # alone, or within what is given whole
        if len([other for other in given if f"{other}.".startswith(f"{key}.")]) > 1:
            raise UserError(f"The key {key!r} is given twice: keep one of the options that set it.")
    return records.resolve(
        options.study,
        task=options.task,
        seeds=options.seed,
        data=options.data,
        backbone=options.backbone,
        changes=dict(options.changes),
        store=Store(options.results_dir),
    )


def _change(text: str) -> tuple[str, Any]:
    key, equals, value = text.partition("=")
    if not equals or not key.isprintable():
        raise argparse.ArgumentTypeError(
            f"expected KEY=VALUE, such as train_size=500, not {text!r}"
        )
    try:
        return key, parse(value, repr(text))[0]
    except UserError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="lottery", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in (run, status, sweep, baselines, verify, export, data, fetch):
        sub = commands.add_parser(
            command.__name__, help=command.__doc__, description=command.__doc__
        )
        sub.set_defaults(command=command)
        sub.add_argument("study", metavar="STUDY", help="a YAML file, or the name of a study")
        sub.add_argument("--task", action="append", help="only this task (may be repeated)")
        sub.add_argument("--seed", action="append", type=int, help="only this seed (repeatable)")
        sub.add_argument("--data", help="mini, hub, local:DIR (official files) or csv:DIR")
        sub.add_argument("--backbone", help="bundled, mpnet, hub:ID, hub:ID@COMMIT, or a folder")
        sub.add_argument(
            "--set",
            dest="changes",
            action="append",
            type=_change,
            default=[],
            metavar="KEY=VALUE",
            help="change a field of the study, such as recipe.learning_rate=5e-5",
        )
        sub.add_argument("--results-dir", default="results", help="where records are kept")
        if command is sweep:
            sub.add_argument("--rates", type=float, nargs="+", required=True, metavar="RATE")
            sub.add_argument("--batch-sizes", type=int, nargs="+", metavar="N")
            sub.add_argument("--epochs", type=int, nargs="+", metavar="N")
        if command is export:
            sub.add_argument("--out", metavar="FILE", help="default: print it")
        if command in (run, sweep, baselines, verify):
            about = "where checkpoints and unfinished work lie"
            sub.add_argument("--cache-dir", default=".cache", help=about)
        if command is run:
            sub.add_argument("--stage", help="only this stage, such as finetune or tickets")
            sub.add_argument("--ticket", help="only this part of the stage, such as good")
            sub.add_argument(
                "--gather", action="store_true", help="write records of tickets computed singly"
            )
        if command in (run, sweep, baselines, verify):
            sub.add_argument("--device", default="auto", help="auto, cpu or cuda")
            sub.add_argument("--threads", type=int, help="CPU threads to use (default: all)")
    sub = commands.add_parser("released", help=released.__doc__, description=released.__doc__)
    sub.set_defaults(command=released)
    sub.add_argument("directory", metavar="DIR", help="a copy of the authors' repository")
    sub.add_argument("--results-dir", default="results", help="where records are kept")
    return parser


if __name__ == "__main__":
    sys.exit(main())
