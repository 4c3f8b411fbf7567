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
from stages.odd_images import Oddity, find_odd, title
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
    assert f"only the {len(rows)} test images were looked through" in said
    sure = [row for row in rows if row["sure"] == "yes"]
    assert f"of another class they are sure for {len(sure) or 'none'}" in said
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


def of_labels(labels: np.ndarray, latents: np.ndarray) -> Oddity:
    """Odd ones of images that are what their latents (N, 2) are."""
    count = len(labels)
    images = np.zeros((count, 1, 2, 2), np.uint8)
    names = tuple("abc"[: labels.max() + 1])
    made = HeldOut(images, labels, names, tuple(map(str, range(count))), "made", "", np.arange(count))
    return find_odd(made, latents.astype(np.float32), images / np.float32(255), 10)


@pytest.mark.parametrize("shares", [(0.34, 0.33, 0.33), (0.9, 0.1), (0.7, 0.3)])
def test_labels_that_are_chance_are_not_surely_doubted(shares):
    sure = 0
    for seed in range(20):
        random = np.random.default_rng(seed)
        odd = of_labels(random.choice(len(shares), 200, p=shares), random.normal(size=(200, 2)))
        assert odd.doubt is not None or "do not know the classes beyond chance" in odd.unknown
        sure += 0 if odd.sure is None else int(odd.sure.sum())
    assert sure <= 20 * 200 * 0.0025


@pytest.mark.parametrize("share", [0.5, 0.3, 0.1])
def test_of_classes_of_which_one_is_known_the_others_are_not_surely_doubted(share: float):
    accused = 0
    for seed in range(10):
        random = np.random.default_rng(seed)
        labels = np.repeat([0, 1], [100, 200])
        latents = random.normal(size=(300, 2)) + 20 * labels[:, None]
        labels[100:] += random.random(200) < share
        accused += int(of_labels(labels, latents).sure.sum())
    assert accused <= 10 * 300 * 0.0025


def test_planted_wrong_labels_of_known_classes_are_surely_doubted_and_no_others():
    random = np.random.default_rng(0)
    truth = random.choice(3, 300, p=[0.6, 0.3, 0.1])
    latents = random.normal(size=(300, 2)) + 8 * np.array([[0, 0], [1, 0], [0, 1]])[truth]
    labels, planted = truth.copy(), random.permutation(300)[:10]
    labels[planted] = (labels[planted] + 1) % 3
    odd = of_labels(labels, latents)
    assert np.flatnonzero(odd.sure).tolist() == sorted(planted.tolist())
    assert (odd.likely[planted] == truth[planted]).all()


def test_two_foreign_images_do_not_speak_for_all_that_are_kept_worst(encoded):
    test, latents, made = encoded
    made = made.copy()
    made[:2] = 1 - test.images[:2] / 255
    odd = find_odd(test, latents, made, 10)
    worst = odd.rankings()["error"][:24]
    least, most = odd.error[worst[23]] / np.median(odd.error), odd.error[worst[0]] / np.median(odd.error)
    assert f"keeps worst, {least:.1f} to {most:.1f} times the median error" in title("error", test, 8, odd, worst)
    assert least < 10 < most


@pytest.mark.parametrize(("foreign", "share"), [("negative", 0.8), ("half white", 1.0)])
def test_a_foreign_image_is_farthest_and_kept_worst(trained: Path, encoded, foreign, share):
    """Of twenty, one at a time. A digit's negative may lie among odd digits (of sixty 54 were farthest of all)."""
    test, _, _ = encoded
    model, farthest = load_model(trained / "model_latent_size_8.pth"), []
    for place in range(20):
        images = test.images.copy()
        images[place] = 255 - images[place] if foreign == "negative" else np.repeat([255, 0], 4)
        latents = encode(model, images)
        rankings = find_odd(replace(test, images=images), latents, decode(model, latents), 10).rankings()
        assert rankings["error"][0] == place
        farthest.append(rankings["distance"][0] == place)
    assert np.mean(farthest) >= share


def test_groups_do_not_speak_for_themselves(encoded):
    test, latents, made = encoded
    groups = np.zeros(len(test.labels), np.int64)
    groups[:90] = np.arange(1, 91)
    odd = find_odd(replace(test, groups=groups), latents, made, 10)
    expected = np.sort(np.linalg.norm(latents[100] - latents[:90], axis=1))[:10].mean()
    assert odd.distance[100] == pytest.approx(expected, rel=1e-4)
    alone = find_odd(replace(test, groups=np.zeros_like(groups)), latents, made, 10)
    assert np.isinf(alone.distance).all()


def test_all_images_are_not_called_the_worst(encoded):
    test, latents, made = encoded
    odd, rows = find_odd(test, latents, made, 10), np.arange(len(test.labels))
    assert "all 180 test images, from the one that bottleneck 8 keeps worst" in title("error", test, 8, odd, rows)
    assert "the 24 test images that bottleneck 8 keeps worst" in title("error", test, 8, odd, rows[:24])


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
