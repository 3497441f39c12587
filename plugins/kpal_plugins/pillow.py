"""The Pillow plugin: `Image.open("x.kpal")` and `image.save("x.kpal")`.

Images open in mode P, with `info["transparency"]` where the palette has alpha, so that nothing is lost. Opening
reads the head of the file and no pixel, as Pillow's check for decompression bombs comes after `_open`; the checksum
of the whole file is verified when the pixels, or by `crop` a part of them, are loaded.
`ImageFile.LOAD_TRUNCATED_IMAGES` is honoured: what a file that was cut off still holds is shown, the rest is the
palette's first colour.

One image may be cropped, loaded and converted by any number of threads and forked processes at the same time: one of
them loads it, and the file is read without a position of its own.

Once registered, whatever reads through Pillow (imageio, scikit-image, matplotlib) reads the format.
"""

from __future__ import annotations

import inspect
from typing import IO, Any, Final

from PIL import Image, ImageFile, ImagePalette

from kpal_format import (
    EXTENSION,
    MAGIC,
    MIME,
    DamagedError,
    Lock,
    Metadata,
    Reader,
    decode_indexed,
    decode_truncated,
    head_of,
    load_module,
    read_all,
    verify,
)
from kpal_format.indexed import describe

FORMAT: Final = "KPAL"

_DECODER: Final = "kpal"
_METADATA_OPTIONS: Final = ("icc_profile", "exif", "xmp", "text", "dpi")


class KpalImageFile(ImageFile.ImageFile):
    """A `.kpal` file. `info` holds what it carries of icc_profile, exif, xmp, text (a dict) and dpi."""

    format = FORMAT
    format_description = "kpal palette image"

    _lock: Lock  # of loading, and of what loading closes
    _reader: Reader | None = None  # for crops, from the first one on

    def _open(self) -> None:
        assert self.fp is not None  # Pillow has opened it
        self._lock = Lock()
        head = head_of(self.fp)
        palette = head.palette()
        self._size = (head.width, head.height)
        self._mode = "P"
        self.palette = ImagePalette.raw("RGB", palette[:, :3].tobytes())
        if head.channels == 4:
            self.info["transparency"] = palette[:, 3].tobytes()
        self.info.update(_to_info(head.metadata()))
        self.tile = [ImageFile._Tile(_DECODER, (0, 0, *self._size), 0, ())]

    def crop(self, box: tuple[float, float, float, float] | None = None) -> Image.Image:
        """A part of the image, as Pillow crops; before the whole is loaded, only what the part takes is decoded."""
        if box is None or not self.tile or ImageFile.LOAD_TRUNCATED_IMAGES:
            return super().crop(box)
        x0, y0, x1, y1 = (round(value) for value in box)
        if not (0 <= x0 < x1 <= self.width and 0 <= y0 < y1 <= self.height):  # which Pillow fills up
            return super().crop(box)
        with self._lock:
            if not self.tile or self.fp is None:  # loaded meanwhile by another thread, or closed
                return super().crop(box)
            if self._reader is None:
                self._reader = Reader(self.fp, max_pixels=self.width * self.height)
            decode = self._reader.fetch((x0, y0, x1, y1))
        part = Image.frombytes("P", (x1 - x0, y1 - y0), decode().indices.tobytes())
        with self._lock:
            if not self.tile:  # loaded meanwhile by another thread, and the palette is part of Pillow's own image
                return super().crop(box)
            return self._new(part.im)

    def load(self) -> Any:
        """Decodes the pixels, once, whoever asks."""
        with self._lock:
            pixels = super().load()
            self._reader = None
            return pixels

    def __setstate__(self, state: list[Any]) -> None:
        self._lock = Lock()
        super().__setstate__(state)

    def load_seek(self, pos: int) -> None:
        """Nothing: the decoder finds its way. That this exists tells `ImageFile.Parser` to collect all bytes first."""

    def verify(self) -> None:
        """Check framing and checksum of the whole file, without decoding; raises KpalError."""
        with self._lock:
            if self.fp is None:
                raise RuntimeError("verify must be called directly after open")
            verify(read_all(self.fp))
            super().verify()


class KpalDecoder(ImageFile.PyDecoder):
    """Reads the file from its start and hands Pillow the indices."""

    _pulls_fd = True

    def decode(self, buffer: Any) -> tuple[int, int]:
        assert self.fd is not None
        width, height = self.state.xsize, self.state.ysize
        read = decode_truncated if ImageFile.LOAD_TRUNCATED_IMAGES else decode_indexed
        image = read(read_all(self.fd), max_pixels=width * height)
        if image.indices.shape != (height, width):
            raise DamagedError("the file was changed after it was opened")
        self.set_as_raw(image.indices.tobytes(), "P")
        return -1, 0


def _to_info(metadata: Metadata) -> dict[str, Any]:
    info: dict[str, Any] = {"icc_profile": metadata.icc_profile, "exif": metadata.exif, "xmp": metadata.xmp}
    info["text"] = dict(metadata.text)
    info["dpi"] = metadata.dpi
    return {key: value for key, value in info.items() if value}


def _save(image: Image.Image, fp: IO[bytes], filename: str | bytes) -> None:
    encode = load_module("kpal.codec").encode
    from kpal.color_management import rgb_profile_of
    from kpal.icc_profiles import color_space
    from kpal.metadata import density_of

    # Pillow ignores options that a plugin does not ask for, so a misspelt one has to be found here. All is checked and
    # encoded before the first byte is written.
    ours = [name for name in inspect.signature(encode).parameters if name not in ("pixels", "metadata")]
    known = (*ours, *_METADATA_OPTIONS)
    if unknown := sorted(set(image.encoderinfo) - set(known)):
        raise TypeError(f"unknown save options for {FORMAT}: {', '.join(unknown)}; there are {', '.join(known)}")
    # None is "as by default", but for the ICC profile: there it says to leave out the one that the image has.
    options = {key: value for key, value in image.encoderinfo.items() if value is not None or key == "icc_profile"}
    exif, xmp, dpi = options.get("exif"), options.get("xmp"), options.get("dpi")
    density = density_of(dpi)
    if dpi is not None and density is None:
        raise ValueError(f"dpi must be two positive numbers, not {describe(dpi)}")
    profile = options["icc_profile"] if "icc_profile" in options else rgb_profile_of(image)
    if isinstance(profile, bytes) and color_space(profile) != b"RGB ":  # of the image, but not of the RGB made of it
        image = image.copy()
        image.info["icc_profile"] = profile
        profile = rgb_profile_of(image)
    metadata = Metadata(
        icc_profile=profile,
        exif=exif.tobytes() if isinstance(exif, Image.Exif) else exif,
        xmp=xmp.encode() if isinstance(xmp, str) else xmp,
        text=options.get("text", {}),
        density=density,
    )
    fp.write(encode(image, metadata=metadata, **{key: options[key] for key in ours if key in options}))


def register() -> None:
    """Teach Pillow the format. Importing this module does it, and so does `import kpal`; again does no harm."""
    Image.register_open(FORMAT, KpalImageFile, lambda prefix: prefix.startswith(MAGIC))
    Image.register_save(FORMAT, _save)
    Image.register_extension(FORMAT, EXTENSION)
    Image.register_mime(FORMAT, MIME)
    Image.register_decoder(_DECODER, KpalDecoder)


register()
