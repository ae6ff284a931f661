"""Finds and identifies models: folders, names, fingerprints, checksums.

A folder with a `config.json` is a model folder. Its fingerprint, or id, is the SHA-256 over the files that
decide codes and pixels; a .vqz file stores its first eight bytes. `SHA256SUMS` in the folder, as
`sha256sum` writes it, shows whether the folder is damaged. Loads neither torch nor NumPy.
"""

from __future__ import annotations

import functools
import hashlib
import os
import re
import stat
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from vqzip.errors import ModelError

CONFIG, VQVAE, EXACT, FLOAT, WEIGHTS = (
    "config.json",
    "vqvae.safetensors",
    "exact_prior.safetensors",
    "prior.safetensors",
    "weights.safetensors",
)
IDENTITY = (CONFIG, VQVAE, EXACT)
"""Files whose bytes decide the id of a model with codes."""

IDENTITY_OF_OTHERS = (CONFIG, WEIGHTS)
"""Files whose bytes decide the id of a model of any other family."""

SUMS = "SHA256SUMS"
MAY_BE_LISTED = (*IDENTITY, FLOAT, WEIGHTS)
"""Files that `SHA256SUMS` may name; names are never paths."""

LARGEST_TEXT_BYTES = 1 << 20
LARGEST_WEIGHTS_BYTES = 1 << 30
"""Larger files are refused."""

MODELS_VARIABLE = "VQZIP_MODELS"
"""Environment variable: folders of model folders, separated as in PATH."""

_SUM_LINE = re.compile(rb"([0-9a-f]{64})  ([A-Za-z0-9_.]+)\n")
_PACKAGE = Path(__file__).parents[1]
_CHECKOUT = _PACKAGE.parent
SHIPPED = (
    _PACKAGE / "shipped_models",
    # Beside an installed package there are other packages; a folder "models" there is not ours.
    *((_CHECKOUT / "models",) if (_CHECKOUT / "pyproject.toml").is_file() else ()),
)
"""The models in an installed package, then those in a checkout (an editable install)."""


def user_models() -> Path:
    """Return the folder for the user's own models, where the system keeps user data."""
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or "~/AppData/Local"
    elif sys.platform == "darwin":
        base = "~/Library/Application Support"
    else:
        base = os.environ.get("XDG_DATA_HOME") or "~/.local/share"
    # Without a home folder this path does not exist, which is not an error.
    return Path(os.path.expanduser(base)) / "vqzip" / "models"  # noqa: PTH111


def search_path() -> tuple[Path, ...]:
    """Return the folders that are searched for model folders, the user's choice first."""
    chosen = os.environ.get(MODELS_VARIABLE, "").split(os.pathsep)
    return (*(Path(folder) for folder in chosen if folder), user_models(), *SHIPPED)


def locate(name_or_path: str) -> Path:
    """Return the folder of a model by its name, or by the path of a model or run folder.

    Raises:
        ModelError: there is none.
    """
    given = Path(os.path.expanduser(name_or_path))  # noqa: PTH111  (no error without a home)
    candidates = [given, given / "model"]
    if not given.is_absolute() and given.name == name_or_path:
        candidates = [root / name_or_path for root in search_path()] + candidates
    for candidate in candidates:
        if _is_file(candidate / CONFIG):
            return candidate
    raise ModelError(
        f"there is no model '{name_or_path}'; installed are "
        f"{_listed(folder.name for folder in folders())}; give the folder of a model, or put it where "
        f"models are searched: {_places()}."
    )


def folders() -> list[Path]:
    """Return the folders of all installed models; the first of each name."""
    found: dict[str, Path] = {}
    for folder in _all_folders():
        found.setdefault(folder.name, folder)
    return list(found.values())


def model_id(folder: Path) -> bytes:
    """Return the SHA-256 over the files that decide what the model does, each with its length.

    Raises:
        ModelError: one of them is missing.
    """
    names = identity_files(folder)
    return fingerprint({name: read_file(folder, name) for name in names}, names)


def stamp(folder: Path) -> tuple[tuple[int, int], ...]:
    """Return time of change and size of the files that decide what the model does, and of its checksums.

    While it stays the same, so does the model, as far as one can know without reading the files.

    Raises:
        ModelError: one of them is missing.
    """
    try:
        found = [(folder / name).stat() for name in (*identity_files(folder), SUMS)]
    except OSError as error:
        raise ModelError(
            f"the model in {folder} lacks a file ({error.strerror}); install it again."
        ) from error
    return tuple((status.st_mtime_ns, status.st_size) for status in found)


