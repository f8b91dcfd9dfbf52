# Two commands for a fresh machine: `make quickstart` and `make test`. Each installs what it needs.

# The first that runs: a version manager's shim can be on the path without its Python being there.
PYTHON ?= $(shell for p in python3.12 python3.11 python3; do $$p -c '' 2>/dev/null && echo $$p && break; done)
VENV ?= .venv
LEGACY = .venv-legacy
PEERS = .venv-peers
TPU = .venv-tpu
DATA ?= data/gsm8k
TOKENIZER ?= openai-community/gpt2
RUN = $(VENV)/bin/python

.PHONY: quickstart test test-legacy test-aot bench lint format clean

quickstart: $(VENV)/installed
	$(RUN) -m socratic_jax.main --config=configs/quickstart.py --workdir=runs/quickstart

test: $(VENV)/installed-test
	$(RUN) -m pytest

# google-generativeai cannot share an environment with TensorFlow Datasets.
test-legacy: $(LEGACY)/installed
	$(LEGACY)/bin/python -m pytest --override-ini=addopts= -q tests/teachers/test_gemini_legacy.py

# The compiler of TPUs is a large download, and takes minutes.
test-aot: $(TPU)/installed
	$(TPU)/bin/python -m pytest --override-ini=addopts= -q tests/test_compile.py

# Needs GSM8K's files in DATA, the vocabulary of GPT-2 from TOKENIZER, and a machine that does nothing else.
bench: $(VENV)/installed $(PEERS)/installed
	$(RUN) -m benchmarks.main --data=$(DATA) --tokenizer=$(TOKENIZER) --peers=$(PEERS)/bin/python

lint: $(VENV)/installed-test
	$(RUN) -m ruff format --check .
	$(RUN) -m ruff check .

format: $(VENV)/installed-test
	$(RUN) -m ruff format .
	$(RUN) -m ruff check --fix .

clean:
	rm -rf $(VENV) $(LEGACY) $(PEERS) $(TPU)

$(VENV)/bin/python $(LEGACY)/bin/python $(PEERS)/bin/python $(TPU)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "error: $(PYTHON) is older than Python 3.11; run make PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv $(@D)/..

$(VENV)/installed: setup.py | $(VENV)/bin/python
	$(RUN) -m pip install --quiet --disable-pip-version-check -e .
	@touch $@

$(VENV)/installed-test: setup.py | $(VENV)/bin/python
	$(RUN) -m pip install --quiet --disable-pip-version-check -e '.[test]'
	@touch $@

$(LEGACY)/installed: setup.py | $(LEGACY)/bin/python
	$(LEGACY)/bin/python -m pip install --quiet --disable-pip-version-check -e '.[gemini-legacy]' pytest hypothesis
	@touch $@

$(TPU)/installed: setup.py | $(TPU)/bin/python
	$(TPU)/bin/python -m pip install --quiet --disable-pip-version-check -e '.[tpu]' pytest hypothesis
	@touch $@

$(PEERS)/installed: benchmarks/peers.txt | $(PEERS)/bin/python
	$(PEERS)/bin/python -m pip install --quiet --disable-pip-version-check -r benchmarks/peers.txt
	@touch $@
