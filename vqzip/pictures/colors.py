"""Converts other color spaces to sRGB with the profile of a picture."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
from PIL import Image, ImageCms

from vqzip.errors import PictureError
from vqzip.pictures.picture import NO_METADATA, Picture

GRAY_MODES = ("1", "L", "LA", "La")
SIXTEEN_BIT_MODES = ("I;16", "I;16L", "I;16B", "I;16N")
PRINT_MODES = ("CMYK", "LAB")
"""Modes of Pillow whose colors RGB does not hold exactly."""


def print_to_srgb(image: Image.Image) -> Image.Image:
    """Convert CMYK or Lab to sRGB, with the embedded profile if there is a valid one.

    Raises:
        PictureError: a Lab picture cannot be converted.
    """
    icc = image.info.get("icc_profile")
    try:
        if image.mode == "LAB":
            return _converted(image, ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")))
        if icc:
            return _converted(image, ImageCms.ImageCmsProfile(io.BytesIO(icc)))
    except (ImageCms.PyCMSError, OSError, ValueError) as error:
        if image.mode == "LAB":
            raise PictureError(f"the Lab picture cannot be converted ({error}).") from error
    return image.convert("RGB")


def stripped(picture: Picture) -> Picture:
    """Return a picture without metadata, its colors in sRGB.

    Pixels change only if the ICC profile differs from sRGB; an unusable profile is dropped.
    """
    icc = picture.metadata.icc
    if icc is None:
        return replace(picture, metadata=NO_METADATA)
    image = Image.fromarray(picture.pixels)
    try:
        image = _converted(image, ImageCms.ImageCmsProfile(io.BytesIO(icc)))
    except (ImageCms.PyCMSError, OSError, ValueError):
        return replace(picture, metadata=NO_METADATA)
    pixels = np.array(image)
    return Picture(pixels[..., 1] if picture.is_gray else pixels, picture.alpha)


def _converted(image: Image.Image, source: ImageCms.ImageCmsProfile) -> Image.Image:
    """Return an image in sRGB, mode RGB.

    Raises:
        PyCMSError: the profile does not fit the image.
    """
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
    transform = ImageCms.buildTransform(source, srgb, image.mode, "RGB")
    converted = ImageCms.applyTransform(image, transform)
    if converted is None:
        raise ValueError("nothing was converted")
    return converted
