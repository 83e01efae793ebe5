# The one graph from a study to the site: entries -> pages -> book.
#
#     snakemake --cores 2                         what `make book` does
#     snakemake --cores 16 --config study=quick   elsewhere, or with an executor plugin
#
# Snakemake deletes the outputs of failed jobs and goes by time stamps, so records are never
# its outputs: `lottery` writes them and decides by their hash, and a job leaves a stamp.

import re
from pathlib import Path

from lottery_utils import records
from lottery_utils.store import Store
from lottery_utils.study import Study

STUDY = Study.load(config.get("study", "quick"))
SECTIONS = [
    "sec3_methodology",
    "sec4_1_good_subnetworks",
    "sec4_2_good_random_bad",
    "sec5_1_stability",
]
STUDY_PAGES = ["overview", "sec5_3_shared_between_tasks"]  # over all tasks of the study
LIBRARY = [str(path) for path in Path("lottery_utils").rglob("*.py")]
REPORT = f"book/report/{STUDY.name}"
STAMP = f"_build/stamps/{STUDY.name}/{{task}}/seed-{{seed}}"
# Records that come with the repository, and what the book calls their tables.
COMMITTED = {
    "sweep": "quick-sweep",
    "baselines": "mini-glue-baselines",
    "baselines-sweep": "mini-glue-sweep",
}
# Several jobs of few threads outrun one job of many; jobs times threads never exceed the cores.
THREADS = max(1, (workflow.cores or 1) // (len(STUDY.tasks) * len(STUDY.seeds)))

# A stamp whose records are gone or out of date says nothing.
for task in STUDY.tasks:
    for seed in STUDY.seeds:
        if set(records.entry_status(STUDY, task, seed, Store()).values()) != {"done"}:
            Path(STAMP.format(task=task, seed=seed)).unlink(missing_ok=True)


def committed(study):
    """The records of a study that is not computed here."""
    return sorted(str(path) for path in Path("results", study).rglob("*.json"))


rule book:
    input:
        expand(f"{REPORT}/{{task}}/{{section}}.ipynb", task=STUDY.tasks, section=SECTIONS),
        expand(f"{REPORT}/{{page}}.ipynb", page=STUDY_PAGES),
        "book/report/sweep.ipynb",
        "book/report/corpus.ipynb",
        f"{REPORT}/records.csv",
        "book/report/sweep-records.csv",
        "book/report/baselines-records.csv",
        "book/report/baselines-sweep-records.csv",
        "lottery_utils/record.schema.json",
        "lottery_utils/record.columns.csv",
        "_config.yml",
        "_toc.yml",
        [str(path) for folder in ("book", "book/api") for path in Path(folder).glob("*.*")],
        [str(path) for path in Path("book/_ext").glob("*.py")],
        [str(path) for path in Path("book/_static").glob("*")],
    output:
        "_build/html/index.html",
    threads: workflow.cores
    shell:
        "jupyter-book build . -W -n --keep-going -q"


# Entries with magnitude pruning take twice as long: they go first, so that none is left over.
LONG = [task for task in STUDY.tasks if "magnitude" in STUDY.stages(task)]
SHORT = [task for task in STUDY.tasks if task not in LONG]


def one_of(tasks):
    """A pattern for these names; without any, one that nothing matches."""
    return "|".join(map(re.escape, tasks)) or "(?!)"


rule entry:
    output:
        touch(STAMP),
    wildcard_constraints:
        task=one_of(SHORT),
    threads: THREADS
    shell:
        "lottery run {STUDY.name} --task {wildcards.task} --seed {wildcards.seed} "
        "--threads {threads}"


use rule entry as long_entry with:
    wildcard_constraints:
        task=one_of(LONG),
    priority: 1


rule task_page:
    input:
        expand(STAMP, seed=STUDY.seeds, allow_missing=True),
        LIBRARY,
        notebook="notebooks/{section}.ipynb",
    output:
        f"{REPORT}/{{task}}/{{section}}.ipynb",
    wildcard_constraints:
        section="sec.*",
    shell:
        "python -m lottery_utils.pages {input.notebook} {output} study={STUDY.name} "
        "task={wildcards.task}"


rule study_page:
    input:
        expand(STAMP, task=STUDY.tasks, seed=STUDY.seeds),
        LIBRARY,
        notebook="notebooks/{page}.ipynb",
    output:
        f"{REPORT}/{{page}}.ipynb",
    wildcard_constraints:
        page="|".join(STUDY_PAGES),
    shell:
        "python -m lottery_utils.pages {input.notebook} {output} study={STUDY.name}"


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
        "python -m lottery_utils.pages {input.notebook} {output}"


rule sweep_page:
    input:
        LIBRARY,
        committed(COMMITTED["sweep"]),
        notebook="notebooks/sweep.ipynb",
    output:
        "book/report/sweep.ipynb",
    shell:
        "python -m lottery_utils.pages {input.notebook} {output} study={STUDY.name}"
