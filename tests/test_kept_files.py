"""Files of earlier days stay readable."""

from __future__ import annotations

import json

import pytest

from .kept_files import CONTENT, FOLDER, content
from .kernels import with_compiler

KEPT = json.loads(CONTENT.read_text())


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=with_compiler) if about["coder"] in ("mix", "max") else name
        for name, about in KEPT.items()
    ],
)
def test_a_file_of_an_earlier_day_decodes_to_the_same_pixels(name: str) -> None:
    assert content((FOLDER / f"{name}.kpal").read_bytes()) == KEPT[name]


def test_no_file_is_kept_without_its_content() -> None:
    assert {path.stem for path in FOLDER.glob("*.kpal")} == set(KEPT)
