# What a person or a machine may ask of this project. Everything is installed here, below .venv.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
UV     := UV_PROJECT_ENVIRONMENT=$(VENV) $(BIN)/uv --quiet

.PHONY: demo test check format lock clean

demo: $(VENV)/.ready
	$(BIN)/transcribed demo

test: $(VENV)/.ready
	$(BIN)/pytest -n 2 --dist worksteal $(PYTEST_FLAGS)

check: $(VENV)/.ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.ready
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: $(VENV)/.ready
	$(UV) lock --upgrade

# uv is one of the locked packages: the first one only serves to read the lock.
$(VENV)/.ready: pyproject.toml uv.lock
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check uv
	$(UV) sync --frozen --all-extras
	touch $@

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
