"""Where the same images lay after earlier epochs of a training, on axes that stay: what a page sets in motion."""

from pathlib import Path
from typing import Any

import numpy as np

from figure.page import packed
from latent.archive import LatentSpace
from latent.projection import draw_flat, principal_axes
from model.snapshots import load_snapshots
from run.artefacts import snapshots_path
from run.errors import BadInput, printable
from run.hints import training_command
from stages.explorer.parts import Notes


def follow(latents: Path, space: LatentSpace, seed: int, notes: Notes) -> dict[str, Any] | None:
    """The maps of a space after the epochs whose snapshots were kept, as the page takes them.

    A space of one or two dimensions is drawn as it is; one of more on the two directions in which the latents that are
    kept vary most, at every epoch, so that what moves are the images.

    Returns:
        None if no snapshots lie beside the latents, or none of these images.
    """
    path, size = snapshots_path(latents.parent, space.vectors.shape[1]), space.vectors.shape[1]
    if space.rows is None or not path.exists():
        return None
    try:
        snapshots = load_snapshots(path)
    except BadInput as error:
        notes.add(f"No maps over the epochs: {error}")
        return None
    if snapshots.fingerprint != space.origin.get("split_fingerprint") or snapshots.latent_size != size:
        notes.add(
            f"No maps over the epochs: {printable(path.name)} is not of the training of these latents. Train anew:",
            training_command(path, {"--retrain": []}),
        )
        return None
    place = {row: number for number, row in enumerate(snapshots.latent_rows)}
    rows = np.array([number for number, row in enumerate(space.rows.tolist()) if row in place], np.int64)
    if not len(rows) or not snapshots.latents:
        return None
    known = np.array([place[row] for row in space.rows[rows].tolist()])
    if size <= 2:
        last, _ = draw_flat(space.vectors, "pca", seed)
        heights = last[rows][:, size:]  # of one dimension the heights are made up, and stay
        frames = {epoch: np.hstack([vectors[known], heights]) for epoch, vectors in snapshots.latents.items()}
    else:
        mean, axes = principal_axes(space.vectors, 2, seed)
        axes = np.pad(axes, [(0, 2 - len(axes)), (0, 0)])
        last = (space.vectors - mean) @ axes.T
        frames = {epoch: (vectors[known] - mean) @ axes.T for epoch, vectors in snapshots.latents.items()}
    return {
        "rows": packed(rows, "i4"),
        "epochs": sorted(frames),
        "frames": [packed(frames[epoch], "f4") for epoch in sorted(frames)],
        "last": packed(last, "f4"),
        "title": f"{space.name}, {'as it is' if size <= 2 else 'by PCA'}",
    }
