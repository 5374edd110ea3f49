# Two commands: `make book` and `make test`. `make help` lists the rest.
# Paths are relative throughout, so the tree may live anywhere, also where names have spaces.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help book chapter pdf epub zip test quick lint links torch serve pyodide student teacher lab voila versions checked soak bench bench-all archive audit dist colab nbgrader nbgrader-try pins clean

# The first Python on PATH that is new enough; PYTHON=... chooses another.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && echo $$p && break; done)
WORKERS ?= 2
# Where kernels are called directly; nothing there starts another Python, which would compile anew.
CHECKED_TESTS ?= $(addprefix tests/test_,$(addsuffix .py,contrastive dynamics exact kicks known_answers limiting \
	manifolds moments neighbours network noise observables potentials scaling sizes))

bin := $(if $(filter Windows_NT,$(OS)),Scripts,bin)
in-book := .venv/$(bin)/python
environment = $(if $(strip $(PYTHON)),$(PYTHON),$(error Python 3.11 or newer is needed and was not found)) \
	book/_tools/environment.py

help:  ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' Makefile

book: .venv  ## run every chapter that is out of date, render the book, say which page to open
	@$(in-book) -m book._tools.build

chapter: .venv  ## one chapter with other numbers, as a page: NAME=mixtures PARAMETERS="n=500 seed=7"
	@$(in-book) -m book._tools.chapter

test: .venv  ## every test: library, notebooks, book, browser (builds the book first)
	@$(in-book) -m book._tools.test -n $(WORKERS)

quick: .venv  ## the quick tests of the library alone
	@$(in-book) -m book._tools.test --quick -n $(WORKERS)

lint: .venv  ## one format, the rules, spelling, types
	@$(in-book) -m book._tools.lint

links: .venv  ## ask every address that the book names whether it still answers (needs the network)
	@$(in-book) -m book._tools.together jupyter_book.cli.main build . --builder linkcheck -q

torch: .venv-torch  ## the comparisons with PyTorch, in an environment of their own
	@.venv-torch/$(bin)/python -m pytest -q -p no:cacheprovider tests/test_network.py tests/test_limiting.py -k pytorch

serve: book  ## open the built book over http
	@$(in-book) -m book._tools.serve

pyodide: .venv  ## Python for the pages with a program, beside the built book (13 MB, by npm; asks the network)
	@$(in-book) -m book._tools.pyodide

pdf: book  ## the whole book in one PDF, with outline and tags (needs Chromium; minutes)
	@$(in-book) -m book._tools.pdf

epub: book  ## the whole book as an EPUB (needs Chromium; epubcheck looks at it if it is there)
	@$(in-book) -m book._tools.epub

zip: book  ## the built book as one zip, which opens from the disk
	@$(in-book) -m book._tools.zipped

student: book  ## copies of the chapters without solutions, with cells that check a number
	@$(in-book) -m book._tools.classroom student

teacher: book  ## copies of the chapters with the solutions open
	@$(in-book) -m book._tools.classroom teacher

nbgrader: book  ## the chapters as assignments of an nbgrader course (_build/nbgrader)
	@$(in-book) -m book._tools.nbgrader

nbgrader-try: book .venv-nbgrader  ## one of them released, handed in and graded, in an environment of its own
	@.venv-nbgrader/$(bin)/python -m book._tools.nbgrader try $(CHAPTER)

lab: .venv-live  ## JupyterLab with the chapters as they read in the book, in an environment of its own
	@.venv-live/$(bin)/python -m book._tools.classroom reader
	@.venv-live/$(bin)/python -m jupyterlab --LabApp.default_url=/lab/tree/_build/reader \
		$(shell [ "$$(id -u)" = 0 ] && echo --allow-root) $(LAB_OPTIONS)

voila: .venv-live  ## the classroom and the chapters as live pages in large type
	@.venv-live/$(bin)/python -m book._tools.live $(VOILA_OPTIONS)

versions: .venv  ## the library's tests on the oldest and the newest packages allowed, on every Python here
	@$(in-book) -m book._tools.versions $(VERSIONS_OPTIONS)

checked: .venv  ## small tests on kernels compiled with bounds checks and true array lengths (minutes)
	@MPACK_CHECKED=1 $(in-book) -m pytest -q -p no:cacheprovider $(CHECKED_TESTS)

soak: .venv  ## ten thousand random calls and more, for an hour: a row of benchmarks/SOAK.md (SOAK_OPTIONS=...)
	@$(in-book) tests/soak.py --record benchmarks/SOAK.md $(SOAK_OPTIONS)

bench: .venv  ## measure: benchmarks/RESULTS.md (a quarter of an hour; BENCH_OPTIONS=--quick: some minutes)
	@$(in-book) -m benchmarks $(BENCH_OPTIONS)

bench-all: .venv-bench  ## the same with LAMMPS and jax-md beside ours
	@.venv-bench/$(bin)/python -m benchmarks $(BENCH_OPTIONS)

archive: .venv  ## go on with the long runs behind the figures, in the background
	@$(in-book) -m book._tools.archive --background

audit: .venv  ## do a sample of the archived runs again and compare every bit
	@$(in-book) -m book._tools.audit

dist: .venv  ## wheel and sdist, the same bytes each time, tried in an empty environment; with their hashes
	@$(in-book) -m book._tools.dist $(DIST_OPTIONS)

colab: .venv  ## a chapter with the versions that Colab has, in an environment made for it (needs Python 3.13)
	@$(in-book) -m book._tools.colab $(CHAPTER)

pins: .venv  ## renew requirements*.txt, with hashes, from the lists of direct packages (needs uv)
	@$(in-book) -m book._tools.pins $(PINS_OPTIONS)

clean:  ## remove what was built (environments stay; `rm -r .venv*` removes those)
	@$(environment) --clean
	@find . -name .venv\* -prune -o -name __pycache__ -type d -exec rm -rf {} +
	@echo "Removed _build and caches."

# Asked every time; answers at once, without network, when the environment fits.
.PHONY: .venv .venv-live .venv-bench .venv-torch .venv-nbgrader
.venv:
	@$(environment) .venv requirements.txt
.venv-live:
	@$(environment) .venv-live requirements.txt requirements-live.txt
.venv-bench:
	@$(environment) .venv-bench requirements.txt requirements-bench.txt
.venv-torch:
	@$(environment) .venv-torch requirements.txt requirements-torch.txt
.venv-nbgrader:
	@$(environment) .venv-nbgrader requirements.txt requirements-nbgrader.txt
