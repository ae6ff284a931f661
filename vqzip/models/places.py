"""Where models are, and which is which: places, names, fingerprints, checksums.

A model folder is known by its `config.json`. Its fingerprint, or id, is the SHA-256 over the files that
decide codes and pixels; a .vqz file names its first eight bytes. `SHA256SUMS` in the folder, as
`sha256sum` writes it, tells a damaged folder from another model. Loads neither torch nor NumPy.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from vqzip.errors import ModelError

CONFIG, VQVAE, EXACT, FLOAT = (
    "config.json",
    "vqvae.safetensors",
    "exact_prior.safetensors",
    "prior.safetensors",
)
IDENTITY = (CONFIG, VQVAE, EXACT)
"""Files whose bytes make the model's id."""

SUMS = "SHA256SUMS"
MAY_BE_LISTED = (*IDENTITY, FLOAT)
"""Files that `SHA256SUMS` may name; a name is never a path to somewhere else."""

LARGEST_TEXT_BYTES = 1 << 20
LARGEST_WEIGHTS_BYTES = 1 << 30
"""Larger files are no part of a model, and are not read."""

MODELS_VARIABLE = "VQZIP_MODELS"
"""Environment variable: folders of model folders, separated as in PATH."""

_SUM_LINE = re.compile(rb"([0-9a-f]{64})  ([A-Za-z0-9_.]+)\n")
_PACKAGE = Path(__file__).parents[1]
_CHECKOUT = _PACKAGE.parent
SHIPPED = (
    _PACKAGE / "shipped_models",
    # Beside an installed package lie other packages, and their models are none of ours.
    *((_CHECKOUT / "models",) if (_CHECKOUT / "pyproject.toml").is_file() else ()),
)
"""In an installed package, then in a checkout (an editable install)."""


def user_models() -> Path:
    """Return the folder for models of one's own, where the system keeps a user's data."""
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or "~/AppData/Local"
    elif sys.platform == "darwin":
        base = "~/Library/Application Support"
    else:
        base = os.environ.get("XDG_DATA_HOME") or "~/.local/share"
    # Without a home there is no such folder, and that is no error.
    return Path(os.path.expanduser(base)) / "vqzip" / "models"  # noqa: PTH111


def search_path() -> tuple[Path, ...]:
    """Return the folders that model folders are looked for in: the user's choice comes first."""
    chosen = os.environ.get(MODELS_VARIABLE, "").split(os.pathsep)
    return (*(Path(folder) for folder in chosen if folder), user_models(), *SHIPPED)


def locate(name_or_path: str) -> Path:
    """Return the folder of a model by its name, or by the path of a model or run folder.

    Raises:
        ModelError: there is none.
    """
    given = Path(name_or_path).expanduser()
    candidates = [given, given / "model"]
    if not given.is_absolute() and given.name == name_or_path:
        candidates = [root / name_or_path for root in search_path()] + candidates
    for candidate in candidates:
        if (candidate / CONFIG).is_file():
            return candidate
    raise ModelError(
        f"there is no model '{name_or_path}'; installed are "
        f"{_listed(folder.name for folder in folders())}; give the folder of one, or put it where "
        f"models are looked for: {_places()}."
    )


def folders() -> list[Path]:
    """Return the folders of all installed models; one name counts once."""
    found: dict[str, Path] = {}
    for folder in _all_folders():
        found.setdefault(folder.name, folder)
    return list(found.values())


def model_id(folder: Path) -> bytes:
    """Return the SHA-256 over the files that decide codes and pixels, each with its length.

    Raises:
        ModelError: one of them is missing.
    """
    return fingerprint({name: read_file(folder, name) for name in IDENTITY})


def fingerprint(files: Mapping[str, bytes]) -> bytes:
    """Return the id of the model whose files these are, by name."""
    digest = hashlib.sha256()
    for name in IDENTITY:
        digest.update(len(files[name]).to_bytes(8, "little") + files[name])
    return digest.digest()


