"""One page with both latent spaces under the pointer.

The road: latents of both bottlenecks -> maps, neighbours, what the decoders make of them, pictures, clusters -> plain
values -> a page whose script draws them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.colors import to_hex

from data.test_data import TestData
from figure.page import EXPLORER_SCRIPTS, as_json, packed, render
from figure.style import class_colour
from latent.archive import LatentSpace, load_with_bottleneck_2
from latent.neighbours import nearest
from latent.options import FEWEST_ROWS, METHODS
from latent.projection import AS_IT_IS, draw_flat
from model.autoencoder import Autoencoder
from model.fidelity import squared_errors
from model.inference import decode_batches, reconstruct_batches
from run.artefacts import test_data_path, write_text
from run.console import note, say, warn
from run.device import choose_device, make_repeatable
from run.errors import BadInput, printable
from run.hints import command
from run.training_folder import undisturbed
from stages.explorer.clusters import FoundClusters, read_clusters
from stages.explorer.decoder import UnknownDecoder, export_decoder
from stages.explorer.epochs import follow
from stages.explorer.parts import Notes, load_images, load_network
from stages.explorer.pictures import sheets

PAGE = "explorer.html"
_NEIGHBOURS = 8  # of each image, shown beside it
_TSNE_UP_TO = 5000  # images, unless it is asked for: 10,000 take minutes
_WALKED_UP_TO = 4_000_000  # numbers of all latents together, that a page carries for the walk between images
_LEVELS = 64  # colours of a scale


@dataclass(frozen=True)
class Settings:
    """The flags of explore_latent_space.py."""

    latent_space: Path
    latent_size: int | None  # as it was typed, to find latent_space by
    test_data: Path | None  # None takes that beside the latents
    vis_type: list[str] | None  # None takes what so many images allow
    n_neighbors: int  # of UMAP
    output_dir: Path
    seed: int
    device: str


@dataclass(frozen=True)
class Subject:
    """What is explored.

    Attributes:
        spaces: by the path of the latents, that of 2 first.
        networks: the one of each, None where it is not there.
        images: the test split, None where it is not there.
        clusters: that were found of the same images.
    """

    spaces: dict[Path, LatentSpace]
    networks: dict[Path, Autoencoder | None]
    images: TestData | None
    clusters: list[FoundClusters]

    @property
    def first(self) -> LatentSpace:
        """What is known of the rows, which is the same in every space."""
        return next(iter(self.spaces.values()))

    @property
    def pixels(self) -> np.ndarray:
        """The images of the rows, uint8 (rows, C, H, W)."""
        return self.images.images[self.first.rows]


def run(settings: Settings) -> None:
    """Write explorer.html.

    Raises:
        BadInput: latents can't be read, do not belong together, or are too few for a map that was asked for.
    """
    make_repeatable(settings.seed)
    notes = Notes(settings.latent_space.parent)
    with undisturbed(settings.latent_space.parent):
        subject = load(settings, notes)
    data = describe(subject, settings, notes)
    size = settings.latent_space.stem
    title = f"Both latent spaces of {subject.first.origin.get('dataset', size)}"
    page = render(
        "explorer_page.jinja", Path(__file__).parent, EXPLORER_SCRIPTS, title=title, heading=title, data=as_json(data)
    )
    for each in notes.said:
        warn(" ".join(filter(None, each.values())))
    path = settings.output_dir / PAGE
    write_text(path, page)
    count = subject.first.contents
    say(
        f"saved {printable(path)}: {count}; open it in a browser ({len(page) / 1e6:.1f} MB, one file, needs no network)"
    )


def load(settings: Settings, notes: Notes) -> Subject:
    """Everything that lies beside the latents and belongs to them."""
    spaces, warnings = load_with_bottleneck_2(settings.latent_space)
    for sentence in warnings:
        notes.add(sentence)
    first = next(iter(spaces.values()))
    images = load_images(settings.test_data or test_data_path(settings.latent_space.parent), first, notes)
    networks = {path: load_network(path, space, notes) for path, space in spaces.items()}
    clusters, complaints = read_clusters(settings.latent_space, spaces[settings.latent_space])
    for sentence in complaints:
        notes.add(sentence)
    if not clusters:
        notes.add(
            "No clusters of these images yet. Find some:",
            command("viz_kmeans_latent_space.py", "--latent_space", settings.latent_space),
        )
    return Subject(spaces, networks, images, clusters)


def describe(subject: Subject, settings: Settings, notes: Notes) -> dict[str, Any]:
    """Everything as plain values, for the page's script."""
    first, pixels = subject.first, None if subject.images is None else subject.pixels
    groups = [first.labels, *(found.groups for found in subject.clusters)]
    most = max(int(each.max()) + 1 for each in groups if each is not None) if any(x is not None for x in groups) else 1
    return {
        "count": len(first.vectors),
        "checkpoints": {
            str(space.vectors.shape[1]): space.origin.get("checkpoint_sha256") for space in subject.spaces.values()
        },
        "class_names": [printable(name) for name in first.class_names],
        "labels": None if first.labels is None else packed(first.labels, "i4"),
        "sample_ids": [printable(name) for name in first.sample_ids],
        "test_rows": None if first.rows is None else packed(first.rows, "i4"),
        "pictures": None if pixels is None else sheets([pixels], len(pixels)),
        "brightness": None if pixels is None else packed(pixels.mean(axis=(1, 2, 3)) / 255, "f4"),
        "clusters": [
            {
                "title": found.title,
                "groups": packed(found.groups, "i4"),
                "names": [str(number) for number in range(int(found.groups.max()) + 1)],
            }
            for found in subject.clusters
        ],
        "spaces": [
            {
                **describe_space(space, subject.networks[path], pixels, settings, notes),
                "followed": follow(path, space, settings.seed, notes),
            }
            for path, space in subject.spaces.items()
        ],
        "palette": [class_colour(number) for number in range(max(most, 1))],
        "scale": [to_hex(colour) for colour in colormaps["viridis"].resampled(_LEVELS)(np.arange(_LEVELS))],
        "notes": notes.said,
    }


