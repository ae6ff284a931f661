"""Model folders: where they are, what is in them, and how one becomes a `Model`.

A folder holds `config.json`, `vqvae.safetensors`, `exact_prior.safetensors` (what coding needs; their
SHA-256 is the model's id), `prior.safetensors` (float), `self_test.vqz`, `recipe.toml`, `CARD.md` and
`curve.json`. Importing this module loads neither torch nor NumPy.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vqzip.configs import ModelConfig, check_prior, from_plain, to_plain
from vqzip.errors import ModelError, RecipeError

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

    from vqzip.exact_prior.prior import ExactPrior
    from vqzip.nets.pixelcnn import PixelCnn
    from vqzip.nets.vqvae import Vqvae

DEFAULT_MODEL = "photo"
CONFIG, VQVAE, EXACT, FLOAT = (
    "config.json",
    "vqvae.safetensors",
    "exact_prior.safetensors",
    "prior.safetensors",
)
IDENTITY = (CONFIG, VQVAE, EXACT)
"""Files whose bytes make the model's id."""

SELF_TEST, RECIPE, CARD, CURVE = "self_test.vqz", "recipe.toml", "CARD.md", "curve.json"

_PACKAGE = Path(__file__).parent
_CHECKOUT = _PACKAGE.parent
SEARCH_PATH = (
    _PACKAGE / "shipped_models",
    # Beside an installed package lie other packages, and their models are none of ours.
    *((_CHECKOUT / "models",) if (_CHECKOUT / "pyproject.toml").is_file() else ()),
)
"""In an installed package, then in a checkout (an editable install)."""


@dataclass(frozen=True)
class Model:
    """A loaded model.

    Args:
        name: from its configuration.
        path: of the folder.
        id: SHA-256 over configuration, VQ-VAE and exact prior, 32 bytes.
        config: levels, transform, prior.
        vqvae: on its device, in evaluation mode.
        prior: integers, on the CPU.
    """

    name: str
    path: Path
    id: bytes
    config: ModelConfig
    vqvae: Vqvae
    prior: ExactPrior


@dataclass(frozen=True)
class ModelSummary:
    """What `vqzip models` shows of one folder."""

    name: str
    path: Path
    id: bytes
    bytes: int
    config: ModelConfig
    card_licence: str
    curve: list[dict[str, Any]]


def locate(name_or_path: str) -> Path:
    """Return the folder of a model by its name, or by the path of a model or run folder.

    Raises:
        ModelError: there is none.
    """
    given = Path(name_or_path).expanduser()
    candidates = [given, given / "model"]
    if not given.is_absolute() and given.name == name_or_path:
        candidates = [root / name_or_path for root in SEARCH_PATH] + candidates
    for candidate in candidates:
        if (candidate / CONFIG).is_file():
            return candidate
    installed_names = ", ".join(sorted(path.name for path in folders())) or "none"
    raise ModelError(
        f"there is no model '{name_or_path}'; installed are {installed_names}, "
        "or give the folder of one."
    )


def folders() -> list[Path]:
    """Return the folders of all installed models; one name counts once."""
    found: dict[str, Path] = {}
    for root in SEARCH_PATH:
        for config in sorted(root.glob(f"*/{CONFIG}")):
            found.setdefault(config.parent.name, config.parent)
    return list(found.values())


def model_id(folder: Path) -> bytes:
    """Return the SHA-256 over the files that decide codes and pixels, each with its length.

    Raises:
        ModelError: one of them is missing.
    """
    digest = hashlib.sha256()
    for name in IDENTITY:
        try:
            data = (folder / name).read_bytes()
        except OSError as error:
            raise ModelError(
                f"the model folder {folder} lacks {name}; install it again."
            ) from error
        digest.update(len(data).to_bytes(8, "little") + data)
    return digest.digest()


def find_by_id(short_id: bytes) -> Path:
    """Return the installed folder whose id begins with the eight bytes that a file names.

    Raises:
        ModelError: no such model is installed.
    """
    names = []
    for folder in folders():
        if model_id(folder)[: len(short_id)] == short_id:
            return folder
        names.append(folder.name)
    raise ModelError(
        f"the file was made with model {short_id.hex()}, which is not installed (there is "
        f"{', '.join(names) or 'none'}); give its folder with --model."
    )


def installed() -> list[ModelSummary]:
    """Return a summary of every installed model, without loading torch."""
    summaries = []
    for folder in folders():
        curve = folder / CURVE
        card = folder / CARD
        summaries.append(
            ModelSummary(
                name=folder.name,
                path=folder,
                id=model_id(folder),
                bytes=sum(file.stat().st_size for file in folder.iterdir() if file.is_file()),
                config=read_config(folder),
                card_licence=_licence(card.read_text(encoding="utf-8") if card.is_file() else ""),
                curve=json.loads(curve.read_text(encoding="utf-8")) if curve.is_file() else [],
            )
        )
    return summaries


def _licence(card: str) -> str:
    """Return what a model card says of the licence."""
    found = re.search(r"^Licen[cs]e(?: of the weights)?: *(.+?)\.?$", card, re.MULTILINE)
    return found.group(1) if found else "not stated"


