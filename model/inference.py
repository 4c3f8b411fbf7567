"""Running a trained network over uint8 images of any number, a batch at a time, so that memory is bounded."""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple, TypeVar

import numpy as np
import torch
from torch import Tensor

from model.autoencoder import MOST_AT_ONCE, Autoencoder
from model.refinement import DIRECTIONS, STEPS, Refined, Refiner, shrunk, spread_rows
from model.variational import Variational
from run.cores import cores
from run.errors import BadInput
from run.hints import training_at_hand
from run.memory import give_back

Values = TypeVar("Values", np.ndarray, Tensor)
Found = TypeVar("Found")

_SIXTEEN = 16  # matrix products take other ways for fewer rows, which shows in last bits


def to_float(images: Tensor, device: torch.device) -> Tensor:
    """uint8 (B, C, H, W) -> float32 in [0, 1] on ``device``."""
    if (images.device.type, device.type) == ("cpu", "cuda"):
        images = images.pin_memory()  # so that the copy runs beside what is computed
    return images.to(device, non_blocking=True).to(torch.float32).div_(255)


def encode_batches(
    model: Autoencoder, images: np.ndarray, rows: np.ndarray | None = None, refine: int = STEPS
) -> Iterator[np.ndarray]:
    """The latents of uint8 images (N, C, H, W), or of some rows of them, as pieces of float32 (n, D) in order.

    Args:
        model: any architecture.
        images: uint8 (N, C, H, W).
        rows: int64, which of them; None for all.
        refine: steps by which the encoder's guess is refined, see :mod:`model.refinement`; 0 for the guess itself. Of
            an architecture that takes labels it is always the guess: refined latents would hold the label.
    """
    device = next(model.parameters()).device
    rows = np.arange(len(images)) if rows is None else rows
    refiner = None if model.takes_labels else _refiner(model, refine)

    def work(piece: slice) -> np.ndarray:
        batch = to_float(torch.from_numpy(_filled(images[rows[piece]], model)), device)
        with torch.no_grad():
            latents = model.encode(batch).float()
            if refiner is not None:
                latents = refiner(lambda codes: _shown(model, codes), batch, latents).latents
        return latents[: piece.stop - piece.start].cpu().numpy()

    yield from _in_pieces(work, model, len(rows))


def reconstruct(
    model: Autoencoder, images: np.ndarray, labels: np.ndarray | None = None, refine: int = STEPS
) -> np.ndarray:
    """As :func:`reconstruct_batches`, in one piece: float32 (N, C, H, W)."""
    reconstructions, first = np.empty(images.shape, np.float32), 0
    for made in reconstruct_batches(model, images, labels, refine):
        reconstructions[first : first + len(made)] = made
        first += len(made)
    return reconstructions


def reconstruct_batches(
    model: Autoencoder, images: np.ndarray, labels: np.ndarray | None = None, refine: int = STEPS
) -> Iterator[np.ndarray]:
    """Reconstructions of uint8 images (N, C, H, W), as pieces of float32 (n, C, H, W) in order, clamped to [0, 1].

    Args:
        model: any architecture.
        images: uint8 (N, C, H, W).
        labels: int64 (N,), the class of each image, from 0 up. An architecture that takes labels decodes by them, and
            refines by them; any other never sees them, so that a script may pass what it has.
        refine: as of :func:`encode_batches`, but for architectures that take labels too.

    Raises:
        BadInput: as of :func:`decode_batches`.
    """
    for found in inferred_batches(model, images, labels, refine):
        yield found.images


class Inferred(NamedTuple):
    """What a network makes of n images."""

    latents: np.ndarray  # float32 (n, D)
    images: np.ndarray  # float32 (n, C, H, W) in [0, 1], the decoded latents
    guessed: np.ndarray  # float32 (n, C, H, W) in [0, 1], decoded from the encoder's guesses