def describe_space(
    space: LatentSpace, network: Autoencoder | None, pixels: np.ndarray | None, settings: Settings, notes: Notes
) -> dict[str, Any]:
    """One space: its maps, neighbours, and what its network makes of it."""
    vectors, size = space.vectors, space.vectors.shape[1]
    near, _ = nearest(vectors, count=_NEIGHBOURS, groups=space.groups)
    described = {
        "size": size,
        "maps": list(draw_maps(space, settings, notes)),
        "near": packed(near, "i4"),
        "near_count": _NEIGHBOURS,
        "errors": None,
        "made": [],
        "decoder": None,
        "vectors": None,
    }
    if network is None:
        return described
    if pixels is not None:
        described["errors"], described["made"] = reconstruct(space, network, pixels, settings)
    if vectors.size > _WALKED_UP_TO and size > 2:
        notes.add(f"So many latents of {size} are too much for a page, so there is no walk in bottleneck {size}.")
        return described
    try:
        described["decoder"] = export_decoder(network.cpu(), vectors)
        described["vectors"] = packed(vectors, "f4" if size == 2 else "f2")
    except UnknownDecoder:
        notes.add(
            f"The decoder of {printable(network.architecture)} is not known to the page, so it does not run there."
        )
    except BadInput as error:
        notes.add(f"The decoder of bottleneck {size} does not run on the page: {error}")
    return described


def reconstruct(
    space: LatentSpace, network: Autoencoder, pixels: np.ndarray, settings: Settings
) -> tuple[dict[str, str], list[dict[str, Any]]]:
    """Errors, and pictures of what a network makes of the latents of uint8 images (rows, C, H, W)."""
    size, done, errors = space.vectors.shape[1], 0, []
    network = network.to(choose_device(settings.device))
    note(f"decoding {space.contents} of bottleneck {size}")

    def as_bytes(batches: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
        return (np.rint(made * 255).astype(np.uint8) for made in batches)

    def decoded() -> Iterator[np.ndarray]:
        nonlocal done
        for made in decode_batches(network, space.vectors, space.labels):
            errors.append(squared_errors(pixels[done : done + len(made)], made))
            done += len(made)
            yield made

    refined = bool(space.origin.get("refine"))
    pictures = sheets(as_bytes(decoded()), len(pixels))
    shown = [{"title": f"bottleneck {size}{', refined' if refined else ''}", "pictures": pictures}]
    if refined:  # what the encoder alone would have kept stands beside it
        guessed = reconstruct_batches(network, pixels, space.labels, refine=0)
        shown.append({"title": f"bottleneck {size}, encoder alone", "pictures": sheets(as_bytes(guessed), len(pixels))})
    return packed(np.concatenate(errors), "f4"), shown


def draw_maps(space: LatentSpace, settings: Settings, notes: Notes) -> Iterator[dict[str, Any]]:
    """The maps of a space, as the page takes them: of two dimensions as they are, of more by each method."""
    rows, size = space.vectors.shape
    methods = settings.vis_type or [
        method
        for method in ("umap", "tsne", "pca")
        if method == "pca" or (rows >= FEWEST_ROWS and (method == "umap" or rows <= _TSNE_UP_TO))
    ]
    if size > 2 and not settings.vis_type and len(methods) == 1:
        notes.add(f"So few images ({rows}) have no map of neighbours; they are drawn by PCA.")
    for method in methods if size > 2 else [AS_IT_IS]:
        if size > 2:
            note(f"drawing the {METHODS[method]} of {rows:,} vectors of {size} dimensions")
        points, drawn = draw_flat(space.vectors, method, settings.seed, **_wanted(method, settings))
        name = METHODS.get(drawn, "as it is")
        yield {
            "name": name,
            "title": f"{space.name}, {name}: {space.contents}",
            "points": packed(points, "f4"),
            "axes": drawn in (AS_IT_IS, "pca"),
        }


def _wanted(method: str, settings: Settings) -> dict[str, int]:
    return {"n_neighbors": settings.n_neighbors} if method == "umap" else {}
