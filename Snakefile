# The one graph from a study to the site: jobs -> records -> pages -> book.
#     snakemake --cores 2                                     what `make book` does
#     make book STUDY=mine.yaml                               one study alone: _build/books/mine
#     snakemake --cores 16 records --config study=mini-glue   no pages
#     snakemake --profile profiles/slurm records              on a cluster: notebooks/cluster.ipynb
#
# Which pages there are, `_toc.yml` says, and replication/book/contents.py how each is made; which
# jobs, replication/runs/jobs.py. Snakemake deletes the outputs of failed jobs and goes by time
# stamps, so records are never its outputs: `lottery` writes them and decides by their hash, and a
# job leaves a stamp.

import os
import re
import sys
from pathlib import Path

from lottery_utils.errors import expanded
from replication.book import contents
from replication.book.one_study import computed
from replication.runs.asked import require_as_meant
from replication.runs.jobs import jobs
from replication.runs.stamps import clear_stale, of_no_time, stale
from replication.store import Store
from replication.study import Study

if workflow.is_main_process:
    require_as_meant(sys.argv, config)
workdir: str(expanded(config.get("workdir", ".")))
# A job has one thread unless it asks for more: threads of two jobs on one core wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# Here a job is an entry with all its trainings; elsewhere, where cores do not count, one training.
CORES = workflow.resource_settings.cores
if workflow.is_main_process:
    os.environ["LOTTERY_SINGLY"] = str(int(config.get("singly", CORES is None)))

# The study that is computed here; of others there are the records that came with the repository.
GIVEN = config.get("study", os.environ.get("LOTTERY_STUDY") or "quick")
STUDY = Study.load(GIVEN)
# A book of this study alone has its contents, and its site, in a folder of its own. What cannot be
# computed is shown there as far as it is on record.
SITE = expanded(config.get("site", "."))
KEPT = [str(path) for path in [SITE / "study.yaml"] if path.is_file()]  # a study that is a file
COMPUTED = SITE == Path() or "data" in config or computed(STUDY)
if not COMPUTED:
    os.environ["LOTTERY_COMPUTE"] = "no"
