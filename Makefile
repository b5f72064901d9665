# Every command a user needs. `make help` lists them.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help demo test test-readers deps build lint format serve teacher collect train eval dryrun pipeline \
        bench bench-service bench-kernels bench-training bench-distillation bench-inference bench-teachers bench-tokenizers \
        bench-formats fuzz torture clean

RELEASE := .build/release

help: ## Show what can be done
	@awk 'BEGIN {FS = ":.*## "} /^[a-z -]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: build ## Distil a small model end to end, with a report, in under 8 minutes after the build
	@deploy/demo.sh

test: deps ## Build everything and run every test
	@swift build --build-tests --explicit-target-dependency-import-check error
	@swift test --skip-build

test-readers: deps ## Hold ours against pyarrow, DuckDB, tokenizers, sacrebleu and rouge-score
	@python3 -m venv .deps/readers
	@.deps/readers/bin/pip install --quiet --disable-pip-version-check pyarrow duckdb tokenizers \
	  sacrebleu rouge-score
	@BITNET_PYTHON=$(CURDIR)/.deps/readers/bin/python \
	  swift test --filter 'OtherReadersTests|HuggingFaceTests|ReferenceMetricsTests'

deps: ## Install system packages and libparquet
	@deploy/install-packages.sh
	@deploy/fetch-arrow.sh

build: deps ## Build the programs, optimised
	@swift build -c release

lint: ## Check the formatting of all Swift code
	@swift format lint --strict --recursive --parallel Package.swift Sources Tests migrations

format: ## Format all Swift code
	@swift format --in-place --recursive --parallel Package.swift Sources Tests migrations

serve: build ## Start the daemon with .env, in the foreground
	@$(RELEASE)/bitnetd serve $(if $(wildcard .env),--env .env)

teacher collect train eval dryrun pipeline: build ## Run one kind of job, here or at BITNET_URL
	@deploy/job.sh $@

bench: bench-service bench-kernels bench-training bench-distillation bench-inference bench-teachers bench-tokenizers ## Measure everything, beside its peers when they are there

bench-service: build ## Measure the HTTP side and the job store (needs wrk)
	@bench/service.sh

bench-kernels: build ## Measure the machine's peaks and every product
	@bench/kernels.sh

bench-training: build ## Measure the training step; PEER_VENV= names a venv with PyTorch
	@bench/training.sh

bench-distillation: build ## Measure a step with a teacher beside the student; PEER_VENV= as above
	@bench/distillation.sh

bench-inference: build ## Measure prefill and decode, beside llama.cpp where it is named
	@bench/inference.sh

bench-teachers: build ## Measure local and hosted teachers and the traces' Parquet
	@bench/teachers.sh

bench-tokenizers: build ## Measure encoding, beside Hugging Face's tokenizers
	@bench/tokenizers.sh

bench-formats: build ## Export a student and hold llama.cpp and transformers against ours
	@bench/formats.sh

fuzz: build ## Feed damaged files to every reader; COUNT= inputs each, SEED= repeats a run
	@$(RELEASE)/FuzzReaders --count $(or $(COUNT),100000) --seed $(or $(SEED),1)

torture: build ## The long reliability runs
	@bench/torture.sh

clean: ## Remove what was built
	@rm -rf .build .deps
