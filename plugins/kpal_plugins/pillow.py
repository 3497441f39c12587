"""The Pillow plugin: `Image.open("x.kpal")` and `image.save("x.kpal")`.

Images open losslessly, in mode P; alpha of the palette is in `info["transparency"]`, in the form in which Pillow's PNG
plugin has it, and until the pixels are loaded also in the palette, whose mode is then RGBA. Opening reads only the head
of the file, because Pillow's check for decompression bombs comes after `_open`. Checksums are verified when pixels are
loaded, by `crop` only those of the tiles that it decodes. `ImageFile.LOAD_TRUNCATED_IMAGES` means `on_error="skip"`:
damaged and missing tiles have the palette's first colour, and a KpalWarning names them.

`seek` only chooses a frame, which is decoded when its pixels are loaded: from the last one that was decoded, or if that
is not before it, from the first of its group. One frame is in memory.

Any number of threads and forked processes may crop, load and convert one image at the same time: one of them loads it,
and reading does not depend on the file's position. The frame that `seek` chooses is one for all threads.

Once the plugin is registered, libraries that read images through Pillow (imageio, scikit-image, matplotlib) read the
format.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
import io
import itertools
import math
import numbers
import os
import warnings
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import IO, Any, Final, cast

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
    Region,
    head_of,
    load_module,
)
from kpal_format.indexed import describe, transparency

FORMAT: Final = "KPAL"

_DECODER: Final = "kpal"
_METADATA_OPTIONS: Final = ("icc_profile", "exif", "xmp", "text", "dpi")
_FRAME_OPTIONS: Final = ("append_images", "duration", "fps", "loop", "restart")  # of animations
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
        *("append", "disposal", "blend", "default_image", "frames", "palettesize", "quantizer", "subrectangles"),
    }
)


class KpalImageFile(ImageFile.ImageFile):
    """A `.kpal` file. `info` holds its metadata, if present: icc_profile, exif, xmp, text (a dict) and dpi."""

    format = FORMAT
    format_description = "kpal palette image"

    n_frames: int = 1
    is_animated: bool = False

    _frame: int = 0
    _durations: tuple[int, ...] = ()  # in milliseconds; empty for a still image
    _lock: Lock  # guards all attributes, and the file that loading closes
    _pixels: _Pixels
    _palette: U8

    def _open(self) -> None:
        assert self.fp is not None  # Pillow has opened the file
        self._lock = Lock()
        head = head_of(self.fp)
        size = head.width, head.height
        self._palette = head.palette()
        self._pixels = _Pixels(self.fp, size, head.frames, divided=size != (head.tile_columns, head.tile_rows))
        if head.channels == 4:
            self.info["transparency"] = transparency(self._palette)
        self.info.update(head.metadata().as_info())
        if animation := head.animation():
            self.n_frames, self.is_animated = head.frames, head.frames > 1
            self.info["loop"] = animation.loop
            self._durations = animation.durations
        if self.is_animated:
            self._fp = self.fp
            self._close_exclusive_fp_after_loading = False
        self._start(0)

    def _start(self, frame: int) -> None:
        """Makes a frame the one that will be loaded."""
        if self._durations:
            self.info["duration"] = self._durations[frame]
        self._frame = frame
        self._size = self._pixels.size  # programs may have changed the last frame in its place
        self._mode = "P"
        # imageio decides by the mode of the palette whether an image has alpha. That of a loaded image is RGB, because
        # Pillow's GIF writer takes the bytes of an RGBA palette for RGB.
        mode = "RGBA" if self._palette.shape[1] == 4 else "RGB"
        self.palette = ImagePalette.ImagePalette(mode, self._palette.tobytes())
        self.tile = [ImageFile._Tile(_DECODER, (0, 0, *self._size), 0, (self._pixels, frame))]

    def seek(self, frame: int) -> None:
        """Chooses a frame; raises EOFError if there is none of this number."""
        with self._lock:
            if not 0 <= frame < self.n_frames:
                raise EOFError("attempt to seek outside sequence")
            if frame != self._frame:
                self.fp = cast("IO[bytes]", self._fp)
                self.fp.tell()  # raises ValueError if the image is closed
                self._start(frame)

    def tell(self) -> int:
        return self._frame

    def crop(self, box: tuple[float, float, float, float] | None = None) -> Image.Image:
        """Crops as Pillow does, but decodes only the tiles needed if the image is not loaded yet."""
        if box is None or not self.tile:
            return super().crop(box)
        x0, y0, x1, y1 = (round(value) for value in box)
        if not (0 <= x0 < x1 <= self.width and 0 <= y0 < y1 <= self.height):  # Pillow pads such crops
            return super().crop(box)
        with self._lock:
            # Another thread may have loaded or closed the image. The only tile of a frame is decoded once.
            if not self.tile or self.fp is None or (self.is_animated and not self._pixels.divided):
                return super().crop(box)
            decode = self._pixels.part((x0, y0, x1, y1), self._frame, keep=self.is_animated)
        part = Image.frombytes("P", (x1 - x0, y1 - y0), decode().tobytes())
        with self._lock:
            if not self.tile:  # another thread has loaded the image, which changes where Pillow keeps the palette
                return super().crop(box)
            part = self._new(part.im)
            part.palette = self._opaque_palette()
            return part

    def load(self) -> Any:
        """Decodes the pixels, once for all threads."""
        with self._lock:
            return super().load()

    def load_prepare(self) -> None:
        """Gives each frame pixels of its own, whatever has become of those of the last one."""
        self.im = Image.new(self.mode, self.size).im
        self.palette = self._opaque_palette()
        super().load_prepare()

    def load_end(self) -> None:
        if not self.is_animated:
            self._pixels.forget()

    def _opaque_palette(self) -> ImagePalette.ImagePalette:
        return ImagePalette.raw("RGB", self._palette[:, :3].tobytes())

    def save(self, fp: Any, format: str | None = None, **params: Any) -> None:
        """Saves as Pillow does, which empties an existing file first: an animation in this file is read before."""
        if self.is_animated and _is_same_file(fp, self.filename):
            with self._lock:
                self._pixels.read_from(io.BytesIO(Path(os.fsdecode(self.filename)).read_bytes()))
        super().save(fp, format, **params)

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
    """Decodes a frame and passes the indices to Pillow."""

    _pulls_fd = True

    def decode(self, buffer: Any) -> tuple[int, int]:
        pixels, frame = self.args
        self.set_as_raw(pixels.whole(frame).tobytes(), "P")
        return -1, 0


class _Pixels:
    """The indices of the frames of a file, which is read when the first of them are asked for.

    size: width and height.
    frames: the number of frames.
    divided: whether a frame has several tiles.
    """

    def __init__(self, file: IO[bytes], size: tuple[int, int], frames: int, *, divided: bool) -> None:
        self.size, self.divided = size, divided
        self._file, self._frames = file, frames
        self._reader: Reader | None = None
        self._whole: _Forward | None = None
        self._part: _Forward | None = None

    def whole(self, frame: int) -> U8:
        """Decodes a frame: uint8 (height, width)."""
        if self._whole is None:
            self._whole = _Forward(self._open(), None)
        return self._whole.read(frame)

    def part(self, region: Region, frame: int, *, keep: bool) -> Callable[[], U8]:
        """Reads the tiles of a region; the function returned decodes them and does not need the file.

        keep: go on from here if the next part is the same region of a later frame.
        """
        if not keep:
            fetched = self._open().fetch(region, frame=frame, on_error=_on_error())
            return lambda: fetched().indices
        if self._part is None or self._part.region != region:
            self._part = _Forward(self._open(), region)
        indices = self._part.read(frame)
        return lambda: indices

    def read_from(self, file: IO[bytes]) -> None:
        """Reads all that follows from a copy of the file."""
        self.forget()
        self._file = file

    def forget(self) -> None:
        """Releases what was read."""
        self._reader = self._whole = self._part = None

    def _open(self) -> Reader:
        if self._reader is None:
            reader = Reader(self._file, max_pixels=None, on_error=_on_error())  # Pillow has checked the size
            if (reader.width, reader.height, reader.frames) != (*self.size, self._frames):
                raise DamagedError("the file was changed after it was opened")
            self._reader = reader
        return self._reader


class _Forward:
    """Decodes a region of one frame after another: each from the last one where that is possible."""

    def __init__(self, reader: Reader, region: Region | None) -> None:
        self.region = region
        self._reader = reader
        self._group = (reader.animation.restart if reader.animation else None) or reader.frames
        self._next = 0  # the frame that is the next one of `_ahead`
        self._ahead: Iterator[U8] | None = None

    def read(self, frame: int) -> U8:
        """uint8 (rows, columns)."""
        ahead, skipped = self._ahead, frame - self._next
        if ahead is None or skipped < 0 or frame // self._group > self._next // self._group:
            ahead, skipped = self._reader.iterate(self.region, start=frame, on_error=_on_error()), 0
        self._ahead = None  # until there is no error
        indices = next(itertools.islice(ahead, skipped, None))
        self._ahead, self._next = ahead, frame + 1
        return indices


def _is_same_file(place: Any, name: str | bytes) -> bool:
    """Whether a place to save to, a path or an open file, is the file of this name."""
    try:
        return bool(name) and Path(os.fsdecode(place)).samefile(os.fsdecode(name))
    except (OSError, TypeError, ValueError):  # it is to be created, or is no path
        return False


def _on_error() -> OnError:
    return "skip" if ImageFile.LOAD_TRUNCATED_IMAGES else "raise"


def _save(image: Image.Image, fp: IO[bytes], filename: str | bytes) -> None:
    # Everything is checked and encoded before the first byte is written.
    encode = load_module("kpal.codec").encode
    options = _checked(image.encoderinfo, encode)
    fp.write(_encoded(image, options, encode))


def _save_all(image: Image.Image, fp: IO[bytes], filename: str | bytes) -> None:
    """Saves an animation, or a still image if there is only one frame."""
    encode_frames = load_module("kpal.animation").encode_frames
    options = _checked(image.encoderinfo, encode_frames, _FRAME_OPTIONS)
    appended = options.pop("append_images", None)
    timing = _timing(options)
    described = functools.partial(_described, options=options)
    frames = load_module("kpal_plugins.pillow_frames").AppendedFrames(image, appended or (), described)
    if frames.count == 1:
        for frame in frames.shown():
            fp.write(_encoded(frame, options, load_module("kpal.codec").encode))
    else:
        fp.write(_encoded(image, {**options, **timing}, encode_frames, frames))


def _timing(options: dict[str, Any]) -> dict[str, Any]:
    """Removes what only animations have, and returns it as options of `encode_frames`."""
    timing = {name: options.pop(name, None) for name in ("loop", "restart")}
    durations, fps = (options.pop(name, None) for name in ("duration", "fps"))
    if durations is None and fps is not None:
        if not (isinstance(fps, numbers.Real) and 0 < float(fps) < math.inf):
            raise ValueError(f"fps must be a positive number of frames per second, not {describe(fps)}")
        durations = 1000 / float(fps)
    return {**timing, "durations": durations}


def _encoded(
    image: Image.Image, options: Mapping[str, Any], encode: Callable[..., bytes], frames: object = None
) -> bytes:
    """The file of an image, or of its frames, with its metadata or those in the options."""
    image = _described(image, options)
    given = {name: options[name] for name in _METADATA_OPTIONS if name in options}
    chosen = {name: value for name, value in options.items() if name not in given and value is not None}
    return encode(image if frames is None else frames, metadata=_metadata(image, given), **chosen)


def _checked(options: Mapping[str, Any], encode: Callable[..., bytes], others: Collection[str] = ()) -> dict[str, Any]:
    """The options of a function and others; warns of those of other formats, raises TypeError for any other name.

    Pillow's plugins ignore options that they do not read, which also hides misspelt ones.
    """
    own = list(inspect.signature(encode).parameters)[1:]
    every = dict.fromkeys((*own, *others, *_METADATA_OPTIONS))
    known = [name for name in every if name not in ("metadata", "durations")]  # which have other names in Pillow
    if options.get("append"):
        raise ValueError(f"append: {FORMAT} cannot append to a file; append_images= takes further frames")
    if unknown := sorted(set(options) - {*known, *_FRAME_OPTIONS, *_OTHER_FORMATS}):
        import difflib

        names = []
        for name in unknown:
            near = difflib.get_close_matches(name, (*known, *_OTHER_FORMATS), 1)
            names.append(f"{name} (did you mean {near[0]}?)" if near else name)
        raise TypeError(f"unknown save options for {FORMAT}: {', '.join(names)}; there are {', '.join(known)}")
    asked = (name for name, value in options.items() if value is not None and value is not False)
    if ignored := sorted(set(asked) - set(known)):
        from kpal.errors import KpalWarning

        message = f"save options of other formats or of several frames, which {FORMAT} ignores: {', '.join(ignored)}"
        warnings.warn(message, KpalWarning, stacklevel=4)
    return {name: options[name] for name in options if name in known}


def _described(image: Image.Image, options: Mapping[str, Any]) -> Image.Image:
    """The image, with the given ICC profile if its pixels have to be converted by this one."""
    from kpal.image_files.icc_profiles import color_space

    profile = options.get("icc_profile")
    if isinstance(profile, bytes) and color_space(profile) != b"RGB ":
        image = image.copy()
        image.info["icc_profile"] = profile
    return image


def _metadata(image: Image.Image, given: Mapping[str, Any]) -> Metadata:
    """The metadata of the image with those that are given in their place; None stands for none."""
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
        parts["icc_profile"] = rgb_profile_of(image)
    return dataclasses.replace(carried(image, unneeded=parts), **parts)


def register() -> None:
    """Registers the format with Pillow. Importing this module or `kpal` calls it; repeated calls are harmless."""
    Image.register_open(FORMAT, KpalImageFile, lambda prefix: prefix.startswith(MAGIC))
    Image.register_save(FORMAT, _save)
    Image.register_save_all(FORMAT, _save_all)
    Image.register_extension(FORMAT, EXTENSION)
    Image.register_mime(FORMAT, MIME)
    Image.register_decoder(_DECODER, KpalDecoder)


register()
