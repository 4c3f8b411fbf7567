"""generate_images.py, mode by mode: on digits, on images without classes, and on what can't be done."""

import csv
import json
import re
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import generate_images
from data.test_data import load_test_data
from data.training_side import load_split_of
from figure.style import save_figure
from model.checkpoint import load_checkpoint, load_model, save_model
from model.fidelity import squared_errors
from model.inference import decode, encode, reconstruct
from run.errors import BadInput
from run.tensor_file import load_tensors, save_tensors
from stages.generation.sheet import Cell, Row, draw_sheet
from tests.conftest import ROOT, refusal, run_script


@pytest.fixture
def make(monkeypatch: pytest.MonkeyPatch):
    """Run a mode in this process, as if its words stood on the command line."""

    def run(*words: object) -> None:
        monkeypatch.setattr(sys, "argv", ["generate_images.py", *map(str, words)])
        generate_images.main()

    return run


@pytest.fixture(scope="module")
def conditional(tmp_path_factory: pytest.TempPathFactory, data_dir: Path) -> Path:
    """The output folder of a short training of an architecture that takes labels and has a prior, bottleneck 2."""
    output = tmp_path_factory.mktemp("conditional")
    done = run_script(
        "train.py", "--model", "cvae", "--dataset", "digits", "--latent_size", 2, "--num_epochs", 12, "--lr", 0.0003,
        "--data_dir", data_dir, "--output_dir", output,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return output


def rows_of(path: Path) -> list[dict[str, str]]:
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def with_test_data(trained: Path, folder: Path, rows: slice = slice(None), **changes: object) -> Path:
    """A copy of a training's folder, whose test split has some of its rows and some of its parts changed."""
    for path in trained.glob("model_latent_size_*.pth"):
        shutil.copy(path, folder)
    content = load_tensors(trained / "test_data.pth", "test split", "")
    for name in ("images", "labels", "sample_ids", "groups"):
        content[name] = None if content[name] is None else content[name][rows]
    save_tensors(folder / "test_data.pth", content.pop("kind"), {**content, **changes})
    return folder


def test_as_a_person_runs_it(trained, data_dir, tmp_path):
    shutil.copy(trained / "model_latent_size_8.pth", tmp_path)
    shutil.copy(trained / "test_data.pth", tmp_path)
    done = run_script(
        "generate_images.py", "sample", "--latent_size", 8, "--data_dir", data_dir, "--output_dir", tmp_path
    )
    assert done.returncode == 0, done.stderr
    for suffix in (".png", ".csv", ".json", ".npy"):
        assert f"saved {tmp_path / 'samples_latent_size_8'}{suffix}\n" in done.stdout
    assert "a Gaussian mixture of" in done.stdout
    assert "the one of the lowest BIC), fitted on the latents of 1,536 training images" in done.stdout
    bic = json.loads((tmp_path / "samples_latent_size_8.json").read_text())["bic_by_components"]
    assert min(bic.values()) < bic["1"]


def test_samples_stand_beside_the_training_images_nearest_to_them(make, trained, data_dir, tmp_path):
    words = ["sample", "--model_path", trained / "model_latent_size_8.pth", "--data_dir", data_dir, "--num_images", 12]
    words += ["--num_components", 4]
    for name in ("first", "again"):
        make(*words, "--output_dir", tmp_path / name)
    for suffix in (".png", ".csv", ".npy"):
        first, again = (tmp_path / name / f"samples_latent_size_8{suffix}" for name in ("first", "again"))
        assert first.read_bytes() == again.read_bytes()
    made = np.load(tmp_path / "first" / "samples_latent_size_8.npy", allow_pickle=False)
    assert made.shape == (12, 1, 8, 8)
    assert 0 <= made.min() < made.max() <= 1
    image_set, split = load_split_of(load_checkpoint(trained / "model_latent_size_8.pth")[1], data_dir)
    training = {image_set.sample_ids[row]: image_set.images[row] for row in split.train}
    everything = np.stack(list(training.values()))
    smallest = [squared_errors(everything, np.repeat(made[[n]], len(everything), axis=0)).min() for n in range(12)]
    for number, row in enumerate(rows_of(tmp_path / "first" / "samples_latent_size_8.csv")):
        error = squared_errors(training[row["nearest_sample_id"]][None], made[[number]])[0]
        assert float(row["mse_to_nearest"]) == pytest.approx(error, rel=1e-4) == pytest.approx(smallest[number])
        assert float(row["mse_to_next"]) >= float(row["mse_to_nearest"])
    facts = json.loads((tmp_path / "first" / "samples_latent_size_8.json").read_text())
    samples, real = facts["nearest"]
    assert samples["median"] < 4 * real["median"]  # they look like digits, rather than noise
    assert samples["copies"] == 0
    assert list(facts["bic_by_components"]) == ["4"]


def test_samples_without_the_training_images(make, trained, tmp_path, capsys):
    model, record = load_checkpoint(trained / "model_latent_size_8.pth")
    shutil.copy(trained / "test_data.pth", tmp_path)
    elsewhere = {**record, "arguments": {**record["arguments"], "dataset": str(tmp_path / "gone")}}
    save_model(tmp_path / "model_latent_size_8.pth", model, elsewhere)
    words = ["sample", "--latent_size", 8, "--output_dir", tmp_path, "--num_components", 2, "--num_images", 3]
    make(*words)
    said = capsys.readouterr()
    assert "the test images are taken instead" in said.err
    assert "MSE to the nearest test image" in said.out
    ids = set(load_test_data(tmp_path / "test_data.pth").sample_ids)
    assert {row["nearest_sample_id"] for row in rows_of(tmp_path / "samples_latent_size_8.csv")} <= ids
    with pytest.raises(BadInput, match="or take the test images: --fit_on test"):
        make(*words, "--fit_on", "train")


def test_a_manifold_shows_what_the_decoder_makes_of_each_place(make, trained, tmp_path):
    make(
        "manifold", "--model_path", trained / "model_latent_size_2.pth", "--grid", 5, "--output_dir", tmp_path, "--svg"
    )
    assert (tmp_path / "manifold_latent_size_2.svg").exists()
    sibling = trained / "model_latent_size_2.pth"
    there = f"python generate_images.py manifold --output_dir {tmp_path} --model_path {sibling}"
    with pytest.raises(BadInput, match=re.escape(there)):
        make("manifold", "--model_path", trained / "model_latent_size_8.pth", "--output_dir", tmp_path)
    made = np.load(tmp_path / "manifold_latent_size_2.npy", allow_pickle=False)
    rows = rows_of(tmp_path / "manifold_latent_size_2.csv")
    places = np.array([[float(row["latent_1"]), float(row["latent_2"])] for row in rows], np.float32)
    model, test_data = load_model(trained / "model_latent_size_2.pth"), load_test_data(trained / "test_data.pth")
    np.testing.assert_allclose(made.reshape(25, 1, 8, 8), decode(model, places), atol=1e-5)
    assert (places[0] < places[4]).tolist() == [True, False]
    assert places[0, 1] > places[-1, 1]
    facts = json.loads((tmp_path / "manifold_latent_size_2.json").read_text())
    latents = encode(model, test_data.images)
    np.testing.assert_allclose(facts["span"], np.quantile(latents, [0.01, 0.99], axis=0), rtol=1e-5)
    assert sum(int(row["test_images"]) for row in rows) + facts["images_outside"] == len(latents)


def test_ways_begin_and_end_at_the_reconstructions(make, trained, tmp_path):
    make("interpolate", "--model_path", trained / "model_latent_size_8.pth", "--images", 3, 17, 5, 6, "--steps", 5,
         "--output_dir", tmp_path)  # fmt: skip
    made = np.load(tmp_path / "interpolation_latent_size_8.npy", allow_pickle=False)
    assert made.shape == (10, 5, 1, 8, 8)  # 2 pairs, by 2 bottlenecks twice and by pixels
    test_data = load_test_data(trained / "test_data.pth")
    for way, size in enumerate((8, 8, 2, 2)):
        kept = reconstruct(load_model(trained / f"model_latent_size_{size}.pth"), test_data.images[[3, 17]])
        np.testing.assert_allclose(made[way][[0, -1]], kept, atol=1e-5)
    np.testing.assert_allclose(made[4][2], (test_data.images[3] / 255 + test_data.images[17] / 255) / 2, atol=1e-6)
    rows = rows_of(tmp_path / "interpolation_latent_size_8.csv")
    assert len(rows) == 50
    straight = [row for row in rows[:5] if (row["space"], row["way"]) == ("bottleneck 8", "straight")]
    assert len({row["distance"][:6] for row in straight[1:]}) == 1  # equal steps
    assert float(straight[-1]["mse_to_end"]) == pytest.approx(squared_errors(test_data.images[[17]], made[0][[-1]])[0])


def test_a_traversal_changes_one_dimension_over_its_quantiles(make, trained, tmp_path):
    words = ["--model_path", trained / "model_latent_size_8.pth", "--images", 4, "--steps", 3, "--output_dir", tmp_path]
    make("traverse", *words, "--dimensions", 2, 7, 7)
    rows = rows_of(tmp_path / "traversal_latent_size_8.csv")
    model, test_data = load_model(trained / "model_latent_size_8.pth"), load_test_data(trained / "test_data.pth")
    latents = encode(model, test_data.images)
    order = sorted([2, 7], key=lambda dimension: -latents[:, dimension - 1].var())
    assert [int(row["dimension"]) for row in rows] == [order[0]] * 3 + [order[1]] * 3
    values = np.quantile(latents[:, order[0] - 1], [0.01, 0.5, 0.99])
    np.testing.assert_allclose([float(row["value"]) for row in rows[:3]], values, rtol=1e-5)
    changed = np.repeat(latents[[4]], 3, axis=0)
    changed[:, order[0] - 1] = values
    made = np.load(tmp_path / "traversal_latent_size_8.npy", allow_pickle=False)
    np.testing.assert_allclose(made[0], decode(model, changed), atol=1e-5)
    make("traverse", *words)
    shown = [int(row["dimension"]) - 1 for row in rows_of(tmp_path / "traversal_latent_size_8.csv")[::3]]
    assert shown == np.argsort(-latents.var(axis=0, dtype=np.float64), kind="stable").tolist()


def test_neighbours_in_each_space_and_across_tracks(make, trained, tmp_path, capsys):
    folder = with_test_data(trained, tmp_path, groups=torch.arange(180) // 2)
    words = ["neighbours", "--latent_size", 8, "--output_dir", folder, "--images", 0, 9, "--num_neighbours", 4]
    make(*words, "--other_groups")
    rows = rows_of(folder / "neighbours_latent_size_8.csv")
    assert [row["space"] for row in rows[::4]] == ["bottleneck 8", "bottleneck 2", "pixels"] * 2
    assert {row["same_group"] for row in rows} == {"no"}
    test_data = load_test_data(folder / "test_data.pth")
    pixels = test_data.images.reshape(180, -1) / 255
    distances = np.linalg.norm(pixels - pixels[9], axis=1)
    distances[[8, 9]] = np.inf
    of_9 = [row for row in rows if (row["test_row"], row["space"]) == ("9", "pixels")]
    assert [int(row["neighbour_test_row"]) for row in of_9] == np.argsort(distances)[:4].tolist()
    assert all(
        (row["same_class"] == "yes") == (row["class"] == row["neighbour_class"] == test_data.class_names[int(label)])
        for row in rows
        for label in [test_data.labels[int(row["neighbour_test_row"])]]
    )
    spaces = json.loads((folder / "neighbours_latent_size_8.json").read_text())["spaces"]
    for each in spaces:
        assert 0.3 < each["agreement"] < 1
        assert each["agreement_chance"] == pytest.approx(0.1, abs=0.02)
    assert spaces[0]["agreement"] > spaces[1]["agreement"]
    assert spaces[2]["shared_with_pixels"] == 1 > spaces[0]["shared_with_pixels"] > spaces[1]["shared_with_pixels"]
    assert "passed over" in capsys.readouterr().out


def test_a_sheet_has_room_for_whatever_is_asked_of_it(tmp_path):
    image, long_name = np.zeros((3, 8, 20)), "$\\frac$ a class\n" * 4
    rows = [Row(f"row {number}", [Cell(image, long_name, "no"), None], opens=True) for number in range(101)]
    save_figure(draw_sheet(rows, [long_name, "b"], "subject " * 40, "footer " * 80), tmp_path / "sheet.png")
    with Image.open(tmp_path / "sheet.png") as picture:
        assert 5_000 < picture.size[1] < 65_536


def test_images_without_classes(make, trained_without_classes, tmp_path):
    words = ["--model_path", trained_without_classes / "model_latent_size_2.pth", "--output_dir", tmp_path]
    make("neighbours", *words)
    assert {row["same_class"] for row in rows_of(tmp_path / "neighbours_latent_size_2.csv")} == {""}
    make("manifold", *words, "--grid", 2)
    make("interpolate", *words)
    make("traverse", *words)
    make("sample", *words, "--num_images", 11, "--data_dir", tmp_path / "data")
    assert len(rows_of(tmp_path / "samples_latent_size_2.csv")) == 11
    for stem in ("neighbours", "manifold", "interpolation", "traversal", "samples"):
        assert (tmp_path / f"{stem}_latent_size_2.png").exists()


def test_the_same_latents_under_other_labels(make, conditional, data_dir, tmp_path, capsys):
    words = ["relabel", "--model_path", conditional / "model_latent_size_2.pth", "--data_dir", data_dir]
    words += ["--output_dir", tmp_path, "--cnn_epochs", 4]
    make(*words)
    rows = rows_of(tmp_path / "relabelled_latent_size_2.csv")
    assert [row["label"] for row in rows] == [*"0123456789", "all of these"]
    test_data = load_test_data(conditional / "test_data.pth")
    assert [int(row["images"]) for row in rows[:10]] == (180 - np.bincount(test_data.labels)).tolist()
    assert float(rows[-1]["read_as_it"]) > 0.6 > 0.05 > float(rows[-1]["so_before"])
    facts = json.loads((tmp_path / "relabelled_latent_size_2.json").read_text())
    assert facts["reads_correctly"]["original test images"] > 0.9
    assert float(rows[-1]["mse_moved"]) < 1.5 * facts["mse_between_images_of_different_classes"]
    model = load_model(conditional / "model_latent_size_2.pth")
    latents, others = encode(model, test_data.images), test_data.labels != 3
    moved = decode(model, latents[others], np.full(others.sum(), 3)) - decode(model, latents, test_data.labels)[others]
    assert float(rows[3]["mse_moved"]) == pytest.approx((moved**2).mean(), rel=1e-4)

    kept = (tmp_path / "classifier.pth").read_bytes()
    capsys.readouterr()
    make(*words, "--labels", 7, "3", "--images", 5)
    said = capsys.readouterr()
    assert "classifier.pth" not in said.out  # it was not trained again
    assert [row["label"] for row in rows_of(tmp_path / "relabelled_latent_size_2.csv")] == ["7", "3", "all of these"]
    assert np.load(tmp_path / "relabelled_latent_size_2.npy", allow_pickle=False).shape == (1, 2, 1, 8, 8)
    (tmp_path / "classifier.pth").write_bytes(kept[:-300])
    make(*words)
    assert "classifier.pth" in capsys.readouterr().out  # a damaged one is
    assert (tmp_path / "classifier.pth").read_bytes() == kept
    with pytest.raises(BadInput, match=r"--labels 11: .* no such class.* 0 to 9"):
        make(*words, "--labels", 1, 11)


def test_labels_and_a_prior(make, conditional, data_dir, tmp_path, capsys):
    words = ["--model_path", conditional / "model_latent_size_2.pth", "--output_dir", tmp_path]
    make("sample", *words, "--data_dir", data_dir, "--num_images", 5, "--labels", 4, 1)
    assert "the prior, N(0, I)" in capsys.readouterr().out
    assert [row["label"] for row in rows_of(tmp_path / "samples_latent_size_2.csv")] == ["4", "1", "4", "1", "4"]
    make("manifold", *words, "--labels", 3, 6, "--grid", 4)
    made = np.load(tmp_path / "manifold_latent_size_2.npy", allow_pickle=False)
    assert made.shape == (2, 4, 4, 1, 8, 8)
    assert np.abs(made[0] - made[1]).max() > 0.2
    make("interpolate", *words, "--images", 0, 1, "--steps", 4)
    test_data = load_test_data(conditional / "test_data.pth")
    made = np.load(tmp_path / "interpolation_latent_size_2.npy", allow_pickle=False)
    model = load_model(conditional / "model_latent_size_2.pth")
    # a latent that is refined under a label would hold the label: the ends are the encoder's own
    kept = reconstruct(model, test_data.images[:2], test_data.labels[:2], refine=0)
    np.testing.assert_allclose(made[0][[0, -1]], kept, atol=1e-5)
    make("traverse", *words, "--steps", 2)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["relabel"], "a conv network takes no labels, .*--model cvae"),
        (["sample", "--labels", 3], "--labels: a conv network takes no labels"),
        (["sample", "--source", "prior"], "no prior to sample from; use --source mixture"),
        (["sample", "--fit_on", "test", "--num_components", 500], "at least 500 images .*fewer --num_components"),
        (["interpolate", "--images", 3, 180], r"--images 180: the test split has 180 images, numbered from 0 to 179"),
        (["interpolate", "--images", 3, 4, 5], "3 is an odd number of images"),
        (["interpolate", "--images", 3, 3], "no way from an image to itself"),
        (["neighbours", "--images", 999], "--images 999: the test split has 180"),
        (["traverse", "--dimensions", 1, 9], "--dimensions 9: the bottleneck has the dimensions 1 to 8"),
        (["manifold"], "has a bottleneck of 8; take that of 2: python generate_images.py manifold .*--model_path"),
    ],
    ids=lambda value: " ".join(map(str, value)) if isinstance(value, list) else "",
)
def test_what_cannot_be_made_is_refused_in_a_sentence(make, trained, data_dir, tmp_path, words, sentence):
    more = ["--data_dir", data_dir] if words[0] in ("sample", "relabel") else []
    with pytest.raises(BadInput, match=sentence):
        make(*words, "--model_path", trained / "model_latent_size_8.pth", "--output_dir", tmp_path, *more)
    assert not list(tmp_path.iterdir())


