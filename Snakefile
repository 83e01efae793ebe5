# The one graph from a study to the site: entries -> pages -> book.
#
#     snakemake --cores 2                         what `make book` does
#     snakemake --cores 16 --config study=quick   elsewhere, or with an executor plugin
#     make book STUDY=mine.yaml                   a book of one study alone, in _build/books/mine
#
# Which pages there are, `_toc.yml` says, and replication/book/contents.py how each is made.
# Snakemake deletes the outputs of failed jobs and goes by time stamps, so records are never
# its outputs: `lottery` writes them and decides by their hash, and a job leaves a stamp.

import os
import re
from pathlib import Path

from replication.book import contents
from replication.book.one_study import computed
from replication.runs.run import missing
from replication.store import Store
from replication.study import Study

# A job has one thread unless it asks for more: threads of two jobs on one core wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# The study that is computed here; of others there are the records that came with the repository.
GIVEN = str(config.get("study", "quick"))
STUDY = Study.load(GIVEN)
# Where its data are not at hand, pages show what is on record.
COMPUTED = computed(STUDY)
if not COMPUTED:
    os.environ["LOTTERY_COMPUTE"] = "no"
STAMPS = f"_build/stamps/{STUDY.name}"
STAMP, OVER_SEEDS = f"{STAMPS}/{{task}}/seed-{{seed}}", f"{STAMPS}/{{task}}/survivors"
SURVIVORS = dict(STUDY.entries("survivors"))
# Several jobs of few threads outrun one job of many; jobs times threads never exceed the cores.
THREADS = max(1, (workflow.cores or 1) // (len(STUDY.tasks) * len(STUDY.seeds)))

# A book of this study alone has its contents, and its site, in a folder of its own.
SITE = Path(config.get("site", "."))
PAGES = contents.pages(SITE / "_toc.yml")
PROSE = [f"{path}.md" for path in contents.listed(SITE / "_toc.yml") if path not in PAGES]
EXERCISES = [Path(path).name for path in PAGES if path.startswith("book/course/")]
TABLES = re.findall(r"<(report/\S+-records\.csv)>", Path("book/data.md").read_text("utf-8"))
# What the whole book links that is no page.
WHOLE = [f"book/{table}" for table in TABLES]
WHOLE += ["book/report/record.schema.json", "_build/html/slides/index.html"]


def files(*patterns):
    """The files that lie there and match, without what Python compiles."""
    found = [path for pattern in patterns for path in Path().glob(pattern) if path.is_file()]
    return sorted(str(path) for path in found if path.suffix != ".pyc")


LIBRARY = files("lottery_utils/**/*", "replication/**/*", "miniglue/**/*")

# A stamp whose records are gone or out of date says nothing. (Jobs elsewhere read this file too,
# while others are at work.)
if workflow.is_main_process:
    for task in missing(STUDY, Store()):
        for stamp in files(f"{STAMPS}/{task}/*"):
            Path(stamp).unlink()


def stamps(*tasks):
    """What says that all of these tasks was computed here."""
    entries = expand(STAMP, task=tasks, seed=STUDY.seeds)
    return entries + expand(OVER_SEEDS, task=[task for task in tasks if task in SURVIVORS])


def records(study, task=None):
    """What a page of a study, or of one of its tasks, is made from."""
    kept = files(f"results/{study}-*/**/*.json")  # its sweep, and studies derived from it
    if study == STUDY.name and COMPUTED:
        return stamps(*([task] if task else STUDY.tasks)) + kept
    return files(f"results/{study}/**/*.json") + kept


rule book:
    input:
        [f"{path}.ipynb" for path in PAGES],
        WHOLE if SITE == Path() else [],
        PROSE,
        LIBRARY,
        files(f"{SITE}/_*.yml", "book/*.bib", "book/_ext/*.py", "book/_static/*"),
    output:
        f"{SITE}/_build/html/index.html",
    threads: workflow.cores
    shell:
        "jupyter-book build . -W -n --keep-going -q --toc {SITE}/_toc.yml --config {SITE}/_config.yml "
        "--path-output {SITE}"


# Entries with more to do go first, so that none is left over.
CONTROL = dict(STUDY.entries("control"))
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
        "lottery run {GIVEN:q} --task {wildcards.task} --seed {wildcards.seed} "
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
        "lottery run {GIVEN:q} --task {wildcards.task} --threads {threads}"


def page(wildcards):
    return contents.Page.of(f"book/{wildcards.page}")


def parameters(page):
    """What a page is given; a study that came as a file, as the one that its book keeps."""
    own, kept = page.study == STUDY.name, SITE / "study.yaml"
    return page.parameters | ({"study": kept} if own and kept.is_file() else {})


rule page:
    input:
        lambda wildcards: [
            path for study in page(wildcards).studies for path in records(study, page(wildcards).task)
        ],
        lambda wildcards: files("benchmarks/*.json") if wildcards.page == "report/cost" else [],
        LIBRARY,
        notebook=lambda wildcards: f"notebooks/{page(wildcards).notebook}.ipynb",
    output:
        "book/{page}.ipynb",
    wildcard_constraints:
        page="index|report/.+",
    params:
        given=lambda wildcards: [f"{k}={v}" for k, v in parameters(page(wildcards)).items()],
    shell:
        "python -m replication.book {input.notebook} {output} {params.given:q}"


rule exercise:
    input:
        # They share a model, which the first one trains.
        lambda wildcards: [f"book/course/{n}.ipynb" for n in EXERCISES[:1] if n != wildcards.name],
        records("minilm-glue"),
        LIBRARY,
        notebook="notebooks/course/{name}.ipynb",
    output:
        "book/course/{name}.ipynb",
        "book/course/handouts/{name}.ipynb",
    wildcard_constraints:
        name=one_of(EXERCISES),
    # They take longest among the pages; begun last, they would keep one core waiting.
    priority: 1
    shell:
        "python -m replication.course.blanks page {input.notebook} {output}"


rule table:
    input:
        lambda wildcards: records(wildcards.study),
        LIBRARY,
    output:
        "book/report/{study}-records.csv",
    shell:
        "lottery export {wildcards.study} --out {output}"


rule schema:
    input:
        LIBRARY,
    output:
        "book/report/record.schema.json",
    shell:
        "python -m replication.runs.schema {output}"


# The course's slides show what pages show, as a Sphinx project of their own beside the book.
rule slides:
    input:
        records("glue-small"),
        records("bert-base-released"),
        LIBRARY,
        files("book/course/slides/*.*"),
    output:
        "_build/html/slides/index.html",
    shell:
        "python book/course/slides/figures.py book/report/slides && "
        "sphinx-build -b revealjs -W -n -q -E -d _build/slides "
        "book/course/slides _build/html/slides"
