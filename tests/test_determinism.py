"""The promise: the same image gives the same bytes, on any machine, with any number of threads, compiled or not."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from . import encodings
from .kernels import plain, with_compiler

KEPT: dict[str, str] = json.loads(encodings.KEPT.read_text())

# Where the tests are, the sources may be, too, which must not hide what is installed.
PRINT = f"""
import sys
sys.path.append({str(Path(__file__).parent.parent)!r})
from tests import encodings
print(encodings.of_all())
"""


@with_compiler
@pytest.mark.parametrize(
    "settings",
    [
        {"OPENBLAS_NUM_THREADS": "1", "OPENBLAS_CORETYPE": "Prescott"},
        {"OPENBLAS_NUM_THREADS": "3", "NPY_DISABLE_CPU_FEATURES": "AVX2 FMA3 AVX512F AVX512CD AVX512_SKX"},
    ],
    ids=["one thread, old kernel", "three threads, without vector instructions"],
)
def test_encodings_are_the_same_whatever_computes_them(settings: dict[str, str]) -> None:
    found = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PRINT],
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(found.stdout) == KEPT


def test_plain_python_writes_the_same_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "kpal_format.kernel", plain)
    found = encodings.of_indices()
    assert found == {name: KEPT[name] for name in found}
