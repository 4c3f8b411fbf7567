"""The exercise as it is usually written: the yardstick for time and error that the suite is measured against.

A strided convolutional autoencoder with a ReLU on its latents, Adam at a constant 1e-4, mean squared error, images
opened, resized and converted anew in every epoch by a DataLoader. Nothing in it is made slow on purpose: this is
what the small projects of this exercise run.

Prints one JSON line an epoch: {"latent_size", "epoch", "seconds", "test_mse"}, where the seconds run from
--started, without those spent on measuring the test error.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms


class Files(Dataset):
    """Images opened from their files each time they are asked for."""

    def __init__(self, paths: list[Path], side: int) -> None:
        self.paths = paths
        self.transform = transforms.Compose([transforms.Resize((side, side)), transforms.ToTensor()])

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> torch.Tensor:
        return self.transform(Image.open(self.paths[index]).convert("RGB"))


def network(latent_size: int) -> nn.Module:
    """3 x 32 x 32 -> latent -> 3 x 32 x 32: three strided convolutions and their transposes."""
    return nn.Sequential(
        nn.Conv2d(3, 32, 3, stride=2, padding=1), nn.ReLU(),
        nn.Conv2d(32, 64, 3, stride=2, padding=1), nn.ReLU(),
        nn.Conv2d(64, 128, 3, stride=2, padding=1), nn.ReLU(),
        nn.Flatten(), nn.Linear(128 * 4 * 4, latent_size), nn.ReLU(),
        nn.Linear(latent_size, 128 * 4 * 4), nn.ReLU(), nn.Unflatten(1, (128, 4, 4)),
        nn.ConvTranspose2d(128, 64, 3, stride=2, padding=1, output_padding=1), nn.ReLU(),
        nn.ConvTranspose2d(64, 32, 3, stride=2, padding=1, output_padding=1), nn.ReLU(),
        nn.ConvTranspose2d(32, 3, 3, stride=2, padding=1, output_padding=1), nn.Sigmoid(),
    )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--paths", type=Path, required=True, help="JSON file: {'train': [...], 'test': [...]}")
    parser.add_argument("--latent_sizes", type=int, nargs="+", default=[2, 256])
    parser.add_argument("--num_epochs", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--started", type=float, help="time.time() of the command: a person waits for the libraries too (default: now)"
    )
    args = parser.parse_args()
    before = 0.0 if args.started is None else time.time() - args.started
    started = time.monotonic() - before

    sides = json.loads(args.paths.read_text())
    train = DataLoader(Files(sides["train"], 32), batch_size=128, shuffle=True, num_workers=2)
    test = DataLoader(Files(sides["test"], 32), batch_size=128, num_workers=2)
    measuring = 0.0
    for latent_size in args.latent_sizes:
        torch.manual_seed(args.seed)
        model = network(latent_size)
        optimizer = torch.optim.Adam(model.parameters(), lr=1e-4)
        for epoch in range(1, args.num_epochs + 1):
            model.train()
            for images in train:
                loss = nn.functional.mse_loss(model(images), images)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            paused = time.monotonic()
            model.eval()
            with torch.no_grad():
                errors = [((model(images) - images) ** 2).mean(dim=(1, 2, 3)).numpy() for images in test]
            seconds = round(paused - started - measuring, 2)
            measuring += time.monotonic() - paused
            test_mse = float(np.concatenate(errors).mean())
            print(
                json.dumps(dict(latent_size=latent_size, epoch=epoch, seconds=seconds, test_mse=test_mse)), flush=True
            )


if __name__ == "__main__":
    main()
