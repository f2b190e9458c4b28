# `make demo` shows what GrantWatch does; `make test` is the whole gate. Both need only Python 3.11 to 3.13.

SUITABLE := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
PYTHON ?= $(firstword $(foreach python,python3 python3.13 python3.12 python3.11,\
	$(shell $(python) -c '$(SUITABLE)' >/dev/null 2>&1 && echo $(python))))
VENV := .venv
RUN := $(VENV)/bin/python
STAMP := $(VENV)/.installed
SAMPLE := samples/build

.PHONY: help demo test format check types docs unit bench clean

help: ## Show what can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' Makefile

demo: $(STAMP) $(SAMPLE)/storage-log.jsonl.gz ## Replay a day of logs with an attack in it, and print the findings
	@# The sample has two broken bodies, as real logs do: replay names them and exits with 1.
	@$(RUN) -m grantwatch replay $(SAMPLE) --store $(SAMPLE)/demo.duckdb --fresh || test $$? -eq 1

$(SAMPLE)/storage-log.jsonl.gz: $(STAMP) $(wildcard samples/*.py tools/records/*.py)
	@$(RUN) -m samples.incident --out $(SAMPLE)

test: check types docs unit ## Format, lint, types, import contracts, generated files and tests

check: $(STAMP)
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/lint-imports --no-cache

types: $(STAMP)
	$(VENV)/bin/mypy

docs: $(STAMP)
	$(RUN) -m tools.generate --check

unit: $(STAMP)
	$(RUN) -m pytest

format: $(STAMP) ## Format the code and write the generated files
	$(VENV)/bin/ruff format .
	$(VENV)/bin/ruff check --fix .
	$(RUN) -m tools.generate

bench: $(STAMP) ## Compare the engine's speed with decoding alone and with a hand-written function
	@$(RUN) -m tools.bench $(BENCH_OPTIONS)

clean: ## Remove everything that can be made again
	rm -rf $(VENV) $(SAMPLE) .mypy_cache .ruff_cache .hypothesis

$(STAMP): requirements.txt requirements-local.txt requirements-dev.txt
	@test -n "$(PYTHON)" || { echo "GrantWatch needs Python 3.11, 3.12 or 3.13; set PYTHON=/path/to/one" >&2; exit 1; }
	@$(PYTHON) -c '$(SUITABLE)' || { echo "$(PYTHON) is not Python 3.11, 3.12 or 3.13" >&2; exit 1; }
	@echo "Preparing $(VENV) (once)" >&2
	@$(PYTHON) -m venv --clear $(VENV)
	@$(RUN) -m pip --quiet --disable-pip-version-check install -r requirements-dev.txt
	@touch $(STAMP)
