"""kpal: images of few colours in about as few bytes as they can take, in Pillow and out of it.

    import kpal
    data = kpal.encode(pixels, colors=64)      # an array or a Pillow image -> bytes
    pixels = kpal.decode(data)                 # bytes -> uint8 (h, w, 3 or 4)

Importing it also teaches Pillow the format: `Image.open("x.kpal")`, `image.save("x.kpal")`.
"""

from typing import TYPE_CHECKING, Any, Final

import kpal_plugins.pillow  # noqa: F401  # which registers the format
from kpal_format import (
    CODERS,
    DamagedError,
    IndexedImage,
    Info,
    KpalError,
    LimitError,
    Metadata,
    TruncatedError,
    UnsupportedError,
    decode_indexed,
    inspect,
)
from kpal_format import load_module as _load_module

__version__ = "0.1.0"

__all__ = [
    "CODERS",
    "DamagedError",
    "IndexedImage",
    "Info",
    "KMeans",
    "KpalError",
    "KpalWarning",
    "LimitError",
    "Metadata",
    "PaletteError",
    "Report",
    "TruncatedError",
    "UnreachableError",
    "UnsupportedError",
    "decode",
    "decode_indexed",
    "encode",
    "inspect",
    "metadata_of",
    "open_reader",
    "open_writer",
    "quantize",
    "read_palette",
    "shared_palette",
    "write_palette",
]

if TYPE_CHECKING:
    from .codec import decode, encode
    from .errors import KpalWarning, UnreachableError
    from .kmeans import KMeans
    from .measure import Report
    from .metadata import metadata_of
    from .palette_files import PaletteError, read_palette, write_palette
    from .quantizer import quantize
    from .shared import shared_palette
    from .streams import open_reader, open_writer
else:
    # Loaded on first use: most programs that import kpal only want Pillow to open a file.
    _LATER: Final = {
        "KMeans": "kmeans",
        "KpalWarning": "errors",
        "PaletteError": "palette_files",
        "Report": "measure",
        "UnreachableError": "errors",
        "decode": "codec",
        "encode": "codec",
        "metadata_of": "metadata",
        "open_reader": "streams",
        "open_writer": "streams",
        "quantize": "quantizer",
        "read_palette": "palette_files",
        "shared_palette": "shared",
        "write_palette": "palette_files",
    }

    def __getattr__(name: str) -> Any:
        if name not in _LATER:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(_load_module(f"{__name__}.{_LATER[name]}"), name)
        globals()[name] = value
        return value

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
