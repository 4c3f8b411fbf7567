"""An autoencoder whose decoder gets the class as well."""

from torch import Tensor

from model.patch_autoencoder import PatchAutoencoder


class ConditionalAutoencoder(PatchAutoencoder):
    """Images (B, C, H, W) in [0, 1] -> latents (B, D); latents and labels -> images in (0, 1).

    What the class says of an image need not be in its latents.

    Args:
        latent_size: D.
        image_shape: (C, H, W).
        num_classes: K, from 1 up.
        embedding_size: numbers that stand for a class.
    """

    architecture = "conditional"
    takes_labels = True

    def __init__(
        self, latent_size: int, image_shape: tuple[int, int, int], num_classes: int, embedding_size: int = 16
    ) -> None:
        super().__init__(latent_size, image_shape, latent_size, num_classes=num_classes, embedding_size=embedding_size)

    def encode(self, images: Tensor) -> Tensor:
        """(B, C, H, W) float32 in [0, 1] -> (B, D) float32, any real value."""
        return self.encoder(images)
