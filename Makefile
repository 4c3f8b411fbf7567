# make demo         sets everything up, then runs the whole suite on the digits that scikit-learn ships
# make test         sets everything up, then runs the tests
# make test-long    the long forms of those tests
# make test-lowest  demo and tests once more, at the lowest versions that requirements.txt allows

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
FLOOR := "Python 3.10 or newer is needed: make PYTHON=python3.12 demo"

.PHONY: demo test test-long test-lowest lint clean

demo: $(VENV)/installed
	$(BIN)/python train.py --dataset digits --latent_size 16 --num_epochs 60 $(DEMO)
	$(BIN)/python viz_reconstruction.py --latent_size 16 $(DEMO)
	$(BIN)/python encode_latent_space.py --latent_size 16 --num_samples all $(DEMO)
	$(BIN)/python viz_latent_space.py --latent_size 16 --vis_type umap $(DEMO)
	$(BIN)/python viz_kmeans_latent_space.py --latent_size 16 --num_clusters 10 $(DEMO)
	$(BIN)/python evaluate.py --latent_size 16 $(DEMO)
	$(BIN)/python find_odd_images.py --latent_size 16 $(DEMO)
	$(BIN)/python explore_latent_space.py --latent_size 16 $(DEMO)
	$(BIN)/python report.py $(DEMO)

test: $(VENV)/installed-dev
	$(BIN)/python -m pytest -n auto --dist loadscope $(PYTEST)

test-long: $(VENV)/installed-dev
	$(BIN)/python -m pytest -m long

# every ">=2.10,<3" as "==2.10", in an environment of its own; old libraries deprecate among themselves
test-lowest:
	sed 's/>=/==/; s/,<.*//' requirements.txt > .venv-lowest.txt
	$(MAKE) demo test VENV=.venv-lowest PINS="-c .venv-lowest.txt" DEMO="--output_dir output/lowest" \
		PYTEST="-W ignore::DeprecationWarning"

lint: $(VENV)/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and $(FLOOR))'
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed: requirements.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet -r requirements.txt $(PINS)
	touch $@

$(VENV)/installed-dev: requirements.txt requirements-dev.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet -r requirements-dev.txt $(PINS)
	touch $@

clean:
	rm -rf .venv .venv-lowest .venv-lowest.txt output data/cache
