"""Thumbnails of `.kpal` files, as the freedesktop.org thumbnail specification wants them.

The image is read in bands of rows and reduced band by band, so a picture larger than memory has a thumbnail too.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final
from urllib.parse import quote_from_bytes, unquote_to_bytes, urlsplit

import numpy as np
from PIL import Image, PngImagePlugin

from kpal_format import MIME, U8, Reader, beyond_limit, look_up

from .color_management import in_srgb
from .orientation import orientation_of, turned

MAX_PIXELS: Final = 1 << 30  # of the picture; decoding takes up to a second for each million

_BAND: Final = 1 << 20  # pixels that are looked up and reduced at a time
_GAP: Final = 2  # averaging leaves an image at least this many times as wide and high as the thumbnail
_BLOCK: Final = 64  # the largest width and height of a block to average; Pillow is less exact on larger ones
_UNESCAPED: Final = "!$&'()*+,:=@/~"  # the characters that GLib leaves alone in the URI of a path, beside letters


def thumbnail(file: IO[bytes], size: int, *, max_pixels: int | None = MAX_PIXELS) -> tuple[Image.Image, dict[str, str]]:
    """The picture in a `.kpal` file, reduced to fit into `size` times `size` pixels, and texts for the PNG.

    The image has mode RGBA; it is upright, in sRGB, and never larger than the picture. The texts are the type, width
    and height of the picture, by their names in the specification.

    file: a seekable binary file. Raises KpalError for an invalid file, and LimitError (a KpalError) for a picture of
    more than `max_pixels`, None for no limit.
    """
    reader = Reader(file)
    width, height = reader.width, reader.height
    if max_pixels is not None and width * height > max_pixels:
        raise beyond_limit(width, height, max_pixels)
    scale = min(1, size / max(width, height))
    target = max(1, round(width * scale)), max(1, round(height * scale))
    image = _reduced(reader, target)
    texts = {"Thumb::Mimetype": MIME, "Thumb::Image::Width": str(width), "Thumb::Image::Height": str(height)}
    return turned(image, orientation_of(reader.metadata)), texts


def identity(path: Path) -> dict[str, str]:
    """The texts by which desktops match a thumbnail with its file: URI, modification time and size."""
    status = path.stat()
    return {"Thumb::URI": uri_of(path), "Thumb::MTime": str(int(status.st_mtime)), "Thumb::Size": str(status.st_size)}


def write_png(image: Image.Image, texts: dict[str, str], file: IO[bytes]) -> None:
    """Writes the thumbnail with its texts."""
    info = PngImagePlugin.PngInfo()
    for name, text in texts.items():
        info.add_text(name, text)
    image.save(file, "PNG", pnginfo=info)


def uri_of(path: Path) -> str:
    """The `file:` URI of a path, escaped as GLib does, because desktops find a thumbnail by the hash of its URI."""
    if os.name == "nt":
        return path.absolute().as_uri()
    return "file://" + quote_from_bytes(os.fsencode(path.absolute()), _UNESCAPED)


def path_of(name: str) -> Path:
    """The path of a file that is named by its path or its `file:` URI.

    Raises ValueError for a URI that names no file of this machine.
    """
    if not name.lower().startswith("file:/"):
        return Path(name)
    parts = urlsplit(name)
    path = os.fsdecode(unquote_to_bytes(parts.path))
    if parts.netloc not in ("", "localhost") or parts.query or parts.fragment or "\0" in path:
        raise ValueError("the URI does not name a file of this machine")
    return Path(path.removeprefix("/") if os.name == "nt" else path)  # /C:/pictures


def _reduced(reader: Reader, target: tuple[int, int]) -> Image.Image:
    """The image in mode RGBA, averaged over blocks of pixels and then resized to `target`, its width and height."""
    palette = _shown(reader)
    size = reader.width, reader.height
    across, down = (max(1, min(_BLOCK, pixels // (_GAP * wanted))) for pixels, wanted in zip(size, target, strict=True))
    reduced = Image.new("RGBA", (-(-reader.width // across), -(-reader.height // down)))
    for top, indices in _bands(reader, down):
        band = Image.fromarray(look_up(palette, indices))
        reduced.paste(band.reduce((across, down)), (0, top // down))
    covered = reader.width / across, reader.height / down  # the last column and row of blocks may be partial
    return reduced.resize(target, Image.Resampling.BICUBIC, (0, 0, *covered))


def _shown(reader: Reader) -> U8:
    """The palette as RGBA in sRGB."""
    palette = reader.palette
    colors = np.asarray(in_srgb(Image.fromarray(palette[None, :, :3]), reader.metadata.icc_profile))[0]
    alpha = palette[:, 3:] if palette.shape[1] == 4 else np.full((len(palette), 1), 255, np.uint8)
    return np.hstack((colors, alpha))


def _bands(reader: Reader, multiple: int) -> Iterator[tuple[int, U8]]:
    """The indices in bands of rows from the top, each with the number of its first row.

    All bands but the last have a multiple of `multiple` rows.
    """
    most = max(1, _BAND // (reader.width * multiple)) * multiple
    top, held = 0, np.empty((0, reader.width), np.uint8)
    for rows in reader.rows():
        held = np.concatenate((held, rows))
        last = top + len(held) == reader.height
        while len(held) >= multiple or (last and len(held)):
            count = min(most, len(held) if last else len(held) // multiple * multiple)
            yield top, held[:count]
            top, held = top + count, held[count:]
