"""What the documentation shows is run, and gives what it says."""

from __future__ import annotations

import doctest
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from PIL import Image

import kpal.clustering.kmeans
import kpal.codec
from kpal.comparison.sample import draw

from .images import poster, soft_icon

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
bash = shutil.which("bash")
INSTALLS = "python3 -m venv"  # what .ci/run runs, on a clean checkout


def blocks(page: Path, language: str) -> list[str]:
    """The blocks of a page in that language."""
    found = BLOCK.findall(page.read_text(encoding="utf-8"))
    return [text for kind, text in found if kind == language and INSTALLS not in text]


def pages_with(language: str) -> list[Path]:
    return [page for page in PAGES if blocks(page, language)]


@pytest.fixture
def samples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the files that the pages speak of."""
    monkeypatch.chdir(tmp_path)
    Path("sprites").mkdir()
    chart = Image.fromarray(poster(120, 160, 40).pixels())
    chart.save("chart.png")
    chart.rotate(90).save("map.png")
    Image.fromarray(soft_icon()).save("logo.png")
    draw().convert("RGB").resize((180, 120)).save("photo.jpg", quality=95)
    for name in ("hero", "coin"):
        Image.fromarray(soft_icon(24)).save(f"sprites/{name}.png")
    frames = [Image.fromarray(poster(40, 60, 9, seed=number).pixels()) for number in range(4)]
    frames[0].save("dance.gif", save_all=True, append_images=frames[1:], duration=80)
    Path("frames").mkdir()
    for number, frame in enumerate(frames):
        frame.save(f"frames/frame{number}.png")
    return tmp_path


@pytest.mark.parametrize("module", [kpal.codec, kpal.clustering.kmeans])
def test_examples_in_docstrings_are_right(module: ModuleType) -> None:
    result = doctest.testmod(module)
    assert result.attempted > 0
    assert result.failed == 0


def test_every_public_name_is_listed_and_there() -> None:
    for name in kpal.__all__:
        assert name in dir(kpal)
        assert getattr(kpal, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'encoder'"):
        kpal.encoder  # type: ignore[attr-defined]  # noqa: B018


@pytest.mark.parametrize("page", pages_with("python"), ids=lambda page: page.name)
def test_python_of_a_page_runs_from_top_to_bottom(page: Path, samples: Path) -> None:
    Path("chart.kpal").write_bytes(kpal.encode(Image.open("chart.png")))
    names: dict[str, object] = {"__name__": page.stem}
    for number, text in enumerate(blocks(page, "python")):
        exec(compile(text, f"{page.name}, block {number}", "exec"), names)  # noqa: S102  # our own pages


@pytest.mark.skipif(bash is None, reason="the commands are written for bash")
@pytest.mark.parametrize("page", pages_with("sh"), ids=lambda page: page.name)
def test_commands_of_a_page_run_from_top_to_bottom(page: Path, samples: Path) -> None:
    assert bash is not None
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    for command in "".join(blocks(page, "sh")).splitlines():
        run = subprocess.run(
            [bash, "-c", command], env={**os.environ, "PATH": path}, capture_output=True, text=True, check=False
        )
        assert run.returncode == 0, f"{command}\n{run.stderr}"


@pytest.mark.skipif(not (ROOT / "benchmarks").is_dir(), reason="only a checkout has all files that prose names")
def test_files_that_prose_names_are_there() -> None:
    sources = [*ROOT.glob("kpal/**/*.py"), *ROOT.glob("formats/kpal_format/**/*.py"), *ROOT.glob("plugins/**/*.py")]
    there = {path.name for path in ROOT.glob("**/*.py")}
    for path in [*PAGES, ROOT / "CONTRIBUTING.md", *sources]:
        named = set(re.findall(r"(?<![\w/.-])(?:[a-z_]+/)*([a-z_]+\.py)\b", path.read_text(encoding="utf-8")))
        assert named <= there, f"{path} names {', '.join(sorted(named - there))}"


def test_the_readme_takes_three_minutes() -> None:
    prose = BLOCK.sub("", PAGES[0].read_text(encoding="utf-8"))
    assert len(prose.split()) <= 900


@pytest.mark.parametrize("page", [*PAGES, *(ROOT / name for name in ("CONTRIBUTING.md", "SECURITY.md"))], ids=str)
def test_links_lead_to_files_that_are_there(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target
