"""Bugs found by fuzzing stay fixed."""

from __future__ import annotations

from pathlib import Path

import pytest

from kpal_format import compiled

from . import damage, targets

REGRESSIONS = sorted(Path(__file__).with_name("regressions").iterdir())


@pytest.mark.parametrize("path", REGRESSIONS, ids=lambda path: path.name)
def test_an_earlier_finding_holds_the_invariant_of_its_target(path: Path) -> None:
    targets.run(path.name.split("-")[0], path.read_bytes())


@pytest.mark.skipif(not compiled(), reason="takes minutes in plain Python")
def test_damaged_vectors_hold_the_invariants_of_all_targets() -> None:
    damage.main(1000)
