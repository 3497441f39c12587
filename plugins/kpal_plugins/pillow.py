"""The Pillow plugin: `Image.open("x.kpal")` and `image.save("x.kpal")`.

Images open losslessly, in mode P; alpha of the palette is in `info["transparency"]`, in the form in which Pillow's PNG
plugin has it, and until the pixels are loaded also in the palette, whose mode is then RGBA. Opening reads only the head
of the file, because Pillow's check for decompression bombs comes after `_open`. Checksums are verified when pixels are
loaded, by `crop` only those of the tiles that it decodes. `ImageFile.LOAD_TRUNCATED_IMAGES` means `on_error="skip"`:
damaged and missing tiles have the palette's first colour, and a KpalWarning names them.

Any number of threads and forked processes may crop, load and convert one image at the same time: one of them loads it,
and reading does not depend on the file's position.

Once the plugin is registered, libraries that read images through Pillow (imageio, scikit-image, matplotlib) read the
format.
"""

from __future__ import annotations

import dataclasses
import inspect
import warnings
from collections.abc import Collection, Mapping
from typing import IO, Any, Final

from PIL import Image, ImageFile, ImagePalette

from kpal_format import (
    EXTENSION,
    MAGIC,
    MIME,
    U8,
    DamagedError,
    Lock,
    Metadata,
    OnError,
    Reader,
    head_of,
    load_module,
)
from kpal_format.indexed import describe

FORMAT: Final = "KPAL"

_DECODER: Final = "kpal"
_METADATA_OPTIONS: Final = ("icc_profile", "exif", "xmp", "text", "dpi")
# Options that the savers of other formats take, and generic callers pass to all of them. None changes what kpal does.
_OTHER_FORMATS: Final = frozenset(
    {
        # PNG, JPEG and WebP
        *("optimize", "compress_level", "compress_type", "dictionary", "bits", "pnginfo", "interlace"),
        *("progressive", "progression", "subsampling", "qtables", "smooth", "streamtype", "keep_rgb", "comment"),
        *("restart_marker_blocks", "restart_marker_rows", "extra", "lossless", "method", "alpha_quality"),
        *("allow_mixed", "minimize_size", "kmin", "kmax", "transparency", "background", "include_color_table"),
        # AVIF, JPEG 2000, and JPEG XL and HEIF by other plugins
        *("range", "codec", "max_threads", "tile_rows", "tile_cols", "autotiling", "alpha_premultiplied", "advanced"),
        *("irreversible", "mct", "no_jp2", "num_resolutions", "offset", "plt", "precinct_size", "codeblock_size"),
        *("quality_mode", "quality_layers", "tile_offset", "tile_size", "cinema_mode", "signed"),
        *("effort", "distance", "decoding_speed", "lossless_jpeg", "num_threads", "use_container"),
        *("chroma", "save_nclx_profile", "primary_index", "matrix_coefficients", "enc_params"),
        # TIFF, TGA, SGI, BMP, ICO and PDF
        *("compression", "tiffinfo", "strip_size", "big_tiff", "rle", "orientation", "id_section", "bpc"),
        *("resolution", "resolution_unit", "x_resolution", "y_resolution", "software", "description", "artist"),
        *("copyright", "date_time", "sizes", "bitmap_format", "hotspot", "bpp", "title", "author"),
        # several frames
        *("append_images", "append", "duration", "loop", "disposal", "blend", "default_image", "frames"),
    }
)


