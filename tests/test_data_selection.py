"""Some images of a set, read when they are asked for."""

import numpy as np

from data.selection import Selection


def test_it_is_the_array_of_its_rows():
    images = np.random.default_rng(0).integers(0, 256, (20, 3, 4, 5), dtype=np.uint8)
    rows = np.array([3, 7, 7, 19, 0])
    selection = Selection(images, rows)
    assert selection.shape == (5, 3, 4, 5)
    assert selection.size == images[rows].size
    np.testing.assert_array_equal(selection[1:4], images[rows][1:4])
    np.testing.assert_array_equal(selection[np.array([4, 0])], images[rows][[4, 0]])
    assert len(selection) == 5
