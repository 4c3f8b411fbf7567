"""placeholder"""

import torch
from torch import nn
from model.autoencoder import Autoencoder


class ConvAutoencoder(Autoencoder):
    family = "conv"

    def __init__(self, latent_size, image_shape):
        super().__init__(latent_size, image_shape)
        n = image_shape[0] * image_shape[1] * image_shape[2]
        self.register_buffer("mean", torch.zeros(n))
        self.register_buffer("enc", torch.zeros(latent_size, n))
        self.register_buffer("dec", torch.zeros(latent_size, n))
        self.net = nn.Sequential(
            nn.Conv2d(image_shape[0], 16, 3, padding=1), nn.SiLU(), nn.Conv2d(16, image_shape[0], 3, padding=1)
        )
        nn.init.zeros_(self.net[-1].weight)
        nn.init.zeros_(self.net[-1].bias)

    def start_from_pca(self, mean, components, scales):
        k = len(components)
        s = torch.from_numpy(scales)[:, None]
        self.mean.copy_(torch.from_numpy(mean))
        self.enc[:k] = torch.from_numpy(components) / s
        self.dec[:k] = torch.from_numpy(components) * s

    def encode(self, images):
        return (images.flatten(1) - self.mean) @ self.enc.T

    def decode(self, latents):
        y = (self.mean + latents @ self.dec).view(-1, *self.image_shape)
        return y + self.net(y).float()
