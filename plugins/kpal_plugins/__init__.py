"""Plugins for programs that open the `.kpal` format, one module for each host."""

from __future__ import annotations

import mimetypes

from kpal_format import EXTENSION, MIME


def register() -> None:
    """Register the format with Pillow, matplotlib, imageio and `mimetypes`.

    `import kpal` does it; repeated calls are harmless. For worker processes that start afresh, pass it as the
    initializer: `ProcessPoolExecutor(mp_context=get_context("spawn"), initializer=kpal.register)`.
    """
    from . import on_import, pillow

    pillow.register()
    on_import.register()
    mimetypes.add_type(MIME, EXTENSION)
