"""How much of a study is on record, for pages that show what there is."""

from __future__ import annotations

from dataclasses import replace

from replication.pages.show import Note
from replication.runs.records import entry_status, resolve
from replication.runs.run import missing as missing
from replication.store import Store


def standing(
    study: str,
    seeds: list[int] | str | int | None = None,
    *,
    data: str | None = None,
    backbone: str | None = None,
    results_dir: str = "results",
) -> Note:
    """Whether a page shows all of its study, or what is missing and how to make it."""
    chosen = resolve(study, seeds=seeds, data=data, backbone=backbone, results_dir=results_dir)
    store = Store(results_dir)
    lacking = missing(chosen, store)
    n_entries = len(chosen.tasks) * len(chosen.seeds)
    cap, seeds_of = chosen.train_size, ", ".join(map(str, chosen.seeds))
    size = f": at most {cap:,} training examples of each task, seeds {seeds_of}" if cap else ""
    if not lacking:
        return Note(f"All {n_entries} entries of the study {chosen.name} are on record{size}.")
    every = replace(chosen, magnitude_tasks=None)
    n_done = sum(
        entry_status(every, task, seed, store)["tickets"] == "done"
        for task in chosen.tasks
        for seed in chosen.seeds
    )
    all_seeds = [f"seed {seed}" for seed in chosen.seeds]
    whole = [task for task, what in lacking.items() if what[: len(all_seeds)] == all_seeds]
    place = f" --data {chosen.data}:DIR" if chosen.data in ("local", "csv") else ""
    told = [f"{task}: {', '.join(what)}" for task, what in lacking.items() if task not in whole]
    told += [f"all of {', '.join(whole)}"] if whole else []
    return Note(
        f"{n_done} of {n_entries} entries of the study {chosen.name} are on record, and the page "
        f"shows those{size}. Missing: {'; '.join(told)}. Where the data are at hand, the command "
        f"'lottery run {chosen.name}{place}' makes them.",
        "warning",
    )