def read_config(folder: Path) -> ModelConfig:
    """Return a folder's configuration.

    Raises:
        ModelError: it is missing, damaged, or of a later format.
    """
    path = folder / CONFIG
    try:
        plain = json.loads(path.read_text(encoding="utf-8"))
        config = from_plain(ModelConfig, plain, "config")
    except (OSError, ValueError, RecipeError) as error:
        raise ModelError(f"{path} cannot be read ({error}); install the model again.") from error
    if config.format != 1:
        raise ModelError(f"{path} is of model format {config.format}; install a newer vqzip.")
    check_prior(config.vqvae, config.prior)
    return config


def load(name_or_path: str | Path, device: str = "cpu") -> Model:
    """Load a model by name or folder.

    Args:
        name_or_path: as for `locate`.
        device: where the VQ-VAE runs, such as `cpu` or `cuda`; the prior is always on the CPU.

    Raises:
        ModelError: there is no such model, it is damaged, or the device is not there.
    """
    import safetensors.numpy
    import safetensors.torch
    from safetensors import SafetensorError

    from vqzip.exact_prior.prior import ExactPrior
    from vqzip.nets.vqvae import Vqvae

    folder = locate(str(name_or_path))
    config = read_config(folder)
    identity = model_id(folder)
    where = checked_device(device)
    try:
        exact = safetensors.numpy.load_file(folder / EXACT)
        weights = safetensors.torch.load_file(folder / VQVAE)
        vqvae = Vqvae(config.vqvae)
        vqvae.load_state_dict(weights)
    except (SafetensorError, RuntimeError, OSError) as error:
        reason = str(error).splitlines()[0]
        raise ModelError(
            f"the model in {folder} is damaged ({reason}); install it again."
        ) from error
    vqvae = vqvae.to(where).eval().requires_grad_(requires_grad=False)
    prior = ExactPrior.from_tensors(config.vqvae, config.prior, exact)
    return Model(config.name, folder, identity, config, vqvae, prior)


def load_float_prior(model: Model) -> PixelCnn:
    """Load the float network that the model's integers were made from.

    Raises:
        ModelError: it is not in the folder, or damaged.
    """
    import safetensors.torch
    from safetensors import SafetensorError

    from vqzip.nets.pixelcnn import PixelCnn

    prior = PixelCnn(model.config.vqvae, model.config.prior)
    try:
        prior.load_state_dict(safetensors.torch.load_file(model.path / FLOAT))
    except (SafetensorError, RuntimeError, OSError) as error:
        reason = str(error).splitlines()[0]
        raise ModelError(
            f"the float prior in {model.path / FLOAT} cannot be read ({reason}); "
            "install the model again."
        ) from error
    return prior


def checked_device(device: str) -> torch.device:
    """Return a torch device that exists; `auto` is the GPU when there is one.

    Raises:
        ModelError: it does not exist.
    """
    import torch

    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        where = torch.device(device)
        torch.zeros(1, device=where).cpu()
    except (RuntimeError, AssertionError) as error:
        raise ModelError(f"the device '{device}' is not there; use --device cpu.") from error
    return where


def save(
    folder: Path,
    config: ModelConfig,
    vqvae: Vqvae,
    exact: Mapping[str, NDArray[np.generic]],
    float_prior: Mapping[str, torch.Tensor],
) -> None:
    """Write what a model consists of into a folder.

    Args:
        folder: is made if need be.
        config: levels, transform, prior.
        vqvae: on any device.
        exact: tensors of `ExactPrior.from_tensors`.
        float_prior: state of the `PixelCnn` that `exact` was made from.

    Raises:
        ModelError: the folder cannot be written.
    """
    import safetensors.numpy
    import safetensors.torch
    from safetensors import SafetensorError

    try:
        folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps(to_plain(config), indent=1) + "\n"
        (folder / CONFIG).write_text(text, encoding="utf-8")
        tensors = {name: _stored(name, tensor) for name, tensor in vqvae.state_dict().items()}
        safetensors.torch.save_file(tensors, folder / VQVAE)
        safetensors.numpy.save_file(dict(exact), folder / EXACT)
        floats = {name: tensor.detach().cpu().contiguous() for name, tensor in float_prior.items()}
        safetensors.torch.save_file(floats, folder / FLOAT)
        for name in (VQVAE, EXACT, FLOAT):
            # safetensors writes for its owner alone; a package is for all users of a machine.
            (folder / name).chmod(0o644)
    except (OSError, SafetensorError) as error:
        raise ModelError(f"the model cannot be written to {folder}: {error}.") from error


def _stored(name: str, tensor: torch.Tensor) -> torch.Tensor:
    """Return a tensor as a model folder holds it.

    The networks around a wavelet are half as large in float16, whose rounding is far below that of a
    pixel; they are float32 again when they are loaded.
    """
    tensor = tensor.detach().cpu().contiguous()
    around = name.startswith(("transform.before.", "transform.after."))
    return tensor.half() if around else tensor
