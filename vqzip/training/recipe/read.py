"""Recipes in TOML: found, changed by settings, read and written."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import tomli_w

from vqzip.errors import RecipeError
from vqzip.models.plain import from_plain, to_plain
from vqzip.training.recipe.config import Recipe, check_recipe

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

RECIPES = Path(__file__).parent.parent.parent / "recipes"

SECTIONS = {
    "vqvae_phase": "vqvae",
    "prior_phase": "prior",
    "predictor_phase": "predictors",
    "decoder_phase": "decoder",
    "joint_phase": "joint",
}
"""Sections that older recipes have instead of the list of phases, in the order of the run: the kind of each."""


def recipe_names() -> list[str]:
    """Return the names of the recipes that come with the package."""
    return sorted(path.stem for path in RECIPES.glob("*.toml"))


def load_recipe(name_or_path: str, settings: Sequence[str] = ()) -> Recipe:
    """Read a recipe and apply `key=value` settings to it.

    Args:
        name_or_path: a name from `recipe_names` or the path of a TOML file.
        settings: such as `phases.prior.batch=4` or `vqvae.levels.0.groups=2`; values are TOML.

    Raises:
        RecipeError: it does not exist, does not parse, or has an unknown key.
    """
    path = Path(name_or_path)
    if path.suffix != ".toml":
        path = RECIPES / f"{name_or_path}.toml"
    if not path.is_file():
        raise RecipeError(
            f"there is no recipe '{name_or_path}'; give a TOML file or one of "
            f"{', '.join(recipe_names())}."
        )
    return recipe_from_plain(changed_toml(path, settings))


def changed_toml(path: Path, settings: Sequence[str]) -> dict[str, Any]:
    """Return the content of a TOML file with `key=value` settings applied to it.

    Raises:
        RecipeError: it does not parse, or a setting does not fit.
    """
    try:
        plain = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RecipeError(f"{path} is not valid TOML: {error}.") from error
    _list_phases(plain)
    for setting in settings:
        _apply(plain, setting)
    return plain


def recipe_from_plain(plain: dict[str, Any]) -> Recipe:
    """Build a recipe from parsed TOML.

    Raises:
        RecipeError: a key is unknown, missing or of the wrong type, or the parts do not fit.
    """
    recipe = from_plain(Recipe, plain, "recipe")
    check_recipe(recipe)
    return recipe


def recipe_to_toml(recipe: Recipe) -> str:
    """Return the whole recipe with defaults as TOML; `load_recipe` reads it back equal."""
    return tomli_w.dumps(to_plain(recipe))


def _list_phases(plain: dict[str, Any]) -> None:
    """Turn the sections of an older recipe into a list of phases."""
    old = [section for section in SECTIONS if section in plain]
    if not old:
        return
    if "phases" in plain:
        raise RecipeError(f"a recipe has [[phases]] or [{old[0]}], not both; keep [[phases]].")
    tables = [(SECTIONS[section], plain.pop(section)) for section in old]
    if not all(isinstance(table, dict) for _, table in tables):
        raise RecipeError(f"[{old[0]}] must be a table.")
    plain["phases"] = [{"kind": kind} | table for kind, table in tables]


def _apply(plain: dict[str, Any], setting: str) -> None:
    """Apply a setting `key=value` to parsed TOML."""
    key, separator, value = setting.partition("=")
    if not separator:
        raise RecipeError(f"a setting is key=value, got '{setting}'.")
    try:
        parsed = tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        parsed = value
    *tables, last = key.strip().split(".")
    if tables and tables[0] in SECTIONS:
        tables[:1] = ["phases", SECTIONS[tables[0]]]
    place: Any = plain
    for table in tables:
        if isinstance(place, dict):
            place.setdefault(table, {})
        place = place[_entry(place, table, key)]
    place[_entry(place, last, key)] = parsed


def _entry(place: object, name: str, key: str) -> str | int:
    """Return the key `name` in a table, or the index that it means in an array: a number or a kind.

    Raises:
        RecipeError: `place` is neither of them, or the array has no such entry.
    """
    if isinstance(place, dict):
        return name
    if not isinstance(place, list):
        raise RecipeError(f"setting {key}: what holds '{name}' is not a table of the recipe.")
    kinds = [entry.get("kind") if isinstance(entry, dict) else None for entry in place]
    if kinds.count(name) == 1:
        return kinds.index(name)
    if not name.isdecimal() or int(name) >= len(place):
        named = ", ".join(
            kind for kind in kinds if isinstance(kind, str) and kinds.count(kind) == 1
        )
        raise RecipeError(
            f"setting {key}: '{name}' is not an entry from 0 to {len(place) - 1}"
            f"{f' or one of {named}' if named else ''}."
        )
    return int(name)