def test_one_test_image_only(make, trained, tmp_path):
    folder = with_test_data(trained, tmp_path, slice(0, 1))
    for mode, sentence in [
        ("interpolate", "1 image only, and a way from one to another needs 2"),
        ("neighbours", "1 image only, and a neighbour needs 2"),
        ("traverse", "1 image only, and a range of values needs 2"),
    ]:
        with pytest.raises(BadInput, match=sentence):
            make(mode, "--latent_size", 8, "--output_dir", folder)
    with pytest.raises(BadInput, match="do not spread over a plane"):
        make("manifold", "--latent_size", 2, "--output_dir", folder)
    with pytest.raises(BadInput, match="at least 10 images to fit on, and there are 1; train with more"):
        make("sample", "--latent_size", 8, "--output_dir", folder, "--fit_on", "test")


def test_files_that_do_not_belong_together(make, trained, trained_without_classes, conditional, tmp_path):
    model, other = trained / "model_latent_size_8.pth", trained_without_classes / "test_data.pth"
    with pytest.raises(BadInput, match="trained on another split"):
        make("neighbours", "--model_path", model, "--test_data", other, "--output_dir", tmp_path)
    folder = with_test_data(conditional, tmp_path, labels=None)
    for mode, more in [("relabel", []), ("traverse", []), ("interpolate", ["--images", 0, 1])]:
        with pytest.raises(BadInput, match=r"has no labels, so there is none to change|these images have none"):
            make(mode, "--latent_size", 2, "--output_dir", folder, *more)


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        ([], "sample --latent_size 256"),
        (["--output_dir", "."], "sample --output_dir ."),
        (["--latent_size", 8, "traverse"], "traverse --latent_size 8"),
    ],
)
def test_a_mode_that_is_missing_or_comes_late_is_asked_for(forked, words: list, meant: str):
    said = refusal(forked.run("generate_images.py", *words, cwd=ROOT))
    assert f"python generate_images.py {meant};" in said
    assert "a mode comes first, one of sample, manifold" in said
