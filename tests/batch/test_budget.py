"""A budget of bytes for many files: where the bytes go, and when results are made again."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import kpal
from kpal import batch, cli
from kpal.batch.budget import Point, spread
from kpal.batch.jobs import UsageError
from kpal.codec import EncodeOptions, encoder
from kpal_format import U8

from ..images import gradient, random_indexed, soft_icon

TOTAL = 1500


@pytest.fixture
def pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("in").mkdir()
    for name, size in (("a", 16), ("b", 24), ("c", 32)):
        picture(name, size)


def picture(name: str, size: int) -> None:
    Image.fromarray(gradient()[:size, :size]).save(f"in/{name}.png")


def run(capsys: pytest.CaptureFixture[str], *options: str, total: int = TOTAL, status: int = 0) -> str:
    capsys.readouterr()
    assert cli.main(["encode", "in", "-o", "out", "--total-max-bytes", str(total), *options]) == status
    return capsys.readouterr().err


def results() -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(Path("out").glob("*.kpal"))}


def size() -> int:
    return sum(map(len, results().values()))


def points(seed: int) -> list[Point]:
    """The points of one image, in which more colours take more bytes, mostly for less error."""
    draw = np.random.default_rng(seed).integers
    return [Point(int(draw(10, 60)) * colors, int(draw(900)) // colors, colors, None) for colors in (1, 2, 4)]


@pytest.mark.parametrize("seed", range(40))
def test_no_other_choice_of_as_many_bytes_has_less_error(seed: int) -> None:
    images = [points(4 * seed + number) for number in range(4)]
    least = sum(min(point.bytes for point in image) for image in images)
    for total in range(least, 900, 50):
        chosen = spread(images, total)
        spent, error = sum(point.bytes for point in chosen), sum(point.error for point in chosen)
        assert spent <= total
        # Between the steps of the hulls another choice may be better, by less than one step of one image.
        best = min(
            sum(point.error for point in choice)
            for choice in itertools.product(*images)
            if sum(point.bytes for point in choice) <= spent
        )
        longest = max(max(p.error for p in image) - min(p.error for p in image) for image in images)
        assert best <= error <= best + longest
    everything = spread(images, 10**6)
    assert [point.error for point in everything] == [min(point.error for point in image) for image in images]


def test_bytes_go_where_they_save_the_most_error() -> None:
    easy = [Point(10, 100, 2, None), Point(20, 10, 4, None)]
    hard = [Point(10, 1000, 2, None), Point(20, 900, 4, None), Point(30, 0, 8, None)]
    assert spread([easy, hard], 40) == [easy[0], hard[2]]  # the middle point is above the hull
    assert spread([easy, hard], 50) == [easy[1], hard[2]]
    assert spread([easy, hard], 39) == [easy[1], hard[0]]  # what is left goes to what fits
    with pytest.raises(kpal.UnreachableError, match="the least that is possible is 20 bytes, not 19"):
        spread([easy, hard], 19)


@pytest.mark.usefixtures("pictures")
def test_all_results_together_take_no_more_bytes(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["encode", "in", "-o", "all"]) == 0
    whole = sum(path.stat().st_size for path in Path("all").glob("*.kpal"))
    assert whole > TOTAL
    run(capsys, "-j", "1")
    assert TOTAL * 0.8 < size() <= TOTAL
    alone = results()
    run(capsys, "-j", "2", "--force")
    assert results() == alone
    run(capsys, total=whole)
    assert size() == whole


@pytest.mark.usefixtures("pictures")
def test_nothing_is_written_if_the_least_does_not_fit(capsys: pytest.CaptureFixture[str]) -> None:
    said = run(capsys, total=29, status=1)
    assert "kpal: --total-max-bytes: the least that is possible is " in said
    assert not Path("out").exists()
    least = int(said.split(" is ")[-1].split(" bytes")[0].replace(",", ""))
    run(capsys, total=least)
    assert size() == least
    with pytest.raises(kpal.UnreachableError, match=f"total_max_bytes: .*{least} bytes, not 28"):
        list(batch.encode(["in"], "other", total_max_bytes=28))


@pytest.mark.usefixtures("pictures")
def test_all_are_made_again_only_if_one_is_new_changed_or_gone(capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys)
    assert "0 of 3 files, 3 up to date" in run(capsys)
    picture("d", 30)
    assert "4 of 4 files" in run(capsys)
    with_four = results()
    assert size() <= TOTAL
    Path("in/bad.png").write_bytes(b"no picture")
    assert "0 of 5 files" not in run(capsys, status=1)
    assert "0 of 5 files, 4 up to date" in run(capsys, status=1)  # the bad one is tried again, and takes no bytes
    assert results() == with_four
    Path("in/bad.png").unlink()
    Path("in/d.png").unlink()
    assert "3 of 3 files" in run(capsys)
    Path("out/d.kpal").unlink()
    assert size() <= TOTAL
    run(capsys, total=TOTAL + 200)
    assert TOTAL < size() <= TOTAL + 200


@pytest.mark.parametrize(
    "options",
    [
        ["--coder", "zstd"],
        ["-c", "32", "--rate", "1"],
        ["--dither", "ordered"],
        ["-Q", "0-90"],
        ["--fix", "#010203,#040506,#070809"],
        ["--metric", "rgb"],
    ],
)
@pytest.mark.usefixtures("pictures")
def test_the_budget_goes_with_other_options(options: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, *options, total=2000)
    assert len(results()) == 3
    assert size() <= 2000
    if options[0] == "--fix":
        assert all([1, 2, 3] in kpal.decode_indexed(data).palette.tolist() for data in results().values())


@pytest.mark.usefixtures("pictures")
def test_what_a_budget_cannot_do_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["in", "--max-bytes", "9k"], ["-", "-o", "x.kpal"]):
        with pytest.raises(SystemExit):
            cli.main(["encode", *arguments, "--total-max-bytes", "9k"])
        assert "--total-max-bytes" in capsys.readouterr().err
    with pytest.raises(UsageError, match="total_max_bytes does not go with max_bytes"):
        list(batch.encode(["in"], total_max_bytes=9, max_bytes=9))
    with pytest.raises(ValueError, match="total_max_bytes must be at least 1"):
        batch.encode(["in"], total_max_bytes=0)


@pytest.mark.parametrize(
    "options", [{}, {"fixed": [(1, 2, 3, 4)]}, {"metric": "rgb"}, {"quality": 90}, {"dither": "ordered"}]
)
@pytest.mark.parametrize("pixels", [gradient(), soft_icon(), random_indexed(40, 50, 200, 4).pixels()])
def test_what_is_measured_is_what_encode_makes(pixels: U8, options: dict[str, Any]) -> None:
    encoded = encoder(pixels, EncodeOptions(**options))
    rates = (0.0, 1.5) if EncodeOptions(**options).rateable else (None,)
    for colors in (256, 100, 16, 64, 5):
        for rate in rates:
            data, report = encoded(colors, rate)
            assert data == kpal.encode(pixels, colors=colors, rate=rate, **options)
            assert report.bytes == len(data)
