"""What lies beside some latents, as far as it is there and belongs to them; and a sentence about each that does not."""

import os
from dataclasses import dataclass, field
from pathlib import Path

from data.test_data import TestData, load_test_data
from latent.archive import LatentSpace
from model.autoencoder import Autoencoder
from model.checkpoint import load_checkpoint
from run.artefacts import model_path
from run.errors import BadInput, printable
from run.hints import encoding_command


@dataclass
class Notes:
    """Sentences that stand on the page, each with the command that mends it, or "".

    Attributes:
        folder: of the latents, which is left out of them: a page is sent away.
    """

    folder: Path
    said: list[dict[str, str]] = field(default_factory=list)

    def add(self, text: str, command: str = "") -> None:
        """One more, unless it is there."""
        text = text.replace(f"{printable(self.folder)}{os.sep}", "")
        if {"text": text, "command": command} not in self.said:
            self.said.append({"text": text, "command": command})


def load_images(path: Path, space: LatentSpace, notes: Notes) -> TestData | None:
    """The test split, if its images are those that the latents are of."""
    if space.rows is None:
        notes.add("These vectors do not name test images, so no pictures are shown.")
        return None
    try:
        test_data = load_test_data(path)
    except BadInput as error:
        notes.add(f"No pictures: {error}")
        return None
    if test_data.fingerprint != space.origin.get("split_fingerprint") or space.rows.max() >= len(test_data.images):
        notes.add(
            f"No pictures: {printable(path.name)} is not the split that the latents were made from. Encode it anew:",
            encoding_command(path),
        )
        return None
    return test_data


def load_network(latents: Path, space: LatentSpace, notes: Notes) -> Autoencoder | None:
    """The network that the latents were made by, if it lies beside them."""
    size = space.vectors.shape[1]
    path = model_path(latents.parent, size)
    if not space.origin:
        return None
    try:
        model, record = load_checkpoint(path)
    except BadInput as error:
        notes.add(f"No reconstructions by bottleneck {size}: {error}")
        return None
    if record["sha256"] != space.origin.get("checkpoint_sha256") or model.latent_size != size:
        notes.add(
            f"No reconstructions by bottleneck {size}: {printable(path.name)} is not the network that the latents were "
            "made by. Encode anew:",
            encoding_command(latents),
        )
        return None
    return model
