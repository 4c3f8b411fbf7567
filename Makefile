# make demo   sets everything up, then runs the whole suite on the digits that scikit-learn ships
# make test   sets everything up, then runs the tests

PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test test-long lint clean

demo: .venv/installed
	$(BIN)/python train.py --dataset digits --latent_size 16 --num_epochs 60 --output_dir output
	$(BIN)/python viz_reconstruction.py --latent_size 16
	$(BIN)/python encode_latent_space.py --latent_size 16 --num_samples all
	$(BIN)/python viz_latent_space.py --latent_size 16 --vis_type umap
	$(BIN)/python viz_kmeans_latent_space.py --latent_size 16 --num_clusters 10

test: .venv/installed-dev
	$(BIN)/python -m pytest -n auto --dist loadscope

test-long: .venv/installed-dev
	$(BIN)/python -m pytest -m long

lint: .venv/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

.venv/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "Python 3.10 or newer is needed: make PYTHON=python3.12 demo")'
	$(PYTHON) -m venv .venv

.venv/installed: requirements.txt | .venv/bin/python
	$(BIN)/python -m pip install --quiet -r requirements.txt
	touch $@

.venv/installed-dev: requirements.txt requirements-dev.txt | .venv/bin/python
	$(BIN)/python -m pip install --quiet -r requirements-dev.txt
	touch $@

clean:
	rm -rf .venv output data/cache
