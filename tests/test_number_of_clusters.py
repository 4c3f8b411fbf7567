"""How many clusters there are, where that is known."""

import numpy as np
import pytest

from latent.archive import LatentSpace
from latent.comparison import YES
from latent.lying_apart import lie_apart, number_in_words, sure_range
from latent.number_of_clusters import Found, Tried, best_of, find_gaps
from latent.verdicts import clusters_verdict
from stages.clusters.choosing import choose_number
from tests.known_truths import alone, blobs, facts_about


def found_in(vectors: np.ndarray) -> Found:
    return find_gaps(vectors, np.arange(len(vectors)), 0)[0]


@pytest.mark.parametrize("clusters", [2, 3, 7, 9, 11, 13, 16, 23])
def test_the_true_number_is_found_whether_or_not_it_is_on_the_grid(clusters: int):
    vectors = blobs(40 * clusters, 0, 10, clusters, 24).vectors
    found = found_in(vectors)
    assert number_in_words(found.separation) == f"{clusters} clusters"
    assert lie_apart(found.separation) == YES
    assert len(found.separation.apart) == clusters
    choice = choose_number(vectors, LatentSpace(vectors), "kmeans", 0, 60)  # the other command agrees
    assert choice.number == clusters
    assert choice.sentence.startswith(f"{clusters} clusters: of {len(choice.tried)} numbers tried")


def test_what_is_too_small_to_be_judged_is_no_cluster():
    vectors = blobs(300, 0, 10, 3, 8).vectors
    odd = vectors.mean(axis=0) + 300 * np.eye(8)[:2] + np.random.default_rng(0).normal(size=(2, 8))
    found = found_in(np.concatenate([vectors, odd.astype(np.float32)]))
    assert number_in_words(found.separation) == "3 clusters"
    assert found.separation.judged == 3
    labels = np.append(np.arange(300) % 3, [0, 0])
    verdict = clusters_verdict(facts_about(alone(np.concatenate([vectors, odd]), labels, YES, YES)))
    assert "the images fall into 3 clusters" in verdict.sentence


def test_where_no_more_could_be_tried_it_is_that_many_or_more():
    found = found_in(blobs(90, 0, 12, 16, 24).vectors).separation
    assert found.most == 9
    assert number_in_words(found).endswith("clusters or more")


def test_of_numbers_that_cut_as_few_the_largest_is_taken_and_no_cluster_is_cut_in_two():
    apart = {number: Tried(0.0, number) for number in (2, 3, 4, 8, 40)}
    assert best_of(apart) == 40
    assert best_of({**apart, 41: Tried(0.015, 41)}) == 40  # one of 40 is cut, which the mean hardly shows
    assert best_of({3: Tried(0.0, 3), 4: Tried(0.0, 3)}) == 3
    assert best_of({2: Tried(0.3, 2), 80: Tried(0.29, 80)}) == 80


def test_the_range_that_is_printed_and_drawn_is_what_decides():
    many = [
        found_in(blobs(120, seed, separation, 5, 8).vectors).separation
        for seed in range(6)
        for separation in (0, 3, 4, 5, 6)
    ]
    for found in many:
        low, high = sure_range(found)
        assert low <= found.ratio <= high
        assert (lie_apart(found) == YES) == (high <= 0.5)
