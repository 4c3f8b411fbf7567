"""train.py --tensorboard, read back as TensorBoard reads it."""

import io
import json
import signal
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from data.test_data import load_test_data
from model.autoencoder import Autoencoder
from model.checkpoint import load_checkpoint, load_model
from model.inference import encode_batches
from tests.conftest import ROOT, refusal, run_script

DIGITS = ["train.py", "--dataset", "digits", "--max_train", 200, "--batch_size", 50, "--latent_size", 5]
DIGITS += ["--num_epochs", 4]
CHART, SHEET = "mse/validation", "reconstructions/original, network, PCA of the same size"


def read(folder: Path) -> EventAccumulator:
    events = EventAccumulator(str(folder), size_guidance={"images": 0, "scalars": 0})
    events.Reload()
    return events


def curve(events: EventAccumulator, tag: str) -> list[tuple[int, float]]:
    return [(event.step, event.value) for event in events.Scalars(tag)]


def log_of(folder: Path, size: int) -> list[dict]:
    lines = map(json.loads, (folder / "training_log.jsonl").read_text().splitlines())
    return [line for line in lines if line["latent_size"] == size]


def check_is_the_log(folder: Path, size: int) -> None:
    events = read(folder / f"tensorboard/latent_size_{size}")
    log = log_of(folder, size)
    for tag, name in [(CHART, "val_mse"), ("mse/train", "train_mse"), ("loss/total", "train_total")]:
        assert curve(events, tag) == [(line["epoch"], pytest.approx(line[name], rel=1e-6)) for line in log]
    assert [event.step for event in events.Images(SHEET)] == [line["epoch"] for line in log]


def check_same_weights(first: Autoencoder, second: Autoencoder) -> None:
    weights = second.state_dict()
    assert all(bool((values == weights[name]).all()) for name, values in first.state_dict().items())


