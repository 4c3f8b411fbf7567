"""What is typed after a flag: what is certainly meant is taken, the rest refused with what may have been meant.

Mostly nothing is read: the checkpoint, the latents or the folder that is named is not there, and that is said instead.
"""

from pathlib import Path

import pytest

from tests.conftest import refusal, run_script

TRAIN = ["train.py", "--dataset", "nowhere/at/all"]
ABSENT = "--dataset nowhere/at/all: there is no such folder"  # what is said when all arguments are in order


def said(*command: object, cwd: Path) -> str:
    return refusal(run_script(*command, cwd=cwd, timeout=60))


@pytest.mark.parametrize(
    ("value", "meant"),
    [
        ("\uff13", 3),
        ("1_0", 10),
        ("1,0", None),
        ("8.0", 8),
        ("1e2", 100),
        ("0x10", None),
        ("nan", None),
        ("1 000", 1000),
    ],
)
def test_a_number_in_another_script_or_spelling_is_refused_and_may_be_what_was_meant(tmp_path, value, meant):
    sentence = said("train.py", f"--num_epochs={value}", "--latent_size", 8, cwd=tmp_path)
    assert "is not a whole number from 1 up" in sentence
    assert ("did you mean" in sentence) == (meant is not None)
    assert meant is None or f"(did you mean {meant}?)" in sentence


@pytest.mark.parametrize("value", ["1" * 10, "1" * 23, "9" * 5000, "-" + "9" * 23])
def test_a_number_beyond_any_count_is_refused_in_one_short_sentence(tmp_path, value):
    sentence = said("train.py", f"--latent_size={value}", cwd=tmp_path)
    assert "is not a whole number from 1 up" in sentence
    assert len(sentence) < 300


@pytest.mark.parametrize("value", ["nan", "inf", "1e999", "1_0", "\uff11", "0.1.2", "", "0,001"])
def test_a_rate_that_is_none_is_refused(tmp_path, value):
    sentence = said("train.py", f"--lr={value}", "--latent_size", 8, cwd=tmp_path)
    assert "is not a number above 0 and below 10" in sentence
    assert ("did you mean 0.001?" in sentence) == (value == "0,001")


@pytest.mark.parametrize(
    "words",
    [
        ["--model", "VAE"],
        ["--model", "beta-VAE"],
        ["--loss", "MSE"],
        ["--loss", "0.8*MSE+0.2*SSIM"],
        ["--image_size", 28, 28],
        ["--image_size", "28,28"],
        ["--image_size", "28X28"],
        ["--latent_size", "16,32"],
        ["--latent-size", 16],
        ["--snapshot_epochs", "1,2", 3],
        ["--split", "Random"],
        ["--device", "CPU"],
    ],
    ids=str,
)
def test_what_is_certainly_meant_is_taken(tmp_path, words):
    assert ABSENT in said(*TRAIN, "--latent_size", 8, *words, cwd=tmp_path)


@pytest.mark.parametrize(
    ("command", "taken"),
    [
        (["viz_latent_space.py", "--latent_space", "absent.npy", "--vis_type", "t-SNE"], "absent.npy"),
        (["viz_latent_space.py", "--latent_space", "absent.npy", "--vis_type", "UMAP"], "absent.npy"),
        (["viz_kmeans_latent_space.py", "--latent_space", "absent.npy", "--clusterer", "K-Means"], "absent.npy"),
        (["viz_kmeans_latent_space.py", "--latent_space", "absent.npy", "--num_clusters", "Auto"], "absent.npy"),
        (["train_classifier.py", "--model_path", "absent.pth", "--classifiers", "KNN", "MLP"], "absent.pth"),
        (["encode_latent_space.py", "--model_path", "absent.pth", "--num_samples", "ALL"], "absent.pth"),
    ],
    ids=str,
)
def test_words_are_taken_however_they_are_written(tmp_path, command, taken):
    assert f"{taken} is not there" in said(*command, cwd=tmp_path)


def test_the_name_of_a_set_is_taken_however_it_is_written_and_a_folder_of_that_spelling_comes_first(tmp_path):
    done = run_script("viz_dataset.py", "--dataset", "Digits", "--num_images", 1, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("digits: 1,797 images")
    (tmp_path / "Digits").mkdir()
    assert "Digits holds no images" in said("viz_dataset.py", "--dataset", "Digits", cwd=tmp_path)


def test_a_folder_that_is_called_like_a_set_is_mentioned(tmp_path):
    (tmp_path / "digits").mkdir()
    done = run_script("viz_dataset.py", "--dataset", "digits", "--num_images", 1, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "--dataset ./digits" in done.stderr


def test_sizes_with_commas_and_a_flag_that_is_given_twice_are_all_trained(tmp_path):
    brief = ["--dataset", "digits", "--model", "dense", "--num_epochs", 1, "--max_train", 40]
    done = run_script("train.py", "--latent_size", "3,4", "--latent_size", 5, *brief, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    made = sorted(path.name for path in (tmp_path / "output").glob("model_*"))
    assert made == [f"model_latent_size_{size}.pth" for size in (2, 3, 4, 5)]


@pytest.mark.parametrize(
    ("command", "hint"),
    [
        (["viz_kmeans_latent_space.py", "--k", 10], "did you mean --num_clusters 10?"),
        (["train.py", "--latent_size", 8, "--loss", "mae"], "did you mean l1?"),
        (["train.py", "--latent_size", 8, "--device", "gpu"], "did you mean cuda?"),
        (["train.py", "--latent_size", 8, "--epochs", 3], "did you mean --num_epochs 3?"),
        (["train.py", "--latent_size", 8, "--model", "vea"], "did you mean vae?"),
        (["train.py", 8], "did you mean --latent_size 8?"),
        (["viz_reconstruction.py", "output/m_8.pth"], "did you mean --model_path output/m_8.pth?"),
        (["evaluate.py", "--latent_size", 8, "output/test_data.pth"], "did you mean --test_data output/test_data.pth?"),
        (["viz_latent_space.py", "a.npy"], "did you mean --latent_space a.npy?"),
        (["train.py", "."], "did you mean --dataset .?"),
        (["viz_training.py", "."], "did you mean --runs .?"),
        (["viz_latent_space.py", "--latent_size", "16,32"], "'16,32' is not a whole number from 1 up"),
    ],
    ids=str,
)
def test_what_no_flag_takes_is_refused_with_the_flag_that_would(tmp_path, command, hint):
    assert hint in said(*command, cwd=tmp_path)
