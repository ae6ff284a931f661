"""Converts frozen dataclasses to plain dicts and lists for JSON and TOML, and back."""

from __future__ import annotations

import dataclasses
import types
import typing
from typing import Any, Literal, TypeVar

from vqzip.errors import RecipeError

T = TypeVar("T")


def to_plain(value: object) -> Any:
    """Return dataclasses and tuples as plain dicts and lists, for JSON or TOML.

    Fields that are None are left out. So are those with `left_out` in their metadata at their default:
    they were added after models had been made, and saving such a model again must not change its
    configuration, because the configuration decides the model's id.
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        items = [(f, getattr(value, f.name)) for f in dataclasses.fields(value)]
        return {f.name: to_plain(item) for f, item in items if not _left_out(f, item)}
    if isinstance(value, (list, tuple)):
        return [to_plain(item) for item in value]
    return value


def _left_out(of: dataclasses.Field[Any], value: object) -> bool:
    return value is None or ("left_out" in of.metadata and value == of.default)


def from_plain(cls: type[T], plain: object, where: str = "") -> T:
    """Build a frozen dataclass from plain dicts and lists; unknown keys are errors.

    Args:
        cls: the dataclass.
        plain: parsed JSON or TOML.
        where: dotted path for messages.

    Raises:
        RecipeError: a key is unknown or missing, or a value has the wrong type.
    """
    return typing.cast("T", _convert(cls, plain, where or cls.__name__))


def _convert(annotation: Any, plain: Any, where: str) -> Any:
    """Return `plain` as a value of the annotated type."""
    origin = typing.get_origin(annotation)
    arguments = typing.get_args(annotation)
    if dataclasses.is_dataclass(annotation) and isinstance(annotation, type):
        return _convert_dataclass(annotation, plain, where)
    if origin in (typing.Union, types.UnionType):
        return _convert_union(arguments, plain, where)
    if origin is Literal:
        if plain not in arguments:
            raise RecipeError(
                f"{where} must be one of {', '.join(map(repr, arguments))}, got {plain!r}."
            )
        return plain
    if origin is tuple:
        return _convert_tuple(arguments, plain, where)
    if annotation is float and isinstance(plain, int) and not isinstance(plain, bool):
        return float(plain)
    if not isinstance(plain, annotation) or (annotation is int and isinstance(plain, bool)):
        raise RecipeError(f"{where} must be {annotation.__name__}, got {plain!r}.")
    return plain


def _convert_tuple(arguments: tuple[Any, ...], plain: Any, where: str) -> tuple[Any, ...]:
    if not isinstance(plain, (list, tuple)):
        raise RecipeError(f"{where} must be a list, got {plain!r}.")
    if len(arguments) == 2 and arguments[1] is Ellipsis:
        arguments = (arguments[0],) * len(plain)
    if len(arguments) != len(plain):
        raise RecipeError(f"{where} must have {len(arguments)} entries, got {plain!r}.")
    entries = enumerate(zip(arguments, plain, strict=True))
    return tuple(_convert(a, p, f"{where}[{i}]") for i, (a, p) in entries)


def _convert_dataclass(cls: Any, plain: Any, where: str) -> Any:
    if not isinstance(plain, dict):
        raise RecipeError(f"{where} must be a table, got {plain!r}.")
    hints = typing.get_type_hints(cls)
    names = [f.name for f in dataclasses.fields(cls)]
    unknown = sorted(set(plain) - set(names))
    if unknown:
        raise RecipeError(f"{where} has no key '{unknown[0]}'; known keys are {', '.join(names)}.")
    required = {
        f.name
        for f in dataclasses.fields(cls)
        if f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING
    }
    missing = sorted(required - set(plain))
    if missing:
        raise RecipeError(f"{where} lacks the key '{missing[0]}'.")
    return cls(**{key: _convert(hints[key], item, f"{where}.{key}") for key, item in plain.items()})


def _convert_union(options: tuple[Any, ...], plain: Any, where: str) -> Any:
    if plain is None and type(None) in options:
        return None
    options = tuple(option for option in options if option is not type(None))
    if len(options) == 1:
        return _convert(options[0], plain, where)
    kinds = {typing.get_args(typing.get_type_hints(o)["kind"])[0]: o for o in options}
    kind = plain.get("kind") if isinstance(plain, dict) else None
    if not isinstance(kind, str) or kind not in kinds:
        raise RecipeError(f"{where}.kind must be one of {', '.join(kinds)}, got {kind!r}.")
    return _convert(kinds[kind], plain, where)
