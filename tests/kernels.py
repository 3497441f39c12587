"""The coding kernels as plain Python, to compare with the compiled kernels."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

import kpal_format

with_compiler = pytest.mark.skipif(not kpal_format.compiled(), reason="takes minutes in plain Python")
FORMAT = Path(kpal_format.__file__).parent


def load_plain(name: str) -> ModuleType:
    """Load a kernel of kpal_format as if Cython were not installed and nothing were compiled."""
    package, _, last = f"kpal_format.{name}".rpartition(".")
    path = FORMAT.joinpath(*name.split(".")).with_suffix(".py")
    spec = importlib.util.spec_from_file_location(f"{package}.plain_{last}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "cython", None)
        spec.loader.exec_module(module)
    return module


plain = load_plain("kernel")
plain_fast = load_plain("ranking.kernel")
