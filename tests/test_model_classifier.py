"""The one loop that trains classifiers, on vectors and on images."""

import numpy as np
import pytest
import torch

from model.classifier import MLP, ConvClassifier, load_classifier, save_classifier
from model.classifier_training import Labelled, Schedule, predict, train_classifier


def clouds(count: int, seed: int) -> Labelled:
    """Points around (-2, 0) and (2, 0)."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, 2, count)
    points = random.normal(size=(count, 2)) * 0.5 + np.stack([4 * labels - 2, 0 * labels], axis=1)
    return Labelled(points.astype(np.float32), labels)


def in_order(count: int):
    return lambda epoch: np.random.default_rng(epoch).permutation(count)


def test_it_learns_says_how_far_and_gives_the_same_twice():
    training, validation, weights = clouds(300, 0), clouds(100, 1), []
    for _ in range(2):
        torch.manual_seed(0)
        network = MLP(2, 2, 8)
        log = train_classifier(network, training, validation, in_order(300), Schedule(5, batch_size=32, peak_rate=0.03))
        weights.append(torch.cat([each.flatten() for each in network.parameters()]))
    assert torch.equal(*weights)
    assert [record["epoch"] for record in log] == [1, 2, 3, 4, 5]
    assert log[-1]["train_loss"] < log[0]["train_loss"] / 2
    assert log[-1]["val_accuracy"] == 1
    assert log[-1]["val_loss"] < 0.1
    assert (predict(network, validation.inputs) == validation.labels).all()


@pytest.mark.parametrize("validation", [None, Labelled(np.empty((0, 2), np.float32), np.empty(0, np.int64))])
def test_without_validation_nothing_is_said_of_it(validation):
    log = train_classifier(MLP(2, 2, 8), clouds(20, 0), validation, in_order(20), Schedule(1))
    assert log[0]["val_loss"] is None
    assert log[0]["val_accuracy"] is None


def test_what_a_class_counts_decides_between_equal_inputs():
    labels = np.array([0] * 90 + [1] * 10)
    same = Labelled(np.ones((100, 2), np.float32), labels)
    for weights, expected in [(None, 0), (np.array([1, 20], np.float32), 1)]:
        torch.manual_seed(0)
        network = MLP(2, 2, 8)
        train_classifier(network, same, None, in_order(100), Schedule(30, peak_rate=0.03), weights)
        assert predict(network, same.inputs[:1]).tolist() == [expected]


def test_a_loss_that_is_no_longer_finite_ends_it():
    broken = Labelled(np.full((20, 2), np.inf, np.float32), np.arange(20) % 2)
    with pytest.raises(FloatingPointError, match="no longer finite"):
        train_classifier(MLP(2, 2, 8), broken, None, in_order(20), Schedule(2))


def test_images_are_read_alike_as_bytes_and_as_numbers_and_a_saved_network_is_the_same(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (40, 1, 8, 8), dtype=np.uint8)
    labels, path, origin = np.arange(40) % 3, tmp_path / "classifier.pth", {"seed": 0}
    network = ConvClassifier((1, 8, 8), 3)
    train_classifier(network, Labelled(images, labels), None, in_order(40), Schedule(3, batch_size=16))
    found = predict(network, images)
    assert found.tolist() == predict(network, images / np.float32(255)).tolist()
    save_classifier(path, network, origin)
    assert predict(load_classifier(path, origin, (1, 8, 8), 3), images).tolist() == found.tolist()
    assert load_classifier(path, {"seed": 1}, (1, 8, 8), 3) is None
    assert load_classifier(path, origin, (1, 8, 8), 4) is None
    path.write_bytes(path.read_bytes()[:-100])
    assert load_classifier(path, origin, (1, 8, 8), 3) is None
