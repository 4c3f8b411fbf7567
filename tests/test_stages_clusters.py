"""A space and its clusters: what it is drawn as, and what is shown of each cluster."""

import numpy as np
import pytest

from figure.style import NO_GROUP
from latent.archive import LatentSpace
from latent.clustering import Clustering, find_clusters
from latent.metrics import NOISE
from run.errors import BadInput
from stages.clusters.choosing import choose_number
from stages.clusters.clustered_space import (
    ClusteredSpace,
    FlatPoints,
    agreement_with_classes,
    in_words,
    protocol_in_words,
    warnings_of,
)
from stages.clusters.figures import cluster_panels
from stages.clusters.reduction import Reduction, SearchSpace, reduce
from stages.clusters.tables import cluster_classes, cluster_confusion, summary_rows

LABELS = np.repeat([0, 1, 2], 10)


def islands(size: int) -> np.ndarray:
    return (9 * np.eye(3, size)[LABELS] + np.random.default_rng(0).normal(0, 0.3, (30, size))).astype(np.float32)


def clustered(searched: str, dimensions: int = 5, size: int = 2) -> ClusteredSpace:
    space = LatentSpace(islands(dimensions), LABELS, ("=a()", "b", "c"), origin={"dataset": "x"})
    where = SearchSpace(searched, size, pca_size=2, n_neighbors=15, min_dist=0.1, whiten=0.0)
    reduction = reduce(space.vectors, where, 0)
    return ClusteredSpace(space, reduction, find_clusters(reduction.points, "kmeans", 3, 0))


@pytest.mark.parametrize(("searched", "dimensions", "where", "drawn", "axes"), [
    ("pca", 5, "its PCA of 2", "PCA", ("component 1", "component 2")),
    ("pca-umap", 5, "its PCA of 2", "PCA", ("component 1", "component 2")),  # of 2, which UMAP leaves as they are
    ("latent", 2, "the bottleneck 2", "as it is", ("latent 1", "latent 2")),
])  # fmt: skip
def test_clusters_are_drawn_where_they_were_looked_for(searched, dimensions, where, drawn, axes):
    mine = clustered(searched, dimensions)
    assert mine.where == where
    flat, warnings = mine.flat_points(0, 15)
    assert flat.points is mine.reduction.points
    assert (flat.drawn, flat.axis_names, warnings) == (drawn, axes, [])


def test_of_more_dimensions_a_map_is_drawn():
    mine = clustered("pca", size=3)
    flat, _ = mine.flat_points(0, 15)
    assert flat.points.shape == (30, 2)
    assert (mine.where, flat.drawn) == ("its PCA of 3", "PCA")


def test_what_each_cluster_looks_like():
    mine = clustered("pca")
    images = np.arange(30, dtype=np.uint8)[:, None, None, None] * np.ones((1, 1, 8, 8), np.uint8)
    sheet = mine.central_images(images, 4)
    assert [name.split(": ")[1] for name, _, _ in sheet] == [
        f"10, 100% {mine.class_of[cluster]}" for cluster in range(3)
    ]
    assert set(mine.class_of.values()) == {"=a()", "b", "c"}
    for cluster, (_, mean, central) in enumerate(sheet):
        rows = np.flatnonzero(mine.clustering.clusters == cluster)
        assert mean[0, 0, 0] == pytest.approx(rows.mean() / 255)
        assert central.shape == (4, 1, 8, 8)
        assert set(central[:, 0, 0, 0].tolist()) <= set(rows.tolist())


def test_agreement_has_its_chance_and_one_class_is_warned_of():
    mine = clustered("pca")
    scores = agreement_with_classes({"bottleneck 5": mine.clustering.clusters}, mine.space, 0)
    assert scores["bottleneck 5"]["ami"] == pytest.approx(1)
    assert scores["chance"]["ami"] < 0.1
    assert protocol_in_words("kmeans") in in_words({"bottleneck 5": mine}, scores)
    assert "noise" in protocol_in_words("hdbscan")
    assert agreement_with_classes({}, LatentSpace(mine.space.vectors), 0) == {}
    assert warnings_of({"bottleneck 5": mine}) == []
    one = LatentSpace(mine.space.vectors, np.zeros(30, int), ("a",), origin={"dataset": "x"})
    (warning,) = warnings_of({"bottleneck 5": ClusteredSpace(one, mine.reduction, mine.clustering)})
    assert "all of one class" in warning


