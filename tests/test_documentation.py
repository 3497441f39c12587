"""What the documentation shows is run, and gives what it says."""

from __future__ import annotations

import doctest
from pathlib import Path
from types import ModuleType

import pytest
from PIL import Image

import kpal.clustering.kmeans
import kpal.codec

from .images import gradient

README = Path(__file__).parent.parent / "README.md"


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


def test_the_readme_s_python_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Image.fromarray(gradient()).save("chart.png")
    code = README.read_text().split("```python\n")[1].split("```")[0]
    names: dict[str, object] = {}
    exec(code, names)  # noqa: S102  # our own page
    assert names["width"] == 64
    assert kpal.inspect(Path("chart.kpal").read_bytes()).colors <= 64
    assert Path("again.png").exists()
