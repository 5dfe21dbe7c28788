# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

# Any Python 3.10 or newer. tests/checks looks for other versions itself.
PYTHON ?= python3
CHECKS := $(PYTHON) tests/checks

.DEFAULT_GOAL := help
.PHONY: help demo test test-changed test-matrix release-check lock sbom units laws faults mutations integration sanity lint docs generate messages simulator bench format clean

help: ## Show this help
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: .venv ## Run the demo on a simulated tenant
	@.venv/bin/python tests/checks/demo.py

test: ## Run the checks on the newest and the oldest ansible-core
	@$(CHECKS)

test-changed: ## Run the checks for the changes since the branch main
	@$(CHECKS) --changed

test-matrix: ## Run the checks that depend on ansible-core with each supported version
	@$(CHECKS) --matrix

release-check: ## Run the checks for a release, after make test
	@$(CHECKS) --release

units: ## Run the unit and contract tests
	@$(CHECKS) units

laws: ## Run the law tests of all kinds of objects
	@$(CHECKS) laws

faults: ## Run the fault matrix
	@$(CHECKS) faults

mutations: ## Run the tests with invalid responses
	@$(CHECKS) mutations

integration: ## Run the integration tests against a simulated tenant
	@$(CHECKS) integration modules

sanity: ## Run ansible-test sanity
	@$(CHECKS) sanity

lint: ## Run the static checks
	@$(CHECKS) ruff format mypy ansible-lint imports documentation changelog

docs: ## Build the documentation site
	@$(PYTHON) tests/checks/docsite.py

simulator: .venv ## Run a simulated tenant on port 8899
	@.venv/bin/python tests/checks/stage.py >/dev/null
	@echo 'export ESPER_API_URL=http://127.0.0.1:8899/api'
	@echo 'export ESPER_API_KEY=simulator-key'
	@.venv/bin/python tests/simulator --port 8899 --api-key simulator-key --devices 200

bench: .venv ## Run all benchmarks, or SUBJECTS="loops bulk"
	@.venv/bin/python tests/benchmarks $(SUBJECTS) $(if $(SIZES),--sizes $(SIZES)) $(if $(ROUNDS),--rounds $(ROUNDS))

lock: ## Write the lock files of the development environments, with the newest versions
	@$(PYTHON) tests/checks/lock.py

sbom: ## Write a software bill of materials of what the collection needs at run time
	@$(PYTHON) tests/checks/sbom.py

generate: .venv ## Write the files that follow from the descriptions of modules
	@.venv/bin/python tools/generate.py

messages: ## Update the messages that the guides quote
	@$(PYTHON) tests/checks/environments.py runtime simulator units
	@cd "$$(.venv/bin/python tests/checks/stage.py)" && PYTHONPATH=$(CURDIR)/.ansible/collections \
		$(CURDIR)/.venv/bin/python -m pytest -q tests/documentation/test_messages.py --write-messages $(CURDIR)

format: ## Format the Python code
	@$(PYTHON) tests/checks/environments.py runtime tools
	@.venv/bin/ruff check --fix
	@.venv/bin/ruff format

clean: ## Remove the environments, caches and reports
	rm -rf .ansible .venv .hypothesis .mypy_cache .pytest_cache .ruff_cache tests/output

# Phony, because environments.py compares more than a date.
.PHONY: .venv
.venv:
	@$(PYTHON) tests/checks/environments.py runtime simulator
