"""Recipes that train within seconds, and pictures to train them on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from vqzip.autoencoders.discrete import Vqvae
from vqzip.prior.float.pixelcnn import PixelCnn
from vqzip.training.data.crops import CropSource
from vqzip.training.data.loader import Loader
from vqzip.training.data.pictures import open_pictures
from vqzip.training.phases.known import make_phase
from vqzip.training.phases.phase import Phase, Setup
from vqzip.training.recipe.config import Recipe
from vqzip.training.recipe.read import load_recipe

WAVELET = """
name = "tiny-wavelet"
seed = 3
checkpoint_steps = 7

[data]
margin = 8
gray_share = 0.3

[[phases]]
kind = "prior"
steps = 30
batch = 1
learning_rate = 0.01

[vqvae.transform]
kind = "wavelet"
decompositions = 2

[vqvae.quality]
base_step = 60.0
ratio = 1.3

[[vqvae.levels]]
stride = 4
groups = 3
quantizer = { kind = "grid" }

[[vqvae.levels]]
stride = 4
groups = 9
quantizer = { kind = "grid" }

[[vqvae.levels]]
stride = 2
groups = 9
quantizer = { kind = "grid" }

[prior]
head = "logistic"
gray_stages = 1

[[prior.levels]]
state = 0
hidden = 4
neighbour_mean = true
stages = [{ channels = [0], hidden = 4 }, { channels = [1, 2], hidden = 4 }]
update = [{ kernel = 3, width = 4 }]

[[prior.levels]]
state = 4
hidden = 4
stages = [{ channels = [0, 1, 2], hidden = 4 }, { channels = [3, 4, 5, 6, 7, 8], hidden = 4 }]

[[prior.levels]]
state = 4
hidden = 4
stages = [{ channels = [0, 1, 2], hidden = 4 }, { channels = [3, 4, 5, 6, 7, 8], hidden = 4 }]
"""

CODEBOOK = """
name = "tiny-codebook"
seed = 3
checkpoint_steps = 7

[[phases]]
kind = "vqvae"
steps = 30
batch = 2
crop = 64
learning_rate = 0.002

[[phases]]
kind = "prior"
steps = 30
batch = 1
learning_rate = 0.01

[vqvae.transform]
kind = "conv"
hidden = 8
residual_hidden = 4
residual_blocks = 1

[[vqvae.levels]]
stride = 8
groups = 1
quantizer = { kind = "codebook", size = 8, dim = 4 }

[[vqvae.levels]]
stride = 4
groups = 1
quantizer = { kind = "codebook", size = 8, dim = 4 }

[prior]
head = "categorical"
embedding = 3

[[prior.levels]]
state = 0
hidden = 8
stages = [{ channels = [0], hidden = 8 }]
update = [{ kernel = 1, width = 8 }]

[[prior.levels]]
state = 4
hidden = 8
stages = [{ channels = [0], hidden = 8 }]
"""

NETWORKS = """
[[phases]]
kind = "decoder"
steps = 3
batch = 1
learning_rate = 0.001
learn = ["after"]

[[phases]]
kind = "joint"
steps = 3
batch = 2
learning_rate = 0.001
prior_learning_rate = 0.001

[vqvae.transform]
kind = "wavelet"
decompositions = 2
before = { width = 8, blocks = 1 }
after = { width = 8, blocks = 1 }
gains = { width = 4 }
"""

JOINT = WAVELET.replace('[vqvae.transform]\nkind = "wavelet"\ndecompositions = 2\n', NETWORKS)

PREDICTED = (
    JOINT.replace(
        "gains = { width = 4 }\n",
        "predictors = [{ stride = 2, width = 6, hidden = 3, blocks = 1, fold = 2 }]\n",
    )
    .replace("after = { width = 8, blocks = 1 }", "after = { width = 8, blocks = 1, hidden = 4 }")
    .replace(
        '[[phases]]\nkind = "decoder"\nsteps = 3\nbatch = 1\nlearning_rate = 0.001\nlearn = ["after"]',
        '[[phases]]\nkind = "predictors"\nsteps = 3\nbatch = 2\nlearning_rate = 0.001',
    )
    .replace(
        "prior_learning_rate = 0.001\n",
        'prior_learning_rate = 0.001\nlearn = ["before", "predictors", "after"]\n',
    )
)

KINDS = {"wavelet": WAVELET, "codebook": CODEBOOK, "joint": JOINT, "predicted": PREDICTED}


def tiny_recipe(folder: Path, kind: str, *settings: str) -> Recipe:
    """Return one of the recipes, changed by `key=value` settings."""
    return load_recipe(str(write_recipe(folder, kind)), settings)


def write_recipe(folder: Path, kind: str) -> Path:
    path = folder / f"{kind}.toml"
    path.write_text(KINDS[kind])
    return path


def made_phase(recipe: Recipe, pictures: Path, kind: str) -> Phase:
    """Return the phase of that kind, with random weights."""
    source = Loader(CropSource(open_pictures(pictures), recipe.data, recipe.seed))
    vqvae = Vqvae(recipe.vqvae)
    vqvae.initialize(torch.Generator().manual_seed(0))
    prior = PixelCnn(recipe.vqvae, recipe.prior)
    setup = Setup(recipe, vqvae, prior, source, torch.device("cpu"))
    (config,) = (phase for phase in recipe.phases if phase.kind == kind)
    return make_phase(config, setup)


def made_pixels(number: int, height: int = 160, width: int = 200) -> NDArray[np.uint8]:
    """Return smooth colors with an edge and some noise, `(height, width, 3)`."""
    rng = np.random.default_rng(number)
    rows, columns = np.mgrid[0:height, 0:width] / 40.0
    waves = rng.uniform(0.2, 2, (3, 2))
    planes = [np.sin(a * rows + b * columns + number) for a, b in waves]
    pixels = 128 + 70 * np.stack(planes, 2) + rng.normal(0, 4, (height, width, 3))
    pixels[columns > rows + 1] += rng.uniform(-40, 40, 3)
    return pixels.clip(0, 255).astype(np.uint8)


def write_pictures(folder: Path, count: int = 4) -> Path:
    """Write `count` PNG pictures, one of them in a folder of its own."""
    (folder / "deeper").mkdir(parents=True)
    for number in range(count):
        place = folder / "deeper" if number == 1 else folder
        Image.fromarray(made_pixels(number)).save(place / f"p{number}.png")
    return folder
