"""Image files with features that Pillow does not write: PNG chunks, orientations, ICC profiles; all built by hand."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, PngImagePlugin, TiffImagePlugin

# --- PNG


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_with(image: Image.Image, *chunks: bytes) -> bytes:
    """The image as a PNG file with these chunks before its pixels."""
    data = saved(image, "PNG")
    return data[:33] + b"".join(chunks) + data[33:]


def gama(value: int) -> bytes:
    return chunk(b"gAMA", struct.pack(">I", value))


def chrm(white: tuple[float, float], *primaries: tuple[float, float]) -> bytes:
    numbers = [round(100_000 * value) for pair in (white, *primaries) for value in pair]
    return chunk(b"cHRM", struct.pack(">8I", *numbers))


def cicp(*code_points: int) -> bytes:
    return chunk(b"cICP", bytes(code_points))


def saved(image: Image.Image, format: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


# --- orientation


def exif_block(orientation: int, *, order: str = "MM", prefix: bool = True, kind: int = 3) -> bytes:
    """An Exif block with a maker and an orientation of TIFF type `kind`."""
    end = ">" if order == "MM" else "<"
    number = {1: "B3x", 3: "H2x", 4: "I", 8: "h2x", 9: "i"}[kind]
    block = order.encode() + struct.pack(end + "HIH", 42, 8, 2)
    block += struct.pack(end + "HHI4s", 0x010F, 2, 4, b"Cam\0")
    block += struct.pack(end + "HHI" + number, 0x0112, kind, 1, orientation) + bytes(4)
    return b"Exif\0\0" * prefix + block


def xmp_packet(orientation: int, *, element: bool = False, prefix: str = "tiff", quote: str = '"') -> bytes:
    namespace = f"xmlns:{prefix}={quote}http://ns.adobe.com/tiff/1.0/{quote}"
    if element:
        inner = (
            f"<rdf:Description {namespace}><{prefix}:Orientation>{orientation}</{prefix}:Orientation></rdf:Description>"
        )
    else:
        inner = f"<rdf:Description {namespace} {prefix}:Orientation={quote}{orientation}{quote}/>"
    rdf = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
    return f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{rdf}">{inner}</rdf:RDF></x:xmpmeta>'.encode()


def sign() -> Image.Image:
    """A picture that looks different in each orientation: 24 x 16 pixels, with colours in three of four corners."""
    pixels = np.full((16, 24, 3), 255, np.uint8)
    pixels[:8, :8], pixels[8:, :8], pixels[:8, 16:] = (255, 0, 0), (0, 0, 255), (0, 128, 0)
    return Image.fromarray(pixels)


def turned_file(format: str, exif: bytes | None = None, xmp: bytes | None = None) -> bytes:
    """`sign` as a file of this format with these metadata; a TIFF file gets only the orientation of the Exif block."""
    options: dict[str, Any] = {}
    if format == "PNG":
        options["pnginfo"] = PngImagePlugin.PngInfo()
        if xmp:
            options["pnginfo"].add_itxt("XML:com.adobe.xmp", xmp.decode())
    elif format == "TIFF":
        options["tiffinfo"] = tags = TiffImagePlugin.ImageFileDirectory_v2()
        if xmp:
            tags[700] = xmp
        if exif:
            block = Image.Exif()
            block.load(exif)
            tags[274] = block[274]
    elif xmp:
        options["xmp"] = xmp
    if exif and format != "TIFF":
        options["exif"] = exif
    if format == "JPEG":
        options |= {"quality": 95, "subsampling": 0}
    elif format == "WEBP":
        options["lossless"] = True
    return saved(sign(), format, **options)


# --- ICC profiles


def s15fixed16(*values: float) -> bytes:
    return struct.pack(f">{len(values)}i", *(round(65536 * value) for value in values))


def icc_profile(space: bytes, tags: dict[bytes, bytes], *, pcs: bytes = b"XYZ ") -> bytes:
    """A version 2 profile with these tags and the required ones."""
    tags = {
        b"desc": b"desc\0\0\0\0\0\0\0\x02x\0" + bytes(78),
        b"cprt": b"text\0\0\0\0x\0",
        b"wtpt": b"XYZ \0\0\0\0" + s15fixed16(0.9642, 1, 0.8249),
        **tags,
    }
    start, body, table = 132 + 12 * len(tags), b"", struct.pack(">I", len(tags))
    for signature, data in tags.items():
        table += struct.pack(">4sII", signature, start + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    kind = b"prtr" if space == b"CMYK" else b"mntr"
    head = struct.pack(">I4xI4s4s4s12x4s28x", start + len(body), 0x02400000, kind, space, pcs, b"acsp")
    return head + s15fixed16(0.9642, 1, 0.8249) + bytes(48) + table + body


def gray_profile(gamma: float, *, pcs: bytes = b"XYZ ") -> bytes:
    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(256 * gamma))
    return icc_profile(b"GRAY", {b"kTRC": curve}, pcs=pcs)


def gray_table_profile() -> bytes:
    """A gray profile with a table from gray values to L*, as scanners have."""

    def to_lab(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.stack((100 * values[:, 0] ** 0.7, 0 * values[:, 0], 0 * values[:, 0]), 1)

    return icc_profile(b"GRAY", {b"A2B0": _table(1, 33, to_lab)}, pcs=b"Lab ")


def cmyk_profile() -> bytes:
    """A CMYK profile of inks quite unlike the inks that Pillow assumes."""

    def to_lab(inks: NDArray[np.float64]) -> NDArray[np.float64]:
        c, m, y, k = inks.T
        light = 100 * (1 - 0.3 * c - 0.45 * m - 0.1 * y).clip(0) * (1 - 0.9 * k)
        return np.stack((light, (-40 * c + 75 * m - 5 * y) * (1 - k), (-45 * c - 10 * m + 90 * y) * (1 - k)), 1)

    return icc_profile(b"CMYK", {b"A2B0": _table(4, 9, to_lab)}, pcs=b"Lab ")


def _table(channels: int, points: int, to_lab: Callable[[NDArray[np.float64]], NDArray[np.float64]]) -> bytes:
    """The data of a tag of type lut16 (ICC.1, 10.10)."""
    axes = np.meshgrid(*[np.linspace(0, 1, points)] * channels, indexing="ij")
    lab = to_lab(np.stack(axes, -1).reshape(-1, channels))
    values = np.stack((lab[:, 0] * 652.8, (lab[:, 1] + 128) * 256, (lab[:, 2] + 128) * 256), 1)
    head = b"mft2\0\0\0\0" + bytes((channels, 3, points, 0)) + s15fixed16(1, 0, 0, 0, 1, 0, 0, 0, 1)
    ramp = struct.pack(">HH", 0, 65535)
    table = np.round(values).clip(0, 65535).astype(">u2").tobytes()
    return head + struct.pack(">HH", 2, 2) + ramp * channels + table + ramp * 3
