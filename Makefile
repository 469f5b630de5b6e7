# probecost: `make help` lists what there is. Everything installs what it needs first, and only what is missing.

PY := .venv/bin/python
UNITS ?= 8
DURATION ?= 2
PERF_TESTS ?= latency:tcp_rr,throughput:single,pps:single
MINUTES ?= 60
ROUNDS ?= 20
ARGS ?=
BED ?= lab
BEDS ?= $(BED)
# Tests wait more than they compute, those of `make check` not much more.
JOBS := $(shell echo $$((2 * $$(nproc))))
CHECK_JOBS := $(shell echo $$(($$(nproc) + 1)))
# Unit tests make tens of thousands of small folders: quick in memory, where there is room.
MEMORY := $(shell [ "$$(df --output=avail /dev/shm 2>/dev/null | tail -n 1)" -gt 2000000 ] 2>/dev/null && echo /dev/shm)
SLOWEST := --durations=10
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)
export PYTHON
# Each of the many processes of a test run would compile all modules anew.
unexport PYTHONDONTWRITEBYTECODE

# The case of `make lab`, beside the null case, which is always measured. FULL=1 takes all cases and perf tests.
SELECT ?= packet_print and rx_protocol_tcp
LAB_SELECTION := -k "$(SELECT)" --perf-tests $(PERF_TESTS)
ifdef FULL
LAB_SELECTION := -k "not dose"
endif

# The cases of `make lab-vm`: one on the pair of hosts, one on the pair of guests.
VM_SELECT ?= (eth_drop and rx_protocol_tcp) or (tap_traffic and tcp)

.DEFAULT_GOAL := help
.PHONY: help lab lab-vm setup venv check test bench dose aa chaos clean uninstall

help:  ## this list
	@sed -n 's/^\([a-z-]*\):.*##/\1\t/p' $(MAKEFILE_LIST) | awk -F '\t' '{ printf "make %-10s %s\n", $$1, $$2 }'

lab:  ## measure a tool and the bed's noise on a test bed on this machine; FULL=1 all cases, SELECT="..." as pytest's -k
	@scripts/lab.sh lab --env lab --units $(UNITS) --duration $(DURATION) $(LAB_SELECTION) $(ARGS)

lab-vm: UNITS = 1
lab-vm: DURATION = 1
lab-vm:  ## measure a case between hosts and one between guests, on a test bed with Open vSwitch and QEMU
	@scripts/lab.sh lab-vm --env lab-vm --units $(UNITS) --duration $(DURATION) --null-case selected \
		-k "$(VM_SELECT)" $(ARGS)

setup:  ## install what is missing: packages (root or sudo) and the Python environment; BED=lab-vm for that bed
	@scripts/setup.sh $(BEDS)

venv:  ## only the Python environment, for your own hosts: no root, no package of the system
	@scripts/setup.sh --venv-only

# Workers share the CPUs: each has one thread for its linear algebra.
check test: export OPENBLAS_NUM_THREADS = 1

check: venv  ## lint, types, import rules and unit tests: no root, no network, quick
	$(PY) -m ruff check .
	$(PY) -m ruff format --check --quiet .
	$(PY) -m mypy
	.venv/bin/lint-imports
	PYTEST_DEBUG_TEMPROOT=$(MEMORY) $(PY) -m pytest -n $(CHECK_JOBS) $(SLOWEST) -o tmp_path_retention_policy=failed \
		--doctest-modules tests/unit probecost --ignore probecost/perftests --ignore probecost/lab/tools

test: BEDS = lab lab-vm tests
test: setup check  ## everything: check, tests with processes, the page in a browser, and the tests on real hosts
	$(PY) -m pytest -n $(JOBS) $(SLOWEST) tests/processes
	$(PY) -m pytest $(SLOWEST) tests/browser
	$(SUDO) $(PY) -m pytest -n $(JOBS) $(SLOWEST) tests/lab

bench: BEDS = lab lab-vm tests
bench: setup  ## print the figures of the framework itself
	$(PY) -m bench.run

dose: UNITS = 12
dose: DURATION = 3
dose: setup  ## measure a tool whose cost is known, print measured against true; UNITS, DURATION, ARGS
	$(SUDO) $(PY) -m pytest --env lab -k "dose or null" --schedule switched --perf-tests latency:tcp_rr \
		--units $(UNITS) --duration $(DURATION) $(ARGS)
	$(PY) -m bench.dose results/latest

aa: UNITS = 8
aa: setup  ## the null case for an hour: false verdicts and noise floor of each metric; MINUTES, UNITS, ARGS
	$(SUDO) $(PY) -m bench.aa --minutes $(MINUTES) -- --env lab -k null --units $(UNITS) --duration $(DURATION) \
		--perf-tests $(PERF_TESTS) $(ARGS)

chaos: setup  ## faults at random moments of a lab run, and the time until the nodes are as they were; ROUNDS, ARGS
	$(SUDO) $(PY) -m bench.chaos --rounds $(ROUNDS) $(ARGS)

clean:  ## remove caches
	rm -rf .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
	find . -name __pycache__ -type d -not -path './.venv/*' -prune -exec rm -rf {} +

uninstall:  ## undo what setup and the lab did to the machine; results and configurations stay
	@scripts/uninstall.sh
