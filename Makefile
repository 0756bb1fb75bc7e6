# The four commands of a newcomer. Each makes .venv first, if it is not there.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: classify test coverage lint bench train docs reference pages

classify: .venv/ready  ## tag a few example abstracts with the shipped model
	$(BIN)/ipclass classify corpora/frontier/examples.csv --table

# Files in order of their names: by default those of few tests come last, and these are the long ones.
test: .venv/ready  ## run the tests
	$(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder

coverage: .venv/coverage  ## run the tests, and say which lines and branches of ipclass/ none of them reaches
	$(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder --cov --cov-report term

lint: .venv/lint  ## style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: .venv/bench  ## speed and memory beside the alternatives; needs ../shared
	$(BIN)/python benchmarks/speed.py

train: .venv/ready  ## make the shipped model anew from the shipped corpus
	$(BIN)/ipclass train corpora/frontier -o models/frontier --force

docs: reference  ## build the documentation into build/site; no network is needed
	$(BIN)/python -m mkdocs build --strict

pages: reference  ## run what README and docs show, and mend what they say it prints
	$(BIN)/python tools/pages.py --write README.md $(shell find docs -name '*.md' ! -path docs/reference/cli.md)

reference: .venv/ready  ## write the page of the command line from the program
	$(BIN)/python tools/reference.py docs/reference/cli.md

.venv/ready: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --editable '.[test]'
	touch $@

.venv/lint: .venv/ready
	$(BIN)/python -m pip install --quiet --editable '.[lint]'
	touch $@

.venv/coverage: .venv/ready
	$(BIN)/python -m pip install --quiet --editable '.[coverage]'
	touch $@

.venv/bench: .venv/ready
	$(BIN)/python -m pip install --quiet --editable '.[bench]'
	touch $@
