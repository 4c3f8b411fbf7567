"""What a sweep says of sizes, where the answer is known."""

import dataclasses
import itertools
import math

import numpy as np
import pytest

from latent.comparison import compare
from latent.measures import Side
from latent.pca import fit_pca
from latent.pixels import PIXELS
from model.fidelity import squared_errors
from stages.sweep.answers import LARGEST, answer_sweep, dimensions
from stages.sweep.choice import Watched, dimension, enough_for_pca, knee, which_size
from stages.sweep.dimension import intrinsic_dimensions
from stages.sweep.measuring import curve_sizes, equivalent_size, measure_space
from tests.known_truths import sheet


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


def record(size: int, kept: float, as_pca_of: float) -> dict[str, float]:
    errors = (0.9, 1.0) if as_pca_of > size else (1.1, 1.0)
    return {
        "latent_size": size, "kept": kept, "pca_kept": kept - 0.05, "as_pca_of": as_pca_of,
        "mse": errors[0], "pca_mse": errors[1], "pca_refined_mse": errors[1],
    }  # fmt: skip


def said(records: list[dict[str, float]], right: dict[str, np.ndarray] | None = None) -> list[str]:
    count = len(next(iter((right or {"": []}).values())))
    return [each["sentence"] for each in answer_sweep(records, 64, right or {}, np.arange(count))]


def right_on(shares: dict[int, float], pixels: float = 0.9, count: int = 1000) -> dict[str, np.ndarray]:
    """A probe of each size, of PCA and of pixels that is right on the first so many images."""

    def hits(share: float) -> np.ndarray:
        return np.arange(count) < share * count

    found = {f"{space} {size}": hits(share) for size, share in shares.items() for space in ("bottleneck", "PCA of")}
    return {**found, PIXELS: hits(pixels), LARGEST: hits(0.1)}


def test_how_many_keep_and_what_is_added():
    keep, added, tell = said([record(2, 0.6, 3.5), record(8, 0.92, 15.2), record(32, 0.97, 33), record(64, 0.98, 60)])
    assert keep == "8 for 90% of the variance; 32 for 95% of the variance; none of these keeps 99%"
    assert added == "most, in proportion, at 8: PCA needs 15 dimensions for the same error; nothing at 64"
    assert tell == "can't be said"
    assert said([record(2, 0.1, 1.5), record(8, 0.2, 7)])[:2] == [
        "none of these keeps 80% of the variance",
        "nothing: PCA of the same size is about as good or better at every size",
    ]
    assert said([record(2, 0.6, 3), record(8, 0.995, 15)])[0] == "8 for 99% of the variance"


def test_what_is_level_with_pca_adds_nothing():
    level = {**record(2, 0.6, 2.0001), "mse": 0.94, "pca_mse": 1.0, "pca_refined_mse": 0.95}
    assert said([level, record(8, 0.9, 7)])[1].startswith("nothing: ")


def test_a_size_beyond_the_curve_counts_for_no_more_than_was_seen():
    assert "at 2: PCA needs 6.0" in said([record(2, 0.6, 6), record(64, 0.9, math.inf)])[1]
    assert "at 16: PCA needs more than 64" in said([record(2, 0.6, 6), record(16, 0.9, math.inf)])[1]


@pytest.mark.parametrize(
    ("shares", "pixels", "answer"),
    [
        ({2: 0.5, 8: 0.897, 32: 0.9}, 0.9, "8, as far as the test images can tell"),
        ({2: 0.5, 8: 0.89, 32: 0.9}, 0.9, "32 or more: none smaller tells them apart as well"),
        ({2: 0.9, 8: 0.4, 32: 0.9}, 0.9, "2, as far as the test images can tell; 8 do worse"),
        ({2: 0.5, 8: 0.6, 32: 0.6}, 0.7, "8, as far as the test images can tell; a probe of raw pixels does better"),
        ({2: 0.1, 8: 0.101, 32: 0.1}, 0.9, "none of these tells them apart"),
    ],
)
def test_how_many_tell_the_classes_apart(shares, pixels, answer):
    assert said([record(size, 0.5, 1) for size in shares], right_on(shares, pixels))[2] == answer


def test_pca_that_does_better_is_named():
    right = right_on({4: 0.6, 8: 0.6}, 0.5)
    right["PCA of 4"] = right_on({4: 0.8})["PCA of 4"]
    answer = said([record(4, 0.2, 1.5), record(8, 0.3, 2.5)], right)[2]
    assert answer == "4, as far as the test images can tell; a probe of PCA of 4 does better"


def test_few_images_tell_nothing():
    right = right_on({2: 0.0, 8: 1.0}, count=4)
    assert said([record(2, 0.1, 1.5), record(8, 0.2, 7)], right)[2] == "can't be said from 4 test images"


def test_probes_are_compared_on_the_same_images():
    """Of 180 images one is right on 11 that the other is wrong on, and wrong on one: p = 0.006."""
    first, second = np.ones(180, bool), np.ones(180, bool)
    second[:11] = first[11] = False
    assert compare(first, second, np.arange(180)).better > 0
    assert not compare(second, first, np.arange(180)).better > 0
    second[:] = True
    second[:3] = first[3:5] = False
    first[:3] = True
    assert not compare(first, second, np.arange(180)).better > 0  # three against two or three


