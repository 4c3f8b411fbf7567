"""Verdicts where the truth is known: a bench of latents, and the nine cases in which sentences were once wrong."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from latent.archive import LatentSpace, load_latent_space
from latent.clustering import find_clusters
from latent.comparison import CANT_TELL, NO, YES, compare
from latent.projection import project
from latent.verdicts import Known, classes_verdict, clusters_verdict
from run.errors import BadInput
from stages.clusters.choosing import choose_number
from tests.known_truths import MAKERS, alone, blobs, facts_about, verdicts_on

ROWS = 300


@pytest.mark.parametrize("kind", MAKERS)
def test_no_verdict_is_the_opposite_of_the_truth(kind: str):
    case = MAKERS[kind](ROWS, 0)
    for verdict, truth in zip(verdicts_on(case), (case.clusters, case.classes), strict=True):
        assert verdict.verdict in (truth or verdict.verdict, CANT_TELL), verdict.sentence


@pytest.mark.parametrize("kind", ["blobs, 6 apart", "blobs, 8 apart, 10 classes", "classes in two pieces"])
def test_yes_is_said_where_it_is_so(kind: str):
    assert [each.verdict for each in verdicts_on(MAKERS[kind](ROWS, 1), 1)] == [YES, YES]


def test_few_images_are_no_reason_to_be_sure():
    for seed in range(5):
        for separation in (0, 1, 3):
            clusters, classes = verdicts_on(blobs(30, seed, separation, 2), seed)
            assert YES not in (clusters.verdict, classes.verdict)


def test_pieces_and_clusters_that_are_not_the_classes_have_sentences_of_their_own():
    assert verdicts_on(MAKERS["classes in two pieces"](ROWS, 0))[1].case == "classes_in_pieces"
    assert verdicts_on(MAKERS["clusters that are not the classes"](ROWS, 0))[0].case == "clusters_are_not_classes"


def test_what_clusters_agree_with_is_said_of_the_clusters_that_are_named():
    islands = blobs(960, 0, 10, 16, 24)
    facts = facts_about(alone(islands.vectors, islands.labels % 2, YES, YES))
    assert facts.clusters.judged == 16
    assert facts.within > 0.99  # of k-means with two clusters, one a class, next to nothing is
    assert clusters_verdict(facts).case == "clusters_within_classes"
    assert classes_verdict(facts).case == "classes_in_pieces"
    assert "brightness" not in " ".join(facts.beware)


# The nine cases, on pixels as they are: what bottlenecks add is not in question here.


def test_1_three_solid_colours_through_the_real_scripts(forked, tmp_path: Path):
    random = np.random.default_rng(0)
    for name, colour in [("red", (200, 30, 30)), ("green", (30, 200, 30)), ("blue", (30, 30, 200))]:
        (tmp_path / "images" / name).mkdir(parents=True)
        for number in range(60):
            pixels = np.clip(np.array(colour) + random.normal(0, 12, (8, 8, 3)), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(tmp_path / "images" / name / f"{number}.png")
    folders = ["--data_dir", tmp_path / "data", "--output_dir", tmp_path]
    done = forked.run("train.py", "--dataset", tmp_path / "images", "--latent_size", 4, "--num_epochs", 3, *folders)
    assert done.returncode == 0, done.stderr
    arguments = ["--latent_size", 4, "--num_samples", 10, "--protocol", "transductive", *folders]
    done = forked.run("evaluate.py", *arguments)
    assert done.returncode == 0, done.stderr
    answers = json.loads((tmp_path / "metrics.json").read_text())["answers"]
    verdicts = [(each["question"], each["about"], each["verdict"]) for each in answers[:4]]
    assert [each[2] for each in verdicts] == [YES] * 4, verdicts


def test_2_two_classes_of_brightness_that_overlap_by_half():
    random = np.random.default_rng(0)
    labels = np.arange(600) % 2
    brightness = random.normal(0.4 + 0.135 * labels, 0.1)  # best possible: 75%
    pixels = brightness[:, None] + random.normal(0, 0.02, (600, 48))
    clusters, classes = verdicts_on(alone(pixels, labels, NO, NO))
    assert clusters.verdict == NO
    assert classes.case == "classes_overlap"


def test_3_classes_of_whose_neighbours_most_are_others_do_not_lie_apart():
    signs = Known("nearest neighbours", right=0.28, largest=0.06, above_chance=0.25, error=0.02, units=390)
    facts = facts_about(MAKERS["blobs, 6 apart"](150, 0))
    verdict = classes_verdict(type(facts)(**{**vars(facts), "known": (signs,)}))
    assert (verdict.case, verdict.verdict) == ("classes_overlap", NO)


def test_4_random_pixels_with_random_labels_hold_nothing():
    for seed in range(3):
        random = np.random.default_rng(seed)
        case = alone(random.random((400, 64)), random.integers(0, 2, 400), NO, NO)
        clusters, classes = verdicts_on(case, seed)
        assert YES not in (clusters.verdict, classes.verdict)
        assert classes.case == "classes_nothing"


def test_5_random_pixels_have_no_number_of_clusters():
    pixels = np.random.default_rng(0).random((400, 64))
    choice = choose_number(pixels, LatentSpace(pixels), "kmeans", 0, 20)
    assert choice.number == 1
    assert choice.verdict != YES


def test_6_a_bar_turned_through_all_angles_is_a_continuum():
    random = np.random.default_rng(0)
    angle = random.uniform(0, np.pi, 700)
    across, down = np.meshgrid(*[np.linspace(-1, 1, 12)] * 2)
    away = across * np.sin(angle)[:, None, None] - down * np.cos(angle)[:, None, None]
    pixels = np.exp(-((away / 0.25) ** 2)).reshape(700, -1) + random.normal(0, 0.02, (700, 144))
    clusters, classes = verdicts_on(alone(pixels, angle / np.pi * 4, NO, NO))
    assert YES not in (clusters.verdict, classes.verdict)
    assert classes.case in ("classes_stretches", "classes_gaps_unsure")
    assert clusters.case in ("continuum", "clusters_unsure")


def test_7_one_rule_whoever_asks():
    latents, pixels = np.ones(180), np.ones(180)
    latents[:7], pixels[:2], pixels[10] = 0, 0, 0  # 96.1% beside 98.3%
    assert compare(latents, pixels, np.arange(180)).better == 0


def test_8_equal_vectors_share_a_place_and_a_cluster():
    random = np.random.default_rng(0)
    vectors = np.concatenate([np.repeat(random.normal(size=(1, 8)), 600, axis=0), random.normal(size=(400, 8))])
    places = project(vectors.astype(np.float32), "umap", 0)
    assert len(np.unique(places[:600], axis=0)) == 1
    for method in ("kmeans", "gmm"):
        assert len(set(find_clusters(places, method, 5, 0).clusters[:600].tolist())) == 1


def test_9_numbers_that_float32_cannot_hold_are_told_from_a_collapse(tmp_path: Path):
    groups = np.repeat([0.0, 3.0, 6.0], 50)[:, None] + np.random.default_rng(0).normal(0, 0.1, (150, 4))
    np.save(tmp_path / "far.npy", 1e8 + groups)
    with pytest.raises(BadInput, match=r"32-bit floats.*take their mean away first: python -c"):
        load_latent_space(tmp_path / "far.npy")
    np.save(tmp_path / "near.npy", 1e3 + groups)
    assert len(load_latent_space(tmp_path / "near.npy").vectors) == 150
