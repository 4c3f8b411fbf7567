"""What a sweep says of sizes, where the answer is known."""

import itertools
import math

import numpy as np
import pytest

from latent.fidelity import squared_errors
from latent.pca import fit_pca
from latent.sweep import answers, curve_sizes, dimensions, equivalent_size


def test_errors_of_many_sizes_are_those_of_each():
    images = np.random.default_rng(0).integers(0, 256, (70, 1, 8, 8), np.uint8)
    images[:, :, :4] //= 8  # dark, so that reconstructions reach below 0 and are clamped
    pca = fit_pca(images[:50], 40, seed=0)
    sizes = [1, 2, 5, 17, 40]
    wanted = [squared_errors(images[50:], pca.first(size).reconstruct(images[50:])).mean() for size in sizes]
    np.testing.assert_allclose(pca.errors(images[50:], sizes), wanted, rtol=1e-5)


@pytest.mark.parametrize(("largest", "among"), [(1, [1, 4]), (7, [2, 5]), (512, [2, 256]), (64, [64])])
def test_sizes_of_the_curve(largest, among):
    sizes = curve_sizes(largest, among)
    assert sizes == sorted(set(sizes))
    assert (sizes[0], sizes[-1]) == (1, largest)
    assert {size for size in among if size <= largest} <= set(sizes)
    assert len(sizes) <= 40 + len(among)
    if largest > 40:
        assert max(high / low for low, high in itertools.pairwise(sizes) if low > 8) < 1.35


def test_what_pca_would_need():
    sizes, errors = [1, 2, 4, 8], [0.8, 0.4, 0.2, 0.1]  # error = 0.8 / size
    for size in (1, 2, 3, 5.5, 8):
        assert equivalent_size(0.8 / size, sizes, errors) == pytest.approx(size)
    assert equivalent_size(0.9, sizes, errors) == 0
    assert equivalent_size(0.05, sizes, errors) == math.inf
    assert equivalent_size(0.2, [1, 2], [0.4, 0.0]) == 2  # PCA that is exact has no logarithm
    assert equivalent_size(0.3, [1, 2, 3], [0.4, 0.3, 0.3]) == pytest.approx(2)
    assert [dimensions(value, 8) for value in (0, 2.345, 12.6, math.inf)] == ["less than 1", "2.3", "13", "more than 8"]


def record(size: int, kept: float, as_pca_of: float, accuracy: float | None = None) -> dict[str, float]:
    below = 0.1 if as_pca_of > size else -0.1
    of_classes = {"linear_accuracy": accuracy, "linear_accuracy_chance": 0.1, "pca_linear_accuracy": accuracy}
    errors = {"latent_size": size, "kept": kept, "pca_kept": kept - 0.05, "below_pca": below, "as_pca_of": as_pca_of}
    return errors if accuracy is None else errors | of_classes


def said(records: list[dict[str, float]], independent: int = 10_000, pixels: float = 0.9) -> list[str]:
    return [each["answer"] for each in answers(records, independent, {"linear_accuracy": pixels}, 64)]


def test_three_answers():
    keep, added, tell = said(
        [record(2, 0.6, 3.5, 0.5), record(8, 0.92, 15.2, 0.896), record(32, 0.97, 33, 0.9), record(64, 0.98, 60, 0.89)]
    )
    assert keep == "8 for 80% of the variance; 8 for 90% of the variance; 32 for 95% of the variance; " \
        "none of these keeps 99% of the variance"  # fmt: skip
    assert added == "in proportion most at 8: PCA needs 15 dimensions for the same error; nothing at 64"
    assert tell == "8, as far as the test images can tell"  # 0.4 points below the best, which 10,000 images can't tell


def test_what_is_level_with_pca_adds_nothing():
    level = {**record(2, 0.6, 2.0001), "below_pca": 1e-7}
    assert said([level, record(8, 0.9, 7)])[1].startswith("nothing: ")


def test_a_size_beyond_the_curve_counts_for_no_more_than_was_seen():
    assert "at 2: PCA needs 6.0" in said([record(2, 0.6, 6), record(64, 0.9, math.inf)])[1]
    assert "at 16: PCA needs more than 64" in said([record(2, 0.6, 6), record(16, 0.9, math.inf)])[1]


def test_what_does_better_is_named():
    poor = [record(4, 0.2, 1.5, 0.68), record(8, 0.3, 2.5, 0.69)]
    poor[0]["pca_linear_accuracy"] = 0.8
    assert said(poor, independent=180)[2] == (
        "4, as far as the test images can tell; PCA of 4 and raw pixels do better"
    )  # fmt: skip


def test_answers_that_are_a_no():
    keep, added, tell = said([record(2, 0.1, 1.5), record(8, 0.2, 7)])
    assert keep == "none of these keeps 80% of the variance"
    assert added == "nothing: PCA of the same size is about as good or better at every size"
    assert tell == "can't be said"
    assert said([record(2, 0.1, 1.5, 0.1), record(8, 0.2, 7, 0.105)])[2] == "none of these tells them apart"
    rising = [record(2, 0.1, 1.5, 0.2), record(8, 0.2, 7, 0.6)]
    assert said(rising, pixels=0.6)[2] == "8 or more: none smaller tells them apart as well"
    assert said(rising, independent=4)[2] == "none of these tells them apart"  # four images can't say so
    assert said(rising, independent=1)[2] == "can't be said from so few test images"
