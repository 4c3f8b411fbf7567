"""A variational autoencoder whose decoder gets the class as well (after Sohn, Lee and Yan, 2015)."""

from model.variational import Variational


class ConditionalVAE(Variational):
    """Images (B, C, H, W) in [0, 1] -> the mean of a Gaussian over latents (B, D); latents and labels -> images.

    The encoder sees the image alone, so that latents of unlabelled images are to be had, and none holds its label. The
    paper's encoder gets the class too.

    Args:
        latent_size: D.
        image_shape: (C, H, W).
        num_classes: K, from 1 up.
        embedding_size: numbers that stand for a class.
        beta: weight of the KL part.
    """

    architecture = "cvae"
    takes_labels = True

    def __init__(
        self,
        latent_size: int,
        image_shape: tuple[int, int, int],
        num_classes: int,
        embedding_size: int = 16,
        beta: float = 1.0,
    ) -> None:
        super().__init__(latent_size, image_shape, beta, num_classes=num_classes, embedding_size=embedding_size)
