"""Data sets of other packages as pictures. Each package is an optional extra and is imported when it is used."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from vqzip.errors import PictureError, TrainingError
from vqzip.pictures.picture import Picture
from vqzip.pictures.read import picture_from_image, read_picture
from vqzip.training.data.pictures import MAX_PIXELS, Pictures
from vqzip.training.data.tar_samples import TarSamples

PICTURE_KEYS = ("image", "img", "picture", "jpg", "jpeg", "png", "webp")
LABEL_KEYS = ("label", "labels", "cls", "class", "target", "fine_label")


class Indexed(Protocol):
    """What the data sets of other packages have in common."""

    def __len__(self) -> int:
        """Return the number of items."""

    def __getitem__(self, number: int, /) -> Any:
        """Return an item."""


class Items:
    """Pictures out of a sequence of items, as data sets of other packages are.

    Args:
        items: each a picture, a tuple that begins with one, or a dictionary that contains one. A picture is a
            PIL image, the bytes of a picture file, or an array of uint8 `(H, W)`, `(H, W, C)` or `(C, H, W)`.
        name: of the data set, for messages.
        column: key of the picture in dictionaries; None looks for a usual one.
        classes: names of the labels that are numbers.
    """

    def __init__(
        self,
        items: Indexed,
        name: str,
        column: str | None = None,
        classes: Sequence[str] = (),
    ) -> None:
        self._items, self._name, self._column, self._classes = items, name, column, classes

    def __len__(self) -> int:
        """Return the number of items."""
        return len(self._items)

    def title(self, number: int) -> str:
        """Return the name of the data set and the number."""
        return f"{self._name}[{number}]"

    def look(self, number: int) -> None:
        """Do nothing: an item cannot be opened without reading it."""

    def read(self, number: int) -> NDArray[np.uint8]:
        """Return the pixels of an item."""
        item = self._item(number)
        if isinstance(item, dict):
            item = item[_key(item, self._column, PICTURE_KEYS, self.title(number))]
        elif isinstance(item, (tuple, list)):
            item = item[0]
        return pixels_of(item, self.title(number))

    def label(self, number: int) -> str | None:
        """Return the second entry of a tuple, or the entry of a usual key of a dictionary."""
        item = self._item(number)
        found: Any = None
        if isinstance(item, dict):
            found = next((item[key] for key in LABEL_KEYS if key in item), None)
        elif isinstance(item, (tuple, list)) and len(item) > 1:
            found = item[1]
        if isinstance(found, bytes):
            found = found.decode("utf-8", "replace")
        if hasattr(found, "item"):
            found = found.item()
        if isinstance(found, int) and 0 <= found < len(self._classes):
            return self._classes[found]
        return None if found is None else str(found)

    def _item(self, number: int) -> Any:
        try:
            return self._items[number]
        # A data set of somebody else may raise anything, and one bad picture must not end a run.
        except Exception as error:
            raise PictureError(
                f"{self.title(number)} cannot be read ({type(error).__name__}: {error})."
            ) from error


def pixels_of(value: Any, title: str) -> NDArray[np.uint8]:
    """Return `(H, W, 3)` or `(H, W)` of a PIL image, the bytes of a picture file or an array.

    Raises:
        PictureError: it is none of these, or an array of other numbers than uint8.
    """
    if isinstance(value, (bytes, bytearray)):
        return read_picture(bytes(value), max_pixels=MAX_PIXELS, strict=False).pixels
    if hasattr(value, "convert") and hasattr(value, "getbands"):
        return picture_from_image(value).pixels
    array = np.asarray(value)
    if array.dtype != np.uint8:
        raise PictureError(
            f"{title} has pixels of {array.dtype}; vqzip needs uint8 from 0 to 255 (leave out ToTensor)."
        )
    if array.ndim == 3 and array.shape[0] in (1, 3) and array.shape[2] not in (1, 3):
        array = array.transpose(1, 2, 0)
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    if not (array.ndim == 2 or (array.ndim == 3 and array.shape[2] == 3)) or not array.size:
        raise PictureError(
            f"{title} has the shape {array.shape}; a picture is (H, W) or (H, W, 3)."
        )
    return Picture(np.ascontiguousarray(array)).pixels


def torchvision_set(name: str, options: dict[str, str], *, download: bool) -> Pictures:
    """Return a data set of `torchvision.datasets`, such as `FashionMNIST?root=DIR&train=true`.

    Args:
        name: of the class.
        options: its arguments; `root` is the folder of its files.
        download: whether missing files may be downloaded.

    Raises:
        TrainingError: torchvision or the files are missing, or it has no such data set.
    """
    with _needs("torchvision", "train"):
        datasets = importlib.import_module("torchvision.datasets")
    made = getattr(datasets, name, None)
    if not isinstance(made, type):
        raise TrainingError(f"torchvision has no data set '{name}'; see torchvision.datasets.")
    arguments: dict[str, Any] = {"root": "data", **{k: _value(v) for k, v in options.items()}}
    if download:
        arguments["download"] = True
    try:
        found = made(**arguments)
    except (RuntimeError, OSError, TypeError, ValueError) as error:
        raise TrainingError(
            f"torchvision's {name} cannot be opened in {arguments['root']} "
            f"({' '.join(str(error).split())}); give ?root=DIR, or allow a download."
        ) from error
    return Items(found, name, classes=list(getattr(found, "classes", ())))


def webdataset_shards(name: str, options: dict[str, str], *, download: bool) -> Pictures:
    """Return the pictures of WebDataset shards, such as `shards/train-{000..009}.tar`.

    Args:
        name: paths of the shards, with braces for several.
        options: `column` is the suffix of the pictures.
        download: not used: shards are local files.

    Raises:
        TrainingError: the package or a shard is missing.
    """
    del download
    with _needs("webdataset", "webdataset"):
        expand = importlib.import_module("webdataset.shardlists").expand_urls
    shards = [Path(path) for path in expand(name)]
    missing = [str(path) for path in shards if not path.is_file()]
    if missing:
        raise TrainingError(f"there is no shard {missing[0]}; give paths of .tar files.")
    return Items(TarSamples(shards), name, options.get("column"))


def hugging_face_set(name: str, options: dict[str, str], *, download: bool) -> Pictures:
    """Return a data set of the package `datasets`: a folder of `save_to_disk`, files, or a name.

    Args:
        name: a folder, a builder such as `parquet` with `?data_files=...`, or a name on the hub.
        options: `split` (default `train`), `column` of the pictures, and arguments of `load_dataset`.
        download: whether a name may be downloaded.

    Raises:
        TrainingError: the package or the data set is missing.
    """
    with _needs("datasets", "datasets"):
        datasets = importlib.import_module("datasets")
    options = {"split": "train", **options}
    column = options.pop("column", None)
    local = Path(name).is_dir() or "data_files" in options or "data_dir" in options
    if not (local or download):
        raise TrainingError(f"the data set {name} is not on this machine; allow a download.")
    try:
        if (Path(name) / "state.json").is_file() or (Path(name) / "dataset_dict.json").is_file():
            found = datasets.load_from_disk(name)
            found = found[options["split"]] if isinstance(found, dict) else found
        else:
            found = datasets.load_dataset(name, **options)
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise TrainingError(
            f"the data set {name} cannot be opened ({' '.join(str(error).split())})."
        ) from error
    names = [getattr(found.features.get(key), "names", None) for key in LABEL_KEYS]
    return Items(found, name, column, next((list(n) for n in names if n), []))


def python_set(name: str, options: dict[str, str], *, download: bool) -> Pictures:
    """Return any Python data set by its import path, such as `package.module:attribute`.

    Args:
        name: module and attribute; what is callable is called with the options.
        options: keyword arguments.
        download: not used.

    Raises:
        TrainingError: it cannot be imported, or it has no length or no items.
    """
    del download
    module, _, attribute = name.replace("/", ":").partition(":")
    folder = str(Path.cwd())
    if folder not in sys.path:  # as `python -m` does
        sys.path.insert(0, folder)
    try:
        found = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise TrainingError(
            f"{name} cannot be imported ({error}); give python:MODULE:ATTRIBUTE."
        ) from error
    if callable(found) and not hasattr(found, "__getitem__"):
        found = found(**{key: _value(value) for key, value in options.items()})
    if not (hasattr(found, "__getitem__") and hasattr(found, "__len__")):
        raise TrainingError(f"{name} must have __len__ and __getitem__, as a torch Dataset does.")
    return Items(found, name, options.get("column"))


KINDS: dict[str, Callable[..., Pictures]] = {
    "torchvision": torchvision_set,
    "webdataset": webdataset_shards,
    "datasets": hugging_face_set,
    "python": python_set,
}
"""By the word before the colon."""


def _key(item: dict[str, Any], column: str | None, usual: Sequence[str], title: str) -> str:
    found = [key for key in (usual if column is None else (column,)) if key in item]
    if not found:
        raise PictureError(
            f"{title} has no picture under {', '.join(usual if column is None else (column,))}; "
            f"give ?column= with one of {', '.join(map(str, item))}."
        )
    return found[0]


def _value(text: str) -> Any:
    """Return true, false and whole numbers as such, and other text as it is."""
    known = {"true": True, "false": False}
    if text.lower() in known:
        return known[text.lower()]
    return int(text) if text.isdecimal() else text


@contextmanager
def _needs(package: str, extra: str) -> Iterator[None]:
    try:
        yield
    except (ImportError, RuntimeError) as error:
        raise TrainingError(
            f"these pictures need the package {package}; install it with pip install 'vqzip[{extra}]'."
        ) from error
