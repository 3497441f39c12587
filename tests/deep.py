"""Image files of 16 bits a channel: most are built by hand, as Pillow writes hardly any; some are by other encoders."""

from __future__ import annotations

import base64
import struct
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[Any]  # uint16 (h, w, c)

_PNG_KINDS = {1: 0, 2: 4, 3: 2, 4: 6}  # channels -> colour type
_ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))


def noise(height: int, width: int, channels: int, seed: int = 0) -> Samples:
    """Random samples, of far more than 256 colours unless the image is tiny."""
    random = np.random.default_rng((height, width, channels, seed))
    return random.integers(0, 65536, (height, width, channels)).astype(np.uint16)


def labels(height: int, width: int, channels: int = 1, count: int = 41) -> Samples:
    """Labels 0 to count - 1 in turn, equal in all channels."""
    numbers = (np.arange(height * width) % count).astype(np.uint16).reshape(height, width, 1)
    return np.repeat(numbers, channels, axis=2)


def png(samples: NDArray[Any], bits: int = 16, *, key: tuple[int, ...] = (), interlaced: bool = False) -> bytes:
    """A PNG file (third edition) of samples (h, w, c); rows have the filter Sub, which depends on the size of a pixel.

    key: the transparent colour.
    """
    height, width, channels = samples.shape
    passes = _ADAM7 if interlaced else ((0, 0, 1, 1),)
    rows = b"".join(
        _filtered(_packed(row, bits), max(1, channels * bits // 8))
        for x, y, across, down in passes
        for row in samples[y::down, x::across]
        if row.size
    )
    head = struct.pack(">IIBBBBB", width, height, bits, _PNG_KINDS[channels], 0, 0, interlaced)
    transparency = _chunk(b"tRNS", struct.pack(f">{len(key)}H", *key)) if key else b""
    data = _chunk(b"IHDR", head) + transparency + _chunk(b"IDAT", zlib.compress(rows)) + _chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + data


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _packed(row: NDArray[Any], bits: int) -> bytes:
    """The samples of a row as bytes, the first sample in the highest bits."""
    if bits == 16:
        return row.astype(">u2").tobytes()
    spread = (row.reshape(-1, 1) >> np.arange(bits - 1, -1, -1)) & 1
    return np.packbits(spread.astype(np.uint8)).tobytes()


def _filtered(row: bytes, pixel: int) -> bytes:
    before = bytes(pixel) + row
    return b"\1" + bytes((value - left) & 255 for value, left in zip(row, before, strict=False))


def tiff(
    samples: Samples,
    order: str = "<",
    *,
    bits: int = 16,
    photometric: int | None = None,
    planes: bool = False,
    deflated: bool = False,
    alpha: int = 2,
    orientation: int = 1,
) -> bytes:
    """A TIFF 6.0 file with one strip, or one strip for each plane.

    order: the byte order, "<" or ">".
    photometric: 1 for gray, 2 for RGB, 5 for CMYK; by default, gray for one channel and RGB for more.
    alpha: the meaning of a fourth channel of RGB: 1 for premultiplied alpha, 2 for straight alpha.
    orientation: 1 to 8, as in Exif.
    """
    height, width, channels = samples.shape
    if photometric is None:
        photometric = 1 if channels == 1 else 2
    stored = samples.transpose(2, 0, 1) if planes else samples[None]
    strips = [_packed(part, 12) if bits == 12 else part.astype(f"{order}u2").tobytes() for part in stored]
    if deflated:
        strips = [zlib.compress(strip) for strip in strips]
    tags = {
        256: [width],
        257: [height],
        258: [bits] * channels,
        259: [8 if deflated else 1],
        262: [photometric],
        274: [orientation],
        277: [channels],
        278: [height],
        279: [len(strip) for strip in strips],
        284: [2 if planes else 1],
    }
    if photometric == 2 and channels == 4:
        tags[338] = [alpha]
    at = 8
    data = b""
    offsets = []
    for strip in strips:
        offsets.append(at + len(data))
        data += strip + bytes(len(strip) % 2)
    tags[273] = offsets
    entries = b""
    for tag, values in sorted(tags.items()):
        packed = struct.pack(f"{order}{len(values)}I", *values)
        if len(values) > 1:
            offset, data = at + len(data), data + packed
            packed = struct.pack(f"{order}I", offset)
        entries += struct.pack(f"{order}HHI", tag, 4, len(values)) + packed
    start = at + len(data)
    head = (b"II" if order == "<" else b"MM") + struct.pack(f"{order}HI", 42, start)
    return head + data + struct.pack(f"{order}H", len(tags)) + entries + bytes(4)


def sgi(samples: Samples, *, packed: bool) -> bytes:
    """An SGI 1.0 file, planes from the bottom up; `packed` uses literal runs of up to 127 samples."""
    height, width, channels = samples.shape
    head = struct.pack(">HBBHHHH", 474, packed, 2, 2 if channels == 1 else 3, width, height, channels)
    rows = [row.astype(">u2") for plane in samples.transpose(2, 0, 1) for row in plane[::-1]]
    if not packed:
        return head.ljust(512, b"\0") + b"".join(row.tobytes() for row in rows)
    coded = [
        b"".join(
            struct.pack(">H", 0x80 | len(row[at : at + 127])) + row[at : at + 127].tobytes()
            for at in range(0, width, 127)
        )
        + bytes(2)
        for row in rows
    ]
    start = 512 + 8 * len(rows)
    starts = start + np.cumsum([0, *map(len, coded[:-1])])
    table = starts.astype(">u4").tobytes() + np.array([len(row) for row in coded], ">u4").tobytes()
    return head.ljust(512, b"\0") + table + b"".join(coded)


def ppm(samples: Samples, most: int = 65535, *, plain: bool = False) -> bytes:
    """A PPM file, or a PGM file for one channel, whose maximum value is `most`."""
    height, width, channels = samples.shape
    magic = {(1, False): "P5", (3, False): "P6", (1, True): "P2", (3, True): "P3"}[channels, plain]
    head = f"{magic}\n# by hand\n{width} {height}\n{most}\n".encode()
    return head + (" ".join(map(str, samples.ravel())).encode() if plain else samples.astype(">u2").tobytes())


# Files of 2 x 2 pixels of noise, encoded by OpenJPEG, libjxl and libavif.
JPEG2000_16 = base64.b85decode(
    "|4;u>051Rl000020000200000000000000200002000000000000R#J0S^HI4*>!HQUDA90003200aa80smY81VDiQWB?@q0Yh?SVRU6=AYyqSPjF>!N>"
    "D{dAa-SPb7^mGATlmBE;Rp;015yA0000q00IA#&-^eX3{)~;EQg7UC*SyxKn#g)$=2;|Uf=kTNDOaEcpP~>2!H?C"
)
JPEG2000_12_GRAY = base64.b85decode(  # samples 0, 2048, 4095 and 77
    "|4;u>04V?f0000200002000000000000002000020000000000009dD0sm3}3;+NC0RR951ONg5TmS?>VE<$QB>(|Ka%Ew3Wn>^?c_2@4Wo}APMMofZWpZ<A"
    "Z*CwmE;TMR|BwI*0000002u%Q|C8U~AO~;-)6VMufB)G"
)
JPEG_XL_16 = base64.b85decode(
    "0000CN?1%F4GM<}0000KW^{RQYItlQ00000YItlQ00009YItmH3IG5ALTY$yWB&>W5c~iXEdmGx0RXH3OBjn43atRTV-EljQR2Tq5CH6qc)6W!-avm"
    "L7=enp{r%0nn&%c_euD}"
)
JPEG_XL_16_GRAY_ALPHA = base64.b85decode(
    "0000CN?1%F4GM<}0000KW^{RQYItlQ00000YItlQ00009YItmH3IG5AI%;@qWB&>W5c~*!0E!j?2oMkegaAtzixol&*th`)>kAwJ7yyPwRz`GXsI{;"
    "mb?w1m)dwv"
)
AVIF_10 = base64.b85decode(
    "0000WW^{RQVRmU|00000VRmU|ZE0pPZE0a<O+hh10002%ZDn*}000000000XXk=`10000000000aA{+7000000000000000000004sdC7Z2$lO00031"
    "0016oY;R)#0000)000310RR910RR926951J!2kdNC~0YKW&i*H00031000_kZf0cy000000RRADb}%tRZ)|UJ00000YH4tCZ~y=ROKEUpZvX%Q6lrsC"
    "WdHyG000000ssI20ssI25O8UDX#fBK00RmN3IG5A3}JRLLxCVb000006Ju{|a&BX6cmM(b0ssJj0000NX>e^}0000000001009I60)qqq007BtWMOm?"
    "015{<05&inAPF+F0T2KH0wq8H|N9Y)KpLQ1t3Ar9A3Wl!fo`Rzj-1oZDyoOhoYSW?>CHNGPMp)Tt@GuooMutRWgCk86quuhj5t`svN*l}|NsC0|Neg9"
    "yn~?UCOO?CTlCxVGo8zC+xGpxaZRa&I+-u9OY9RGgJ#LBl!-~MN?-r~|K)RTwi8oj$ll!fSFS|wsXOfY=JYUJ`B$!Qu5Yeyu5Yeyu5)xUfQvW?vw*t"
    "sCg>145IPk="
)
