"""Pages of latents, made in this process, and what they carry."""

import json
import re
from pathlib import Path

from stages.explorer.main import Settings, run


def explore(latents: Path, **changes) -> str:
    """The page of some latents, made in this process."""
    plain = {"latent_size": None, "test_data": None, "vis_type": ["pca"], "n_neighbors": 15, "seed": 0, "device": "cpu"}
    run(Settings(latents, output_dir=latents.parent, **{**plain, **changes}))
    return (latents.parent / "explorer.html").read_text("utf-8")


def content(page: str) -> dict:
    return json.loads(re.search(r'<script type="application/json" id="x-data">(.*?)</script>', page, re.S).group(1))
