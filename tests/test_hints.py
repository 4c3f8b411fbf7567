"""Every hint is the command to run: it is taken out of the sentence and run."""

import shlex
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from model.checkpoint import load_checkpoint
from run.artefacts import write_json
from run.command_words import edited
from run.hints import training_command
from tests.conftest import ROOT, refusal
from tests.forking import Done, Server

BRIEF = ["--num_epochs", 1, "--model", "dense", "--seed", 3, "--max_train", 60, "--batch_size", 8]


@pytest.fixture(scope="module")
def project(forked, tmp_path_factory) -> Path:
    """A folder with a set of pictures, and trainings of 2 and 4 on it in ``output/my run``. To be copied."""
    folder = tmp_path_factory.mktemp("project")
    random = np.random.default_rng(0)
    for number in range(80):
        path = folder / "my pictures" / "ab"[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.integers(0, 256, (8, 8), np.uint8)).save(path)
    arguments = ["--dataset", "my pictures", "--latent_size", 4, "--data_dir", "kept", "--output_dir", "output/my run",
                 "--snapshot_epochs", 1]  # fmt: skip
    done = forked.run("train.py", *arguments, *BRIEF, cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def mine(project, tmp_path) -> Path:
    """A copy of the project where it can be written."""
    shutil.copytree(project, tmp_path / "mine")
    return tmp_path / "mine"


def follow(forked: Server, sentence: str, cwd: Path) -> Done:
    """Run the command at the end of a sentence."""
    words = shlex.split(sentence[sentence.index("python ") :])
    script = Path(words[1])
    assert script.parent == ROOT, "the scripts are not in this folder"
    done = forked.run(script.name, *words[2:], cwd=cwd)
    assert done.returncode == 0, (sentence, done.stderr)
    return done


FOLDER = "output/my run"


def test_a_size_that_is_not_trained_is_trained_as_the_others_were(forked, project):
    """In the project itself, whose images are where the record says."""
    command = ["viz_reconstruction.py", "--latent_size", 6, "--output_dir", FOLDER]
    sentence = refusal(forked.run(*command, cwd=project))
    follow(forked, sentence, project)
    assert forked.run(*command, cwd=project).returncode == 0
    records = [load_checkpoint(project / FOLDER / f"model_latent_size_{size}.pth")[1] for size in (4, 6)]
    assert len({record["fingerprint"] for record in records}) == 1
    assert len({record["arguments"]["seed"] for record in records}) == 1
    assert not (project / "data").exists(), "it keeps what it decodes where the others did"
    assert not (project / FOLDER / "earlier").exists(), "it adds to the training that is there"


def test_latents_that_are_not_there(forked, mine):
    command = ["viz_latent_space.py", "--latent_space", f"{FOLDER}/latent_space_size_4.npy", "--vis_type", "pca"]
    sentence = refusal(forked.run(*command, cwd=mine))
    assert f"--model_path '{FOLDER}/model_latent_size_4.pth' --test_data '{FOLDER}/test_data.pth'" in sentence
    follow(forked, sentence, mine)
    assert forked.run(*command, cwd=mine).returncode == 0


def test_damaged_latents_are_made_as_before(forked, mine):
    encode = ["encode_latent_space.py", "--model_path", f"{FOLDER}/model_latent_size_4.pth", "--num_samples", 5]
    assert forked.run(*encode, "--output_dir", "else where", cwd=mine).returncode == 0
    path = mine / "else where" / "latent_space_size_4.npy"
    whole = path.read_bytes()
    path.write_bytes(whole[:-8])
    command = ["viz_latent_space.py", "--latent_space", "else where/latent_space_size_4.npy", "--vis_type", "pca"]
    follow(forked, refusal(forked.run(*command, cwd=mine)), mine)
    assert path.read_bytes() == whole
    (path.parent / "latent_space_size_2.npy").unlink()
    done = forked.run(*command, cwd=mine)
    assert done.returncode == 0
    warning = next(line for line in done.stderr.splitlines() if "bottleneck of 2 is left out" in line)
    follow(forked, warning, mine)
    assert "left out" not in forked.run(*command, cwd=mine).stderr


@pytest.mark.parametrize("name", ["model_latent_size_4.pth", "test_data.pth", "metrics_training.json",
                                  "training_log.jsonl", "snapshots_latent_size_4.pth"])  # fmt: skip
@pytest.mark.parametrize("spoil", ["missing", "damaged"])
def test_a_file_of_a_training(forked, mine, project, name, spoil):
    path = mine / FOLDER / name
    if name.startswith("snapshots"):
        path.write_bytes(b"damaged")
    elif spoil == "damaged":
        path.write_bytes(path.read_bytes()[:-9])
    else:
        path.unlink()
    command = ["viz_reconstruction.py", "--model_path", f"{FOLDER}/model_latent_size_4.pth"]
    if not name.endswith("pth") or name.startswith("snapshots"):
        command = ["viz_training.py", "--runs", FOLDER]
    follow(forked, refusal(forked.run(*command, cwd=mine)), mine)
    done = forked.run(*command, cwd=mine)
    assert done.returncode == 0, done.stderr


def test_a_stopped_training_is_gone_on_with(forked, mine):
    arguments = ["--dataset", "my pictures", "--latent_size", 3, "--only_named", "--output_dir", "stopped"]
    done = forked.run("train.py", *arguments, *BRIEF, "--save_every", 1e-9, cwd=mine, fault={"poison": 4})
    assert "no longer finite" in refusal(done)
    sentence = refusal(forked.run("viz_reconstruction.py", "--model_path", "stopped/model_latent_size_3.pth", cwd=mine))
    assert "train.py" in sentence
    follow(forked, sentence, mine)
    assert (mine / "stopped" / "model_latent_size_3.pth").exists()


def test_where_nothing_is_recorded_the_flags_say_what_is_known(forked, tmp_path):
    command = ["encode_latent_space.py", "--latent_size", 5, "--output_dir", "a b", "--data_dir", "kept"]
    sentence = refusal(forked.run(*command, cwd=tmp_path))
    assert sentence.endswith("train.py --data_dir kept --latent_size 5 --output_dir 'a b'")
    sentence = refusal(forked.run("viz_latent_space.py", "--latent_space", "vectors.npy", cwd=tmp_path))
    assert sentence.endswith("--latent_size 256 --batch_size 128 --lr 0.0001 --output_dir .")


def test_more_samples_than_there_are_are_all_of_them(forked, mine):
    command = ["encode_latent_space.py", "--latent_size", 4, "--output_dir", FOLDER, "--num_samples", 999]
    done = forked.run(*command, cwd=mine)
    assert done.returncode == 0, done.stderr
    assert "fewer than --num_samples 999: all are encoded" in done.stderr
    assert "saved" in done.stdout


@pytest.mark.parametrize(
    "command",
    [
        ["viz_reconstruction.py", "--latent_size", 4, "--output_dir", "output/my rum"],
        ["encode_latent_space.py", "--latent_size", 4, "--output_dir", "output/my rum"],
        ["report.py", "--output_dir", "output/my rum"],
        ["viz_training.py", "--output_dir", "output/my rum"],
        ["train.py", "--resume", "output/my rum"],
    ],
    ids=lambda command: command[0],
)
def test_a_mistyped_folder_of_a_run(forked, mine, command):
    sentence = refusal(forked.run(*command, cwd=mine))
    assert "is not there; did you mean: python" in sentence
    assert sentence.endswith(" 'output/my run'")


def test_a_command_given_in_the_folder_of_its_run(forked, mine):
    sentence = refusal(forked.run("viz_reconstruction.py", "--latent_size", 4, cwd=mine / FOLDER))
    follow(forked, sentence, mine / FOLDER)


def test_a_folder_in_place_of_a_checkpoint(forked, mine):
    largest = sorted((mine / FOLDER).glob("model_latent_size_?.pth"))[-1].name  # other tests here add sizes
    done = forked.run("viz_reconstruction.py", "--model_path", FOLDER, cwd=mine)
    assert done.returncode == 2
    assert f"is a folder, and a file was expected (did you mean 'output/my run/{largest}'?)" in done.stderr


def test_a_folder_in_place_of_latents(forked, mine):
    for name in ("latent_space_size_4.npy", "latent_space_size_4_train.npy"):
        (mine / FOLDER / name).touch()
    done = forked.run("viz_latent_space.py", "--latent_space", FOLDER, cwd=mine)
    assert done.returncode == 2
    assert "(did you mean 'output/my run/latent_space_size_4.npy'?)" in done.stderr


def test_another_file_of_the_run_in_place_of_a_checkpoint(forked, mine):
    done = forked.run("viz_reconstruction.py", "--model_path", f"{FOLDER}/test_data.pth", cwd=mine)
    assert "holds a test split, and an autoencoder checkpoint was expected; did you mean" in refusal(done)
    assert "saved" in follow(forked, refusal(done), mine).stdout


def test_a_path_with_blanks_without_quotation_marks(forked, mine):
    done = forked.run("train.py", "--dataset", "my", "pictures", "--latent_size", 2, cwd=mine)
    assert done.returncode == 2
    assert "unrecognized arguments: pictures (did you mean 'my pictures'?)" in done.stderr


def test_a_split_of_another_training(forked, mine):
    arguments = ["--dataset", "my pictures", "--latent_size", 2, "--split_seed", 7, "--output_dir", "other"]
    assert forked.run("train.py", *arguments, *BRIEF, cwd=mine).returncode == 0
    command = ["viz_reconstruction.py", "--model_path", f"{FOLDER}/model_latent_size_4.pth"]
    sentence = refusal(forked.run(*command, "--test_data", "other/test_data.pth", cwd=mine))
    follow(forked, sentence, mine)


def test_a_record_is_hostile(tmp_path):
    """A command in a file that anybody may have made is words for train.py, and nothing else."""

    def hinted(command: object) -> str:
        write_json(tmp_path / "metrics_training.json", {"command": command, "arguments": {}})
        return training_command(tmp_path / "test_data.pth")

    words = shlex.split(hinted("python train.py --latent_size 2 --dataset '$(touch x)' ; touch y"))
    assert words[2:-2] == ["--latent_size", "2", "--dataset", "$(touch x)", ";", "touch", "y"]
    for command in ("rm -rf /", "python other.py x", "python train.py 'open", None, 7, ["python"], ""):
        assert "train.py --num_epochs 10 --latent_size 256" in hinted(command)


def test_flags_are_changed_wherever_they_stand():
    words = ["sample", "--a", "1", "2", "--b=3", "--c", "--d", "-4"]
    assert edited(words, {"--a": [5], "--c": None}) == ["sample", "--b=3", "--d", "-4", "--a", "5"]
    assert edited(words, {"--b": None, "--d": [], "--e": ["x", 1]}) == [
        "sample", "--a", "1", "2", "--c", "--d", "--e", "x", "1",
    ]  # fmt: skip


@pytest.mark.parametrize("script", ["viz_reconstruction.py", "evaluate.py", "find_odd_images.py", "report.py"])
def test_where_nothing_was_trained_the_training_is_of_the_size_that_was_typed(forked, tmp_path, script):
    sentence = refusal(forked.run(script, "--latent_size", 8, cwd=tmp_path))
    assert "train.py --latent_size 8" in sentence


def test_images_are_found_from_another_folder_than_the_training_began_in(forked, mine):
    (mine / "sub").mkdir()
    command = ["evaluate.py", "--latent_size", 4, "--output_dir", f"../{FOLDER}", "--seeds", 1, "--num_fit", 20]
    done = forked.run(*command, cwd=mine / "sub")
    assert done.returncode == 0, done.stderr


def test_where_nobody_knows_where_it_began_that_is_said(forked, mine):
    """The output folder was typed in full, so that it does not tell from where."""
    out = mine / "typed in full"
    train = ["train.py", "--dataset", "my pictures", "--latent_size", 4, "--only_named", "--output_dir", out, *BRIEF]
    assert forked.run(*train, cwd=mine).returncode == 0
    (mine / "sub").mkdir()
    for command in (
        ["evaluate.py", "--latent_size", 4, "--output_dir", "../typed in full", "--seeds", 1, "--num_fit", 20],
        ["train.py", "--resume", "--output_dir", "../typed in full"],
    ):
        sentence = refusal(forked.run(*command, cwd=mine / "sub"))
        assert "digits" not in sentence
        assert "cd THE_FOLDER_WHERE_IT_WAS_TRAINED && python" in sentence
        follow(forked, sentence, mine)
