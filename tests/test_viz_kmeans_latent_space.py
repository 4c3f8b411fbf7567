"""viz_kmeans_latent_space.py as a person runs it: numbers found, noise, new images, and what it can't do."""

import csv
import json
import shlex
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from data.test_data import load_test_data
from latent.archive import LatentSpace, save_latent_space, sidecar_path
from tests.conftest import refusal, run_script

SCRIPT = "viz_kmeans_latent_space.py"


def table_of(path: Path) -> list[dict[str, str]]:
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def clustered(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[object], str]:
    """A folder of checkpoints, latents and clusters; the arguments that made these; what was said."""
    output = tmp_path_factory.mktemp("clustered")
    for name in ("model_latent_size_2.pth", "model_latent_size_8.pth", "test_data.pth"):
        (output / name).write_bytes((trained / name).read_bytes())
    done = run_script("encode_latent_space.py", "--latent_size", 8, "--num_samples", "all", "--output_dir", output)
    assert done.returncode == 0, done.stderr
    arguments = ["--latent_size", 8, "--output_dir", output, "--clusterer", "gmm", "--space", "pca", "--space_size", 4]
    done = run_script(SCRIPT, *arguments, "--num_clusters", "auto", "--max_clusters", 12)
    assert done.returncode == 0, done.stderr
    return output, arguments, done.stdout


STEM = "latent_space_size_8_gmm_pca"


def test_the_number_is_found_and_its_curve_drawn(clustered):
    output, _, said = clustered
    for end in (".png", "_confusion.png", "_central.png", "_criterion.png"):
        assert (output / f"{STEM}{end}").stat().st_size > 5000
        assert f"saved {output / f'{STEM}{end}'}" in said
    curve = table_of(output / f"{STEM}_criterion.csv")
    values = {int(row["clusters"]): float(list(row.values())[1]) for row in curve}
    assert {2, 3, 4, 5, 6, 8, 10, 12} <= values.keys()
    assert max(values) == 12
    numbers = json.loads((output / f"metrics_{STEM}.json").read_text())
    if (number := numbers["num_clusters"]) > 1:
        assert values[number] <= min(values.values()) + 0.02
    assert "of the ties between neighbours that borders through a continuum cut" in said
    assert numbers["clustered_in_words"] == "PCA of 4"
    assert list(numbers["scores"]) == ["bottleneck 8", "bottleneck 2", "raw pixels", "chance"]
    rows = table_of(output / f"{STEM}.csv")
    assert all(0 < float(row["probability in bottleneck 8"]) <= 1 for row in rows)


def test_whitened_latents_are_assigned_as_they_were_clustered(tmp_path: Path):
    np.save(tmp_path / "own.npy", np.random.default_rng(0).normal(size=(60, 4)) * [1, 1, 1, 100])
    arguments = ["--latent_space", tmp_path / "own.npy", "--space", "latent", "--whiten", 1, "--num_clusters", 3,
                 "--output_dir", tmp_path]  # fmt: skip
    done = run_script(SCRIPT, *arguments)
    assert done.returncode == 0, done.stderr
    numbers = json.loads((tmp_path / "metrics_own_kmeans_latent.json").read_text())
    assert numbers["clustered_in_words"] == "latents whitened to the power 1"
    done = run_script(SCRIPT, *arguments, "--assign", tmp_path / "own.npy")
    assert done.returncode == 0, done.stderr
    found, assigned = (table_of(tmp_path / f"own_kmeans_latent{end}.csv") for end in ("", "_assigned"))
    of_fit = [next(value for name, value in row.items() if name.startswith("cluster")) for row in found]
    assert [row["cluster"] for row in assigned] == of_fit
    assert "from 0 to 1" in refusal(run_script(SCRIPT, *arguments, "--whiten", 2))


def test_new_images_get_clusters_of_the_fit(clustered, tmp_path: Path, data_dir: Path):
    output, arguments, _ = clustered
    before = (output / f"{STEM}_fitted.npz").read_bytes()
    done = run_script(SCRIPT, *arguments, "--assign", output / "latent_space_size_8.npy")
    assert done.returncode == 0, done.stderr
    assert "nothing is fitted on them" in done.stdout
    fitted = {row["sample_id"]: row["cluster in bottleneck 8"] for row in table_of(output / f"{STEM}.csv")}
    again = table_of(output / f"{STEM}_assigned.csv")
    assert {row["sample_id"]: row["cluster"] for row in again} == fitted
    # the same images as files
    test_data = load_test_data(output / "test_data.pth")
    for image, sample_id, label in list(zip(test_data.images, test_data.sample_ids, test_data.labels, strict=True))[
        :30
    ]:
        (tmp_path / "new" / str(label)).mkdir(parents=True, exist_ok=True)
        Image.fromarray(image[0]).save(tmp_path / "new" / str(label) / f"{sample_id.replace('/', '-')}.png")
    done = run_script(SCRIPT, *arguments, "--assign", tmp_path / "new", "--data_dir", data_dir)
    assert done.returncode == 0, done.stderr
    assert "of their own class" in done.stdout
    rows = table_of(output / f"{STEM}_assigned.csv")
    assert len(rows) == 30
    for row in rows:
        assert row["cluster"] == fitted[row["sample_id"].split("/")[1].removesuffix(".png").replace("-", "/")]
    assert (output / f"{STEM}_fitted.npz").read_bytes() == before


