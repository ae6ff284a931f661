"""Codecs that are programs: a command line that encodes a file, and one that decodes it.

    NAME[SETTINGS]: ENCODE | DECODE

as in `webp-cli[10,50,90]: cwebp -q {q} {in} -o {out} | dwebp {in} -o {out}`. In the encoder's command
`{in}` is the picture as a PNG file and `{out}` the file to write; in the decoder's, `{in}` is that file and
`{out}` a picture in any format that Pillow reads. Programs that go by a file's suffix get the one that
follows a dot: `{in.ppm}`, `{out.jxl}`. `{q}` is the setting; a codec without it is measured once. Commands
are run without a shell.
"""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from vqzip.errors import PictureError, UsageError
from vqzip.measuring.subject import Coded
from vqzip.pictures.picture import Picture
from vqzip.pictures.write import image_from_picture

DEFAULT_SETTINGS = (10.0, 30.0, 50.0, 70.0, 90.0)
_FORM = re.compile(r"\s*([\w.-]+)\s*(?:\[([^\]]*)\])?\s*:(.*)", re.DOTALL)
_FILE = re.compile(r"\{(in|out)(\.\w+)?\}")
_LONGEST_REASON = 200


@dataclass(frozen=True)
class CommandAnchor:
    """A codec that consists of two command lines.

    Args:
        name: in results.
        encoder: words of the command that writes `{out}` from the picture `{in}`.
        decoder: words of the command that writes the picture `{out}` from the file `{in}`.
        settings: values of `{q}`, low rate first.
        own_metric: metric that its results are ranked by.
    """

    name: str
    encoder: tuple[str, ...]
    decoder: tuple[str, ...]
    settings: tuple[float, ...]
    own_metric: str = "psnr"

    @property
    def title(self) -> str:
        """The name."""
        return self.name

    def encode(self, picture: Picture, setting: float) -> Coded:
        """Return the file that the encoder writes.

        Raises:
            PictureError: the command failed, or wrote nothing.
        """
        with tempfile.TemporaryDirectory(prefix="vqzip-") as folder:
            words, source, target = self._words(self.encoder, Path(folder), ".png", ".bin", setting)
            image_from_picture(picture).save(source)
            return Coded(self._run(words, target), setting)

    def decode(self, data: bytes) -> Picture:
        """Return the picture that the decoder writes.

        Raises:
            PictureError: the command failed, or wrote no picture.
        """
        with tempfile.TemporaryDirectory(prefix="vqzip-") as folder:
            words, source, target = self._words(self.decoder, Path(folder), ".bin", ".png", 0)
            source.write_bytes(data)
            self._run(words, target)
            try:
                with Image.open(target) as image:
                    return Picture(np.asarray(image.convert("L" if image.mode == "L" else "RGB")))
            except OSError as error:
                raise PictureError(f"the decoder of '{self.name}' wrote no picture.") from error

    def decode_codes(self, data: bytes) -> None:
        """Return None: the codes are not known."""

    def describe(self) -> str:
        """Return both commands."""
        return f"{shlex.join(self.encoder)} | {shlex.join(self.decoder)}"

    def check_installed(self) -> None:
        """Look for both programs.

        Raises:
            UsageError: one of them is not there.
        """
        for program in (self.encoder[0], self.decoder[0]):
            if shutil.which(program) is None:
                raise UsageError(
                    f"the anchor '{self.name}' needs the program '{program}'; install it, or leave the "
                    "anchor out."
                )

    def _words(
        self, command: Sequence[str], folder: Path, source: str, target: str, setting: float
    ) -> tuple[list[str], Path, Path]:
        """Return a command with its files and setting in place, and the two files."""
        files = {"in": folder / f"in{source}", "out": folder / f"out{target}"}
        for word in command:
            for side, suffix in _FILE.findall(word):
                if suffix:
                    files[side] = files[side].with_suffix(suffix)
        words = [
            _FILE.sub(lambda found: str(files[found[1]]), word).replace("{q}", f"{setting:g}")
            for word in command
        ]
        return words, files["in"], files["out"]

    def _run(self, words: Sequence[str], target: Path) -> bytes:
        # The commands are those that the user gave.
        done = subprocess.run(words, capture_output=True, check=False)  # noqa: S603
        if done.returncode or not target.is_file():
            said = done.stderr.decode(errors="replace").strip()[-_LONGEST_REASON:]
            reason = f"exit status {done.returncode}" if done.returncode else "it wrote no file"
            raise PictureError(f"{shlex.join(words)} failed ({reason}): {said or 'no message'}")
        return target.read_bytes()


def parse_command(text: str) -> CommandAnchor:
    """Return the anchor that a text describes, as this module's head has it.

    Raises:
        UsageError: the text has another form, a file is missing in a command, or a program is not there.
    """
    form = _FORM.fullmatch(text)
    encoder, bar, decoder = form[3].partition(" | ") if form else ("", "", "")
    if form is None or not bar:
        raise UsageError(
            "a command anchor has the form 'NAME[SETTINGS]: ENCODE {in} {out} {q} | DECODE {in} {out}'; "
            f"got '{text}'."
        )
    words = tuple(shlex.split(encoder)), tuple(shlex.split(decoder))
    for command in words:
        if {side for word in command for side, _ in _FILE.findall(word)} != {"in", "out"}:
            raise UsageError(f"both commands of the anchor '{form[1]}' need {{in}} and {{out}}.")
    unlisted = DEFAULT_SETTINGS if "{q}" in encoder else (0.0,)
    settings = unlisted if form[2] is None else _settings(form[1], form[2])
    anchor = CommandAnchor(form[1], *words, settings)
    anchor.check_installed()
    return anchor


def _settings(name: str, listed: str) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in listed.split(","))
    except ValueError:
        raise UsageError(
            f"the settings of the anchor '{name}' are numbers with commas, got '{listed}'."
        ) from None
