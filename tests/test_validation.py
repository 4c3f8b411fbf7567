"""Which weights are kept, what the curves say, and which images may be mirrored."""

import json

import numpy as np
import pytest
from PIL import Image

from latent.pca import fit_pca
from model.checkpoint import load_checkpoint
from model.fidelity import mean_error
from stages.training.advice import HeldAgainst, advise
from stages.training.mirroring import may_mirror, mirrored, mirrored_rows, mirroring_costs
from stages.training.validation import clearly_less
from tests.conftest import run_script


def test_less_is_clear_only_beyond_the_standard_error_of_the_difference():
    others = np.linspace(0.01, 0.05, 100)
    noise = np.random.default_rng(0).normal(0, 0.002, 100)
    noise -= noise.mean()
    assert clearly_less(others - 0.001 + noise, others)
    assert not clearly_less(others - 0.0001 + noise, others)
    assert not clearly_less(others + 0.001, others)
    assert not clearly_less(others[:1] / 2, others[:1])  # one image shows nothing


def log(train: list[float], val: list[float]) -> list[dict]:
    return [
        {"epoch": number, "train_mse": mine, "val_mse": its}
        for number, (mine, its) in enumerate(zip(train, val, strict=True), 1)
    ]


@pytest.mark.parametrize(
    ("train", "val", "best", "of_pca", "said", "unsaid"),
    [
        ([0.010, 0.008, 0.006], [0.011, 0.0105, 0.012], 2, 0.0115, "overfits", "take more epochs"),
        ([0.010, 0.007, 0.004], [0.013, 0.014, 0.016], 0, 0.012, "by heart", "take more epochs"),
        ([0.010, 0.008, 0.006], [0.0119, 0.0118, 0.0118], 3, 0.012, "by heart", "overfits"),
        ([0.010, 0.020, 0.090], [0.013, 0.030, 0.090], 0, 0.012, "--lr 1e-05", "epochs"),
        (
            [0.0121, 0.0121, 0.0120],
            [0.0121, 0.0121, 0.0120],
            0,
            0.012,
            "more epochs tell which, --num_epochs 12",
            "by heart",
        ),
        ([0.0240, 0.0262, 0.0247], [0.02796, 0.02797, 0.02794], 0, 0.02796, "no more than chance", "--lr"),
        ([0.030, 0.030, 0.031], [0.03, 0.03, 0.03], 1, 0.012, "another architecture", "--lr 1e-05"),
        ([0.0046], [0.0057], 0, 0.0057, "more epochs tell which, --num_epochs 4", "by heart"),
        ([0.012] * 10, [0.013] * 10, 0, 0.013, "little to learn beyond PCA", "more epochs"),
        ([0.09, 0.05, 0.03], [0.09, 0.05, 0.03], 3, 0.012, "still learning", "overfits"),
        ([0.030, 0.030, 0.030], [0.03, 0.03, 0.03], 1, 0.012, "another architecture", "take more epochs"),
    ],
)
def test_advice_reads_the_curves(train, val, best, of_pca, said, unsaid):
    of_start = of_pca if best == 0 else None  # of networks that start as PCA
    (sentence,) = advise(32, log(train, val), best, HeldAgainst(of_pca, of_start, 0.1, 256), 0.0001)
    assert said in sentence
    assert unsaid not in sentence


@pytest.mark.parametrize(
    ("train", "val", "best", "against", "said", "unsaid"),
    [
        # thrown about, and fallen since: 26 times the mean image's error is no learning by heart
        ([1e15, 4.0, 0.8], [1e15, 5.0, 0.9], 0, HeldAgainst(0.0002, 0.0002, 0.03, 60), "--lr 0.01", "by heart"),
        ([0.098, 0.06, 0.05], [0.051, 0.051, 0.051], 3, HeldAgainst(0.002, None, 0.03, 60), "--lr 0.01", "by heart"),
        # PCA is the best there is, and validation images, refined, are shown better than training images
        ([1.2e-4, 1e-4, 9e-5], [1.6e-5] * 3, 0, HeldAgainst(4e-5, 1.6e-5, 0.05, 60), "little to learn", "by heart"),
        ([5e-5, 1e-6, 1e-9], [1e-8] * 3, 0, HeldAgainst(1e-9, 1e-9, 0.05, 60), "--latent_size 16", "more images"),
        ([0.03, 0.02, 0.01], [0.02, 0.04, 0.03], 0, HeldAgainst(0.01, 0.01, 0.1, 1), "on 1 validation image", "rate"),
    ],
)  # fmt: skip
def test_advice_knows_what_is_nothing_to_learn_and_what_is_a_rate_too_high(train, val, best, against, said, unsaid):
    (sentence,) = advise(32, log(train, val), best, against, 0.1)
    assert said in sentence
    assert unsaid not in sentence


def test_few_validation_images_that_rise_a_little_are_no_overfitting():
    rises = log([0.010, 0.010, 0.009], [0.010, 0.00950, 0.00973])  # by 2.4%
    assert advise(32, rises, 2, HeldAgainst(0.011, 0.011, 0.05, 68), 0.0001) == []
    assert "overfits" in advise(32, rises, 2, HeldAgainst(0.011, 0.011, 0.05, 256), 0.0001)[0]