def test_what_cannot_be_assigned_gets_a_sentence(clustered, tmp_path: Path):
    _, arguments, _ = clustered
    np.save(tmp_path / "narrow.npy", np.zeros((3, 5)))
    other = LatentSpace(np.zeros((3, 8), np.float32), origin={"checkpoint_sha256": "0" * 64})
    save_latent_space(tmp_path / "other.npy", other)
    for path, complaint in [
        (tmp_path / "narrow.npy", "these have 5"),
        (tmp_path / "other.npy", "another model"),
        (tmp_path / "none", "is not there"),
    ]:
        assert complaint in refusal(run_script(SCRIPT, *arguments, "--assign", path))
    arguments = [*arguments[:-4], "--space", "umap"]
    assert "--clusterer gmm --space umap" in refusal(run_script(SCRIPT, *arguments, "--assign", tmp_path))
    assert "leave --num_clusters out" in refusal(
        run_script(SCRIPT, "--latent_size", 8, "--clusterer", "hdbscan", "--num_clusters", 3)
    )


def test_noise_is_said_and_counted_and_own_vectors_need_no_classes(tmp_path: Path):
    random = np.random.default_rng(0)
    islands = [random.normal(centre, 0.1, (15, 2)) for centre in (0, 5)]
    np.save(tmp_path / "own.npy", np.concatenate([*islands, [[40, 40]]]))
    arguments = ["--latent_space", tmp_path / "own.npy", "--output_dir", tmp_path, "--clusterer", "hdbscan"]
    done = run_script(SCRIPT, *arguments)
    assert done.returncode == 0, done.stderr
    assert "HDBSCAN found 2 clusters, and 1 of 31 images is in none (noise)" in done.stdout
    rows = table_of(tmp_path / "own_hdbscan_umap.csv")
    assert [row["cluster in 2 dimensions"] for row in rows][-1] == "noise"
    assert json.loads((tmp_path / "metrics_own_hdbscan_umap.json").read_text())["scores"] == {}
    done = run_script(SCRIPT, *arguments, "--assign", tmp_path / "own.npy")
    assert "1 of 31 are near no cluster" in done.stderr
    (tmp_path / "folder").mkdir()
    assert "unknown origin" in refusal(run_script(SCRIPT, *arguments, "--assign", tmp_path / "folder"))


@pytest.mark.parametrize("rows", [1, 4])
def test_vectors_too_few_for_a_map_are_clustered_as_advised(tmp_path: Path, rows: int):
    np.save(tmp_path / "mine.npy", np.random.default_rng(0).standard_normal((rows, 4)).astype(np.float32))
    command = ["viz_kmeans_latent_space.py", "--latent_space", tmp_path / "mine.npy", "--num_clusters", 1]
    sentence = refusal(run_script(*command))
    assert "UMAP needs at least 5 vectors" in sentence
    _, script, *words = shlex.split(sentence.partition("look among the latents: ")[2])
    done = run_script(Path(script).name, *words)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "mine_kmeans_latent.png").exists()


def test_too_many_clusters_are_refused_before_anything_is_mapped(tmp_path: Path):
    np.save(tmp_path / "own.npy", np.random.default_rng(0).normal(size=(20, 5)))
    done = run_script(SCRIPT, "--latent_space", tmp_path / "own.npy", "--output_dir", tmp_path, "--num_clusters", 21)
    assert "20 vectors can't make 21 clusters; " in refusal(done)
    assert refusal(done).endswith("--num_clusters 20")
    assert "mapping" not in done.stderr


@pytest.mark.parametrize("labels", [np.zeros(12, int), np.array([0] * 11 + [1])], ids=["one class", "one image"])
def test_one_class_and_a_class_with_one_image(tmp_path: Path, labels: np.ndarray):
    vectors = np.random.default_rng(0).normal(size=(12, 2)).astype(np.float32)
    save_latent_space(tmp_path / "few.npy", LatentSpace(vectors, labels, ("a", "b")))
    done = run_script(SCRIPT, "--latent_space", tmp_path / "few.npy", "--output_dir", tmp_path)
    assert done.returncode == 0, done.stderr
    numbers = json.loads((tmp_path / "metrics_few_kmeans_umap.json").read_text())
    assert numbers["num_clusters"] == len(set(labels.tolist()))
    assert all(np.isfinite(value) for scores in numbers["scores"].values() for value in scores.values())
    assert (tmp_path / "few_kmeans_umap_confusion.png").exists()


def test_vectors_that_are_not_finite_or_in_another_order_are_refused(clustered, tmp_path: Path):
    output, _, _ = clustered
    vectors = np.load(output / "latent_space_size_8.npy")
    broken = vectors.copy()
    broken[3, 1] = np.nan
    described = sidecar_path(output / "latent_space_size_8.npy").read_bytes()
    for content, complaint in [(broken, "NaN or infinity"), (vectors[::-1], "is not the file that")]:
        np.save(tmp_path / "x.npy", content)
        (tmp_path / "x.json").write_bytes(described)
        for script in (SCRIPT, "viz_latent_space.py"):
            assert complaint in refusal(run_script(script, "--latent_space", tmp_path / "x.npy"))
