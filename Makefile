# What people do with this checkout. `make help` explains it.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help up down reset test check lock schema migrations novnc fmt bench audit

PORT ?= 8000
STATE_DIR ?= .local
export PORT STATE_DIR
# What Python has compiled is kept: each process that compiles all of Django for itself takes three seconds more to start.
unexport PYTHONDONTWRITEBYTECODE

PY := .venv/bin/python
PACKAGES := orchestrator facades instances sites plans gateway common guest infra
SHELL_SCRIPTS := infra/bootstrap.sh .ci/run infra/images/ubuntu/install.sh
# pytest arguments, for instance: make test T="tests/sites -k keys"
T ?=
# Processes that share the tests; 0 runs them in this one, for a debugger.
JOBS ?= 2
# What the fuzz tests draw follows from FUZZ_SEED and from this one, so that a red run can be run again.
HASH_SEED ?= 0

help: ## Explain these targets
	@awk 'BEGIN {FS = ":.*## "; print "make TARGET\n"} /^[a-z]+:.*## / {printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@printf '\n  PORT (%s) is the web port, STATE_DIR (%s) the folder of credentials and logs.\n' '$(PORT)' '$(STATE_DIR)'

up: ## Install what is missing, start the whole platform, ask for a first browser; Ctrl-C stops it
	@infra/bootstrap.sh run
	@exec $(PY) -m infra.up

down: ## End all machines and every process of this deployment; the data stays
	@if [ -x $(PY) ]; then exec $(PY) -m infra.down; else echo "Nothing is installed here, so nothing runs."; fi

reset: ## make down, then forget all data, after asking (FORCE=1: without)
	@if [ "$(FORCE)" != 1 ]; then \
		read -r -p "Forget all data of $(STATE_DIR)? [y/N] " answer && [ "$$answer" = y ] || { echo "Kept."; exit 1; }; fi
	@if [ -x $(PY) ]; then exec $(PY) -m infra.down --wipe; else rm -rf -- "$(STATE_DIR)"; fi

test: ## Install what is missing and run the tests, which start their own services (T="…" goes to pytest, JOBS=0: one process)
	@infra/bootstrap.sh dev
	@export PYTHONHASHSEED=$(HASH_SEED); exec $(PY) -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder --durations 20 --durations-min 3 $(T)

check: ## Lint, types, import contracts, missing migrations, OpenAPI; needs no running service
	@infra/bootstrap.sh check
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy $(PACKAGES)
	.venv/bin/mypy --config-file clients/python/pyproject.toml clients/python/src clients/python/generator
	.venv/bin/lint-imports --no-logo
	$(PY) -W ignore::RuntimeWarning manage.py makemigrations --check --dry-run
	PUBLIC_URL=https://desks.example.com SECRET_KEY=$$(head -c 48 /dev/urandom | base64 -w 0) \
		$(PY) manage.py check --deploy --fail-level WARNING
	@schema=$$(mktemp) && trap 'rm -f "$$schema"' EXIT && \
		$(PY) manage.py spectacular --validate --fail-on-warn --file "$$schema" && \
		{ diff -u docs/openapi.yaml "$$schema" || { echo "docs/openapi.yaml is out of date: run make schema"; exit 1; }; } && \
		{ $(PY) -m orchestrator.reference "$$schema" | diff -u docs/reference.md - || \
			{ echo "docs/reference.md is out of date: run make schema"; exit 1; }; } && \
		$(PY) clients/python/generator --check "$$schema"
	@if command -v shellcheck >/dev/null; then shellcheck $(SHELL_SCRIPTS); else echo "shellcheck is not installed: skipped"; fi

schema: ## Write docs/openapi.yaml, docs/reference.md and what clients/python generates anew
	@infra/bootstrap.sh check
	$(PY) manage.py spectacular --validate --fail-on-warn --file docs/openapi.yaml
	$(PY) -m orchestrator.reference docs/openapi.yaml > docs/reference.md
	$(PY) clients/python/generator

migrations: ## Write the migrations that the models ask for (NAME=what_it_does)
	@infra/bootstrap.sh check
	$(PY) -W ignore::RuntimeWarning manage.py makemigrations $(if $(NAME),--name $(NAME))

lock: ## Resolve requirements/*.in into the locks, with hashes
	@infra/bootstrap.sh check
	@for name in base client dev prod otel guest; do \
		.venv/bin/uv pip compile --quiet --generate-hashes --no-header --no-annotate --universal \
			--python-version 3.11 --output-file requirements/$$name.txt requirements/$$name.in && echo "requirements/$$name.txt"; done

fmt: ## Format and sort imports
	@infra/bootstrap.sh check
	.venv/bin/ruff check --fix-only --quiet .
	.venv/bin/ruff format .

novnc: ## Fetch the noVNC that instances/static/novnc holds, by npm, and show where ours differs (nothing: nowhere)
	@held=$$(mktemp -d) && trap 'rm -rf "$$held"' EXIT && cd "$$held" && npm pack --silent @novnc/novnc@1.7.0 >/dev/null && \
		tar xzf *.tgz && cd - >/dev/null && for part in core vendor LICENSE.txt AUTHORS; do \
		diff -r "instances/static/novnc/$$part" "$$held/package/$$part"; done

bench: ## Measure a deployment of its own against floors taken in the same run
	@infra/bootstrap.sh dev
	@exec $(PY) -m bench

audit: ## Look up the locked packages among the known vulnerabilities; needs the internet
	@infra/bootstrap.sh check
	@for name in base prod; do $(PY) -m pip_audit --disable-pip --require-hashes -r requirements/$$name.txt || exit 1; done
