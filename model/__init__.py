"""The networks: one architecture a file, siblings under the contract of :class:`model.autoencoder.Autoencoder`."""

# The table of architectures: name -> (module, class). A module is imported when it is asked for: it imports torch.
ARCHITECTURES = {
    "conv": ("model.conv", "ConvAutoencoder"),
    "cae": ("model.cae", "ClassicConvAutoencoder"),
    "dense": ("model.dense", "DenseAutoencoder"),
    "deep_dense": ("model.deep_dense", "DeepDenseAutoencoder"),
    "vae": ("model.vae", "VAE"),
    "beta_vae": ("model.beta_vae", "BetaVAE"),
    "conditional": ("model.conditional", "ConditionalAutoencoder"),
    "cvae": ("model.cvae", "ConditionalVAE"),
}
