"""The decoder in JavaScript reads and refuses what it must: the vectors, and files of today's encoder."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from ..kernels import with_compiler
from . import random_files

PACKAGE = Path(__file__).parents[2] / "plugins" / "web"
NODE = shutil.which("node")


@with_compiler
@pytest.mark.skipif(NODE is None, reason="node is not installed")
@pytest.mark.skipif(not PACKAGE.exists(), reason="the sources of the decoder are not here")
def test_javascript_agrees_about_all_vectors_and_random_files(tmp_path: Path) -> None:
    random_files.main(tmp_path)
    assert NODE is not None
    done = subprocess.run(
        [NODE, "--test", "--test-reporter=dot", "test/vectors.test.js"],
        cwd=PACKAGE,
        env={**os.environ, "KPAL_RANDOM_FILES": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
