"""Images as patches and back: torch's own pixel_unshuffle and pixel_shuffle say what it must be."""

import pytest
import torch
from torch.nn import functional as F

from model.layers import PATCH, patches, unpatched

SHAPES = [(3, 32, 32), (1, 28, 28), (1, 8, 8), (3, 30, 29), (3, 8, 12), (1, 4, 4)]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16], ids=str)
@pytest.mark.parametrize("beyond_edges", ["replicate", "constant"])
def test_patches_and_back(shape, dtype, beyond_edges):
    images = torch.rand(5, *shape).to(dtype).requires_grad_()
    _, height, width = shape
    padded = F.pad(images, (0, -width % PATCH, 0, -height % PATCH), mode=beyond_edges)
    wanted = F.pixel_unshuffle(padded, PATCH)
    made = patches(images, beyond_edges)
    assert torch.equal(made, wanted)
    assert made.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(patches(images[2:], beyond_edges), wanted[2:])
    weights = torch.rand_like(made)
    assert torch.equal(*(torch.autograd.grad((each * weights).sum(), images)[0] for each in (made, wanted)))

    for maps in (made.detach().requires_grad_(), wanted.detach().contiguous().requires_grad_()):
        back, wanted_back = unpatched(maps, shape), F.pixel_shuffle(maps, PATCH)[..., :height, :width]
        assert torch.equal(back, images)
        weights = torch.rand_like(back)
        assert torch.equal(*(torch.autograd.grad((each * weights).sum(), maps)[0] for each in (back, wanted_back)))