def find_by_id(short_id: bytes) -> Path:
    """Return the installed folder whose id begins with the eight bytes that a file names.

    A folder that another one of the same name hides is found, too.

    Raises:
        ModelError: no such model is installed.
    """
    found = list(_all_folders())
    for folder in found:
        if _has_id(folder, short_id):
            return folder
    names = [folder.name + (" (damaged)" if _is_damaged(folder) else "") for folder in found]
    raise ModelError(
        f"the file was made with the model of fingerprint {short_id.hex()}, which is not installed "
        f"(there is {_listed(names)}); give its folder with --model, or put it where models are "
        f"looked for: {_places()}."
    )


def write_sums(folder: Path, names: Iterable[str]) -> None:
    """Write `SHA256SUMS` of some files of a model folder, as the command `sha256sum` does."""
    lines = [f"{_sha256(folder, name)}  {name}\n" for name in names]
    (folder / SUMS).write_text("".join(lines), encoding="ascii", newline="\n")


def check_sums(folder: Path, names: Iterable[str]) -> dict[str, bytes]:
    """Return files of a model folder, every one that `SHA256SUMS` lists being what that says.

    Args:
        folder: of the model.
        names: of the files that are wanted; they must be listed.

    Returns:
        The very bytes that were checked, by name.

    Raises:
        ModelError: a file is missing, is not listed, or differs, or the list is not as
            `sha256sum` writes it for the files of a model.
    """
    listed = _listed_sums(folder)
    files = {}
    for name in dict.fromkeys((*names, *listed)):
        files[name] = read_file(folder, name)
        if listed.get(name) != hashlib.sha256(files[name]).hexdigest():
            raise ModelError(
                f"the model in {folder} is damaged: {name} is not what {SUMS} says; "
                "install it again."
            )
    return files


def read_file(folder: Path, name: str) -> bytes:
    """Return the content of a file in a model folder, which may be anybody's.

    Raises:
        ModelError: it is missing, no file, or too large to be part of a model.
    """
    path = folder / name
    largest = LARGEST_WEIGHTS_BYTES if path.suffix == ".safetensors" else LARGEST_TEXT_BYTES
    try:
        status = path.stat()
        # A pipe would be waited for, and a device has no end.
        if not stat.S_ISREG(status.st_mode):
            raise ModelError(f"{name} in the model folder {folder} is no file; install it again.")
        if status.st_size > largest:
            raise ModelError(
                f"{name} in the model folder {folder} has {status.st_size} bytes, more than the "
                f"{largest} that are allowed; get another model."
            )
        with path.open("rb") as file:
            # No more even if the file grows; memory is taken for as many bytes as are asked for.
            return file.read(status.st_size)
    except OSError as error:
        raise ModelError(f"the model folder {folder} lacks {name}; install it again.") from error


def _listed_sums(folder: Path) -> dict[str, str]:
    """Return the digests of `SHA256SUMS` by name."""
    listed: dict[str, str] = {}
    for line in read_file(folder, SUMS).splitlines(keepends=True):
        match = _SUM_LINE.fullmatch(line)
        name = match[2].decode() if match else ""
        if match is None or name not in MAY_BE_LISTED or name in listed:
            raise ModelError(
                f"{SUMS} in {folder} is not the list of a model's files; install the model again."
            )
        listed[name] = match[1].decode()
    return listed


def _has_id(folder: Path, short_id: bytes) -> bool:
    try:
        return model_id(folder).startswith(short_id)
    except ModelError:
        # One that lacks files must not stand in the way of others.
        return False


def _is_damaged(folder: Path) -> bool:
    try:
        check_sums(folder, IDENTITY)
    except ModelError:
        return True
    return False


def _all_folders() -> Iterator[Path]:
    for root in search_path():
        yield from (config.parent for config in sorted(root.glob(f"*/{CONFIG}")))


def _sha256(folder: Path, name: str) -> str:
    return hashlib.sha256(read_file(folder, name)).hexdigest()


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "none"


def _places() -> str:
    """Say where models are looked for, as a part of a sentence."""
    shipped = " and ".join(str(folder) for folder in SHIPPED)
    return f"in folders that {MODELS_VARIABLE} names, in {user_models()}, in {shipped}"
