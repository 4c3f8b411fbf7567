"""Random numbers for batches: as many units dropped as asked, and the same ones however a batch is shared."""

import pytest
import torch

from model.noise import Dropout, part_of_batch


@pytest.mark.parametrize("part", [0.01, 0.1, 0.5])
def test_dropout_drops_that_part_and_keeps_the_mean(part):
    torch.manual_seed(0)
    values = torch.full((500, 1001), 2.0, requires_grad=True)
    dropped = Dropout(part)(values)
    assert (dropped == 0).double().mean() == pytest.approx(part, rel=0.02)
    torch.testing.assert_close(
        dropped[dropped != 0], torch.full_like(dropped[dropped != 0], 2 / (1 - part)), rtol=1e-4, atol=0
    )
    dropped.sum().backward()
    torch.testing.assert_close(values.grad * 2, dropped.detach())
    assert Dropout(part).eval()(values) is values


def test_units_of_a_batch_are_dropped_alone_and_in_each_draw_others():
    torch.manual_seed(0)
    first, second = (Dropout(0.5)(torch.ones(300, 300)) != 0 for _ in range(2))
    for one, other in ((first, second), (first[1:], first[:-1]), (first[:, 1:], first[:, :-1])):
        assert (one == other).double().mean() == pytest.approx(0.5, abs=0.01)


def test_a_batch_in_parts_meets_what_the_whole_meets():
    values = torch.randn(7, 3, generator=torch.Generator().manual_seed(0))
    torch.manual_seed(1)
    whole = Dropout(0.5)(values)
    for rows in (slice(0, 4), slice(4, 7)):
        torch.manual_seed(1)
        with part_of_batch(rows, 7):
            assert torch.equal(Dropout(0.5)(values[rows]), whole[rows])
