"""Write a model whose steps by level and color are those that `fit_steps` found.

python -m tools.looks.make_variant steps.json runs/photo-looks --model photo
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
from pathlib import Path

import safetensors.numpy

from tools.looks.variants import Steps, read_steps, vqvae_with_steps
from vqzip.codec.codec import load
from vqzip.errors import VqzipError
from vqzip.models.learned import load_float_prior, save
from vqzip.models.places import EXACT


def write_variant(model_name: str, points: dict[float, Steps], folder: Path) -> None:
    """Write a model folder: the networks and the prior of a model, with other steps.

    Args:
        model_name: name or folder of a wavelet model without gains.
        points: steps by quality.
        folder: of the new model, which takes its name.

    Raises:
        ModelError: the model is another kind, or the folder cannot be written.
    """
    model = load(model_name).model
    vqvae = vqvae_with_steps(model, points)
    config = dataclasses.replace(model.config, name=folder.name, vqvae=vqvae.config)
    exact = safetensors.numpy.load_file(model.path / EXACT)
    save(folder, config, vqvae, exact, load_float_prior(model).state_dict())


def main() -> None:
    """Read the arguments; what cannot be done is one line on stderr."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("steps", type=Path, help="file that fit_steps wrote")
    parser.add_argument("folder", type=Path, help="of the new model")
    parser.add_argument("--model", default="photo")
    arguments = parser.parse_args()
    try:
        write_variant(arguments.model, read_steps(arguments.steps), arguments.folder)
    except VqzipError as error:
        sys.exit(f"{parser.prog}: {error}")


if __name__ == "__main__":
    main()
