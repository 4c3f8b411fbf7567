"""find_odd_images.py: planted faults stand first; tables and pictures say the same; bad input gets a sentence."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from data.test_data import TestData as HeldOut
from data.test_data import load_test_data
from model.checkpoint import load_model
from model.inference import decode, encode
from stages.odd_images import find_odd
from tests.conftest import ROOT, refusal


@pytest.fixture(scope="module")
def found(trained: Path, forked, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """What was written for a bottleneck of 8, and what was said."""
    output = tmp_path_factory.mktemp("odd")
    done = forked.run("find_odd_images.py", "--model_path", trained / "model_latent_size_8.pth", "--output_dir", output,
                      "--num_images", 6, cwd=ROOT)  # fmt: skip
    assert done.returncode == 0, done.stderr
    return output, done.stdout


def rows_of(output: Path) -> list[dict[str, str]]:
    with open(output / "odd_images_latent_size_8.csv", newline="") as file:
        return list(csv.DictReader(file))


def test_every_image_has_its_place_in_every_ranking(found, trained: Path):
    output, said = found
    test = load_test_data(trained / "test_data.pth")
    rows = rows_of(output)
    assert [row["sample_id"] for row in rows] == list(test.sample_ids)
    rankings = json.loads((output / "odd_images_latent_size_8.json").read_text())["rankings"]
    for way, value in [("error", "mse"), ("distance", "mean distance"), ("label", "doubt of label")]:
        by_place = sorted(rows, key=lambda row: int(row[f"place by {way}"]))
        assert [int(row[f"place by {way}"]) for row in by_place] == list(range(1, len(rows) + 1))
        values = [float(row[value]) for row in by_place]
        assert values == sorted(values, reverse=True)
        assert rankings[way] == [int(row["test_row"]) for row in by_place[:6]]
        assert (output / f"odd_images_latent_size_8_{way}.png").exists()
        assert by_place[0]["sample_id"] in said
    model = load_model(trained / "model_latent_size_8.pth")
    made = decode(model, encode(model, test.images))
    errors = np.mean((made - test.images / 255) ** 2, axis=(1, 2, 3))
    assert np.allclose([float(row["mse"]) for row in rows], errors, rtol=1e-4)


@pytest.fixture(scope="module")
def encoded(trained: Path):
    """The test images of digits, their latents, and what is made of these."""
    test, model = load_test_data(trained / "test_data.pth"), load_model(trained / "model_latent_size_8.pth")
    latents = encode(model, test.images)
    return test, latents, decode(model, latents)


def test_planted_wrong_labels_stand_first(encoded):
    test, latents, made = encoded
    planted = np.random.default_rng(0).permutation(len(test.labels))[:4]
    labels = test.labels.copy()
    labels[planted] = (labels[planted] + 3) % 10
    odd = find_odd(replace(test, labels=labels), latents, made, 10)
    first = odd.rankings()["label"][:10]
    assert len(set(planted) & set(first)) >= 3
    right = [row for row in planted if row in first and odd.likely[row] == test.labels[row]]
    assert len(right) >= 3, "the neighbours name the class that it was"


@pytest.mark.parametrize("foreign", ["negative", "half white"])
def test_a_foreign_image_is_farthest_and_kept_worst(trained: Path, encoded, foreign):
    """So by each of four seeds. One that is white all over is kept worst too, but need not lie far."""
    test, _, _ = encoded
    model = load_model(trained / "model_latent_size_8.pth")
    images = test.images.copy()
    images[7] = 255 - images[7] if foreign == "negative" else np.repeat([255, 0], 4)
    latents = encode(model, images)
    odd = find_odd(replace(test, images=images), latents, decode(model, latents), 10)
    assert odd.rankings()["error"][0] == 7
    assert odd.rankings()["distance"][0] == 7


def test_groups_do_not_speak_for_themselves(encoded):
    test, latents, made = encoded
    groups = np.zeros(len(test.labels), np.int64)
    groups[:90] = np.arange(1, 91)
    odd = find_odd(replace(test, groups=groups), latents, made, 10)
    expected = np.sort(np.linalg.norm(latents[100] - latents[:90], axis=1))[:10].mean()
    assert odd.distance[100] == pytest.approx(expected, rel=1e-4)
    alone = find_odd(replace(test, groups=np.zeros_like(groups)), latents, made, 10)
    assert np.isinf(alone.distance).all()


@pytest.mark.parametrize("count", [1, 2, 3])
def test_few_images_and_no_classes(encoded, count: int):
    test, latents, made = encoded
    few = HeldOut(test.images[:count], None, (), test.sample_ids[:count], "few", "", np.arange(count))
    odd = find_odd(few, latents[:count], made[:count], 10)
    assert odd.doubt is None
    assert sorted(odd.rankings()) == ["distance", "error"]


def test_images_without_classes(trained_without_classes: Path, forked, tmp_path: Path):
    done = forked.run("find_odd_images.py", "--model_path", trained_without_classes / "model_latent_size_2.pth",
                      "--output_dir", tmp_path, cwd=ROOT)  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "odd_images_latent_size_2.csv", "odd_images_latent_size_2.json", "odd_images_latent_size_2_distance.png",
        "odd_images_latent_size_2_error.png",
    ]  # fmt: skip


def test_bad_input_gets_a_sentence(trained: Path, trained_without_classes: Path, forked, tmp_path: Path):
    assert "--model_path" in refusal(forked.run("find_odd_images.py", cwd=ROOT))
    mixed = forked.run("find_odd_images.py", "--model_path", trained / "model_latent_size_8.pth", "--test_data",
                       trained_without_classes / "test_data.pth", "--output_dir", tmp_path, cwd=ROOT)  # fmt: skip
    assert "another split" in refusal(mixed)
    assert list(tmp_path.iterdir()) == []
