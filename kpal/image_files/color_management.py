"""Colour management: colour descriptions are kept as an RGB ICC profile, converted to sRGB, or named in a warning.

A `.kpal` file holds RGB colours and, unless they are sRGB, an ICC profile. Pixels stay unchanged whenever an RGB
profile can describe them: it is built from the primaries and transfer function of PNG's gAMA, cHRM and cICP and of
similar tags, or from the curve of a gray profile. CMYK and LAB pixels are converted to sRGB by ImageCms, with
perceptual intent.
"""

from __future__ import annotations

import io
import warnings
from fractions import Fraction
from typing import Final

from PIL import Image, ImageFile

from ..errors import KpalWarning
from .color_tags import SRGB_CURVE, SRGB_PRIMARIES, ColorTag, color_tag
from .icc_profiles import Primaries, color_space, gray_curve, matrix_profile, power

_GRAY: Final = ("1", "L", "LA", "La", "I;16", "I;16L", "I;16B", "I;16N")
_CONVERTIBLE_GRAY: Final = ("1", "L", "LA", "La")
_SPACES: Final = {"CMYK": b"CMYK", "LAB": b"Lab "}  # mode -> colour space of its profiles
_SRGB_GAMMA: Final = Fraction(45455, 100_000)
# Tolerances that change no colour by as much as one level.
_SAME_GAMMA: Final = Fraction(500, 100_000)
_SAME_PRIMARIES: Final = 100  # units of 1/100000


def rgb_profile_of(image: Image.Image) -> bytes | None:
    """The ICC profile of the RGB pixels that `to_array` returns for an image; None for sRGB.

    Call before the pixels are loaded: Pillow closes the file then, and some colour tags are only in the file. Warns of
    colour descriptions that are left out.
    """
    if image.mode in _SPACES:
        return None  # in_rgb converts to sRGB
    tag = color_tag(image)
    if tag is not None and tag.first and tag.primaries is not None:
        return _profile_of_tag(tag)
    profile = _profile_in(image)
    if profile is None and "icc_profile" in image.info and isinstance(image, ImageFile.ImageFile):
        _warn("the ICC profile is damaged: it is left out")  # Pillow could not decompress it
    if profile is None and tag is not None:
        profile = tag.profile
    if tag is not None and tag.profile is None and tag.primaries is None:
        _warn(f"{tag.name} describes the colours, but cannot be converted to an ICC profile: it is left out")
    if profile is not None:
        return _as_rgb(image, profile)
    if tag is not None and tag.primaries is not None:
        return _profile_of_tag(tag)
    return _profile_of_gamma(image)


def in_rgb(image: Image.Image) -> Image.Image:
    """The image itself, or converted to sRGB if no RGB profile can describe its pixels.

    Warns of a profile that cannot be used; CMYK is then converted by Pillow's formula.
    """
    profile = _profile_in(image)
    if image.mode in _SPACES:
        if profile and color_space(profile) != _SPACES[image.mode]:
            _warn(_other_space(profile))
            profile = None
        if image.mode == "CMYK" and profile is None:
            return image
        return _converted(image, profile)
    if profile and image.mode in _CONVERTIBLE_GRAY and color_space(profile) == b"GRAY" and gray_curve(profile) is None:
        return _converted_gray(image, profile)
    return image


def in_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """An RGB image whose colours `profile` describes, converted to sRGB; the image itself without a profile.

    Warns of a profile that cannot be used.
    """
    return _converted(image, profile) if profile else image


def _profile_in(image: Image.Image) -> bytes | None:
    profile = image.info.get("icc_profile")
    return bytes(profile) or None if isinstance(profile, (bytes, bytearray)) else None


def _as_rgb(image: Image.Image, profile: bytes) -> bytes | None:
    """The RGB equivalent of the profile of an image of any mode except CMYK and LAB."""
    if color_space(profile) == b"RGB ":
        return profile
    if color_space(profile) == b"GRAY" and image.mode in _GRAY:
        curve = gray_curve(profile)
        if curve is not None:
            return matrix_profile("Gray", SRGB_PRIMARIES, curve)
        if profile == _profile_in(image):
            return None  # in_rgb converts to sRGB
    _warn(_other_space(profile))
    return None


def _profile_of_tag(tag: ColorTag) -> bytes | None:
    assert tag.primaries is not None
    assert tag.curve is not None
    if tag.curve == SRGB_CURVE and tag.primaries.near(SRGB_PRIMARIES, _SAME_PRIMARIES):
        return None
    try:
        return matrix_profile(tag.name, tag.primaries, tag.curve)
    except ValueError as error:
        _warn(f"{tag.name}: {error}: left out")
        return None


def _profile_of_gamma(image: Image.Image) -> bytes | None:
    """The profile of PNG's gAMA and cHRM. A chunk sRGB overrides both; without gAMA, the sRGB curve is assumed."""
    gamma, chromaticity = image.info.get("gamma"), image.info.get("chromaticity")
    if "srgb" in image.info or (gamma is None and chromaticity is None):
        return None
    curve, primaries, name = SRGB_CURVE, SRGB_PRIMARIES, "RGB"
    try:
        if gamma is not None:
            exponent = Fraction(round(100_000 * gamma), 100_000)
            if abs(exponent - _SRGB_GAMMA) > _SAME_GAMMA:
                curve = power(1 / exponent)
                name = f"RGB with gamma {float(1 / exponent):.3g}"
        if chromaticity is not None:
            xy = [round(100_000 * value) for value in chromaticity]
            primaries = Primaries(*zip(xy[::2], xy[1::2], strict=True))
        return _profile_of_tag(ColorTag(name, primaries=primaries, curve=curve))
    except (TypeError, ValueError, OverflowError, ZeroDivisionError):
        _warn("gAMA or cHRM make no sense: they are left out")
        return None


def _converted(image: Image.Image, profile: bytes | None) -> Image.Image:
    """An image of mode CMYK, LAB or L converted to sRGB; the image itself if its profile cannot be used."""
    from PIL import ImageCms  # slow to import, and few images need it

    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile)) if profile else ImageCms.createProfile("LAB")
        converted = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
    except (ImageCms.PyCMSError, ImportError, OSError, ValueError) as error:
        _warn(f"the ICC profile cannot be used ({error}): it is left out")
        return image
    assert converted is not None  # only in-place conversion returns None
    converted.info.pop("icc_profile", None)
    return converted


def _converted_gray(image: Image.Image, profile: bytes) -> Image.Image:
    alpha = None
    if image.mode in ("LA", "La") or image.has_transparency_data:
        image = image.convert("LA")
        alpha = image.getchannel("A")
    converted = _converted(image.convert("L"), profile)
    if converted.mode == "L":
        return image
    if alpha is not None:
        converted.putalpha(alpha)
    return converted


def _other_space(profile: bytes) -> str:
    space = color_space(profile).decode("ascii", "replace").strip("\0 ")
    kind = f"one for {space} colours" if space.isalnum() else "damaged"
    return f"the ICC profile is {kind}: it is left out"


def _warn(message: str) -> None:
    warnings.warn(message, KpalWarning, stacklevel=3)
