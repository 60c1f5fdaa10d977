# What there is to do: make help.
#
# Setup happens by itself: every target that needs it makes .venv from the lock, on a machine with make, git and any
# Python 3. scripts/bootstrap.py finds a Python 3.13, or has uv fetch one.

.DEFAULT_GOAL := help
SHELL := /bin/sh

# As pip does: uv's own list of authorities does not know those of a company's proxy.
export UV_SYSTEM_CERTS ?= 1

VENV := .venv
PYTHON := $(VENV)/bin/python
SLUICE := $(VENV)/bin/sluice
LINT := .venv-lint
MODELS := .venv-models
MONITOR := .venv-monitor
# What of .sluice a clean leaves: what cannot be built again.
LOCAL_DATA := data demo state.json env.sh
ARCHITECTURE ?= arm64
LONG_TESTS = $(addprefix tests/local/test_,$(addsuffix .py,build cli cloud_check command_line deployment events kept_data labels monitor predict regression teardown texts)) \
	tests/local_sagemaker/test_guarded_updates.py tests/faults
TESTS ?= tests --ignore=tests/cloud --ignore=tests/docker --ignore=tests/browser --ignore=tests/contract/sdk $(addprefix --ignore=,$(LONG_TESTS))
# As many processes as there are cores, but no more than can be fed; tests that share a server stay together.
WORKERS ?= auto
SIDE_BY_SIDE = -n $(WORKERS) --maxprocesses 4 --dist loadgroup
LOCK = $(VENV)/bin/uv pip compile --quiet --universal --python-version 3.13 --generate-hashes --no-header \
	--no-emit-index-url --no-emit-find-links $(if $(UPGRADE),--upgrade)
SAM = PATH="$(CURDIR)/$(VENV)/bin:$$PATH" SAM_CLI_TELEMETRY=0 sam

.PHONY: help setup setup-models setup-monitor demo local status down check lint types templates security test longer faults audit deploy cloud-check remove lock clean forget

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(VENV)/.installed ## make .venv from the lock; other targets run this automatically

# The first Python that runs: pyenv's shims refuse to where .python-version names one that is not installed.
$(VENV)/.installed: requirements-dev.txt scripts/bootstrap.py
	@for python in python3.13 python3 /usr/bin/python3 /usr/local/bin/python3 python; do \
		if "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 8))' 2>/dev/null; then \
			exec "$$python" scripts/bootstrap.py; \
		fi; \
	done; \
	echo "Sluice needs a Python 3.8 or later to set itself up; on Debian: apt-get install python3 python3-venv" >&2; exit 1

# Its packages do not go together with those of .venv. pip where uv cannot, as in scripts/bootstrap.py.
$(LINT)/.installed: requirements-lint.txt $(VENV)/.installed
	$(VENV)/bin/uv venv --quiet --clear --python $(PYTHON) $(LINT)
	$(VENV)/bin/uv pip install --quiet --python $(LINT)/bin/python --require-hashes -r $< \
		|| $(PYTHON) -m pip --python $(LINT)/bin/python install --quiet --require-hashes -r $<
	@touch $@

setup-models: $(MODELS)/.installed ## make .venv-models, what python -m benchmarks.models compares Sluice's models with

setup-monitor: $(MONITOR)/.installed ## make .venv-monitor, what python -m benchmarks.monitor compares Sluice's report with

$(MONITOR)/.installed: requirements-monitor.txt $(VENV)/.installed
	$(VENV)/bin/uv venv --quiet --clear --python $(PYTHON) $(MONITOR)
	$(VENV)/bin/uv pip install --quiet --python $(MONITOR)/bin/python --require-hashes -r $< \
		|| $(PYTHON) -m pip --python $(MONITOR)/bin/python install --quiet --require-hashes -r $<
	@touch $@

$(MODELS)/.installed: requirements-models.txt $(VENV)/.installed
	$(VENV)/bin/uv venv --quiet --clear --python $(PYTHON) $(MODELS)
	$(VENV)/bin/uv pip install --quiet --python $(MODELS)/bin/python --require-hashes -r $< \
		|| $(PYTHON) -m pip --python $(MODELS)/bin/python install --quiet --require-hashes -r $<
	@touch $@

demo: setup ## run the main job here (sluice demo), on real data or on yours: CSV=file.csv TARGET=column [TASK=regression DATASET=name CONFIG=config.yaml YES=1 JSON=result.json]
	@$(SLUICE) demo $${CSV:+--csv "$$CSV"} $${TARGET:+--target "$$TARGET"} $${TASK:+--task "$$TASK"} $${DATASET:+--dataset "$$DATASET"} \
		$${CONFIG:+--config "$$CONFIG"} $${YES:+--yes} $${JSON:+--json "$$JSON"}

