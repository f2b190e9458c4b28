# `make demo` shows what GrantWatch does; `make test` is the whole gate. Both need Python 3.11 to 3.13, and tests that
# talk to local servers in place of Azure need Node as well: without it they skip.

# The newest Python comes first: the app is deployed on 3.13, and the Functions worker that the tests drive begins there.
SUITABLE := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
PYENV := $(shell pyenv root 2>/dev/null)
PYTHON ?= $(firstword $(foreach python,python3.13 $(wildcard $(PYENV)/versions/3.13*/bin/python3.13) python3 python3.12 python3.11,\
	$(shell $(python) -c '$(SUITABLE)' >/dev/null 2>&1 && echo $(python))))
VENV := .venv
RUN := $(VENV)/bin/python
STAMP := $(VENV)/.installed
SAMPLE := samples/build
SERVERS := tests/stand_ins/node_modules/.installed
# A process of pytest on each core, and one that has nothing left to do takes tests from another.
ON_ALL_CORES := -n auto --dist worksteal

.PHONY: help demo test servers soak format check types docs unit bench clean

help: ## Show what can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' Makefile

demo: $(STAMP) $(SAMPLE)/storage-log.jsonl.gz ## Replay a day of logs with an attack in it, and print the findings
	@# The sample has two broken bodies, as real logs do: replay names them and exits with 1.
	@$(RUN) -m grantwatch replay $(SAMPLE) --store $(SAMPLE)/demo.duckdb --fresh \
		--owner-tenant 00000000-cfd7-4dfc-83c3-94162126f90a || test $$? -eq 1

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

unit: $(STAMP) $(if $(shell command -v npm),$(SERVERS))
	$(RUN) -m pytest $(ON_ALL_CORES)

soak: $(STAMP) ## Hold the laws of memory and of conservation in thousands of histories
	STORMS=5000 $(RUN) -m pytest $(ON_ALL_CORES) tests/service/test_conservation.py
	LIVES=1000 $(RUN) -m pytest $(ON_ALL_CORES) tests/memory/test_machines.py

format: $(STAMP) ## Format the code and write the generated files
	$(VENV)/bin/ruff format .
	$(VENV)/bin/ruff check --fix .
	$(RUN) -m tools.generate

bench: $(STAMP) ## Compare the engine's speed with decoding alone and with a hand-written function
	@$(RUN) -m tools.bench $(BENCH_OPTIONS)

clean: ## Remove everything that can be made again
	rm -rf $(VENV) $(SAMPLE) tests/stand_ins/node_modules .mypy_cache .ruff_cache .hypothesis

$(STAMP): requirements.txt requirements-local.txt requirements-dev.txt
	@test -n "$(PYTHON)" || { echo "GrantWatch needs Python 3.11, 3.12 or 3.13; set PYTHON=/path/to/one" >&2; exit 1; }
	@$(PYTHON) -c '$(SUITABLE)' || { echo "$(PYTHON) is not Python 3.11, 3.12 or 3.13" >&2; exit 1; }
	@echo "Preparing $(VENV) (once)" >&2
	@$(PYTHON) -m venv --clear $(VENV)
	@$(RUN) -m pip --quiet --disable-pip-version-check install -r requirements-dev.txt
	@touch $(STAMP)

servers: $(SERVERS) ## Install the local servers that stand in for Azure's services

$(SERVERS): tests/stand_ins/package-lock.json
	@echo "Preparing the local servers of the tests (once)" >&2
	@npm ci --prefix tests/stand_ins --ignore-scripts --no-audit --no-fund --loglevel=error >&2
	@touch $(SERVERS)
