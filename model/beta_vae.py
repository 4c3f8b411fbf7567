"""A variational autoencoder whose KL part weighs more than the likelihood asks for (Higgins et al., 2017)."""

from model.variational import Variational


class BetaVAE(Variational):
    """Images (B, C, H, W) in [0, 1] -> the mean of a Gaussian over latents (B, D) -> images in (0, 1).

    Args:
        latent_size: D.
        image_shape: (C, H, W).
        beta: weight of the KL part.
    """

    architecture = "beta_vae"

    def __init__(self, latent_size: int, image_shape: tuple[int, int, int], beta: float = 4.0) -> None:
        super().__init__(latent_size, image_shape, beta)
