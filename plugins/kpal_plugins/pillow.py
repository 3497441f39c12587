"""The Pillow plugin: `Image.open("x.kpal")` and `image.save("x.kpal")`.

Images open losslessly, in mode P; alpha of the palette is in `info["transparency"]`. Opening reads only the head of the
file, because Pillow's check for decompression bombs comes after `_open`. The checksum of the whole file is verified
when pixels are loaded, or when `crop` loads some of them. `ImageFile.LOAD_TRUNCATED_IMAGES` is honoured: a truncated
file loads as far as possible, and the remaining pixels have the palette's first colour.

Any number of threads and forked processes may crop, load and convert one image at the same time: one of them loads it,
and reading does not depend on the file's position.

Once the plugin is registered, libraries that read images through Pillow (imageio, scikit-image, matplotlib) read the
format.
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
    """A `.kpal` file. `info` holds its metadata, if present: icc_profile, exif, xmp, text (a dict) and dpi."""

    format = FORMAT
    format_description = "kpal palette image"

    _lock: Lock  # guards loading, and the file and reader that loading closes
    _reader: Reader | None = None  # created by the first crop

    def _open(self) -> None:
        assert self.fp is not None  # Pillow has opened the file
        self._lock = Lock()
        head = head_of(self.fp)
        palette = head.palette()
        self._size = (head.width, head.height)
        self._mode = "P"
        self.palette = ImagePalette.raw("RGB", palette[:, :3].tobytes())
        if head.channels == 4:
            self.info["transparency"] = palette[:, 3].tobytes()
        self.info.update(head.metadata().as_info())
        self.tile = [ImageFile._Tile(_DECODER, (0, 0, *self._size), 0, ())]

    def crop(self, box: tuple[float, float, float, float] | None = None) -> Image.Image:
        """Crops as Pillow does, but decodes only the tiles needed if the image is not loaded yet."""
        if box is None or not self.tile or ImageFile.LOAD_TRUNCATED_IMAGES:
            return super().crop(box)
        x0, y0, x1, y1 = (round(value) for value in box)
        if not (0 <= x0 < x1 <= self.width and 0 <= y0 < y1 <= self.height):  # Pillow pads such crops
            return super().crop(box)
        with self._lock:
            if not self.tile or self.fp is None:  # another thread has loaded or closed the image
                return super().crop(box)
            if self._reader is None:
                self._reader = Reader(self.fp, max_pixels=self.width * self.height)
            decode = self._reader.fetch((x0, y0, x1, y1))
        part = Image.frombytes("P", (x1 - x0, y1 - y0), decode().indices.tobytes())
        with self._lock:
            if not self.tile:  # another thread has loaded the image, which changes where Pillow keeps the palette
                return super().crop(box)
            return self._new(part.im)

    def load(self) -> Any:
        """Decodes the pixels, once for all threads."""
        with self._lock:
            pixels = super().load()
            self._reader = None
            return pixels

    def __setstate__(self, state: list[Any]) -> None:
        self._lock = Lock()
        super().__setstate__(state)

    def load_seek(self, pos: int) -> None:
        """Does nothing; that the method exists makes `ImageFile.Parser` collect the whole file before decoding."""

    def verify(self) -> None:
        """Checks framing and checksum of the whole file without decoding pixels; raises KpalError."""
        with self._lock:
            if self.fp is None:
                raise RuntimeError("verify must be called directly after open")
            verify(read_all(self.fp))
            super().verify()


class KpalDecoder(ImageFile.PyDecoder):
    """Decodes the whole file and passes the indices to Pillow."""

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


def _save(image: Image.Image, fp: IO[bytes], filename: str | bytes) -> None:
    encode = load_module("kpal.codec").encode
    from kpal.image_files.color_management import rgb_profile_of
    from kpal.image_files.icc_profiles import color_space
    from kpal.image_files.metadata import density_of

    # Pillow ignores options that a plugin does not read, so misspelt options must be detected here. Everything is
    # checked and encoded before the first byte is written.
    ours = [name for name in inspect.signature(encode).parameters if name not in ("pixels", "metadata")]
    known = (*ours, *_METADATA_OPTIONS)
    if unknown := sorted(set(image.encoderinfo) - set(known)):
        raise TypeError(f"unknown save options for {FORMAT}: {', '.join(unknown)}; there are {', '.join(known)}")
    # None means the default, except that icc_profile=None omits the image's ICC profile.
    options = {key: value for key, value in image.encoderinfo.items() if value is not None or key == "icc_profile"}
    exif, xmp, dpi = options.get("exif"), options.get("xmp"), options.get("dpi")
    density = density_of(dpi)
    if dpi is not None and density is None:
        raise ValueError(f"dpi must be two positive numbers, not {describe(dpi)}")
    profile = options["icc_profile"] if "icc_profile" in options else rgb_profile_of(image)
    if isinstance(profile, bytes) and color_space(profile) != b"RGB ":  # does not describe the converted RGB pixels
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
    """Registers the format with Pillow. Importing this module or `kpal` calls it; repeated calls are harmless."""
    Image.register_open(FORMAT, KpalImageFile, lambda prefix: prefix.startswith(MAGIC))
    Image.register_save(FORMAT, _save)
    Image.register_extension(FORMAT, EXTENSION)
    Image.register_mime(FORMAT, MIME)
    Image.register_decoder(_DECODER, KpalDecoder)


register()
