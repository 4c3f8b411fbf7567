"""An independent peer: the ``AE`` of pythae (Chadebec, Vincent and Allassonniere 2022), trained by its own trainer.

Its default network (an MLP of 512 hidden units), or its own convolutional one for the image shape, with its default
optimizer (Adam) and the rate and batch size given. Images are decoded beforehand and handed over as float32 arrays.

Prints one JSON line an epoch, and one where the time runs out: {"latent_size", "epoch", "seconds" of training, without
those spent on measuring the test error, "test_mse" in the [0, 1] pixel range, "parameters"}.
"""

import argparse
import contextlib
import json
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
import torch
from pythae.data.datasets import BaseDataset
from pythae.models import AE, AEConfig
from pythae.models.nn.benchmarks import cifar, mnist
from pythae.trainers import BaseTrainer, BaseTrainerConfig
from pythae.trainers.training_callbacks import TrainingCallback


class OutOfTime(Exception):
    """The seconds given are used up."""


class Watch(TrainingCallback):
    """Measures the test error after each epoch, with the clock stopped, and ends the training when the time is up."""

    def __init__(self, model: AE, test: np.ndarray, limit: float, line: dict) -> None:
        self.model, self.test, self.limit, self.line = model, test, limit, line
        self.epoch, self.measuring, self.started = 0, 0.0, time.monotonic()

    def seconds(self) -> float:
        return time.monotonic() - self.started - self.measuring

    def on_train_step_end(self, training_config, **kwargs) -> None:  # pythae calls this after each batch
        if self.seconds() > self.limit:
            self.report(self.epoch + 1)
            raise OutOfTime

    def on_epoch_end(self, training_config, **kwargs) -> None:
        self.epoch += 1
        self.report(self.epoch)

    def report(self, epoch: int) -> None:
        seconds, paused = round(self.seconds(), 2), time.monotonic()
        self.model.eval()
        with torch.no_grad():
            errors = []
            for start in range(0, len(self.test), 256):
                batch = torch.from_numpy(self.test[start : start + 256]).float() / 255
                reconstruction = self.model.decoder(self.model.encoder(batch).embedding).reconstruction
                errors.append(((reconstruction.reshape(batch.shape).clamp(0, 1) - batch) ** 2).mean(dim=(1, 2, 3)))
        self.model.train()
        print(
            json.dumps(self.line | dict(epoch=epoch, seconds=seconds, test_mse=float(torch.cat(errors).mean()))),
            flush=True,
        )
        self.measuring += time.monotonic() - paused


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--arrays", type=Path, required=True, help=".npz with train and test, uint8 (N, C, H, W)")
    parser.add_argument("--network", choices=["mlp", "conv"], default="mlp")
    parser.add_argument("--latent_sizes", type=int, nargs="+", default=[2, 256])
    parser.add_argument("--num_epochs", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=float("inf"), help="of training for each latent size")
    parser.add_argument("--batch_size", type=int, default=128)
    parser.add_argument("--lr", type=float, default=1e-4)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    warnings.filterwarnings("ignore")

    arrays = np.load(args.arrays)
    images, test = torch.from_numpy(arrays["train"]).float() / 255, arrays["test"]
    train, shape = BaseDataset(images, torch.zeros(len(images))), tuple(images.shape[1:])
    for latent_size in args.latent_sizes:
        torch.manual_seed(args.seed)
        config = AEConfig(input_dim=shape, latent_dim=latent_size)
        parts = {}
        if args.network == "conv":
            architecture, name = (mnist, "MNIST") if shape[0] == 1 else (cifar, "CIFAR")
            parts = {
                "encoder": getattr(architecture, f"Encoder_Conv_AE_{name}")(config),
                "decoder": getattr(architecture, f"Decoder_Conv_AE_{name}")(config),
            }
        model = AE(config, **parts)
        line = {"latent_size": latent_size, "parameters": sum(tensor.numel() for tensor in model.parameters())}
        with tempfile.TemporaryDirectory() as folder:
            settings = BaseTrainerConfig(
                output_dir=folder,
                num_epochs=args.num_epochs,
                learning_rate=args.lr,
                per_device_train_batch_size=args.batch_size,
                seed=args.seed,
                no_cuda=True,
                keep_best_on_train=True,
            )
            watch = Watch(model, test, args.seconds, line)
            with contextlib.suppress(OutOfTime):
                BaseTrainer(model, train, training_config=settings, callbacks=[watch]).train()


if __name__ == "__main__":
    main()
