"""A space and its clusters: what it is drawn as, and what is shown of each cluster."""

import numpy as np
import pytest

from figure.clusters import cluster_panels
from figure.scatter import NO_GROUP
from latent.archive import LatentSpace
from latent.clustered import Clustered, agreement_with_classes, in_words, protocol_of
from latent.clustering import NOISE, Clustering, find_clusters
from latent.reduction import reduce

LABELS = np.repeat([0, 1, 2], 10)


def islands(size: int) -> np.ndarray:
    return (9 * np.eye(3, size)[LABELS] + np.random.default_rng(0).normal(0, 0.3, (30, size))).astype(np.float32)


def clustered(searched: str, dimensions: int = 5, **settings: int) -> Clustered:
    space = LatentSpace(islands(dimensions), LABELS, ("=a()", "b", "c"), origin={"dataset": "x"})
    reduction = reduce(space.vectors, searched, 0, **settings)
    return Clustered(space, reduction, find_clusters(reduction.points, "kmeans", 3, 0))


@pytest.mark.parametrize(("searched", "dimensions", "where", "drawn", "axes"), [
    ("pca", 5, "its PCA of 2", "PCA", ("component 1", "component 2")),
    ("pca-umap", 5, "its PCA of 2", "PCA", ("component 1", "component 2")),  # of 2, which UMAP leaves as they are
    ("latent", 2, "the bottleneck 2", "as it is", ("latent 1", "latent 2")),
])  # fmt: skip
def test_clusters_are_drawn_where_they_were_looked_for(searched, dimensions, where, drawn, axes):
    mine = clustered(searched, dimensions, pca_size=2)
    assert mine.where == where
    points, form, names = mine.draw(0, 15)
    assert points is mine.reduction.points
    assert (form, names) == (drawn, axes)


def test_of_more_dimensions_a_map_is_drawn():
    mine = clustered("pca", size=3)
    points, form, _ = mine.draw(0, 15)
    assert points.shape == (30, 2)
    assert (mine.where, form) == ("its PCA of 3", "PCA")


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


def test_agreement_has_its_chance_and_one_class_is_warned_of(capsys):
    mine = clustered("pca")
    scores = agreement_with_classes({"bottleneck 5": mine.clustering.clusters}, mine.space, 0)
    assert scores["bottleneck 5"]["ami"] == pytest.approx(1)
    assert scores["chance"]["ami"] < 0.1
    assert protocol_of("kmeans") in in_words({"bottleneck 5": mine}, scores)
    assert "noise" in protocol_of("hdbscan")
    assert agreement_with_classes({}, LatentSpace(mine.space.vectors), 0) == {}
    assert not capsys.readouterr().err
    alone = LatentSpace(mine.space.vectors, np.zeros(30, int), ("a",), origin={"dataset": "x"})
    agreement_with_classes({"bottleneck 5": mine.clustering.clusters}, alone, 0)
    assert "all of one class" in capsys.readouterr().err


def test_no_cluster_at_all_is_said(capsys):
    mine = clustered("pca")
    arrays = {"reach": np.zeros(0)}
    lost = Clustered(mine.space, mine.reduction, Clustering("hdbscan", np.full(30, NOISE), np.zeros(30), arrays))
    assert in_words({"bottleneck 5": lost}, {}).endswith("30 of 30 images are in none (noise)")
    assert "smaller --min_cluster_size" in capsys.readouterr().err


def test_panels_say_what_is_grey():
    points, clusters = np.zeros((6, 2)), np.array([0, 0, 1, 1, 2, NOISE])
    given = {"count": 3, "title": "t", "where": "its PCA", "axis_names": None}
    (alone,) = cluster_panels(points, clusters, **given)
    assert alone.remark == "found in its PCA; 1 in none"
    classes = {"labels": np.array([0, 0, 1, 1, 1, 1]), "class_of": {0: 0, 1: 1}}
    panels = cluster_panels(points, clusters, **given, **classes, contents="6 images", agreement="all")
    assert panels[0].groups.tolist() == [0, 0, 1, 1, NO_GROUP, NO_GROUP]
    assert "grey: 1 left over, 1 images in none\nall" in panels[0].remark
    assert (panels[1].title, panels[1].remark) == ("true classes", "the same 6 images")
