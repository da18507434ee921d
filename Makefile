# Every target sets up what it needs first; the second start is instant.
# `make` alone lists the targets.
VENV ?= .venv
PY = "$(VENV)/bin/python"
CHAPTER ?=
# uv heeds pip's own setting of where packages come from.
UV = $(if $(PIP_INDEX_URL),UV_DEFAULT_INDEX="$(PIP_INDEX_URL)") $(PY) -m uv
BENCH ?=

.PHONY: help setup run test bench notebooks slides slides-pdf bundle site site-test linkcheck lab lock \
    wheels doctor clean

help:  ## this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | \
	    awk -F ':.*## ' '{ printf "make %-11s %s\n", $$1, $$2 }'

setup:  ## set up .venv from requirements.lock
	@VENV="$(VENV)" ./setup.sh

run: setup  ## execute every chapter (CHAPTER=02: one) and print what the nets reached
	@$(PY) -m d2l_nin run $(CHAPTER)

test: setup  ## what CI checks: ruff, the package's tests, every chapter under nbval
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(PY) -m pytest tests -n 2 --dist loadfile
	@$(PY) -m pytest --nbval notebooks -n 2 --dist loadfile

# PyTorch has an environment of its own, which the course does not need.
bench: setup  ## measure speed beside d2l, a plain loop and PyTorch (under half an hour)
	@test -x .venv-bench/.ready || { \
	    echo "Setting up .venv-bench with PyTorch ..." && \
	    $(PY) -m uv venv -q --clear --python $(PY) .venv-bench && \
	    $(UV) pip install -q --python .venv-bench/bin/python --group bench && \
	    touch .venv-bench/.ready && chmod +x .venv-bench/.ready; }
	@$(PY) -m benchmarks $(BENCH)

notebooks: setup  ## re-execute the committed chapters and solutions and save them
	@$(PY) -m d2l_nin notebooks $(CHAPTER)

slides: setup  ## build the slides of every chapter into build/slides
	@$(PY) -m d2l_nin slides $(CHAPTER)

slides-pdf: setup  ## the same, and print each deck to PDF
	@$(PY) -m d2l_nin slides --pdf $(CHAPTER)

bundle: setup  ## the zip that students get, without solutions, in build/
	@$(PY) -m d2l_nin bundle

# Sphinx has an environment of its own; it sees the course's packages as well.
site: setup  ## the course as a book, in build/site (SOLUTIONS=1: with the solutions)
	@test "$$(cat .venv-site/.ready 2>/dev/null)" = "$$(cksum < site/requirements.lock)" || { \
	    echo "Setting up .venv-site with Sphinx ..." && \
	    $(PY) -m uv venv -q --clear --python $(PY) .venv-site && \
	    $(UV) pip install -q --no-config --require-hashes \
	        --python .venv-site/bin/python -r site/requirements.lock && \
	    .venv-site/bin/python site/see.py $(PY) && \
	    cksum < site/requirements.lock > .venv-site/.ready; }
	@$(PY) -m d2l_nin slides
	@$(PY) -m d2l_nin bundle
	@.venv-site/bin/python site/build.py $(if $(SOLUTIONS),--solutions)

# Takes Chromium and Node. In one process: onnxruntime and MXNet share two cores.
site-test: site  ## look at book and pages in Chromium; exported nets in onnxruntime
	@SITE_TEST=1 .venv-site/bin/python -m pytest -q tests/test_site.py tests/test_onnx_export.py
	@SITE_TEST=1 $(PY) -m pytest -q tests/test_page.py

linkcheck: setup site  ## try the book's links to other sites (needs a network)
	@.venv-site/bin/python site/build.py --linkcheck

lab: setup  ## open the chapters in JupyterLab
	@$(PY) -m jupyter lab notebooks

doctor: setup  ## what this machine offers, what is wrong, how to mend it
	@$(PY) -m d2l_nin doctor

lock: setup  ## re-make requirements.lock from pyproject.toml
	@$(PY) -m uv pip compile pyproject.toml --group test --group tools --universal \
	    --python-version 3.9 \
	    --generate-hashes --no-emit-index-url --no-strip-extras --upgrade --quiet \
	    --custom-compile-command "make lock" --output-file requirements.lock
	@$(PY) -m uv pip compile site/requirements.in --no-config --universal \
	    --python-version 3.11 --generate-hashes --no-emit-index-url --upgrade --quiet \
	    --custom-compile-command "make lock" --output-file site/requirements.lock

# For this Python and this kind of machine.
wheels: setup  ## all locked packages as files, in WHEELS (build/wheels)
	@$(PY) -m pip download -q --disable-pip-version-check --no-deps --require-hashes \
	    --only-binary :all: -d "$(or $(WHEELS),build/wheels)" -r requirements.lock
	@echo "Take the course with its wheels along, then: WHEELS=folder make run"

clean:  ## remove .venv and build/
	rm -rf "$(VENV)" build
