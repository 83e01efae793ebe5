# The one graph from a study to the site: entries -> pages -> book.
#
#     snakemake --cores 2                         what `make book` does
#     snakemake --cores 16 --config study=quick   elsewhere, or with an executor plugin
#
# Snakemake deletes the outputs of failed jobs and goes by time stamps, so records are never
# its outputs: `lottery` writes them and decides by their hash, and a job leaves a stamp.

import os
import re
from pathlib import Path

from replication.runs import followups, records
from replication.runs.recorded import warning
from replication.store import Store
from replication.study import Study

# A job has one thread unless it asks for more: threads of two jobs on one core wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")

STUDY = Study.load(config.get("study", "quick"))
SECTIONS = [
    "sec3_methodology",
    "sec4_1_good_subnetworks",
    "sec4_2_good_random_bad",
    "sec5_1_stability",
    "sec5_2_attention_patterns",
]
# Over all tasks of a study.
STUDY_PAGES = ["overview", "sec5_3_shared_between_tasks"]
LIBRARY = [
    str(path)
    for package in ("lottery_utils", "replication", "miniglue")
    for path in Path(package).rglob("*.py")
]
REPORT = f"book/report/{STUDY.name}"
STAMP = f"_build/stamps/{STUDY.name}/{{task}}/seed-{{seed}}"
OVER_SEEDS = f"_build/stamps/{STUDY.name}/{{task}}/survivors"
# Records that come with the repository, and what the book calls their tables.
COMMITTED = {
    "sweep": "quick-sweep",
    "baselines": "mini-glue-baselines",
    "baselines-sweep": "mini-glue-sweep",
    "glue-small": "glue-small",
    "minilm-glue": "minilm-glue",
}
EXERCISES = [path.stem for path in sorted(Path("notebooks/course").glob("exercise_*.ipynb"))]
# Real GLUE, computed elsewhere: the records are committed, and their pages need no data.
GLUE = Study.load("minilm-glue")
# Where the bar of the search tells nothing of a full model, neither do the heads that it keeps.
GLUE_TOLD = [
    task
    for task, entries in records.on_record(GLUE, Store()).items()
    if not any(map(warning, entries.values()))
]
GLUE_CONTROL = dict(GLUE.followups_of("control"))
SHOWN = {
    "minilm-glue": [
        "claims",
        "sweep",
        "overview",
        "sec5_3_shared_between_tasks",
        "sensitivity",
        "SST-2/sec4_1_good_subnetworks",
        *(f"{task}/sec4_2_good_random_bad" for task in GLUE.tasks),
        *(f"{task}/sec5_1_stability" for task in GLUE_TOLD),
        *(f"{task}/sec5_2_attention_patterns" for task in GLUE_TOLD),
        *(f"{task}/sec6_discussion" for task in GLUE_CONTROL),
    ],
    # What the paper's authors released of BERT-base, read by `lottery released`.
    "bert-base-released": [
        "released_tickets",
        "released_stability",
        "released_sharing",
        "errata",
    ],
}
# Prose.
FOLDERS = ("book", "book/api", "book/course")
# Several jobs of few threads outrun one job of many; jobs times threads never exceed the cores.
THREADS = max(1, (workflow.cores or 1) // (len(STUDY.tasks) * len(STUDY.seeds)))

SURVIVORS = dict(STUDY.followups_of("survivors")) if len(STUDY.seeds) > 1 else {}
CONTROL = dict(STUDY.followups_of("control"))


def is_done(task, seed, *whats):
    """Whether an entry's records, and those of these follow-ups, are there and up to date."""
    asked = [w for w in whats if (task, seed) in STUDY.followups_of(w)]
    found = {followups.status(STUDY, task, seed, what, Store()) for what in asked}
    return found | set(records.entry_status(STUDY, task, seed, Store()).values()) == {"done"}


# A stamp whose records are gone or out of date says nothing.
for task in STUDY.tasks:
    for seed in STUDY.seeds:
        if not is_done(task, seed, "control", "attention"):
            Path(STAMP.format(task=task, seed=seed)).unlink(missing_ok=True)
        if not is_done(task, seed, "survivors"):
            Path(OVER_SEEDS.format(task=task)).unlink(missing_ok=True)


def committed(study):
    """The records of a study that is not computed here."""
    return sorted(str(path) for path in Path("results", study).rglob("*.json"))


rule book:
    input:
        expand(f"{REPORT}/{{task}}/{{section}}.ipynb", task=STUDY.tasks, section=SECTIONS),
        expand(f"{REPORT}/{{page}}.ipynb", page=STUDY_PAGES),
        expand(f"{REPORT}/{{task}}/sec6_discussion.ipynb", task=CONTROL),
        [f"book/report/{study}/{page}.ipynb" for study, pages in SHOWN.items() for page in pages],
        "book/index.ipynb",
        "book/report/choices.ipynb",
        "book/report/explorer.ipynb",
        expand("book/course/{exercise}.ipynb", exercise=EXERCISES),
        "book/report/patterns.ipynb",
        "book/report/sweep.ipynb",
        "book/report/corpus.ipynb",
        "book/report/cost.ipynb",
        f"{REPORT}/records.csv",
        "book/report/sweep-records.csv",
        "book/report/baselines-records.csv",
        "book/report/baselines-sweep-records.csv",
        "book/report/glue-small-records.csv",
        "book/report/minilm-glue-records.csv",
        "replication/runs/record.schema.json",
        "replication/runs/record.columns.csv",
        "_build/html/slides/index.html",
        "_config.yml",
        "_toc.yml",
        [str(path) for folder in FOLDERS for path in Path(folder).glob("*.*")],
        [str(path) for path in Path("book/_ext").glob("*.py")],
        [str(path) for path in Path("book/_static").glob("*")],
    output:
        "_build/html/index.html",
    threads: workflow.cores
    shell:
        "jupyter-book build . -W -n --keep-going -q"


# Entries with more to do go first, so that none is left over.
LONG = [task for task in STUDY.tasks if "magnitude" in STUDY.stages(task) or task in CONTROL]
SHORT = [task for task in STUDY.tasks if task not in LONG]


def one_of(tasks):
    """A pattern for these names; without any, one that nothing matches."""
    return "|".join(map(re.escape, tasks)) or "(?!)"


rule entry:
    output:
        touch(STAMP),
    wildcard_constraints:
        task=one_of(SHORT),
    priority: 2
    threads: THREADS
    shell:
        "lottery run {STUDY.name} --task {wildcards.task} --seed {wildcards.seed} "
        "--threads {threads}"


use rule entry as long_entry with:
    wildcard_constraints:
        task=one_of(LONG),
    priority: 3


rule survivors:
    input:
        expand(STAMP, seed=STUDY.seeds, allow_missing=True),
    output:
        touch(OVER_SEEDS),
    priority: 1
    threads: THREADS
    shell:
        "lottery run {STUDY.name} --task {wildcards.task} --threads {threads}"


def of_task(wildcards):
    """What a page of one task is made from: what was computed here, or committed records."""
    if wildcards.study != STUDY.name:
        return committed(wildcards.study)
    over_seeds = [OVER_SEEDS] if wildcards.task in SURVIVORS else []
    return [*expand(STAMP, seed=STUDY.seeds, task=wildcards.task), *expand(over_seeds, **wildcards)]


def on_trial(study):
    """Committed records of all tasks; verdicts also rest on the released numbers."""
    names = (study, f"{study}-sweep", "bert-base-released")
    return [path for name in names for path in committed(name)]


def of_study(wildcards):
    """The same for a page over all tasks."""
    if wildcards.study != STUDY.name:
        return on_trial(wildcards.study)
    return expand(STAMP, task=STUDY.tasks, seed=STUDY.seeds)


rule task_page:
    input:
        of_task,
        LIBRARY,
        notebook="notebooks/{section}.ipynb",
    output:
        "book/report/{study}/{task}/{section}.ipynb",
    wildcard_constraints:
        study="[^/]+",
        task="[^/]+",
        section="sec.*",
    shell:
        "python -m replication.pages {input.notebook} {output} study={wildcards.study} "
        "task={wildcards.task}"


rule study_page:
    input:
        of_study,
        LIBRARY,
        notebook="notebooks/{page}.ipynb",
    output:
        "book/report/{study}/{page}.ipynb",
    wildcard_constraints:
        study="[^/]+",
        page="|".join([*STUDY_PAGES, "claims", "sensitivity", "sweep"]),
    shell:
        "python -m replication.pages {input.notebook} {output} study={wildcards.study}"


rule released_page:
    input:
        committed("bert-base-released"),
        committed("minilm-glue"),
        LIBRARY,
        notebook="notebooks/{page}.ipynb",
    output:
        "book/report/bert-base-released/{page}.ipynb",
    shell:
        "python -m replication.pages {input.notebook} {output}"


rule landing_page:
    input:
        on_trial("minilm-glue"),
        LIBRARY,
        notebook="notebooks/landing.ipynb",
    output:
        "book/index.ipynb",
    shell:
        "python -m replication.pages {input.notebook} {output}"


rule choices_page:
    input:
        committed("mini-choices"),
        LIBRARY,
        notebook="notebooks/choices.ipynb",
    output:
        "book/report/choices.ipynb",
    shell:
        "python -m replication.pages {input.notebook} {output}"


rule explorer_page:
    input:
        expand(STAMP, task=STUDY.tasks, seed=STUDY.seeds),
        [path for study in ("minilm-glue", "glue-small") for path in committed(study)],
        LIBRARY,
        notebook="notebooks/explorer.ipynb",
    output:
        "book/report/explorer.ipynb",
    shell:
        "python -m replication.pages {input.notebook} {output}"


rule exercise_page:
    input:
        # They share a model, which the first one trains.
        lambda wildcards: [] if wildcards.exercise == EXERCISES[0] else f"book/course/{EXERCISES[0]}.ipynb",
        LIBRARY,
        committed("minilm-glue"),
        notebook="notebooks/course/{exercise}.ipynb",
    output:
        "book/course/{exercise}.ipynb",
        "book/course/handouts/{exercise}.ipynb",
    wildcard_constraints:
        exercise="|".join(EXERCISES),
    # They take longest among the pages; begun last, they would keep one core waiting.
    priority: 1
    shell:
        "python -m replication.course.blanks page {input.notebook} {output}"


rule patterns_page:
    input:
        LIBRARY,
        [str(path) for path in Path("lottery_utils/patterns/labelled").glob("*")],
        notebook="notebooks/patterns.ipynb",
    output:
        "book/report/patterns.ipynb",
    shell:
        "python -m replication.pages {input.notebook} {output}"


rule study_table:
    input:
        expand(STAMP, task=STUDY.tasks, seed=STUDY.seeds),
        LIBRARY,
    output:
        f"{REPORT}/records.csv",
    shell:
        "lottery export {STUDY.name} --out {output}"


rule committed_table:
    input:
        lambda wildcards: committed(COMMITTED[wildcards.what]),
        LIBRARY,
    output:
        "book/report/{what}-records.csv",
    params:
        study=lambda wildcards: COMMITTED[wildcards.what],
    shell:
        "lottery export {params.study} --out {output}"


rule corpus_page:
    input:
        LIBRARY,
        committed(COMMITTED["baselines"]),
        committed(COMMITTED["baselines-sweep"]),
        notebook="notebooks/corpus.ipynb",
    output:
        "book/report/corpus.ipynb",
    shell:
        "python -m replication.pages {input.notebook} {output}"


rule cost_page:
    input:
        expand(STAMP, task=STUDY.tasks, seed=STUDY.seeds),
        LIBRARY,
        [path for study in [*COMMITTED.values(), *SHOWN] for path in committed(study)],
        [str(path) for path in Path("benchmarks").glob("*.json")],
        notebook="notebooks/cost.ipynb",
    output:
        "book/report/cost.ipynb",
    shell:
        "python -m replication.pages {input.notebook} {output}"


rule sweep_page:
    input:
        LIBRARY,
        committed(COMMITTED["sweep"]),
        notebook="notebooks/sweep.ipynb",
    output:
        "book/report/sweep.ipynb",
    shell:
        "python -m replication.pages {input.notebook} {output} study={STUDY.name}"


# The course's slides show what pages show, as a Sphinx project of their own beside the book.
rule slides:
    input:
        LIBRARY,
        [path for study in ("glue-small", "bert-base-released") for path in committed(study)],
        [str(path) for path in Path("lottery_utils/patterns/labelled").glob("*")],
        [str(path) for path in Path("book/course/slides").glob("*.*")],
    output:
        "_build/html/slides/index.html",
    shell:
        "python book/course/slides/figures.py book/report/slides && "
        "sphinx-build -b revealjs -W -n -q -E -d _build/slides "
        "book/course/slides _build/html/slides"