@pytest.fixture(scope="module")
def watched(forked, data_dir, tmp_path_factory) -> Path:
    """A training that was watched from its first epoch to its last. To be read, not written."""
    folder = tmp_path_factory.mktemp("watched")
    done = forked.run(*DIGITS, "--tensorboard", "--data_dir", data_dir, "--output_dir", folder, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert f"tensorboard --logdir {folder}/tensorboard" in done.stderr
    assert f"saved {folder}/tensorboard\n" in done.stdout
    return folder


def test_errors_of_every_epoch_beside_pca(watched):
    metrics = json.loads((watched / "metrics_training.json").read_text())
    for size in (2, 5):
        check_is_the_log(watched, size)
        baseline = metrics["validation"][f"PCA of {size}"]["mse"]
        line = curve(read(watched / f"tensorboard/PCA_of_{size}"), CHART)
        assert line == [(1, pytest.approx(baseline, rel=1e-6)), (4, pytest.approx(baseline, rel=1e-6))]


def test_a_sheet_of_originals_reconstructions_and_pca(watched):
    last = read(watched / "tensorboard/latent_size_5").Images(SHEET)[-1]
    with Image.open(io.BytesIO(last.encoded_image_string)) as picture:
        sheet = np.asarray(picture.convert("L"))
    tile = 8 * 12 + 4  # digits twelvefold, and white around
    assert sheet.shape == (3 * tile, 16 * tile)
    rows = np.sort(np.random.default_rng(0).permutation(180)[:16])
    images = load_test_data(watched / "test_data.pth").images
    for place, row in enumerate(rows):
        shown = sheet[2 : tile - 2, place * tile + 2 : (place + 1) * tile - 2][::12, ::12]
        assert np.abs(shown.astype(int) - images[row, 0]).max() <= 1


def test_the_projector_has_latents_names_and_pictures(watched):
    test_data = load_test_data(watched / "test_data.pth")
    for size in (2, 5):
        folder = watched / f"tensorboard/latent_size_{size}"
        kept = load_checkpoint(watched / f"model_latent_size_{size}.pth")[1]["kept_epoch"]
        place = folder / f"{kept:05}" / "latents"
        config = (folder / "projector_config.pbtxt").read_text()
        assert all(f"{kept:05}/latents/{name}" in config for name in ("tensors.tsv", "metadata.tsv", "sprite.png"))
        rows = (place / "metadata.tsv").read_text().splitlines()
        assert rows[0] == "class\timage"
        expected = [f"{test_data.class_of(row)}\t{name}" for row, name in enumerate(test_data.sample_ids)]
        assert rows[1:] == expected
        latents = next(encode_batches(load_model(watched / f"model_latent_size_{size}.pth"), test_data.images))
        np.testing.assert_allclose(np.loadtxt(place / "tensors.tsv"), latents, atol=1e-4)
        with Image.open(place / "sprite.png") as sprite:
            assert sprite.size == (14 * 8, 14 * 8)  # 180 of them
            first = np.asarray(sprite)[:8, :8, 0]
        assert np.abs(first.astype(int) - test_data.images[0, 0]).max() <= 1


@pytest.mark.parametrize("step", [1, 9])
def test_a_resumed_training_goes_on_in_the_same_folder(forked, watched, data_dir, tmp_path, step):
    """Stopped within its first epoch or its third: it ends with the same curves and the same weights."""
    folders = ["--data_dir", data_dir, "--output_dir", tmp_path]
    fault = {"signalled": (step, int(signal.SIGTERM))}
    stopped = forked.run(*DIGITS, "--tensorboard", *folders, cwd=ROOT, fault=fault)
    assert stopped.returncode != 0
    done = forked.run("train.py", "--resume", *folders, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    for size in (2, 5):
        check_is_the_log(tmp_path, size)
        name = f"model_latent_size_{size}.pth"
        (resumed, record), (whole, known) = load_checkpoint(tmp_path / name), load_checkpoint(watched / name)
        assert record["held_out"] == known["held_out"]
        check_same_weights(resumed, whole)


def test_watching_may_begin_later_and_changes_no_weight(forked, watched, data_dir, tmp_path):
    done = forked.run(*DIGITS[:-1], 2, "--data_dir", data_dir, "--output_dir", tmp_path, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "tensorboard").exists()
    more = ["--resume", "--num_epochs", 3, "--tensorboard", "--output_dir", tmp_path, "--data_dir", data_dir]
    done = forked.run("train.py", *more, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert len(curve(read(tmp_path / "tensorboard/latent_size_5"), CHART)) == 3
    done = forked.run(*DIGITS, "--data_dir", data_dir, "--output_dir", tmp_path / "unwatched", cwd=ROOT)
    assert done.returncode == 0, done.stderr
    name = "model_latent_size_5.pth"
    check_same_weights(load_model(tmp_path / "unwatched" / name), load_model(watched / name))


def test_a_training_from_its_start_leaves_no_older_curve(forked, data_dir, tmp_path):
    for epochs in (3, 2):
        arguments = [*DIGITS[:-1], epochs, "--only_named", "--tensorboard", "--retrain", "--data_dir", data_dir]
        assert forked.run(*arguments, "--output_dir", tmp_path, cwd=ROOT).returncode == 0
    assert len(curve(read(tmp_path / "tensorboard/latent_size_5"), CHART)) == 2
    moved = next((tmp_path / "earlier").iterdir())  # another training: its curves went with its networks
    assert len(curve(read(moved / "tensorboard/latent_size_5"), CHART)) == 3


def test_names_and_tall_pictures(forked, tmp_path):
    chance = np.random.default_rng(0)
    for number in range(40):
        path = tmp_path / "set" / ("a\tb", "<b>\N{GRINNING FACE}")[number % 2] / f"x\n{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(chance.integers(0, 256, (160, 90, 3), dtype=np.uint8)).save(path)
    done = forked.run(
        "train.py", "--dataset", "set", "--image_size", "160x90", "--latent_size", 2, "--num_epochs", 1,
        "--tensorboard", cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    place = next((tmp_path / "output/tensorboard/latent_size_2").glob("0*/latents"))
    count = len(load_test_data(tmp_path / "output/test_data.pth").images)
    assert len((place / "metadata.tsv").read_text().splitlines()) == count + 1
    with Image.open(place / "sprite.png") as sprite:
        assert sprite.size == (64 * int(np.ceil(count**0.5)),) * 2


def test_without_the_package_one_sentence_and_nothing_done(tmp_path):
    blocker = tmp_path / "blocked"
    blocker.mkdir()
    (blocker / "sitecustomize.py").write_text(
        "import importlib.util as u\n"
        "found = u.find_spec\n"
        "u.find_spec = lambda name, *rest: None if name == 'tensorboard' else found(name, *rest)\n"
    )
    done = run_script(*DIGITS, "--tensorboard", "--output_dir", tmp_path / "run", cwd=tmp_path, PYTHONPATH=str(blocker))
    assert "python -m pip install tensorboard" in refusal(done)
    assert not (tmp_path / "run").exists()
