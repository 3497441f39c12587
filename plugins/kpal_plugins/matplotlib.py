"""The canvas that matplotlib draws on for `figure.savefig("x.kpal")`.

matplotlib loads this module for the first such file, once on_import.py has registered the format.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO, Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from PIL import Image

from .pillow import FORMAT


class FigureCanvas(FigureCanvasAgg):
    """Agg's canvas, which also writes `.kpal` files."""

    def print_kpal(
        self,
        filename_or_obj: str | IO[bytes],
        *,
        metadata: Mapping[str, Any] | None = None,
        pil_kwargs: Mapping[str, Any] | None = None,
        dpi: object = None,  # matplotlib has applied these, and passes them to canvases that are not its own
        facecolor: object = None,
        edgecolor: object = None,
        orientation: object = None,
        bbox_inches_restore: object = None,
    ) -> None:
        """Draws the figure and writes it to a file, whose resolution is that of the figure.

        metadata: texts by keyword, as for PNG; None as a value leaves its keyword out.
        pil_kwargs: options of `image.save`, such as `colors`.
        """
        self.draw()  # type: ignore[no-untyped-call]
        image = Image.fromarray(np.asarray(self.buffer_rgba()))  # type: ignore[no-untyped-call]
        text = {key: _as_text(value) for key, value in (metadata or {}).items() if value is not None}
        options: dict[str, Any] = {"format": FORMAT, "dpi": (self.figure.dpi, self.figure.dpi), "text": text}
        image.save(filename_or_obj, **{**options, **(pil_kwargs or {})})


def _as_text(value: Any) -> Any:
    return value.decode("latin-1") if isinstance(value, bytes) else value  # as in PNG