def inferred_batches(
    model: Autoencoder, images: np.ndarray, labels: np.ndarray | None, refine: int
) -> Iterator[Inferred]:
    """Pieces of :func:`reconstruct_batches`, each with the latents that were decoded, and with the encoder's guesses.

    Arguments and errors as of :func:`reconstruct_batches`.
    """
    device = next(model.parameters()).device
    labels = labels_for(model, labels)
    refiner = _refiner(model, refine)

    def work(piece: slice) -> Inferred:
        batch = to_float(torch.from_numpy(_filled(images[piece], model)), device)
        classes = None if labels is None else _filled(labels[piece], model).to(device)
        with torch.no_grad():
            latents = model.encode(batch).float()
            if refiner is None:
                made = _shown(model, latents, classes)
                found = Refined(latents, made, made)
            else:
                found = refiner(lambda codes: _shown(model, codes, classes), batch, latents)
        return Inferred(*(part[: piece.stop - piece.start].cpu().numpy() for part in found))

    yield from _in_pieces(work, model, len(images))


def measure_refinement(
    model: Autoencoder, images: np.ndarray, labels: np.ndarray | None, directions: int = DIRECTIONS
) -> None:
    """Measure what refining latents needs to know of a network's decoder, around the latents of training images.

    Args:
        model: any architecture; its ``refinement`` is what is measured.
        images: uint8 (N, C, H, W), of the training side, N from 1 up.
        labels: as of :func:`reconstruct`.
        directions: random ones that slopes are taken along.
    """
    device = next(model.parameters()).device
    rows = np.unique(spread_rows(max(directions, len(model.refinement.anchors)), len(images)))
    latents = torch.from_numpy(np.concatenate(list(encode_batches(model, images, rows, refine=0)))).to(device)
    classes = labels_for(model, labels)
    classes = None if classes is None else classes[torch.from_numpy(rows)].to(device)

    def decode(codes: Tensor, its_rows: Tensor) -> Tensor:
        return _shown(model, codes, None if classes is None else classes[its_rows])

    model.refinement.measure(decode, latents, directions, model.images_at_once)


def _refiner(model: Autoencoder, steps: int) -> Refiner | None:
    if not steps:
        return None
    anchors = model.refinement.anchors

    def shown(piece: slice) -> Tensor:
        with torch.no_grad():
            return shrunk(_shown(model, anchors[piece]))

    return Refiner(model.refinement, steps, list(_in_pieces(shown, model, len(anchors))))


def _shown(model: Autoencoder, latents: Tensor, classes: Tensor | None = None) -> Tensor:
    """What a network shows of latents (n, D), float32 (n, C, H, W) in [0, 1]."""
    return model.decode(latents, classes).float().clamp(0, 1)


def _filled(values: Values, model: Autoencoder) -> Values:
    """Rows (n, ...) and the last one again, up to sixteens: so latents don't depend on what else is encoded."""
    wanted = -len(values) % min(_SIXTEEN, model.images_at_once)
    if isinstance(values, Tensor):
        return torch.cat([values, values[-1:].expand(wanted, *values.shape[1:])])
    return np.concatenate([values, np.broadcast_to(values[-1:], (wanted, *values.shape[1:]))])


def _in_pieces(work: Callable[[slice], Found], model: Autoencoder, count: int) -> Iterator[Found]:
    """What ``work`` makes of each piece of ``count`` rows, in order; on a processor, a piece a core at a time.

    A piece is computed by one thread wherever and whenever it is, so its bytes don't depend on the number of cores.
    """
    lot = model.images_at_once
    pieces = [slice(start, min(start + lot, count)) for start in range(0, count, lot)]
    workers = min(len(pieces), cores()) if next(model.parameters()).device.type == "cpu" else 1
    if workers < 2:
        yield from map(work, pieces)
        return
    give_back()  # what training has freed
    with ThreadPoolExecutor(workers) as pool:  # torch lets go of Python's lock
        waiting: deque[Future[Found]] = deque()
        for piece in pieces:
            waiting.append(pool.submit(work, piece))
            if len(waiting) > workers:
                yield waiting.popleft().result()
                if lot < MOST_AT_ONCE:  # of large images much is freed; for small ones it would cost speed
                    give_back()
        while waiting:
            yield waiting.popleft().result()
    give_back()  # and what these threads have


