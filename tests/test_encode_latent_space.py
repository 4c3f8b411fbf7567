"""The same random test images for both models, in the order that the sidecar says; any folder of new images."""

import shutil

import numpy as np
import pytest
from PIL import Image

from data.test_data import load_test_data
from latent.archive import load_latent_space
from model.checkpoint import load_model
from model.inference import encode_batches
from tests.conftest import refusal, run_script


@pytest.fixture(scope="module")
def encoded(tmp_path_factory, trained):
    output = tmp_path_factory.mktemp("encoded")
    done = run_script(
        "encode_latent_space.py", "--model_path", trained / "model_latent_size_8.pth", "--test_data",
        trained / "test_data.pth", "--num_samples", 50, "--output_dir", output,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return output


def test_each_row_is_the_latent_of_the_image_that_the_sidecar_names(encoded, trained):
    test_data = load_test_data(trained / "test_data.pth")
    spaces = [load_latent_space(encoded / f"latent_space_size_{size}.npy") for size in (2, 8)]
    for space, size in zip(spaces, (2, 8), strict=True):
        assert space.vectors.shape == (50, size)
        assert len(set(space.rows)) == 50
        assert space.origin["split_fingerprint"] == test_data.fingerprint
        model = load_model(trained / f"model_latent_size_{size}.pth")
        expected = np.concatenate(list(encode_batches(model, test_data.images[space.rows])))
        np.testing.assert_array_equal(space.vectors, expected)
        np.testing.assert_array_equal(space.labels, test_data.labels[space.rows])
        assert list(space.sample_ids) == [test_data.sample_ids[row] for row in space.rows]
    np.testing.assert_array_equal(spaces[0].rows, spaces[1].rows)


def test_all_by_latent_size_and_the_same_bytes_twice(tmp_path, trained):
    for name in ("model_latent_size_8.pth", "model_latent_size_2.pth", "test_data.pth"):
        shutil.copy(trained / name, tmp_path)
    arguments = ["encode_latent_space.py", "--latent_size", 8, "--num_samples", "all", "--output_dir", tmp_path]
    files = ["latent_space_size_8.npy", "latent_space_size_8.json", "latent_space_size_2.npy"]
    assert run_script(*arguments).returncode == 0
    first = [(tmp_path / name).read_bytes() for name in files]
    assert run_script(*arguments).returncode == 0
    assert [(tmp_path / name).read_bytes() for name in files] == first
    assert len(np.load(tmp_path / "latent_space_size_8.npy")) == len(load_test_data(tmp_path / "test_data.pth").images)


def test_a_folder_of_new_images(tmp_path, trained, data_dir):
    """Of another size and in colour: they are seen as the model was trained to see."""
    generator = np.random.default_rng(0)
    for name in ("a/1.png", "a/2.jpg", "b/3.png"):
        (tmp_path / "new" / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(generator.integers(0, 256, (20, 30, 3), dtype=np.uint8)).save(tmp_path / "new" / name)
    done = run_script(
        "encode_latent_space.py", "--model_path", trained / "model_latent_size_8.pth", "--images", tmp_path / "new",
        "--data_dir", data_dir, "--output_dir", tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    space = load_latent_space(tmp_path / "images" / "latent_space_size_8.npy")
    assert space.vectors.shape == (3, 8)
    assert space.class_names == ("a", "b")
    assert space.rows is None


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--num_samples", 0], "a whole number from 1 up"),
        (["--images", "/nowhere"], "no such folder"),
        (["--latent_size", 8], "name one checkpoint"),
    ],
)
def test_bad_input_gets_one_sentence(tmp_path, trained, arguments, said):
    done = run_script(
        "encode_latent_space.py",
        "--model_path",
        trained / "model_latent_size_8.pth",
        "--output_dir",
        tmp_path,
        *arguments,
    )
    assert said in refusal(done)


def test_new_images_get_no_advice_that_only_a_training_can_follow(forked, trained, data_dir, tmp_path):
    for number in range(60):
        path = tmp_path / "new" / f"clip{number // 6:02d}_frame{number % 6:03d}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(np.random.default_rng(number).integers(0, 255, (12, 30), dtype=np.uint8)).save(path)
    where = ["--images", tmp_path / "new", "--data_dir", data_dir, "--output_dir", tmp_path / "out"]
    done = forked.run("encode_latent_space.py", "--model_path", trained / "model_latent_size_8.pth", *where)
    assert done.returncode == 0, done.stderr
    assert "--group_from" not in done.stderr
    assert "--fit pad or crop" in done.stderr
    assert "the flags named above are those of train.py" in done.stderr
