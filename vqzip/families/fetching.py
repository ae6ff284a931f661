"""Copies the files of a model folder from a folder, a URL or a hub into an empty folder."""

from __future__ import annotations

import shutil
import urllib.error
import urllib.parse
import urllib.request
from http.client import HTTPException
from pathlib import Path

from vqzip.errors import ModelError
from vqzip.models.folder import CARD, CURVE, RECIPE, SELF_TEST
from vqzip.models.places import (
    CONFIG,
    EXACT,
    FLOAT,
    LARGEST_TEXT_BYTES,
    LARGEST_WEIGHTS_BYTES,
    SUMS,
    VQVAE,
    WEIGHTS,
    read_file,
)

MODEL_FILES = (CONFIG, SUMS, VQVAE, EXACT, FLOAT, WEIGHTS, SELF_TEST, RECIPE, CARD, CURVE)
"""All names of files that a model folder may have; other files are never copied."""

NEEDED = (CONFIG, SUMS)
HUB = "hf:"
TIMEOUT_SECONDS = 30
_CHUNK_BYTES = 1 << 20


def fetch(source: str, target: Path, *, identified: bool) -> None:
    """Copy the files of a model folder.

    Args:
        source: the path of a model folder or a training run, the URL of a folder on a web server, or
            `hf:OWNER/NAME` or `hf:OWNER/NAME@REVISION` for a repository on the Hugging Face Hub.
        target: an empty folder.
        identified: whether the caller compares the id; without that, a URL must be https.

    Raises:
        ModelError: there is no model, or a file is too large.
        UsageError: huggingface_hub is needed and not installed.
    """
    if source.startswith(HUB):
        from vqzip.families.hub import pull

        pull(source.removeprefix(HUB), target)
    elif source.startswith(("https://", "http://")):
        if source.startswith("http:") and not identified:
            raise ModelError(
                "anybody on the way can change what comes by http; use https, or give the model's `id`."
            )
        _fetch_url(source, target)
    else:
        copy_folder(Path(source).expanduser(), target)


def copy_folder(source: Path, target: Path) -> None:
    """Copy the files of a model folder, or of the one in a training run.

    Raises:
        ModelError: it is none, or a file is not a regular one or too large.
    """
    folder = next((f for f in (source, source / "model") if (f / CONFIG).is_file()), None)
    if folder is None:
        raise ModelError(f"there is no model in {source}; a model folder has a {CONFIG}.")
    for name in MODEL_FILES:
        if (folder / name).exists():
            (target / name).write_bytes(read_file(folder, name))
    _check_needed(target, str(source))


def largest_bytes(name: str) -> int:
    """Return the largest size of a file of a model folder."""
    return LARGEST_WEIGHTS_BYTES if name.endswith(".safetensors") else LARGEST_TEXT_BYTES


def _fetch_url(source: str, target: Path) -> None:
    parts = urllib.parse.urlsplit(source)
    for name in MODEL_FILES:
        path = f"{parts.path.rstrip('/')}/{name}"
        url = urllib.parse.urlunsplit(parts._replace(path=path, fragment=""))
        try:
            _download(url, target / name, largest_bytes(name))
        except urllib.error.HTTPError as error:
            error.close()
            # The optional files of a folder, and those of the other families.
            if error.code not in (403, 404, 410) or name in NEEDED:
                raise ModelError(
                    f"{url} cannot be fetched (status {error.code}); check the address."
                ) from error
        except (OSError, HTTPException, ValueError) as error:
            raise ModelError(f"{url} cannot be fetched ({error}); check the address.") from error
    _check_needed(target, source)


def _download(url: str, path: Path, largest: int) -> None:
    """Write what a URL names to a file.

    Raises:
        ModelError: it is too large.
        OSError: it cannot be fetched.
    """
    with (
        urllib.request.urlopen(url, timeout=TIMEOUT_SECONDS) as answer,  # noqa: S310  (http or https)
        path.open("wb") as file,
    ):
        # A redirection must not lead from https to what anybody on the way can change.
        if not answer.url.startswith(("https://", url.partition("//")[0])):
            raise ModelError(f"{url} leads to {answer.url}, which is not https.")
        size = 0
        while chunk := answer.read(_CHUNK_BYTES):
            size += len(chunk)
            if size > largest:
                raise ModelError(f"{url} has more than the {largest} bytes that are allowed.")
            file.write(chunk)


def _check_needed(target: Path, source: str) -> None:
    for name in NEEDED:
        if not (target / name).is_file():
            shutil.rmtree(target)
            raise ModelError(
                f"{source} has no {name}, so it is no model folder; check the address."
            )
