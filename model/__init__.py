"""The networks: one family a file, siblings under the contract of :class:`model.autoencoder.Autoencoder`."""

# The table of families: name -> (module, class). A module is imported when it is asked for, since it imports torch.
FAMILIES = {
    "conv": ("model.conv", "ConvAutoencoder"),
}
