"""Recipes: everything that a training run needs, as frozen dataclasses and TOML files."""
