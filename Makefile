# Every command of this project; `make` alone lists them. Needs Python 3.11 or newer, nothing else.

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
LOCK_OPTIONS := --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
	--no-emit-index-url --upgrade --quiet

# The first Python that is new enough; `make PYTHON=/path/to/python` takes another one.
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& { echo $$python; break; }; done)

.PHONY: help install demo test check e2e image screenshots chaos bench flood corpus coverage man lock audit clean

help:  ## list the commands
	@sed -n 's/^\([a-z0-9]*\):.*## /make \1	/p' $(MAKEFILE_LIST) | expand -t 16

install: $(STAMP)  ## create .venv with everything, as the lock file says

# pip is called from outside, so that a Python without ensurepip (Debian) will do.
$(STAMP): requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "make: found no Python 3.11 or newer;" \
		"install one, or say: make PYTHON=/path/to/python" >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv --without-pip $(VENV)
	@echo "Installing into $(VENV) …"
	@if command -v uv >/dev/null; then \
		uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements.lock && \
		uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .; \
	else \
		$(PYTHON) -m pip --python $(BIN)/python install --quiet --require-hashes -r requirements.lock && \
		$(PYTHON) -m pip --python $(BIN)/python install --quiet --no-deps --no-build-isolation -e .; \
	fi
	@touch $@

demo: install  ## show the service at work; ARGS="--once" plays it to its end and leaves
	$(BIN)/mailtrack demo $(ARGS)

test: install  ## run the tests that need nothing but Python
	$(BIN)/python -m pytest -n 2 --ignore=tests/e2e --ignore=tests/chaos/test_chaos.py $(ARGS)

check: install  ## look at form, types and the direction of imports
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q tests/test_imports.py

e2e: install  ## run against real servers and a browser; needs the packages named in .ci/run
	$(BIN)/python -m pytest tests/e2e $(ARGS)

image: install  ## build the image and play the whole story in containers; needs Docker, or root
	$(BIN)/python -m tests.containers

chaos: install  ## break every part of the service while it works; ARGS="--long" for half an hour
	$(BIN)/python -m tests.chaos $(ARGS)

bench: install  ## measure
	$(BIN)/python -m benchmarks $(ARGS)

flood: install  ## let ten thousand mails and a hundred thousand looks come at once; takes minutes
	$(BIN)/python -m benchmarks.floods $(ARGS)

corpus: install  ## read every mail of the corpus: a table per client, template and language
	$(BIN)/python -m benchmarks.corpus

coverage: install  ## write docs/coverage.md: what each carrier tells, and what it takes
	$(BIN)/python -m benchmarks.coverage

man: install  ## write docs/mailtrack.1, the manual page of all commands
	$(BIN)/python -m benchmarks.manual

screenshots: install  ## photograph every mail and page into out/screenshots; needs chromium
	$(BIN)/python -m gallery $(ARGS)

lock: install  ## write the lock files anew, with the newest versions that fit
	@command -v uv >/dev/null || $(PYTHON) -m pip --python $(BIN)/python install --quiet uv
	PATH="$(CURDIR)/$(BIN):$$PATH" uv pip compile pyproject.toml $(LOCK_OPTIONS) --all-extras -o requirements.lock
	PATH="$(CURDIR)/$(BIN):$$PATH" uv pip compile pyproject.toml $(LOCK_OPTIONS) -c requirements.lock -o requirements-run.lock
	echo uv | PATH="$(CURDIR)/$(BIN):$$PATH" uv pip compile - $(LOCK_OPTIONS) -o requirements-image.lock

# Not in the environment of the tests: it brings many libraries. Without it, nobody is asked.
audit:  ## look for known vulnerabilities of the pinned versions; needs the network
	@test -x $(VENV)/audit/bin/pip-audit || { $(PYTHON) -m venv --without-pip $(VENV)/audit && \
		$(PYTHON) -m pip --python $(VENV)/audit/bin/python install --quiet pip-audit; } 2>/dev/null || true
	@$(PYTHON) -m benchmarks.audit

clean:  ## remove what the commands above made
	rm -rf $(VENV) build dist out .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -prune -exec rm -rf {} +