def test_images_of_one_track_count_once():
    first, second = np.ones(300, bool), np.ones(300, bool)
    second[:30] = False
    assert compare(first, second, np.arange(300)).better > 0
    assert not compare(first, second, np.arange(300) // 30).better > 0  # one track of ten


def test_a_space_that_has_one_class_or_two():
    random = np.random.default_rng(0)
    labels = np.repeat([0, 1], 30)
    vectors = random.normal(size=(60, 3)) + 4 * labels[:, None]
    measures, right, _ = measure_space(*[Side(vectors, labels, np.arange(60))] * 2)
    assert measures["linear_accuracy"] == right.mean() > 0.95
    assert (measures["knn_accuracy_chance"], measures["dimensions"]) == (0.5, 3)
    measures, right, _ = measure_space(*[Side(vectors, np.zeros(60, np.int64), np.arange(60))] * 2)
    assert right is None
    assert "linear_accuracy" not in measures


def test_the_knee_is_where_the_error_bends():
    sizes = [2, 4, 8, 16, 32, 64]
    assert knee(sizes, [1, 0.6, 0.1, 0.08, 0.06, 0.05]) == 8
    assert knee(sizes, [6, 5, 4, 3, 2, 1]) is None  # over log sizes a straight line
    assert knee(sizes[:2], [2, 1]) is None


@pytest.mark.parametrize(("truth", "size"), [(1, 12), (2, 12), (5, 20)])
def test_the_intrinsic_dimension_of_curved_sheets(truth: int, size: int):
    vectors = sheet(1500, 0, truth, size, noise=0.0).vectors
    for value in intrinsic_dimensions(vectors, np.arange(1500)).values():
        assert 0.75 * truth < value < 1.3 * truth
    repeated = np.repeat(vectors[:300], 3, axis=0)  # what is equal is one
    assert intrinsic_dimensions(repeated, np.arange(900)) == intrinsic_dimensions(vectors[:300], np.arange(300))
    assert intrinsic_dimensions(vectors[:20], np.arange(20)) == {}


def watched_of(shares: dict[int, float], errors: dict[int, float], count: int = 400) -> Watched:
    random = np.random.default_rng(0)
    draw, noise = random.random(count), random.uniform(0.9, 1.1, count)
    right = {f"bottleneck {size}": draw < share for size, share in shares.items()}
    if right:
        right |= {PIXELS: draw < 0.9, LARGEST: draw < 0.1}
    of_pca = {size: 1.5 * error * noise for size, error in errors.items()}
    return Watched(
        "validation images", np.arange(count), {size: e * noise for size, e in errors.items()}, of_pca, right
    )


ERRORS = {2: 1.0, 4: 0.6, 8: 0.1, 16: 0.08, 32: 0.06}
SCORED = dict.fromkeys(ERRORS, "MSE")


def test_a_size_is_named_with_its_reason_and_disagreement_is_said():
    told = which_size(watched_of({2: 0.3, 4: 0.6, 8: 0.9, 16: 0.9, 32: 0.9}, ERRORS), SCORED)
    assert told.verdict == "yes"
    assert told.sentence.startswith("N = 8, the smallest beyond which no larger one tells more classes apart")
    assert told.sentence.endswith("nothing says otherwise by more than twice")
    late = which_size(watched_of({2: 0.3, 4: 0.5, 8: 0.6, 16: 0.7, 32: 0.9}, ERRORS), SCORED)
    assert late.sentence.startswith("N = 32")
    assert "these disagree: the knee of the error says 8" in late.sentence
    unlabelled = which_size(watched_of({}, ERRORS), SCORED)
    assert unlabelled.sentence.startswith("N = 8, the knee of the error")
    nothing = which_size(watched_of({}, dict.fromkeys(ERRORS, 1.0)), SCORED)
    assert (nothing.verdict, nothing.sentence) == ("no", "none can be named from 400 validation images")
    few = which_size(watched_of({}, dict.fromkeys(ERRORS, 1.0), count=4), SCORED)
    assert few.verdict == "can't tell"


def test_estimates_of_the_dimension_that_differ_are_not_believed():
    assert dimension({"TwoNN": 3.7, "maximum likelihood": 3.5}) == pytest.approx(3.6, abs=0.01)
    assert dimension({"TwoNN": 14.5, "maximum likelihood": 0.7}) is None
    assert dimension({"TwoNN": 0.3, "maximum likelihood": 0.3}) is None
    assert dimension({}) is None
    watched = watched_of({}, ERRORS)
    differ = {"the images": {"TwoNN": 64.0, "maximum likelihood": 0.7}}
    told = which_size(dataclasses.replace(watched, dimensions=differ), SCORED)
    assert told.sentence.endswith("nothing says otherwise by more than twice")
    assert any(line.startswith("intrinsic dimension of the images: not known, ") for line in told.evidence)
    agree = {"the images": {"TwoNN": 64.0, "maximum likelihood": 60.0}}
    told = which_size(dataclasses.replace(watched, dimensions=agree), SCORED)
    assert "these disagree: intrinsic dimension of the images says 62" in told.sentence


def test_that_the_smallest_size_keeps_nearly_all_is_said_since_no_knee_can_name_it():
    watched = dataclasses.replace(watched_of({}, ERRORS), variance=100.0)
    assert "; 2, the smallest that was trained, keeps 99.0% already" in which_size(watched, SCORED).sentence
    for variance in (0.0, 2.0):
        assert "the smallest that" not in which_size(dataclasses.replace(watched, variance=variance), SCORED).sentence


def test_pca_is_enough_by_the_mark_that_the_other_answer_has():
    noise = np.random.default_rng(0).exponential(1, 12)
    errors = {size: error * noise for size, error in ERRORS.items()}
    worse = {size: 1.2 * error for size, error in errors.items()}
    assert enough_for_pca(Watched("validation images", np.arange(12), errors, worse, {})) is None
    level = {size: (1.01 if size >= 16 else 1.2) * error for size, error in errors.items()}
    assert enough_for_pca(Watched("validation images", np.arange(12), errors, level, {})) == 16
