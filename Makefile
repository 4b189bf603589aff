# Every target sets up what it needs: `make run` and `make test` work on a fresh machine with Python 3.11 and make.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.ready

.PHONY: setup run demo lint test check bench chaos clean lock

setup: $(STAMP)

$(STAMP): requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -e .
	@touch $@

run: setup ## the hub on this machine, with the example tenant and stand-ins of its vendors
	$(BIN)/svyazka run --with-simulators

demo: setup ## the same, unattended: a few webhooks, what became of them, exit status 0
	$(BIN)/svyazka demo

lint: setup ## format, lint, types, import contract
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: setup ## the whole test suite
	$(BIN)/pytest -n auto

check: lint test ## what every commit passes

bench: setup ## measures, and writes benchmarks/results/
	$(BIN)/python -m benchmarks

chaos: setup ## 10 000 events while processes are killed and frozen at every step
	PYTHONPATH=tests $(BIN)/python -m chaos

lock: setup ## pin every dependency anew
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip compile pyproject.toml --all-extras --no-emit-index-url --python-version 3.11 --universal -o requirements.lock

clean:
	rm -rf $(VENV) .data build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