def test_no_cluster_at_all_is_said():
    mine = clustered("pca")
    arrays = {"reach": np.zeros(0)}
    lost = ClusteredSpace(mine.space, mine.reduction, Clustering("hdbscan", np.full(30, NOISE), np.zeros(30), arrays))
    assert in_words({"bottleneck 5": lost}, {}).endswith("30 of 30 images are in none (noise)")
    (warning,) = warnings_of({"bottleneck 5": lost})
    assert "no cluster in bottleneck 5; try a smaller --min_cluster_size" in warning


def test_panels_say_what_is_grey():
    clusters, labels = np.array([0, 0, 1, 1, 2, NOISE]), np.array([0, 0, 1, 1, 1, 1])
    arrays, reduction = {"reach": np.zeros(3)}, Reduction(np.zeros((6, 2)), {"mean": np.zeros(5)}, "PCA")
    clustering, flat = Clustering("hdbscan", clusters, np.zeros(6), arrays), FlatPoints(np.zeros((6, 2)), "PCA", None)
    space = LatentSpace(np.zeros((6, 5)), labels, ("a", "b"), origin={"dataset": "x"})
    each = ClusteredSpace(space, reduction, clustering)
    (alone,) = cluster_panels(each, flat, None)
    assert (alone.title, alone.remark) == ("bottleneck 5, PCA: 3 HDBSCAN clusters", "found in its PCA; 1 in none")
    scores = {"accuracy_majority": 0.5, "accuracy_hungarian": 0.5, "nmi": 0.5, "ari": 0.5}
    panels = cluster_panels(each, flat, scores)
    assert (panels[1].title, panels[1].remark) == ("true classes", "the same 6 images")
    assert panels[0].groups.tolist() == [0, 0, 1, 1, 1, NO_GROUP]  # cluster 2 is of class 1 as well as cluster 1 is
    assert not panels[0].wrong.any()
    assert panels[0].numbers.tolist() == clusters.tolist()
    assert "grey: 1 image in none\naccuracy 50.0%" in panels[0].remark
    mixed = ClusteredSpace(LatentSpace(space.vectors, np.array([0, 1, 1, 0, 1, 1]), ("a", "b")), reduction, clustering)
    panel = cluster_panels(mixed, flat, scores)[0]
    assert panel.groups.tolist() == [NO_GROUP] * 4 + [1, NO_GROUP]  # half is not most
    assert "grey: 2 that no class has more than half of" in panel.remark
    most = ClusteredSpace(LatentSpace(space.vectors, np.array([0, 0, 0, 1, 1, 1]), ("a", "b")), reduction,
                          Clustering("hdbscan", np.array([0, 0, 0, 0, 1, 1]), np.zeros(6), arrays))  # fmt: skip
    panel = cluster_panels(most, flat, scores)[0]
    assert panel.wrong.tolist() == [False, False, False, True, False, False]
    assert "crossed: 1 image of another class" in panel.remark


@pytest.mark.parametrize("method", ["kmeans", "gmm"])
def test_the_number_of_islands_is_found_without_classes_and_none_where_there_are_none(method: str):
    random = np.random.default_rng(0)
    islands = np.concatenate([random.normal(centre, 0.5, (60, 2)) for centre in (0, 6, 12)])
    choice = choose_number(islands, LatentSpace(islands), method, 0, 8)
    assert list(choice.tried) == [2, 3, 4, 5, 6, 8]
    assert (choice.number, choice.verdict) == (3, "yes")
    cloud = random.normal(size=(300, 4))
    choice = choose_number(cloud, LatentSpace(cloud), method, 0, 8)
    assert (choice.number, choice.verdict) == (1, "no")
    assert choice.sentence.startswith("no clusters: of 6 numbers tried, 2 to 8, the best is ")
    choice = choose_number(cloud[:10], LatentSpace(cloud[:10]), method, 0, 8)
    assert (choice.number, choice.verdict) == (1, "can't tell")
    with pytest.raises(BadInput, match="--num_clusters 1"):
        choose_number(np.ones((9, 2)), LatentSpace(np.ones((9, 2))), method, 0, 8)


def test_noise_has_a_column_and_a_row_of_its_own():
    clusters, labels = np.append(np.repeat([0, 1, 2], 20), NOISE), np.append(np.repeat([0, 1, 2], 20), 2)
    counts, names = cluster_confusion(clusters, labels, 4)
    assert names[-1] == "noise"
    np.testing.assert_array_equal(counts[:3], [[20, 0, 0, 0], [0, 20, 0, 0], [0, 0, 20, 1]])
    assert not counts[3].any()
    class_of = cluster_classes(clusters, labels, ["a", "b", "c", "d"])
    assert summary_rows(clusters, class_of)[0] == ["noise", "1", ""]
