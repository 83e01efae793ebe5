"""What Snakemake was asked on a command line, where it understands something else."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import yaml

from lottery_utils.errors import UserError, expanded

NAMES = {"study", "data", "cache-dir", "site", "workdir"}
# Of every other setting what it should be, in words and as a pattern.
OTHERS = {
    "threads": ("a whole number from 1 to 65,535", "[1-9][0-9]{,4}"),
    "singly": ("0 or 1", "[01]|True|False"),
    "device": ("auto, cpu, cuda or mps", "(auto|cpu|cuda|mps)(:[0-9]+)?"),
}


def require_as_meant(arguments: Sequence[str], config: Mapping[str, Any]) -> None:
    """Raises `UserError` where Snakemake's `config` is not what its command line means.

    Of a name that looks like a number it makes one: 1000 of 1_000, and 1000 is another study.
    `--config` replaces the settings of a profile, without which every job would run on the CPU. And
    a setting that nobody knows it ignores.
    """
    for name, given in config.items():
        if name not in NAMES | OTHERS.keys():
            known = sorted(NAMES | OTHERS.keys())
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known)}."
            raise UserError(f"Unknown setting {name!r} of Snakemake's --config; {hint}")
        words, pattern = OTHERS.get(name, ("", "(?s:.*)"))
        if not re.fullmatch(pattern, str(given)):
            raise UserError(f"Snakemake's setting {name} should be {words}, not {given!r}.")
    place = Path()
    for name in ("workdir", "site"):
        if name in config and not (place := place / expanded(str(config[name]))).is_dir():
            raise UserError(f"Snakemake's setting {name} should be a folder, and {place} is none.")
    for option, after in pairwise([*arguments, ""]):
        name, _, value = option.removeprefix("--config=").partition("=")
        if name in NAMES & config.keys() and str(config[name]) != value:
            raise UserError(
                f"Snakemake reads {value!r} as {config[name]!r}: give the study by "
                f"LOTTERY_STUDY={value} or its file's path, and a folder by its whole path."
            )
        profile = Path(value or after) / "config.yaml"
        if name == "--profile" and profile.is_file():
            settings = yaml.safe_load(profile.read_text("utf-8")).get("config", [])
            if any(one.partition("=")[0] not in config for one in settings):
                raise UserError(
                    f"--config replaces the settings of {profile}: give these too, as "
                    f"'--config study=NAME {' '.join(settings)}'."
                )
