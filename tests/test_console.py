"""How far a long computation is: lines with the time left where no terminal shows a bar."""

import re

import numpy as np
import pytest

from latent import placing
from latent.placing import place_among
from latent.projection import project
from run import console
from run.console import LibraryProgress, Progress


@pytest.fixture
def all_news(monkeypatch: pytest.MonkeyPatch) -> None:
    """No news is too soon after the last."""
    monkeypatch.setattr(console, "_SECONDS_BETWEEN_NEWS", 0)


def test_news_are_told_once_in_ten_seconds(capsys, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(console.time, "monotonic", lambda: now[0])
    progress = Progress(100)
    for second in range(1, 26):
        now[0] = second
        progress.advance(steps=4)
        progress.news(f"done {4 * second}")
    lines = capsys.readouterr().err.splitlines()
    assert lines == ["done 44  (14 s left)", "done 88  (3 s left)"]


def test_what_a_library_writes_is_counted_and_not_printed(capsys, all_news):
    with LibraryProgress("UMAP", r"(\d+)/(\d+)") as counted:
        print("[began]", file=counted)
        counted.write("\r 50/200 ")
        counted.write("\r150/200 \r200/200")
    captured = capsys.readouterr()
    assert captured.out == ""
    assert [line.partition("  (")[0] for line in captured.err.splitlines()] == [
        "UMAP: step 50 of 200",
        "UMAP: step 150 of 200",
        "UMAP: step 200 of 200",
    ]


@pytest.mark.parametrize(("method", "said"), [("umap", "UMAP: step 500 of 500"), ("tsne", "t-SNE: step ")])
def test_a_map_says_how_far_it_is(method, said, capsys, all_news):
    vectors = np.random.default_rng(0).normal(size=(60, 5)).astype(np.float32)
    project(vectors, method, 0)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert said in captured.err
    assert all(re.search(r"step [\d,]+ of [\d,]+  \(.* left\)$", line) for line in captured.err.splitlines())


def test_placing_says_how_far_it_is(capsys, monkeypatch, all_news):
    monkeypatch.setattr(placing, "_PLACED_AT_ONCE", 40)
    vectors = np.random.default_rng(0).normal(size=(100, 3)).astype(np.float32)
    place_among(vectors[:20], vectors[:20, :2], vectors, 5)
    assert [line.partition("  (")[0] for line in capsys.readouterr().err.splitlines()] == [
        f"placed {done} of 100 vectors on the map" for done in (40, 80, 100)
    ]