class KpalImageFile(ImageFile.ImageFile):
    """A `.kpal` file. `info` holds its metadata, if present: icc_profile, exif, xmp, text (a dict) and dpi."""

    format = FORMAT
    format_description = "kpal palette image"

    _lock: Lock  # guards loading, and the file and reader that loading closes
    _reader: Reader | None = None  # created by the first crop
    _rgb: bytes  # the palette without alpha

    def _open(self) -> None:
        assert self.fp is not None  # Pillow has opened the file
        self._lock = Lock()
        head = head_of(self.fp)
        palette = head.palette()
        self._size = (head.width, head.height)
        self._mode = "P"
        # imageio decides by the mode of the palette whether an image has alpha. That of a loaded image is RGB, because
        # Pillow's GIF writer takes the bytes of an RGBA palette for RGB.
        self.palette = ImagePalette.ImagePalette("RGBA" if head.channels == 4 else "RGB", palette.tobytes())
        self._rgb = palette[:, :3].tobytes()
        if head.channels == 4:
            self.info["transparency"] = transparency(palette)
        self.info.update(_to_info(head.metadata()))
        self.tile = [ImageFile._Tile(_DECODER, (0, 0, *self._size), 0, ())]

    def crop(self, box: tuple[float, float, float, float] | None = None) -> Image.Image:
        """Crops as Pillow does, but decodes only the tiles needed if the image is not loaded yet."""
        if box is None or not self.tile:
            return super().crop(box)
        x0, y0, x1, y1 = (round(value) for value in box)
        if not (0 <= x0 < x1 <= self.width and 0 <= y0 < y1 <= self.height):  # Pillow pads such crops
            return super().crop(box)
        with self._lock:
            if not self.tile or self.fp is None:  # another thread has loaded or closed the image
                return super().crop(box)
            if self._reader is None:
                self._reader = Reader(self.fp, max_pixels=self.width * self.height, on_error=_on_error())
            decode = self._reader.fetch((x0, y0, x1, y1), on_error=_on_error())
        part = Image.frombytes("P", (x1 - x0, y1 - y0), decode().indices.tobytes())
        with self._lock:
            if not self.tile:  # another thread has loaded the image, which changes where Pillow keeps the palette
                return super().crop(box)
            part = self._new(part.im)
            part.palette = ImagePalette.raw("RGB", self._rgb)
            return part

    def load(self) -> Any:
        """Decodes the pixels, once for all threads."""
        with self._lock:
            if self.tile:
                self.palette = ImagePalette.raw("RGB", self._rgb)
            pixels = super().load()
            self._reader = None
            return pixels

    def __setstate__(self, state: list[Any]) -> None:
        self._lock = Lock()
        super().__setstate__(state)

    def load_seek(self, pos: int) -> None:
        """Does nothing; that the method exists makes `ImageFile.Parser` collect the whole file before decoding."""

    def verify(self) -> None:
        """Checks framing and checksums of the whole file without decoding pixels; raises KpalError."""
        with self._lock:
            if self.fp is None:
                raise RuntimeError("verify must be called directly after open")
            Reader(self.fp).verify()
            super().verify()


class KpalDecoder(ImageFile.PyDecoder):
    """Decodes the whole file and passes the indices to Pillow."""

    _pulls_fd = True

    def decode(self, buffer: Any) -> tuple[int, int]:
        assert self.fd is not None
        width, height = self.state.xsize, self.state.ysize
        image = Reader(self.fd, max_pixels=width * height, on_error=_on_error()).read()
        if image.indices.shape != (height, width):
            raise DamagedError("the file was changed after it was opened")
        self.set_as_raw(image.indices.tobytes(), "P")
        return -1, 0


def _on_error() -> OnError:
    return "skip" if ImageFile.LOAD_TRUNCATED_IMAGES else "raise"


def transparency(palette: U8) -> int | bytes:
    """What Pillow keeps in `info["transparency"]` for a palette with alpha, uint8 (k, 4).

    The index of the only entry that is not opaque, if that is clear; otherwise the alpha of every entry.
    """
    alpha: bytes = palette[:, 3].tobytes()
    return alpha.index(0) if sorted(alpha)[:2] in ([0], [0, 255]) else alpha


def _to_info(metadata: Metadata) -> dict[str, Any]:
    info: dict[str, Any] = {"icc_profile": metadata.icc_profile, "exif": metadata.exif, "xmp": metadata.xmp}
    info["text"] = dict(metadata.text)
    info["dpi"] = metadata.dpi
    return {key: value for key, value in info.items() if value}


