"""The coding kernel as plain Python, to compare with the compiled kernel."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

import kpal_format

with_compiler = pytest.mark.skipif(not kpal_format.compiled(), reason="takes minutes in plain Python")
KERNEL = Path(kpal_format.__file__).with_name("kernel.py")


def load_plain() -> ModuleType:
    """Load kernel.py as if Cython were not installed and nothing were compiled."""
    spec = importlib.util.spec_from_file_location("kpal_format.plain_kernel", KERNEL)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "cython", None)
        spec.loader.exec_module(module)
    return module


plain = load_plain()