STAMPS = f"_build/stamps/{STUDY.name}"
SINGLY = os.environ.get("LOTTERY_SINGLY", str(int(config.get("singly", 0)))) == "1"
JOBS = jobs(STUDY, singly=SINGLY)
# Several jobs of few threads outrun one job of many; jobs times threads never exceed the cores.
THREADS = int(config.get("threads", 2 if SINGLY else max(1, (CORES or 1) // len(JOBS))))
# With `device=cuda` every job takes a card, and fails where there is none.
DEVICE = config.get("device", "auto")
HOW = [f"--{name}={config[name]}" for name in ("data", "cache-dir") if name in config]
PAGES = contents.pages(SITE / "_toc.yml")
PROSE = [f"{path}.md" for path in contents.listed(SITE / "_toc.yml") if path not in PAGES]
EXERCISES = [Path(path).name for path in PAGES if path.startswith("book/course/")]
TABLES = re.findall(r"<(report/\S+-records\.csv)>", Path("book/data.md").read_text("utf-8"))
TIMED = ("report/speed", "report/cost")  # pages made from what `make bench` wrote
# What the whole book links that is no page.
WHOLE = [f"book/{table}" for table in TABLES]
WHOLE += ["book/report/record.schema.json", "_build/html/slides/index.html"]


def files(*patterns):
    """The files that lie there and match, without what Python compiles."""
    found = [path for pattern in patterns for path in Path().glob(pattern) if path.is_file()]
    return sorted(str(path) for path in found if path.suffix != ".pyc")


LIBRARY = files("lottery_utils/**/*", "replication/**/*", "miniglue/**/*")

# A stamp whose records are gone or out of date says nothing. (Jobs read this file while others run.)
if workflow.is_main_process:
    old = stale(JOBS, STUDY, Store(cache=config.get("cache-dir", ".cache")))
    runs = not workflow.output_settings.dryrun  # `workflow.dryrun` is set after this file is read
    RUNNING = clear_stale(Path(STAMPS), old, runs=runs)  # until all is made
    of_no_time(files("book/**/*.ipynb") + WHOLE + [f"{SITE}/_build/html/index.html"])


def stamps(tasks):
    """What says that all of these tasks was computed here."""
    return [f"{STAMPS}/{name}" for name in JOBS if name.split("/")[1] in tasks]


def records(study, task=None):
    """What a page of a study, or of one of its tasks, is made from."""
    # Its sweep, studies derived from it, and what it says itself: of its data, for example.
    kept = files(f"results/{study}-*/**/*.json", f"studies/{study}.y*ml") + KEPT
    if study == STUDY.name and COMPUTED:
        return stamps([task] if task else STUDY.tasks) + kept
    return files(f"results/{study}/{task or ''}/**/*.json") + kept


rule book:
    input:
        [f"{path}.ipynb" for path in PAGES],
        PROSE + LIBRARY + (WHOLE if SITE == Path() else []),
        [str(SITE / name) for name in ("_toc.yml", "_config.yml")],
        files("book/*.bib", "book/_ext/*.py", "book/_static/*", "book/_templates/*"),
    output: str(SITE / "_build/html/index.html")
    shell:
        "jupyter-book build . -W -n --keep-going -q "
        "--toc {SITE}/_toc.yml --config {SITE}/_config.yml --path-output {SITE}"


# Pages take seconds, and so does a record of what jobs elsewhere computed: they are made here.
localrules:
    records, record, book, page, exercise, table, schema, slides


rule records:
    input: stamps(STUDY.tasks)


# What the longest chain of other jobs waits for goes first, so that none is left over.
rule job:
    input: lambda wildcards: [f"{STAMPS}/{name}" for name in JOBS[wildcards.job].after]
    output: touch(f"{STAMPS}/{{job}}")
    wildcard_constraints: job="(jobs|entries)/.+"
    priority: lambda wildcards: 2 + JOBS[wildcards.job].chain
    retries: 3 if SINGLY else 0
    threads: THREADS
    resources:
        gpu=int(DEVICE.startswith("cuda")),
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=lambda wildcards, attempt: attempt * JOBS[wildcards.job].minutes(DEVICE),
    params:
        device=DEVICE,
        what=lambda wildcards: JOBS[wildcards.job].arguments,
    shell:
        "lottery run {GIVEN:q} {params.what:q} {HOW:q} --device {params.device} --threads {threads}"


use rule job as record with:
    wildcard_constraints: job="records/.+"
    threads: 1
    resources:
        gpu=0,
    params:
        device="cpu",
        what=lambda wildcards: JOBS[wildcards.job].arguments,


def page(wildcards):
    return contents.Page.of(f"book/{wildcards.page}")


def parameters(page):
    """What a page is given; a study that came as a file, as the one that its book keeps."""
    return page.parameters | ({"study": KEPT[0]} if KEPT and page.study == STUDY.name else {})


rule page:
    input:
        lambda wildcards: [
            path for study in page(wildcards).studies for path in records(study, page(wildcards).task)
        ],
        lambda wildcards: files("benchmarks/*.json") if wildcards.page in TIMED else [],
        LIBRARY,
        notebook=lambda wildcards: f"notebooks/{page(wildcards).notebook}.ipynb",
    output: "book/{page}.ipynb"
    wildcard_constraints: page="index|report/.+"
    params:
        given=lambda wildcards: [f"{k}={v}" for k, v in parameters(page(wildcards)).items()],
    shell: "python -m replication.book {input.notebook} {output} {params.given}"


rule exercise:
    input:
        records("minilm-glue") + files("notebooks/course/lessons/*") + LIBRARY,
        notebook="notebooks/course/{name}.ipynb",
    output:
        "book/course/{name}.ipynb",
        "book/course/handouts/{name}.ipynb",
    wildcard_constraints: name="|".join(map(re.escape, EXERCISES)) or "(?!)"
    shell: "python -m replication.course page {input.notebook} {output}"


rule table:
    input: lambda wildcards: records(wildcards.study) + LIBRARY
    output: "book/report/{study}-records.csv"
    shell: "lottery export {wildcards.study} --out {output}"


rule schema:
    input: LIBRARY
    output: "book/report/record.schema.json"
    shell: "python -m replication.runs.schema {output}"


# The course's slides show what pages show, as a Sphinx project of their own beside the book.
rule slides:
    input:
        records("glue-small") + records("bert-base-released") + LIBRARY,
        files("book/course/slides/*.*"),
    output: "_build/html/slides/index.html"
    shell:
        "python book/course/slides/figures.py book/report/slides && "
        "sphinx-build -b revealjs -W -n -q -E -d _build/slides "
        "book/course/slides _build/html/slides"
