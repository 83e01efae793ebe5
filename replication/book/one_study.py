"""A book of one study alone: its table of contents, made from the study, and its configuration.

    python -m replication.book.one_study mine.yaml    writes _build/books/mine, and prints it

`make book STUDY=...` builds its site there. Without a study it is the whole book, whose contents
are `_toc.yml`, here.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from lottery_utils.errors import UserError, in_one_sentence
from replication.files import write_text
from replication.runs.records import TaskRecords, at_hand, on_record
from replication.stages import FOLLOWUPS
from replication.store import Store
from replication.study import Study

# The prose on each section of the paper, the notebook below it (of each task, but for what tasks
# share), and the follow-up without which that has nothing to show.
SECTIONS = {
    "sec3": ("sec3_methodology", None),
    "sec4_1": ("sec4_1_good_subnetworks", None),
    "sec4_2": ("sec4_2_good_random_bad", None),
    "sec5_1": ("sec5_1_stability", None),
    "sec5_2": ("sec5_2_attention_patterns", "attention"),
    "sec5_3": ("sec5_3_shared_between_tasks", None),
    "sec6": ("sec6_discussion", "control"),
}
REFERENCE = ("glossary", "references", "cite")


def computed(study: Study) -> bool:
    """Whether what a study lacks is computed when its book is made, or only what is on record is
    shown: its data or weights are not at hand, or a hub's that must not be asked."""
    asks = study.data == "hub" or study.backbone.startswith("hub:")
    offline = os.environ.get("HF_HUB_OFFLINE", "0").lower() in ("1", "true", "yes", "on")
    return at_hand(study) and not (asks and offline)


def table_of_contents(
    study: Study, found: Mapping[str, TaskRecords] | None = None
) -> dict[str, Any]:
    """What `_toc.yml` of a book of this study says: a page wherever there is something to show.

    `found` is what is on record, where nothing else will be; None where the whole study will.
    """
    tasks = [task for task in study.tasks if found is None or task in found]

    def of(what: str | None) -> list[str]:
        """The tasks that have something of a follow-up to show."""
        if what is None:
            return tasks
        asked = dict(study.entries(what))
        return [t for t in tasks if t in asked and (found is None or found[t].stage(what))]

    def below(prose: str) -> list[dict[str, str]]:
        """The pages below the prose on a section."""
        if prose == "sec5_3":
            return [{"file": f"{folder}/sec5_3_shared_between_tasks"}] if len(tasks) > 1 else []
        notebook, what = SECTIONS[prose]
        shown = of(what)
        if prose == "sec5_1":
            shown = [t for t in shown if len(study.seeds if found is None else found[t]) > 1]
        pages = [{"file": f"{folder}/{task}/{notebook}"} for task in shown]
        if prose == "sec5_2" and len(shown) > 1:
            pages.insert(0, {"file": f"{folder}/{notebook}"})
        if prose == "sec5_1":
            compared = [task for task in of("survivors") if task in shown]
            pages += [{"file": f"{folder}/{task}/sec5_1_survivors"} for task in compared]
        if prose == "sec4_1" and of("sensitivity"):
            pages.append({"file": f"{folder}/sensitivity"})
        return pages

    folder = f"book/report/{study.name}"
    sections = [{"file": f"book/{prose}", "sections": below(prose)} for prose in SECTIONS]
    reference = [{"file": f"book/{name}"} for name in REFERENCE]
    return {
        "format": "jb-book",
        "root": f"{folder}/overview",
        "defaults": {"hidden": False},  # each page lists those below it
        "parts": [
            {"caption": "Section by section", "chapters": [s for s in sections if s["sections"]]},
            {"caption": "Reference", "chapters": reference},
        ],
    }


def write(given: str, store: Store) -> Path:
    """Write contents and configuration of a study's book, and return the folder they are in.

    A study that is a file is kept there too, without places: its pages name none of a machine.
    Raises `UserError` where there would be nothing in it.
    """
    study = Study.load(given, store.root)
    found = None if computed(study) else on_record(study, store, FOLLOWUPS)
    if found == {}:
        raise UserError(
            f"Nothing of the study {study.name} is on record, and nothing of it is computed "
            f"here: compute some with 'lottery run {study.name}' first."
        )
    site = Path("_build", "books", study.name)
    whole = yaml.safe_load(Path("_config.yml").read_text("utf-8"))
    whole["title"] += f": {study.name}"
    places = whole["sphinx"]["local_extensions"]  # seen from the configuration
    places.update({name: str(Path(place).resolve()) for name, place in places.items()})
    contents = {"_toc.yml": table_of_contents(study, found), "_config.yml": whole}
    texts = {name: yaml.safe_dump(content, sort_keys=False) for name, content in contents.items()}
    if given != study.name:
        texts["study.yaml"] = study.to_yaml()
    else:
        (site / "study.yaml").unlink(missing_ok=True)
    for path, text in ((site / name, text) for name, text in texts.items()):
        if not path.is_file() or path.read_text("utf-8") != text:  # else its time stamp stays
            write_text(path, text)
    return site


def main(arguments: list[str]) -> int:
    """`[STUDY]`. Returns 2, after one sentence, where there can be no book of it."""
    try:
        print(write(arguments[0], Store()) if arguments else ".")
    except UserError as error:
        print(f"book: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    with in_one_sentence():
        sys.exit(main(sys.argv[1:]))
