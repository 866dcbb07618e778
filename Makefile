# `make help` lists what there is. Everything runs in .venv, made on first use from requirements.lock.
.DEFAULT_GOAL := help

# The Python to make the virtual environment with; found on PATH unless given, and then each version has its own.
PYTHON ?=
VENV ?= .venv$(if $(PYTHON),-$(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])'))
# Processes that run tests side by side; many tests wait for others, so more than cores are of use.
WORKERS ?= 4
# More arguments for the command behind demo, test and test-slow: make test ARGS='-k ledger -x'
ARGS ?=

BIN := $(VENV)/bin
RUN := $(BIN)/python -m
STAMP := $(VENV)/.installed

##@ Use

.PHONY: demo
demo: $(STAMP) ## Run the whole pipeline on this machine, with sample files, and verify every one
	@$(BIN)/windrow demo $(ARGS)

.PHONY: install
install: $(STAMP) ## Make .venv with the locked packages (the others do it by themselves)
	@:

.PHONY: help
help: ## Show this list
	@awk 'BEGIN { FS = ":.*## "; print "usage: make TARGET [ARGS=...]" } \
		/^##@ / { printf "\n%s\n", substr($$0, 5) } \
		/^[a-z0-9-]+:.*## / { printf "  %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

##@ Check

# The files in their own order, short ones (tests/unit) last: xdist would keep long files of few tests for the end, where
# one process works on them and the others wait.
.PHONY: test
test: $(STAMP) ## Run the tests (all but the slow ones)
	@$(RUN) pytest -m "not slow" -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(ARGS)

# Makes .venv in that environment too, unless it is there.
.PHONY: test-bare
test-bare: ## Run the demo and the tests as on a machine with nothing but Python, make and plain shell tools
	@PYTHON='$(PYTHON)' bash scripts/bare.sh make --no-print-directory demo VENV='$(VENV)'
	@PYTHON='$(PYTHON)' bash scripts/bare.sh make --no-print-directory test VENV='$(VENV)' WORKERS='$(WORKERS)' ARGS='$(ARGS)'

.PHONY: test-slow
test-slow: $(STAMP) ## Run the slow tests
	@$(RUN) pytest -m slow $(ARGS)

.PHONY: test-all
test-all: ## Run all tests, the slow ones too, and say which took longest
	@$(MAKE) --no-print-directory test ARGS="-m '' --durations 40 --durations-min 5 $(ARGS)"

.PHONY: mutants
mutants: $(STAMP) ## Change the code in small ways and print what no test notices (half an hour; ARGS='--only planning')
	@$(RUN) scripts.mutants $(ARGS)

.PHONY: lint
lint: $(STAMP) ## Check style (ruff: rules and format; terraform fmt)
	@$(RUN) ruff check
	@$(RUN) ruff format --check
	@if command -v terraform >/dev/null; then terraform fmt -check -diff -recursive infra scripts; \
	else echo "skipped without terraform: the format of infra/ (install Terraform 1.11)"; fi

.PHONY: types
types: $(STAMP) ## Check types (mypy, strict)
	@$(RUN) mypy

.PHONY: layers
layers: $(STAMP) ## Check that each layer imports only from those below it
	@$(BIN)/lint-imports --no-cache

.PHONY: check
check: lint types layers test ## Run lint, types, layers and test

##@ Change

.PHONY: format
format: $(STAMP) ## Format the code and mend what ruff can mend
	@$(RUN) ruff check --fix-only --quiet
	@$(RUN) ruff format
	@if command -v terraform >/dev/null; then terraform fmt -recursive infra scripts; fi

.PHONY: hooks
hooks: $(STAMP) ## Have git run lint, types and layers before each commit
	@$(RUN) pre_commit install

.PHONY: lock
lock: $(STAMP) ## Write requirements.lock from pyproject.toml (ARGS=--upgrade moves all versions up)
	@$(RUN) pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements/uv.txt
	@sh scripts/lock.sh $(BIN)/python $(ARGS)

.PHONY: dist
dist: $(STAMP) ## Build the wheel and the source distribution into dist/
	@$(RUN) hatchling build --directory dist

.PHONY: image
image: $(STAMP) ## Build the worker's image (needs buildah, podman or docker; BUILDER, TAG, ARGS: scripts/image.sh)
	@BUILDER="$(BUILDER)" TAG="$(TAG)" sh scripts/image.sh $(BIN)/python $(ARGS)

