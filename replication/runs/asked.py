"""What Snakemake was asked on a command line, where it understands something else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import yaml

from lottery_utils.errors import UserError

NAMES = {"study", "data", "cache-dir", "site", "workdir"}


def require_as_meant(arguments: Sequence[str], config: Mapping[str, Any]) -> None:
    """Raises `UserError` where Snakemake's `config` is not what its command line means.

    Of a name that looks like a number it makes one: 1000 of 1_000, and 1000 is another study. And
    `--config` replaces the settings of a profile, without which every job would run on the CPU.
    """
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