def test_what_is_kept_is_held_against_pca_and_not_what_came_last():
    falls_and_rises = log([0.0115, 0.0110, 0.0109], [0.0108, 0.01095, 0.01101])
    assert advise(8, falls_and_rises, 1, HeldAgainst(0.0110, 0.0110, 0.05, 100), 0.0001) == []


def test_nothing_is_said_of_a_training_that_went_well():
    against = HeldAgainst(0.011, 0.011, 0.05, 256)
    assert advise(32, log([0.01, 0.008, 0.007], [0.01, 0.008, 0.0075]), 3, against, 0.0001) == []


def test_mirrored_pictures_are_told_from_mirrored_signs():
    generator = np.random.default_rng(0)
    steps = np.cumsum(generator.normal(size=(400, 1, 12, 12)), axis=3)  # of noise that knows no left or right
    pictures = np.clip(128 + 20 * (steps - steps.mean(3, keepdims=True)), 0, 255).astype(np.uint8)
    signs = pictures.copy()
    signs[..., :6] //= 8  # dark on the left
    for images, as_good in ((pictures, True), (signs, False)):
        assert may_mirror(mirroring_costs(fit_pca(images[:300], 40, 0), images[300:])) == as_good
    assert mirroring_costs(fit_pca(pictures[:300], 40, 0), pictures[300:305]) is None
    plain = np.repeat(pictures[300:].mean((1, 2, 3), dtype=np.float32).astype(np.uint8), 144).reshape(100, 1, 12, 12)
    assert mirroring_costs(fit_pca(plain[:90], 40, 0), plain) is None  # which show no left and right
    assert not may_mirror(None)


def test_a_few_loud_pictures_do_not_say_how_pictures_are_mirrored():
    """Five of a hundred validation images are nearly training images, of so much contrast that the mean is theirs."""
    generator = np.random.default_rng(0)
    pictures = np.clip(generator.normal(128, 10, (400, 1, 12, 12)), 0, 255).astype(np.uint8)
    loud = generator.choice([0, 255], (5, 1, 12, 12)).astype(np.uint8)
    pictures[:5], pictures[300:305] = loud, np.where(loud > 0, 250, 5)
    pca, validation = fit_pca(pictures[:300], 40, 0), pictures[300:]
    own, turned = (mean_error(each, pca.reconstruct_batches(each)) for each in (validation, validation[..., ::-1]))
    assert turned > 1.5 * own
    assert may_mirror(mirroring_costs(pca, validation))


def test_two_latents_do_not_say_how_pictures_are_mirrored(tmp_path):
    """What varies most is the same on both sides, what varies less is on the left: mirrored, it is another picture."""
    generator = np.random.default_rng(0)
    bright, tilted, fine = generator.normal(size=(3, 400, 16, 16)) * np.array([25, 25, 8]).reshape(3, 1, 1, 1)
    fine[..., 4:] = 0
    pictures = 128 + bright[:, :1, :1] + tilted[:, :1, :1] * np.linspace(-1, 1, 16)[:, None] + fine
    (tmp_path / "signs").mkdir()
    for number, picture in enumerate(np.clip(pictures, 0, 255).astype(np.uint8)):
        Image.fromarray(picture).save(tmp_path / "signs" / f"{number}.png")
    done = run_script(
        "train.py", "--dataset", tmp_path / "signs", "--latent_size", 2, "--only_named", "--num_epochs", 1,
        "--image_size", 16, "--data_dir", tmp_path, "--output_dir", tmp_path / "output",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "output" / "metrics_training.json").read_text())["mirrored"] is False


def test_half_of_the_images_are_mirrored_the_same_half_each_time():
    images = np.random.default_rng(0).integers(0, 256, (400, 3, 4, 6), dtype=np.uint8)
    chosen = mirrored_rows(400, 0, 3, 7)
    made = mirrored(images, chosen)
    np.testing.assert_array_equal(chosen, mirrored_rows(400, 0, 3, 7))
    turned = (made != images).any(axis=(1, 2, 3))
    assert 140 < turned.sum() < 260
    np.testing.assert_array_equal(made[turned], images[turned][..., ::-1])


def test_a_network_that_learns_by_heart_is_left_as_pca(tmp_path, data_dir):
    """At a rate that throws the weights about, on few images: what is kept is no worse than PCA of the size."""
    done = run_script(
        "train.py", "--dataset", "digits", "--latent_size", 8, "--only_named", "--num_epochs", 3, "--lr", 0.02,
        "--max_train", 200, "--data_dir", data_dir, "--output_dir", tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    record = load_checkpoint(tmp_path / "model_latent_size_8.pth")[1]
    ours, pca = (record["held_out"][f"{name} of 8"]["mse"] for name in ("autoencoder", "PCA"))
    assert ours <= pca * 1.001
    logged = [json.loads(line)["val_mse"] for line in (tmp_path / "training_log.jsonl").read_text().splitlines()]
    if record["kept_epoch"]:
        assert logged[record["kept_epoch"] - 1] == min(logged)
    else:
        assert "nothing beyond its start" in done.stderr
