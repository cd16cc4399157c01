# Everything starts from a fresh checkout with Python >= 3.11 and make:
#   make demo    compile an example, train what came out for a minute, show a sample
#   make demo-evolve   a search and random search beside it, 6 minutes on two cores
#   make test    all tests but the slow ones, beside the checks; last, what it could not try
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.installed

# What the tests start a hundred times is compiled once.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo demo-evolve test pytest pytest-kernels test-compiler test-slow test-kernels test-export \
  test-llama-cpp \
  golden gpu check new-operator format docs docs-serve playground playground-serve \
  test-playground benchmark clean

help:
	@sed -n 's/^#   //p' $(MAKEFILE_LIST)
	@echo 'also: make test-compiler | test-slow | test-kernels | test-export | test-llama-cpp |'
	@echo '      test-playground | golden | gpu | check | format | new-operator NAME=my_mixer |'
	@echo '      docs | docs-serve | playground | playground-serve | benchmark | clean'

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo 'starc needs Python 3.11 or newer: make PYTHON=/path/to/python3.11'; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[ray,test]'
	$(BIN)/python -m compileall -q starc templates  # pip compiles what it copies, not a checkout
	@touch $@

# make demo DATA=my.txt MINUTES=5
MINUTES ?= 1
demo: $(READY)
	@mkdir -p build && rm -rf build/tiny_hybrid
	$(BIN)/starc compile examples/tiny_hybrid.star -o build/tiny_hybrid.py
	$(BIN)/starc train build/tiny_hybrid.py --minutes $(MINUTES) --batch 8 --lr 3e-3 \
	  $(if $(DATA),--data '$(DATA)') --output build/tiny_hybrid

# make demo-evolve DATA=my.txt SEARCH_MINUTES=20: the minutes are for both searches
SEARCH_MINUTES ?= 9.5
demo-evolve: $(READY)
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.evolve --minutes $(SEARCH_MINUTES) \
	  $(if $(DATA),--data '$(DATA)')

# Two workers with a thread each are faster on two cores than one worker with two.
# What a missing program kept from being tried is gathered in a file and said last.
SKIPPED := build/skipped.txt
# The checks and the kernels are one process each: beside the tests they fill both cores
# while those wait for a process or the disk.
test: export STARC_SKIPPED = $(SKIPPED)
test: $(READY)
	@mkdir -p build && rm -f $(SKIPPED)
	@$(MAKE) --no-print-directory -j 3 check pytest pytest-kernels
	@touch $(SKIPPED) && cat $(SKIPPED)

pytest: $(READY)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist worksteal -m 'not slow' $(PYTEST)

# The kernels in Triton have a process of their own: its interpreter is chosen when they
# are defined. Here it takes a sample of them, the same each time; what it says is shown
# when it has ended.
KERNELS := build/test-kernels.txt
pytest-kernels: $(READY)
	@mkdir -p build
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest tests/triton >$(KERNELS) 2>&1; \
	  ended=$$?; cat $(KERNELS); exit $$ended

# The compiler alone: no model runs, and no 2,000 random programs are tried.
test-compiler: $(READY)
	$(BIN)/python -m pytest -n 2 --dist worksteal -m 'not slow' $(COMPILER) $(PYTEST) \
	  --ignore tests/ir/test_cost_emitted.py --ignore tests/lower/test_programs_fuzz.py
COMPILER := $(addprefix tests/, frontend genome ir lower passes resize test_catalogue.py \
  test_golden.py test_guards.py test_printable.py)

# What is expected of a compilation, written anew: read the difference before you commit.
golden: $(READY)
	$(BIN)/python -m pytest -n 2 -m 'not slow' --update-golden tests/test_golden.py tests/frontend \
	  tests/emitted/test_reachable.py tests/test_highlight.py
	git diff --stat -- '*golden*' editors

# The skeleton of an operator, which compiles and is tested at once: see CONTRIBUTING.md.
new-operator: $(READY)
	$(BIN)/python -m tools.new_operator $(NAME)

# All lengths, sizes and options, compiled for all four GPUs.
test-kernels: $(READY)
	STAR_TEST_ALL=1 OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist worksteal tests/triton $(PYTEST)

# Exported folders with everything of the extra `hub`, which is installed for it; make
# test tries them with transformers and PEFT alone.
test-export: $(READY)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[hub]'
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist worksteal tests/export $(PYTEST)

# The same tokens from llama.cpp, whose engine is compiled for it: minutes, and cmake.
test-llama-cpp: $(READY)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt llama-cpp-python
	$(BIN)/python -m pytest tests/export/test_gguf.py $(PYTEST)

# Many samples, drawn anew each time.
test-slow: $(READY)
	STAR_TEST_NEW=1 $(BIN)/python -m pytest -m slow $(PYTEST)

# Kernels are part of emitted files, which black has nothing to add to; ruff formats the
# rest as black does, without a minute of it.
check: $(READY)
	$(BIN)/black --check --quiet kernels
	$(BIN)/ruff format --check --quiet starc tests benchmarks tools
	$(BIN)/ruff check --quiet starc tests kernels benchmarks tools
	$(BIN)/mypy
	$(BIN)/starc fmt --check examples/*.star examples/search/*.star benchmarks/*.star

format: $(READY)
	$(BIN)/ruff check --quiet --fix starc tests kernels benchmarks tools
	$(BIN)/black --quiet kernels
	$(BIN)/ruff format --quiet starc tests benchmarks tools
	$(BIN)/starc fmt examples/*.star examples/search/*.star benchmarks/*.star

benchmark: $(READY)
	$(BIN)/python -m benchmarks.cpu
	$(BIN)/python -m benchmarks.compile_time
	$(BIN)/python -m benchmarks.editor
	$(BIN)/python -m benchmarks.vendoring
	$(BIN)/python -m benchmarks.kernels_cpu

# The site of docs/, with pages made from the compiler's tables, in build/site.
docs: $(READY)
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet
	@echo 'build/site: make docs-serve shows it in a browser, with its search'

docs-serve: docs
	$(BIN)/python -m http.server --bind 127.0.0.1 --directory build/site 8000

# The page that compiles in a browser, in build/playground/dist: npm installs what it
# needs from docs/playground/package-lock.json. `make docs` then has links to it.
playground: $(READY)
	$(BIN)/python -m tools.playground.build

playground-serve: playground
	$(BIN)/python -m tools.playground.serve

# The page in a headless chromium: what is typed, underlined, emitted, linked.
test-playground: $(READY)
	$(BIN)/python -m pytest -m slow tests/playground $(PYTEST)

# make gpu WHEELS=folder GPU_PYTHON=python: on a machine with a GPU, whose Python has
# torch for it; the folder holds wheels of the kernels to compare with.
GPU_PYTHON ?= $(PYTHON)
gpu:
	$(GPU_PYTHON) -m benchmarks.gpu $(if $(WHEELS),--wheels '$(WHEELS)')

clean:
	rm -rf build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