def _save(image: Image.Image, fp: IO[bytes], filename: str | bytes) -> None:
    # Everything is checked and encoded before the first byte is written.
    encode = load_module("kpal.codec").encode
    ours = [name for name in inspect.signature(encode).parameters if name not in ("pixels", "metadata")]
    options = _checked(image.encoderinfo, ours)
    image, metadata = _with_metadata(image, {name: options[name] for name in _METADATA_OPTIONS if name in options})
    chosen = {name: options[name] for name in ours if options.get(name) is not None}
    fp.write(encode(image, metadata=metadata, **chosen))


def _save_all(image: Image.Image, fp: IO[bytes], filename: str | bytes) -> None:
    """Saves an image of one frame; raises ValueError for several, as generic callers ask every format for all."""
    if image.encoderinfo.pop("append_images", None) or getattr(image, "n_frames", 1) > 1:
        raise ValueError("a .kpal file holds one picture: save each frame to a file of its own")
    _save(image, fp, filename)


def _checked(options: Mapping[str, Any], ours: Collection[str]) -> dict[str, Any]:
    """The options that this plugin reads; warns of those of other formats, raises TypeError for any other name.

    Pillow's plugins ignore options that they do not read, which also hides misspelt ones.
    """
    known = (*ours, *_METADATA_OPTIONS)
    if unknown := sorted(set(options) - {*known, *_OTHER_FORMATS}):
        import difflib

        names = []
        for name in unknown:
            near = difflib.get_close_matches(name, (*known, *_OTHER_FORMATS), 1)
            names.append(f"{name} (did you mean {near[0]}?)" if near else name)
        raise TypeError(f"unknown save options for {FORMAT}: {', '.join(names)}; there are {', '.join(known)}")
    asked = (name for name, value in options.items() if value is not None and value is not False)
    if ignored := sorted(set(asked) - set(known)):
        from kpal.errors import KpalWarning

        message = f"save options of other formats, which {FORMAT} ignores: {', '.join(ignored)}"
        warnings.warn(message, KpalWarning, stacklevel=4)
    return {name: options[name] for name in options if name in known}


def _with_metadata(image: Image.Image, given: Mapping[str, Any]) -> tuple[Image.Image, Metadata]:
    """The image to encode, and its own metadata with those that are given in their place; None stands for none."""
    from kpal.image_files.color_management import rgb_profile_of
    from kpal.image_files.icc_profiles import color_space
    from kpal.image_files.metadata import carried, density_of

    parts: dict[str, Any] = {("density" if name == "dpi" else name): value for name, value in given.items()}
    if (dpi := parts.get("density")) is not None:
        parts["density"] = density_of(dpi)
        if parts["density"] is None:
            raise ValueError(f"dpi must be two positive numbers, not {describe(dpi)}")
    if isinstance(exif := parts.get("exif"), Image.Exif):
        parts["exif"] = exif.tobytes()
    if isinstance(xmp := parts.get("xmp"), str):
        parts["xmp"] = xmp.encode()
    if parts.get("text", ()) is None:
        parts["text"] = {}
    profile = parts.get("icc_profile")
    if isinstance(profile, bytes) and color_space(profile) != b"RGB ":  # does not describe the converted RGB pixels
        image = image.copy()
        image.info["icc_profile"] = profile
        parts["icc_profile"] = rgb_profile_of(image)
    return image, dataclasses.replace(carried(image, unneeded=parts), **parts)


def register() -> None:
    """Registers the format with Pillow. Importing this module or `kpal` calls it; repeated calls are harmless."""
    Image.register_open(FORMAT, KpalImageFile, lambda prefix: prefix.startswith(MAGIC))
    Image.register_save(FORMAT, _save)
    Image.register_save_all(FORMAT, _save_all)
    Image.register_extension(FORMAT, EXTENSION)
    Image.register_mime(FORMAT, MIME)
    Image.register_decoder(_DECODER, KpalDecoder)


register()