.PHONY: clean
clean: ## Remove .venv, caches and build output (not the tools)
	rm -rf .venv .venv-* build dist .coverage .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

##@ Optional tools (kept in the user's cache folder)

.PHONY: minio
minio: ## Build MinIO (needs Go; 3 minutes)
	@bash scripts/tools.sh get minio

.PHONY: versitygw
versitygw: ## Build versitygw, another S3 server (needs Go; 2 minutes)
	@bash scripts/tools.sh get versitygw

.PHONY: elasticmq
elasticmq: ## Fetch ElasticMQ, a faster queue than MiniStack's for load tests (needs Maven and Java)
	@bash scripts/tools.sh get elasticmq

.PHONY: s3proxy
s3proxy: ## Fetch S3Proxy, another S3 server (needs Maven and Java)
	@bash scripts/tools.sh get s3proxy

.PHONY: s3mock
s3mock: ## Fetch S3Mock, an S3 server that doctor must refuse (needs Maven and Java)
	@bash scripts/tools.sh get s3mock

.PHONY: seaweedfs
seaweedfs: ## Build SeaweedFS, another S3 server (needs Go; a quarter of an hour; not among `make tools`)
	@bash scripts/tools.sh get seaweedfs

.PHONY: toxiproxy
toxiproxy: ## Build Toxiproxy, which makes networks fail (needs Go)
	@bash scripts/tools.sh get toxiproxy

.PHONY: lambda-rie
lambda-rie: ## Fetch AWS's Lambda runtime client and emulator (Linux)
	@bash scripts/tools.sh get lambda-rie

.PHONY: readers
readers: ## Fetch readers of archives by other people, which the tests try
	@bash scripts/tools.sh get readers

.PHONY: image-base
image-base: ## Make a base for the image from Debian's packages (needs mmdebstrap)
	@bash scripts/tools.sh get image-base

.PHONY: terraform-provider
terraform-provider: ## Fetch the AWS provider that the tests of infra/ use (needs Terraform 1.11)
	@bash scripts/tools.sh get terraform-provider

.PHONY: tools
tools: ## Get all of them, but for SeaweedFS
	@bash scripts/tools.sh get

# As old as its beginning: a lock that changes meanwhile is installed next time.
$(STAMP): requirements.lock pyproject.toml
	@begun=$$(mktemp) && sh scripts/install.sh $(VENV) $(PYTHON) && touch -r "$$begun" $@ && rm "$$begun"

##@ Measure

.PHONY: bench
bench: $(STAMP) ## Measure one batch against its peers and the lower bound (needs `make minio`; a few minutes)
	@$(RUN) bench.aggregate $(ARGS)

.PHONY: faults
faults: $(STAMP) ## Inject 1,000 faults and reconcile every file (needs `make minio toxiproxy`; 20 minutes; ARGS='--seed 2')
	@$(RUN) bench.faults $(ARGS)

.PHONY: bench-peers
bench-peers: $(STAMP) ## Build the programs that `make bench` compares with (needs Go; 4 minutes)
	@$(RUN) bench.peers

##@ AWS

.PHONY: tf-check
tf-check: $(STAMP) ## Check the Terraform code: format, validity, module tests, tables, an apply to MiniStack
	@$(RUN) pytest tests/infra $(ARGS)

.PHONY: stack-test
stack-test: $(STAMP) ## Apply infra/local to MiniStack with IAM enforced, and deliver files through it (needs Terraform, `make minio`)
	@$(RUN) pytest tests/infra/test_local_apply.py $(ARGS)

.PHONY: aws-verify
aws-verify: $(STAMP) ## Try it on the AWS account whose credentials are there, and destroy it again (asks; docs/deploy.md)
	@$(RUN) scripts.aws_verify $(ARGS)

.PHONY: tf-docs
tf-docs: $(STAMP) ## Write the tables of inputs and outputs into the READMEs of infra/
	@$(BIN)/python scripts/terraform_docs.py

.PHONY: pip-audit
pip-audit: ## Look for known vulnerabilities of the locked packages (installed once, apart; asks PyPI)
	@bash scripts/pip-audit.sh $(ARGS)

.PHONY: checkov
checkov: ## Check the Terraform code with Checkov (installed once, apart: it pins another boto3)
	@bash scripts/checkov.sh $(ARGS)
