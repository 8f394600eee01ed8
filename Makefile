# Everything a clone needs: Python >= 3.11, a C++ compiler, make.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
SOURCES := $(wildcard cpp/*) CMakeLists.txt pyproject.toml

.PHONY: demo test check format bench stub clean

demo: .venv/ready
	$(BIN)/chainrule train digits -o digits.safetensors

test: .venv/dev-ready
	$(BIN)/pytest -n 2 --dist worksteal

check: .venv/dev-ready
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/clang-format --dry-run --Werror cpp/*.cpp cpp/*.hpp
	$(BIN)/pytest -q tests/test_structure.py

format: .venv/dev-ready
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	$(BIN)/clang-format -i cpp/*.cpp cpp/*.hpp

# Peers side by side in one run: `make bench ARGS="--only 2-8-1"`.
bench: .venv/ready
	$(PIP) 'torch>=2.5'
	$(PIP) --no-build-isolation --editable '.[bench]'
	$(BIN)/python -m benchmarks.run $(ARGS)

# The type stub of the compiled module, from the module itself.
stub: .venv/ready
	$(BIN)/python -m nanobind.stubgen -m chainrule.engine._core -o src/chainrule/engine/_core.pyi

clean:
	rm -rf .venv build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis digits.safetensors
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/ready: $(SOURCES)
	test -d .venv || $(PYTHON) -m venv .venv
	$(PIP) 'scikit-build-core>=0.11' 'nanobind>=3.1,<3.2' 'cmake>=3.18' ninja
	$(PIP) --no-build-isolation --editable '.[cli]'
	touch $@

.venv/dev-ready: .venv/ready
	$(PIP) --no-build-isolation --editable '.[dev]'
	touch $@
