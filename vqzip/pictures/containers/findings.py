"""The findings of a walk through a picture file."""

from __future__ import annotations

from dataclasses import dataclass, field

from vqzip.pictures.color_numbers import ColorNumbers

DATA_AFTER = "data after the picture"
FURTHER_PICTURE = "a further picture"
GAIN_MAP, DEPTH_MAP, VIDEO = "a gain map", "a depth map", "a video"
IPTC, TEXT, TIFF_TAGS = "IPTC data", "text comments", "TIFF tags"
EXTENDED_XMP = "extended XMP"
NOT_SRGB = "colors that are not sRGB and have no ICC profile"


@dataclass
class Findings:
    """What a file holds beside its pixels; a walker fills it in, and stops where the file is damaged.

    Args:
        icc: ICC profile.
        exif: EXIF without `Exif\\0\\0`.
        xmp: XMP packet.
        numbers: color space given by numbers instead of a profile.
        numbers_first: whether these numbers count even if there is a profile (cICP of PNG).
        bits: most bits that a sample has.
        monochrome: whether there is brightness alone, beside alpha.
        largest_pixels: of a frame or a picture inside that is larger than the file says of itself.
        pictures: frames, pages or sizes in the file.
        white_is_zero: whether gray samples are stored inverted (TIFF).
        key: samples of the one color that is transparent (tRNS of PNG), in the file's own depth.
        pixel_file: the file without anything that pixels do not need, where the walker makes one.
        losses: what of the picture is not kept, as what the file "has".
        text_losses: what of the metadata is not kept, likewise.
        harmless: kinds of parts that were left out in silence, for tests.
    """

    icc: bytes | None = None
    exif: bytes | None = None
    xmp: bytes | None = None
    numbers: ColorNumbers | None = None
    numbers_first: bool = False
    bits: int = 8
    monochrome: bool = False
    largest_pixels: int = 0
    pictures: int = 1
    white_is_zero: bool = False
    key: tuple[int, ...] | None = None
    pixel_file: bytes | None = None
    losses: list[str] = field(default_factory=list)
    text_losses: list[str] = field(default_factory=list)
    harmless: list[str] = field(default_factory=list)

    def lose(self, what: str) -> None:
        """Note that a part of the picture is not kept."""
        if what not in self.losses:
            self.losses.append(what)

    def lose_text(self, what: str) -> None:
        """Note that a piece of metadata is not kept."""
        if what not in self.text_losses:
            self.text_losses.append(what)

    def lose_part(self, name: str) -> None:
        """Note that a part of the file of unknown meaning is not kept.

        Args:
            name: of the chunk, segment or box; it may hold any characters.
        """
        self.lose_text(f"other data ({printable(name)})")

    def lose_rest(self, rest: bytes) -> None:
        """Note what follows the end of the picture, unless it only fills up a block."""
        if not rest.strip(b"\0"):
            return
        self.lose(VIDEO if rest[4:8] == b"ftyp" or b"ftypmp4" in rest[:256] else DATA_AFTER)

    def count_picture_losses(self) -> None:
        """Note that further pictures are not kept."""
        if self.pictures > 1:
            further = self.pictures - 1
            self.lose(FURTHER_PICTURE if further == 1 else f"{further} further pictures")


def printable(name: str) -> str:
    """Return a name from a file as a line of a terminal can show it, at most 40 characters."""
    shown = "".join(letter if letter.isprintable() else "?" for letter in name.strip())
    return shown[:40]
