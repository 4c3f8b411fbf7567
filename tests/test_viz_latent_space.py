"""viz_latent_space.py and viz_kmeans_latent_space.py, as a person runs them, on latents made by PCA of digits."""

import csv
import json
import shlex
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA

from data.image_set import ImageSet
from data.split import Split
from data.test_data import save_test_data
from latent.archive import LatentSpace, save_latent_space
from tests.conftest import refusal, run_script

ROWS = 150
NAMES = ("=zero()", "$\\frac", *"23456789")


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An output folder as train.py and encode_latent_space.py leave it, without the models. To be read only."""
    folder = tmp_path_factory.mktemp("latents")
    digits = load_digits()
    images = (digits.images[:ROWS, None] * 15).astype(np.uint8)
    ids = tuple(f"digits/{row}" for row in range(ROWS))
    image_set = ImageSet("digits", images, digits.target[:ROWS], NAMES, ids, np.arange(ROWS), None, ())
    nothing = np.arange(0)
    save_test_data(folder / "test_data.pth", image_set, Split(nothing, nothing, np.arange(ROWS), "random", "f" * 64, 0))
    rows = np.arange(ROWS)[::-1].copy()  # in an order of their own
    for size in (2, 16):
        vectors = PCA(size, random_state=0).fit_transform(digits.data[:ROWS])[rows]
        origin = {"dataset": "digits", "split_fingerprint": "f" * 64}
        labels, chosen = digits.target[rows], tuple(ids[row] for row in rows)
        space = LatentSpace(vectors, labels, NAMES, chosen, rows, origin, rows // 2)
        save_latent_space(folder / f"latent_space_size_{size}.npy", space)
    return folder


def table_of(path: Path) -> list[dict[str, str]]:
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_both_spaces_are_drawn_and_their_numbers_saved(output: Path, tmp_path: Path):
    arguments = ["--latent_space", output / "latent_space_size_16.npy", "--svg", "--show"]
    done = [run_script("viz_latent_space.py", *arguments, "--output_dir", tmp_path / run) for run in ("a", "b")]
    assert [each.returncode for each in done] == [0, 0], done[0].stderr
    names = ["latent_space_size_16_umap" + suffix for suffix in (".png", ".svg", ".csv")]
    names.append("metrics_latent_space_size_16_umap.json")
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == sorted(names)
    for name in names:
        assert f"saved {tmp_path / 'a' / name}" in done[0].stdout
        if not name.endswith(".json"):  # which holds the command, and with it the folder
            assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes(), name
    assert "no display" in done[0].stderr
    rows = table_of(tmp_path / "a" / names[2])
    assert list(rows[0]) == ["test_row", "sample_id", "label", "class", "x2", "y2", "x16", "y16"]
    latents = np.load(output / "latent_space_size_2.npy")
    np.testing.assert_allclose([[float(row["x2"]), float(row["y2"])] for row in rows], latents, rtol=1e-6)
    assert rows[0]["test_row"] == str(ROWS - 1)
    assert rows[0]["sample_id"] == f"digits/{ROWS - 1}"
    assert "'=zero()" in {row["class"] for row in rows}
    numbers = json.loads((tmp_path / "a" / names[3]).read_text())
    two, larger = numbers["maps"]
    assert (two["drawn"], larger["drawn"]) == ("as_it_is", "umap")
    assert larger["knn_accuracy"] > two["knn_accuracy"] > two["knn_accuracy_chance"]
    assert larger["trustworthiness"] > 0.9
    assert "transductive" in numbers["protocol"]


def test_found_by_size_alone_and_drawn_by_pca(output: Path, tmp_path: Path):
    for path in output.glob("latent_space_size_16.*"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    done = run_script("viz_latent_space.py", "--latent_size", 16, "--output_dir", tmp_path, "--vis_type", "pca")
    assert done.returncode == 0, done.stderr
    assert "latent_space_size_2.npy is not there" in done.stderr
    assert (tmp_path / "latent_space_size_16_pca.png").exists()


def test_a_persons_own_vectors_by_tsne(tmp_path: Path):
    np.save(tmp_path / "own.npy", np.random.default_rng(0).normal(size=(12, 5)))
    arguments = ["--latent_space", tmp_path / "own.npy", "--output_dir", tmp_path, "--vis_type", "tsne"]
    done = run_script("viz_latent_space.py", *arguments)
    assert done.returncode == 0, done.stderr
    assert "--perplexity" in done.stderr
    assert "row" in table_of(tmp_path / "own_tsne.csv")[0]


def test_a_collapsed_space_is_said_and_drawn(tmp_path: Path):
    np.save(tmp_path / "flat.npy", np.ones((12, 2)))
    done = run_script("viz_latent_space.py", "--latent_space", tmp_path / "flat.npy", "--output_dir", tmp_path)
    assert done.returncode == 0, done.stderr
    assert "2 of 2 latent dimensions do not vary" in done.stderr
    assert (tmp_path / "flat_as_it_is.png").exists()


def test_what_cannot_be_drawn_gets_a_sentence(tmp_path: Path):
    np.save(tmp_path / "few.npy", np.ones((3, 5)))
    few = ["--latent_space", tmp_path / "few.npy", "--output_dir", tmp_path / "out"]
    sentence = refusal(run_script("viz_latent_space.py", *few))
    assert "at least 5" in sentence
    advised = shlex.split(sentence.partition("draw by PCA: ")[2])
    drawn = run_script(*advised[1:], "--output_dir", tmp_path / "drawn")
    assert drawn.returncode == 0, drawn.stderr
    assert (tmp_path / "drawn/few_pca.png").exists()
    missing = refusal(run_script("viz_latent_space.py", "--latent_space", tmp_path / "none.npy"))
    assert "make it with: python train.py" in missing  # nothing has been trained there yet
    assert "--latent_space" in refusal(run_script("viz_latent_space.py"))
    (tmp_path / "cut.npy").write_bytes((tmp_path / "few.npy").read_bytes()[:-9])
    assert "truncated" in refusal(run_script("viz_latent_space.py", "--latent_space", tmp_path / "cut.npy"))
    assert not (tmp_path / "out").exists()


def test_clusters_are_drawn_and_scored_beside_pixels_and_chance(output: Path, tmp_path: Path):
    arguments = ["--latent_space", output / "latent_space_size_16.npy", "--output_dir", tmp_path]
    done = run_script("viz_kmeans_latent_space.py", *arguments)
    assert done.returncode == 0, done.stderr
    stem = "latent_space_size_16_kmeans_umap"
    assert (tmp_path / f"{stem}.png").stat().st_size > 10_000
    numbers = json.loads((tmp_path / f"metrics_{stem}.json").read_text())
    assert numbers["num_clusters"] == 10
    scores = numbers["scores"]
    assert list(scores) == ["bottleneck 16", "bottleneck 2", "raw pixels", "chance"]
    assert all(name in done.stdout for name in scores)
    assert scores["bottleneck 16"]["accuracy_hungarian"] > scores["bottleneck 2"]["accuracy_hungarian"]
    assert scores["bottleneck 2"]["nmi"] > scores["chance"]["nmi"]
    # these latents are the pixels' own principal components, so pixels do as well, if their rows are the right ones
    assert abs(scores["raw pixels"]["nmi"] - scores["bottleneck 16"]["nmi"]) < 0.15
    rows = table_of(tmp_path / f"{stem}.csv")
    assert len(rows) == ROWS
    agreed = sum(row["class of that cluster (one to one)"] == row["class"] for row in rows)
    assert agreed > ROWS / 3  # of the last such column: the bottleneck of 2


@pytest.mark.parametrize("space", ["latent", "pca"])
def test_clusters_are_looked_for_where_one_asks(output: Path, tmp_path: Path, space: str):
    arguments = ["--latent_size", 16, "--space", space, "--num_clusters", 12, "--test_data", "none.pth"]
    for path in output.glob("latent*"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    done = run_script("viz_kmeans_latent_space.py", *arguments, "--output_dir", tmp_path)
    assert done.returncode == 0, done.stderr
    assert "pixels are left out" in done.stderr
    assert (tmp_path / f"latent_space_size_16_kmeans_{space}.png").exists()


def test_what_cannot_be_clustered_gets_a_sentence(tmp_path: Path):
    def refused(*arguments: object) -> str:
        return refusal(run_script("viz_kmeans_latent_space.py", *arguments, "--output_dir", tmp_path / "out"))

    np.save(tmp_path / "own.npy", np.random.default_rng(0).normal(size=(12, 2)))
    assert "--num_clusters" in refused("--latent_space", tmp_path / "own.npy")
    assert "12 vectors" in refused("--latent_space", tmp_path / "own.npy", "--num_clusters", 13)
    assert "from 1 up" in refused("--latent_space", tmp_path / "own.npy", "--num_clusters", 0)
    assert not (tmp_path / "out").exists()


def test_own_vectors_are_clustered_without_classes(tmp_path: Path):
    np.save(tmp_path / "own.npy", np.random.default_rng(0).normal(size=(12, 2)))
    arguments = ["--latent_space", tmp_path / "own.npy", "--num_clusters", 3, "--output_dir", tmp_path]
    done = run_script("viz_kmeans_latent_space.py", *arguments)
    assert done.returncode == 0, done.stderr
    assert set(table_of(tmp_path / "own_kmeans_umap.csv")[0]) >= {"cluster in 2 dimensions"}


def test_pixels_of_another_split_are_refused(output: Path, tmp_path: Path):
    image_set = ImageSet(
        "other", np.zeros((ROWS, 1, 8, 8), np.uint8), None, (), tuple(map(str, range(ROWS))), np.arange(ROWS), None, ()
    )
    nothing = np.arange(0)
    split = Split(nothing, nothing, np.arange(ROWS), "random", "0" * 64, 0)
    save_test_data(tmp_path / "test_data.pth", image_set, split)
    arguments = ["--latent_space", output / "latent_space_size_2.npy", "--test_data", tmp_path / "test_data.pth"]
    done = run_script("viz_kmeans_latent_space.py", *arguments, "--output_dir", tmp_path)
    assert "not the split" in refusal(done)


def test_thumbnails_are_drawn_of_known_test_images_alone(output: Path, tmp_path: Path):
    arguments = ["--latent_space", output / "latent_space_size_16.npy", "--vis_type", "pca", "--output_dir", tmp_path]
    plain = run_script("viz_latent_space.py", *arguments)
    without = (tmp_path / "latent_space_size_16_pca.png").read_bytes()
    done = run_script("viz_latent_space.py", *arguments, "--thumbnails")
    assert (plain.returncode, done.returncode) == (0, 0), done.stderr
    assert (tmp_path / "latent_space_size_16_pca.png").read_bytes() != without
    np.save(tmp_path / "own.npy", np.random.default_rng(0).normal(size=(30, 5)))
    own = ["--latent_space", tmp_path / "own.npy", "--vis_type", "pca", "--thumbnails"]
    assert "does not say which they are; leave the flag out" in refusal(run_script("viz_latent_space.py", *own))