def decode_batches(model: Autoencoder, latents: np.ndarray, labels: np.ndarray | None = None) -> Iterator[np.ndarray]:
    """Latents float32 (N, D) to images, as pieces of float32 (n, C, H, W) in order, clamped to [0, 1].

    Args:
        model: any architecture.
        latents: float32 (N, D).
        labels: as of :func:`reconstruct`.

    Raises:
        BadInput: an architecture that takes labels is given none, or one that it does not know.
    """
    device = next(model.parameters()).device
    labels = labels_for(model, labels)

    def work(piece: slice) -> np.ndarray:
        with torch.no_grad():
            codes = torch.from_numpy(_filled(latents[piece], model)).to(device)
            classes = None if labels is None else _filled(labels[piece], model).to(device)
            return model.decode(codes, classes)[: piece.stop - piece.start].float().clamp_(0, 1).cpu().numpy()

    yield from _in_pieces(work, model, len(latents))


def encode(model: Autoencoder, images: np.ndarray, refine: int = STEPS) -> np.ndarray:
    """The latents of uint8 images (N, C, H, W) in one piece, float32 (N, D); ``refine`` as of :func:`encode_batches`.

    Raises:
        BadInput: the network gives NaN or infinity.
    """
    return _finite(np.concatenate(list(encode_batches(model, images, refine=refine))), model)


def decode(model: Autoencoder, latents: np.ndarray, labels: np.ndarray | None = None) -> np.ndarray:
    """The images of latents in one piece, float32 (N, C, H, W) in [0, 1]; arguments as of :func:`decode_batches`.

    Raises:
        BadInput: the network gives NaN or infinity, or takes labels and is given none, or one that it does not know.
    """
    return _finite(np.concatenate(list(decode_batches(model, latents, labels))), model)


def _finite(values: np.ndarray, model: Autoencoder) -> np.ndarray:
    if not np.isfinite(values).all():
        raise BadInput(
            f"the network of {model.latent_size} gives NaN or infinity; train again with a lower rate: "
            f"{training_at_hand({'--lr': [0.00001], '--latent_size': [model.latent_size]})}"
        )
    return values


def divergences(model: Variational, images: np.ndarray) -> np.ndarray:
    """Mean KL of a variational architecture's posterior from its prior, in nats, float64 (D,): uint8 (N, C, H, W)."""
    device = next(model.parameters()).device
    summed = torch.zeros(model.latent_size, dtype=torch.float64)
    for start in range(0, len(images), model.images_at_once):
        with torch.inference_mode():
            batch = to_float(torch.from_numpy(images[start : start + model.images_at_once].copy()), device)
            summed += model.divergences(batch).cpu().double().sum(dim=0)
    return (summed / len(images)).numpy()


def labels_for(model: Autoencoder, labels: np.ndarray | None) -> Tensor | None:
    """The labels that a network decodes by, int64 (N,): those given where its architecture takes labels, else None.

    Raises:
        BadInput: there are none, or one that the network does not know.
    """
    if not model.takes_labels:
        return None
    if labels is None:
        raise BadInput(
            f"a {model.architecture} network decodes by each image's class, and these images have none; use labelled "
            "images, or train an architecture that takes no labels: "
            f"{training_at_hand({'--model': ['conv']})}"
        )
    if len(labels) and not 0 <= labels.min() <= labels.max() < model.num_classes:
        raise BadInput(
            f"this {model.architecture} network knows the classes 0 to {model.num_classes - 1}, and was given a class "
            f"{labels.min() if labels.min() < 0 else labels.max()}; name one that it was trained on"
        )
    return torch.from_numpy(np.ascontiguousarray(labels, dtype=np.int64))