local: setup ## start the local AWS with the stack in it (sluice local up)
	@$(SLUICE) local up

status: setup ## show what of the local AWS runs (sluice local status)
	@$(SLUICE) local status || true

down: setup ## stop the local AWS (sluice local down)
	@$(SLUICE) local down

check: setup ## lint, types, templates and their security
	@$(MAKE) --no-print-directory -j 2 types lint templates security

lint: setup
	$(VENV)/bin/ruff check
	$(VENV)/bin/ruff format --check

types: setup
	$(VENV)/bin/mypy layers/core layers/tabular layers/scoring layers/plotting functions following local cli scripts tests benchmarks

templates: setup $(LINT)/.installed
	$(LINT)/bin/cfn-lint --append-rules cfn_lint_serverless.rules --non-zero-exit-code informational --template template.yaml
	AWS_DEFAULT_REGION=us-east-1 $(SAM) validate --lint

security: $(LINT)/.installed
	env -u BC_API_KEY CKV_SKIP_PACKAGE_UPDATE_CHECK=true $(LINT)/bin/checkov --config-file .checkov.yaml

test: check ## check, and all tests but the longer ones and those that need Docker, a browser or the SageMaker SDK
	$(PYTHON) -m pytest $(SIDE_BY_SIDE) -m "not longer" $(TESTS)

longer: setup ## the longer tests: rollouts, lost and late events, removal of a stack, real tables, and searches for counterexamples all the way
	$(PYTHON) -m pytest $(LONG_TESTS)
	SLUICE_SEARCH=$${SLUICE_SEARCH:-1} $(PYTHON) -m pytest -m "longer or hypothesis" tests/unit tests/hostile tests/functions

faults: setup ## every call of a run with every fault, on two local AWS; writes the table of docs/reliability.md
	$(PYTHON) -m tests.faults --write

audit: $(LINT)/.installed ## say which of the locked packages have known vulnerabilities
	@$(PYTHON) scripts/audit.py

deploy: setup ## deploy to your AWS account, guided; ARCHITECTURE=arm64 (default) or x86_64
	SLUICE_ARCHITECTURE=$(ARCHITECTURE) $(SAM) build --parameter-overrides Architecture=$(ARCHITECTURE)
	@echo "When asked for Parameter Architecture, answer $(ARCHITECTURE): that is what was built."
	$(SAM) deploy --guided

cloud-check: setup ## go through docs/first-deployment.md on a stack in your AWS account; STACK=name
	@test -n "$(STACK)" || { echo "say which: make cloud-check STACK=sluice" >&2; exit 2; }
	SLUICE_CLOUD_STACK="$(STACK)" $(PYTHON) -m pytest -n 0 -x tests/cloud

remove: setup ## remove a stack from your AWS account with all that its runs made; STACK=name
	@test -n "$(STACK)" || { echo "say which: make remove STACK=sluice" >&2; exit 2; }
	@PYTHONPATH=layers/core $(PYTHON) scripts/remove_stack.py "$(STACK)"

lock: setup ## renew the locks from their .in files; UPGRADE=1 to take newer versions
	$(LOCK) requirements-dev.in -o requirements-dev.txt
	for layer in core tabular scoring plotting; do \
		$(LOCK) -c requirements-dev.txt layers/$$layer/requirements.in -o layers/$$layer/requirements.txt || exit 1; \
	done
	$(LOCK) requirements-sdk.in -o requirements-sdk.txt
	$(LOCK) requirements-lint.in -o requirements-lint.txt
	$(LOCK) requirements-models.in -o requirements-models.txt
	$(LOCK) requirements-monitor.in -o requirements-monitor.txt
	$(LOCK) tests/docker/runtime.in -o tests/docker/runtime.txt

clean: ## stop the local AWS and remove what was built here, .venv too; its data and the demo's reports stay
	@if [ -x $(PYTHON) ]; then $(PYTHON) -m local down; fi
	if [ -d .sluice ]; then find .sluice -mindepth 1 -maxdepth 1 $(LOCAL_DATA:%=! -name %) -exec rm -rf {} +; fi
	rm -rf .aws-sam .mypy_cache .pytest_cache .ruff_cache .hypothesis $(VENV) .venv-*
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

forget: ## stop the local AWS and remove its data: runs, models, endpoints, the demo's reports
	@if [ -x $(PYTHON) ]; then $(PYTHON) -m local down; fi
	rm -rf .sluice
