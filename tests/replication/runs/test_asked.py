"""What Snakemake was asked is what it does, or one sentence says why not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from conftest import REPOSITORY

from lottery_utils.errors import UserError
from replication.runs.asked import require_as_meant
from replication.runs.records import forbidden

PROFILES = sorted((REPOSITORY / "profiles").glob("*/config.yaml"))


@pytest.mark.parametrize("profile", PROFILES, ids=lambda path: path.parent.name)
def test_a_profile_keeps_its_settings_by_the_command_that_it_names(
    profile: Path, tmp_path: Path
) -> None:
    text = profile.read_text("utf-8")
    settings = dict(one.split("=") for one in yaml.safe_load(text)["config"])
    said = re.search(r"--config ((?:\S+=\S+ ?)+)", text)
    assert said is not None
    given = dict(one.split("=") for one in said[1].split())
    assert given == {"study": "NAME", **settings}
    if "workdir" in settings:  # a folder that the cluster's machines share
        settings["workdir"] = given["workdir"] = str(tmp_path)
    arguments = ["snakemake", "--profile", str(profile.parent), "records"]
    require_as_meant(arguments, settings)  # without --config the profile's own are there
    require_as_meant([*arguments, "--config", *(f"{k}={v}" for k, v in given.items())], given)
    for how in (arguments, ["snakemake", f"--profile={profile.parent}"]):
        with pytest.raises(UserError, match=r"replaces the settings .* device=cuda"):
            require_as_meant([*how, "--config", "study=NAME"], {"study": "NAME"})


def test_a_name_that_becomes_a_number_is_another_one() -> None:
    with pytest.raises(UserError, match="LOTTERY_STUDY=1_000"):
        require_as_meant(["snakemake", "--config", "study=1_000"], {"study": 1000})
    require_as_meant(
        ["snakemake", "--config", "study=mine", "threads=4"], {"study": "mine", "threads": 4}
    )


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ({"device": 5}, "device should be auto, cpu"),
        ({"device": None}, "device should be auto, cpu"),
        ({"threads": "abc"}, "threads should be a whole number"),
        ({"threads": 0}, "threads should be a whole number"),
        ({"threads": 1.5}, "threads should be a whole number"),
        ({"singly": "yes"}, "singly should be 0 or 1"),
        ({"singly": None}, "singly should be 0 or 1"),
        ({"dvice": "cuda"}, "Unknown setting 'dvice'.*did you mean 'device'"),
        ({"nothing": 1}, "Unknown setting 'nothing'.*known: cache-dir"),
    ],
    ids=str,
)
def test_a_setting_that_makes_no_sense_is_refused(setting: dict[str, object], said: str) -> None:
    with pytest.raises(UserError, match=said):
        require_as_meant(["snakemake", "records"], setting)
    require_as_meant(["snakemake"], {"device": "cuda:1", "singly": True, "threads": 64})


def test_a_place_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    for config in ({"workdir": tmp_path / "no"}, {"site": tmp_path / "no"}):
        with pytest.raises(UserError, match=r"should be a folder, and .*/no is none"):
            require_as_meant(["snakemake"], config)
    (tmp_path / "site").mkdir()
    require_as_meant(["snakemake"], {"workdir": tmp_path, "site": "site"})
    assert [*tmp_path.iterdir()] == [tmp_path / "site"]


def test_whether_to_compute_is_said_in_words_that_are_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    words = {"": False, "yes": False, "1": False, "no": True, "No": True, "0": True, "FALSE": True}
    for word, forbids in words.items():
        monkeypatch.setenv("LOTTERY_COMPUTE", word)
        assert forbidden() == forbids
    monkeypatch.setenv("LOTTERY_COMPUTE", "nope")
    with pytest.raises(UserError, match="should be yes or no, not 'nope'"):
        forbidden()