@functools.lru_cache(maxsize=64)
def _id_of(folder: Path, _stamp: tuple[tuple[int, int], ...]) -> bytes:
    return model_id(folder)


def identity_files(folder: Path) -> tuple[str, ...]:
    """Return the names of the files that decide the id of a model folder."""
    return IDENTITY_OF_OTHERS if _is_file(folder / WEIGHTS) else IDENTITY


def fingerprint(files: Mapping[str, bytes], names: Iterable[str] = IDENTITY) -> bytes:
    """Return the model id: the digest over some of the files, given by name."""
    digest = hashlib.sha256()
    for name in names:
        digest.update(len(files[name]).to_bytes(8, "little") + files[name])
    return digest.digest()


def find_by_id(short_id: bytes) -> Path:
    """Return the installed folder whose id starts with the eight bytes in a file.

    This also finds a folder that is hidden by another folder of the same name.

    Raises:
        ModelError: no such model is installed.
    """
    found = list(_all_folders())
    for folder in found:
        if _has_id(folder, short_id):
            return folder
    names = [folder.name + (" (damaged)" if _is_damaged(folder) else "") for folder in found]
    raise ModelError(
        f"the file was made with the model {short_id.hex()}, which is not installed "
        f"(installed: {_listed(names)}); get the model from whoever made the file and add it with "
        "`vqzip models add FOLDER_OR_URL`, give its folder with `model`, or put it where models are "
        f"searched: {_places()}."
    )


def write_sums(folder: Path, names: Iterable[str]) -> None:
    """Write `SHA256SUMS` for files of a model folder, as the command `sha256sum` does."""
    lines = [f"{_sha256(folder, name)}  {name}\n" for name in names]
    (folder / SUMS).write_text("".join(lines), encoding="ascii", newline="\n")


def check_sums(folder: Path, names: Iterable[str]) -> dict[str, bytes]:
    """Return files of a model folder, after checking every file that `SHA256SUMS` lists.

    Args:
        folder: of the model.
        names: of the files to return; they must be listed.

    Returns:
        The bytes that were checked, by name.

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
                f"the model in {folder} is damaged: {name} differs from its checksum in {SUMS}; "
                "install it again."
            )
    return files


def read_file(folder: Path, name: str) -> bytes:
    """Return the content of a file in an untrusted model folder.

    Raises:
        ModelError: it is missing, not a regular file, or too large.
    """
    path = folder / name
    largest = LARGEST_WEIGHTS_BYTES if path.suffix == ".safetensors" else LARGEST_TEXT_BYTES
    try:
        status = path.stat()
        # Reading a pipe would block, and a device has no end.
        if not stat.S_ISREG(status.st_mode):
            raise ModelError(
                f"{name} in the model folder {folder} is not a regular file; install it again."
            )
        if status.st_size > largest:
            raise ModelError(
                f"{name} in the model folder {folder} has {status.st_size} bytes, more than the "
                f"{largest} that are allowed; get another model."
            )
        with path.open("rb") as file:
            # Not more even if the file grows; memory is allocated for the requested number of bytes.
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
                f"{SUMS} in {folder} is not a list of checksums; install the model again."
            )
        listed[name] = match[1].decode()
    return listed


def _has_id(folder: Path, short_id: bytes) -> bool:
    try:
        return _id_of(folder, stamp(folder)).startswith(short_id)
    except ModelError:
        # A model that lacks files must not hide the others.
        return False


def _is_damaged(folder: Path) -> bool:
    try:
        check_sums(folder, identity_files(folder))
    except ModelError:
        return True
    return False


def _all_folders() -> Iterator[Path]:
    for root in search_path():
        try:
            folders = sorted(root.iterdir())
        except OSError:
            # It is not there, or may not be entered: no model of it can be used.
            continue
        yield from (folder for folder in folders if _is_file(folder / CONFIG))


def _is_file(path: Path) -> bool:
    """Return whether there is a file; what may not be looked at is not there."""
    try:
        return path.is_file()
    except OSError:
        return False


def _sha256(folder: Path, name: str) -> str:
    return hashlib.sha256(read_file(folder, name)).hexdigest()


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "none"


def _places() -> str:
    """Return the folders that are searched for models, as part of a sentence."""
    shipped = " and ".join(str(folder) for folder in SHIPPED)
    return f"in folders that {MODELS_VARIABLE} names, in {user_models()}, in {shipped}"
