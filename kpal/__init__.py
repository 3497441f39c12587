"""kpal: a compact image format for pictures of at most 256 colours, as a library and as a Pillow plugin.

    import kpal
    data = kpal.encode(pixels, colors=64)      # an array or a Pillow image -> bytes
    pixels = kpal.decode(data)                 # bytes -> uint8 (h, w, 3 or 4)

Importing kpal also registers the format with Pillow, `Image.open("x.kpal")` and `image.save("x.kpal")`, with
matplotlib, `figure.savefig("x.kpal")`, with imageio, and with `mimetypes`.
"""

from typing import TYPE_CHECKING, Any, Final

from kpal_format import (
    CODERS,
    DamagedError,
    IndexedImage,
    Info,
    KpalError,
    KpalWarning,
    LimitError,
    Metadata,
    TruncatedError,
    UnsupportedError,
    decode_indexed,
    inspect,
)
from kpal_format import load_module as _load_module
from kpal_plugins import register

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
    "Tally",
    "TruncatedError",
    "UnreachableError",
    "UnsupportedError",
    "decode",
    "decode_frames",
    "decode_indexed",
    "encode",
    "encode_frames",
    "frames_of",
    "inspect",
    "metadata_of",
    "open_reader",
    "open_writer",
    "quantize",
    "read_palette",
    "register",
    "shared_palette",
    "write_palette",
]

register()

if TYPE_CHECKING:
    from .animation import decode_frames, encode_frames
    from .clustering.kmeans import KMeans
    from .codec import decode, encode
    from .color.palette_files import PaletteError, read_palette, write_palette
    from .errors import UnreachableError
    from .image_files.frames import frames_of
    from .image_files.metadata import metadata_of
    from .metrics.report import Report
    from .quantizer import quantize
    from .quantizer.shared_palette import shared_palette
    from .quantizer.tally import Tally
    from .streaming import open_reader, open_writer
else:
    # Loaded on first use: most programs import kpal only to open a file with Pillow.
    _LATER: Final = {
        "KMeans": "clustering.kmeans",
        "PaletteError": "color.palette_files",
        "Report": "metrics.report",
        "Tally": "quantizer.tally",
        "UnreachableError": "errors",
        "decode": "codec",
        "decode_frames": "animation",
        "encode": "codec",
        "encode_frames": "animation",
        "frames_of": "image_files.frames",
        "metadata_of": "image_files.metadata",
        "open_reader": "streaming",
        "open_writer": "streaming",
        "quantize": "quantizer",
        "read_palette": "color.palette_files",
        "shared_palette": "quantizer.shared_palette",
        "write_palette": "color.palette_files",
    }

    def __getattr__(name: str) -> Any:
        if name not in _LATER:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(_load_module(f"{__name__}.{_LATER[name]}"), name)
        globals()[name] = value
        return value

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
