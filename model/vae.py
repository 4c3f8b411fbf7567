"""A variational autoencoder (Kingma and Welling, 2014)."""

from model.variational import Variational


class VAE(Variational):
    """Images (B, C, H, W) in [0, 1] -> the mean of a Gaussian over latents (B, D) -> images in (0, 1).

    Args:
        latent_size: D.
        image_shape: (C, H, W).
        beta: weight of the KL part.
    """

    architecture = "vae"

    def __init__(self, latent_size: int, image_shape: tuple[int, int, int], beta: float = 1.0) -> None:
        super().__init__(latent_size, image_shape, beta)
