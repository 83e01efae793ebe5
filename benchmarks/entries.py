"""What a study's entries cost those who only read them: `python -m benchmarks.entries [N ...]`.

A study of N made-up entries, nine tasks with N / 9 seeds each, is laid out from the records of
minilm-glue, survivors over all seeds among them. Timed are four commands that compute nothing:
`lottery status`, `lottery export`, `snakemake -n` and the page on the claims. Where time grows in
proportion to the entries, the seconds an entry fall to a constant.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from replication.followups import FollowUps
from replication.store import Key, Record, Store, checksum
from replication.study import Study

REPOSITORY = Path(__file__).resolve().parents[1]
SIZES = (27, 270, 450, 2700)
PYTHON = (sys.executable, "-m")
COMMANDS = {
    "status": (*PYTHON, "replication.cli", "status", "grown"),
    "export": (*PYTHON, "replication.cli", "export", "grown", "--out", "grown.csv"),
    "snakemake -n": (
        *(*PYTHON, "snakemake", "-n", "--cores", "2", "--nolock", "--quiet", "rules"),
        *("--config", "study=grown", "--", "records"),
    ),
    "claims page": (
        *PYTHON,
        "replication.book",
        "notebooks/claims.ipynb",
        "o.ipynb",
        "study=grown",
    ),
}


def lay_out(place: Path, n_entries: int) -> None:
    """This repository in `place`, with a study `grown` of so many entries, all done."""
    for path in REPOSITORY.iterdir():
        if path.name not in ("results", "studies", "_build", ".snakemake", ".git"):
            (place / path.name).symlink_to(path)
    (place / "studies").mkdir()
    (place / "results").mkdir()
    source, like = Store(REPOSITORY / "results"), Study.load("minilm-glue")
    grown = replace(
        like,
        name="grown",
        seeds=tuple(range(1, n_entries // len(like.tasks) + 1)),
        magnitude_tasks=(),
        followups=FollowUps(survivors=None, attention=()),
        data_notes={},
    )
    (place / "studies/grown.yaml").write_text(grown.to_yaml(), "utf-8")
    (place / "results/grown").mkdir()
    (place / "results/grown/study.yaml").write_text(grown.to_yaml(), "utf-8")
    for task in grown.tasks:
        made: dict[tuple[int, str], Record] = {
            (seed, stage): record
            for seed in like.seeds
            for stage in ("finetune", "search", "tickets", "survivors")
            if (record := source.read(Key(like.name, task, seed, stage)))
        }
        of = {seed: like.seeds[seed % len(like.seeds)] for seed in grown.seeds}
        masks = {str(seed): made[of[seed], "search"]["results"]["mask"] for seed in grown.seeds}
        for seed in grown.seeds:
            for stage in ("finetune", "search", "tickets", "survivors"):
                record = {**made[of[seed], stage], "study": "grown", "seed": seed}
                record |= {"config": grown.identity(stage), "hash": grown.hash(stage)}
                if stage == "survivors":
                    tied = {**record["results"]["made_from"], "masks": masks}
                    record["results"] |= {"seeds": [*grown.seeds], "made_from": tied}
                path = place / "results" / grown.key(task, seed, stage).folder / f"{stage}.json"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(json.dumps({**record, "checksum": checksum(record)}), "utf-8")


def user_seconds(command: tuple[str, ...], place: Path) -> tuple[float, float]:
    """Of the CPU, all its processes together, and by the clock. Raises where it fails."""
    path = os.pathsep.join(filter(None, (str(REPOSITORY), os.environ.get("PYTHONPATH"))))
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime, time.monotonic()
    subprocess.run(
        command,
        cwd=place,
        env={**os.environ, "PYTHONPATH": path, "LOTTERY_COMPUTE": "no"},
        stdout=subprocess.DEVNULL,
        check=True,
    )
    used = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before
    return used, time.monotonic() - begun


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser("python -m benchmarks.entries", description=__doc__)
    parser.add_argument("entries", nargs="*", type=int, metavar="N", help="divisible by nine")
    sizes = parser.parse_args(arguments).entries or SIZES
    for n_entries in sizes:
        if n_entries < 9 or n_entries % 9:
            parser.error(f"a number of entries should be one of 9, 18, 27 ..., not {n_entries}")
    print("user seconds (by the clock)", *COMMANDS, sep="\t")
    for n_entries in sizes:
        with tempfile.TemporaryDirectory() as place:
            lay_out(Path(place), n_entries)
            found = [user_seconds(command, Path(place)) for command in COMMANDS.values()]
        print(
            n_entries, *(f"{used:.1f} ({wall:.1f})" for used, wall in found), sep="\t", flush=True
        )


if __name__ == "__main__":
    main(sys.argv[1:])
