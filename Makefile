# Every target sets up what it needs: `make run` and `make test` work on a fresh machine with Python 3.11 and make.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.ready

.DEFAULT_GOAL := help
.PHONY: help setup run demo lint test browser pictures check bench chaos clean connector live texts lock bundle aim state plan deploy confirm destroy

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 10

setup: $(STAMP) ## .venv with the command `svyazka` and all that the others need

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "expected Python 3.11 or later, got " + sys.version)'
	@echo "setting up $(VENV), which takes about a minute and happens once"
	$(PYTHON) -m venv $(VENV)
	@# A pipe ends with sed's status, so whether pip succeeded is written down beside it.
	@rm -f $(VENV)/.installed
	{ $(BIN)/python -m pip install --disable-pip-version-check --progress-bar on -r requirements.lock && touch $(VENV)/.installed; } \
		| sed -n 's/^Collecting /  /p'
	@test -f $(VENV)/.installed || { echo "the packages couldn't be installed (pip says why above); then again: make setup" >&2; exit 1; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -e .
	@touch $@

run: setup ## the hub on this machine, with the example tenants and stand-ins of their vendors
	$(BIN)/svyazka run --with-simulators

demo: setup ## the same, unattended: a few webhooks, what became of them, exit status 0
	$(BIN)/svyazka demo

lint: setup ## format, lint, types, import contract, generated files
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/mypy infra
	$(BIN)/lint-imports
	$(BIN)/python infra/generate.py --check

# The tests start hundreds of processes: a shell that forbids bytecode would have each of them compile all of the code.
test browser: export PYTHONDONTWRITEBYTECODE :=
test: setup ## the whole test suite
	$(BIN)/pytest -n auto --dist worksteal -m "not measured"
	$(BIN)/pytest -m measured tests/budgets

AXE := .browser/node_modules/axe-core/axe.min.js

browser: setup $(AXE) ## the example site in Chromium (apt install chromium chromium-driver), by keyboard and with axe
	$(BIN)/python -m pip install --quiet --disable-pip-version-check "selenium>=4.40,<5"
	SVYAZKA_AXE=$(abspath $(AXE)) $(BIN)/pytest tests/site_examples

$(AXE):
	npm install --silent --no-save --prefix .browser axe-core@4.14.1

pictures: setup ## docs/pictures/, of the running product (apt install chromium chromium-driver)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check "selenium>=4.40,<5"
	$(BIN)/python infra/pictures.py

check: lint test ## what every commit passes

bench: setup ## measures, and writes benchmarks/results/
	PYTHONPATH=tests $(BIN)/python -m benchmarks

chaos: export PYTHONPATH := tests:infra
chaos: setup ## 10 000 events while processes are killed and frozen at every step; all routes; 500 events as deployed; 2 000 leads into each CRM, some as deployed; bookings into each calendar; 2 000 bills by a provider; 100 000 payments over three that lie; 10 000 receipts; 1 000 leads at once at each CRM's own rate; 10 000 edits of what is kept in step; files of 5 000 and 50 000 rows; 100 000 calls of strangers
	$(BIN)/python -m chaos
	$(BIN)/python -m chaos --all
	$(BIN)/python -m chaos --google
	$(BIN)/python -m chaos --leads amocrm
	$(BIN)/python -m chaos --leads bitrix24
	SVYAZKA_STORMS=3000 $(BIN)/python -m pytest -q -n 0 tests/engine/comparing --timeout 3600
	$(BIN)/python -m chaos --storm
	$(BIN)/python -m chaos --storm --visits
	$(BIN)/python -m chaos --storm --vendors
	$(BIN)/python -m chaos --many
	$(BIN)/python -m chaos --storm --google
	$(BIN)/python -m chaos --leads amocrm --google
	$(BIN)/python -m chaos --leads bitrix24 --google
	$(BIN)/python -m chaos --receipts 10000
	$(BIN)/python -m chaos --at-once amocrm
	$(BIN)/python -m chaos --at-once bitrix24
	$(BIN)/python -m chaos --import 5000
	$(BIN)/python -m chaos --import 50000 --deaths 3
	$(BIN)/python -m chaos --bookings yclients
	$(BIN)/python -m chaos --bookings dikidi
	$(BIN)/python -m chaos --bookings yclients --google
	$(BIN)/python -m chaos --payments yookassa
	$(BIN)/python -m chaos --payments yookassa --google
	$(BIN)/python -m chaos --payments-storm 100000
	SVYAZKA_FUZZ=100000 $(BIN)/python -m pytest -q -n 0 tests/console/test_console_fuzz.py --timeout 7200
	SVYAZKA_FUZZ=25000 $(BIN)/python -m pytest -q -n 0 tests/kits/test_forged_money_kit.py --timeout 14400
	SVYAZKA_FUZZ=100000 $(BIN)/python -m pytest -q -n 0 tests/door/test_public_key.py --timeout 3600

CAN ?= messenger
HOOK ?= json

connector: setup ## begins one: NAME=pingo CAN=messenger,forwarder,records,calendar,payments,reading,polling,access HOOK=form|json|signed|none KEYS=login,password TITLE="Pingo.ru"
	$(BIN)/python infra/new_connector.py $(NAME) --can "$(CAN)" --hook $(HOOK) $(if $(KEYS),--keys $(KEYS)) $(if $(TITLE),--title "$(TITLE)")

live: setup ## with an account of your own: TENANT=kofe VENDOR=smsru TO=<your own phone>; asks before it sends
	$(BIN)/python infra/live.py $(TENANT) $(VENDOR) $(TO)

texts: setup ## collects the texts for people and compiles their translations (shared/svyazka/locale)
	$(BIN)/python infra/texts.py

lock: setup ## pin every dependency anew
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip compile pyproject.toml --all-extras --no-emit-index-url --python-version 3.11 --universal -o requirements.lock

clean: ## takes away what can be made anew; the data in .data stays
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache .browser

# Google Cloud (docs/operations.md): make deploy PROJECT=my-svyazka REGION=europe-west1

REGION ?= europe-west1
STATE ?= $(PROJECT)-svyazka-state
TERRAFORM := terraform -chdir=infra/terraform
AIM = -var project_id=$(PROJECT) -var region=$(REGION)
# APPROVE=-auto-approve asks nobody.
APPROVE ?=

# Whoever deploys is told of trouble, until terraform.tfvars names somebody.
plan deploy destroy: export TF_VAR_alert_emails ?= ["$(shell gcloud config get-value account 2>/dev/null)"]

bundle: setup ## build/bundles/: one zip a function, the very bytes that are deployed
	$(BIN)/python infra/generate.py --check
	$(BIN)/python infra/bundle.py

aim:
	@test -n "$(PROJECT)" || { echo "expected PROJECT=<id of a Google Cloud project>" >&2; exit 2; }

state: aim
	gcloud services enable --project=$(PROJECT) cloudresourcemanager.googleapis.com serviceusage.googleapis.com storage.googleapis.com
	gcloud storage buckets describe gs://$(STATE) >/dev/null 2>&1 || gcloud storage buckets create gs://$(STATE) \
		--project=$(PROJECT) --location=$(REGION) --uniform-bucket-level-access --public-access-prevention
	gcloud storage buckets update gs://$(STATE) --versioning
	$(TERRAFORM) init -input=false -reconfigure -backend-config=bucket=$(STATE)

plan: aim bundle state ## what a deployment would change
	$(TERRAFORM) plan $(AIM)

deploy: aim bundle state ## into an empty project, or over what runs there
	$(TERRAFORM) apply $(AIM) $(APPROVE) -target=module.secrets
	$(BIN)/python infra/keys.py $(PROJECT) ensure
	$(TERRAFORM) apply $(AIM) $(APPROVE)
	@$(TERRAFORM) output -raw after_deploy | sh -eux

confirm: aim
	@test "$(CONFIRM)" = "$(PROJECT)" || { echo "this deletes the journal and the keys of $(PROJECT): add CONFIRM=$(PROJECT)" >&2; exit 2; }

destroy: confirm state ## everything, the journal included: CONFIRM=<project> says that you mean it
	$(TERRAFORM) apply $(AIM) $(APPROVE) -var delete_protection=false -target=module.firestore.google_firestore_database.this
	$(TERRAFORM) destroy $(AIM) $(APPROVE) -var delete_protection=false
