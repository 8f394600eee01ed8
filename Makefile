# What a machine must have: tools/preflight.sh looks for it, the README names it.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
JAVASCRIPT := $(wildcard src/chainrule/explain/page/static/*.js)
SOURCES := $(wildcard cpp/*) CMakeLists.txt pyproject.toml

.PHONY: demo test test-lowest sanitize mutants check format bench bench-tables pictures stub clean

demo: .venv/ready
	$(BIN)/chainrule train digits --quality plain --record
	@echo
	$(BIN)/chainrule explain digits.safetensors digits --step 1000 --weight 2,3,5
	$(BIN)/chainrule explain digits.safetensors digits --step 1000 --html step.html

test: .venv/dev-ready
	$(BIN)/pytest -n 2 --dist worksteal

# With the oldest releases that pyproject.toml allows, in an environment of its own.
test-lowest:
	@tools/preflight.sh '$(PYTHON)'
	rm -rf build/lowest && $(PYTHON) -m venv build/lowest/venv
	$(PYTHON) tools/lowest.py > build/lowest/requirements.txt
	build/lowest/venv/bin/python -m pip install --quiet -r build/lowest/requirements.txt cmake==3.18.* ninja
	build/lowest/venv/bin/python -m pip install --quiet --no-build-isolation --no-deps .
	build/lowest/venv/bin/python -m pytest -n 2 --dist worksteal

# What tests the core, under the compiler's sanitizers; about ten minutes.
sanitize: .venv/dev-ready
	tools/sanitize.sh $(ARGS)

# Small wrong changes, one at a time: which of them does no test notice? About an hour.
mutants: .venv/dev-ready
	$(BIN)/python tests/mutants.py $(ARGS)

check: .venv/dev-ready
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/clang-format --dry-run --Werror cpp/*.cpp cpp/*.hpp $(JAVASCRIPT)
	$(BIN)/oxlint --quiet $(JAVASCRIPT)
	$(BIN)/pytest -q tests/test_structure.py

format: .venv/dev-ready
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	$(BIN)/clang-format -i cpp/*.cpp cpp/*.hpp $(JAVASCRIPT)

# Peers side by side in one run, under 15 minutes; benchmarks/RESULTS.md is written anew unless
# rows or libraries are left out, as with `make bench ARGS="--only 2-8-1"`.
bench: .venv/ready
	$(PIP) 'torch>=2.5'
	$(PIP) --no-build-isolation --editable '.[bench]'
	$(BIN)/python -m benchmarks.run $(ARGS)

# Models of tables beside their peers, on the tables of benchmarks/suite: hours, in parts if need be.
bench-tables: .venv/ready
	$(PIP) --no-build-isolation --editable '.[cli,bench-tables]'
	$(BIN)/python -m benchmarks.suite.run $(ARGS)

# The pictures of pages in docs/, taken by their tests.
pictures: .venv/dev-ready
	CHAINRULE_PICTURES=1 $(BIN)/pytest -q tests/page/test_looks.py

# The type stub of the compiled module, from the module itself.
stub: .venv/ready
	$(BIN)/python -m nanobind.stubgen -m chainrule.engine._core -o src/chainrule/engine/_core.pyi

clean:
	rm -rf .venv build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis digits.safetensors step.html
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The environment is made whole, or not at all; half of one, of an interruption, is made anew.
.venv/ready: $(SOURCES)
	@tools/preflight.sh '$(PYTHON)'
	@$(BIN)/python -m pip --version > /dev/null 2>&1 || \
	  { rm -rf .venv && $(PYTHON) -m venv .venv; } || { rm -rf .venv; exit 1; }
	$(PIP) 'hatch-fancy-pypi-readme>=24.1' 'scikit-build-core>=0.11' 'nanobind>=3.1,<3.2' \
	  'numpy>=2.0' 'cmake>=3.18' ninja
	$(PIP) --no-build-isolation --editable '.[cli]'
	touch $@

.venv/dev-ready: .venv/ready
	@tools/tex.sh
	@tools/browser.sh
	$(PIP) --no-build-isolation --editable '.[dev]'
	touch $@
