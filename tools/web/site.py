"""Put the page and models into a folder for any static host: `python -m tools.web.site OUT`.

    python -m tools.web.site site --model models/photo

The page decodes in the visitor's browser. It needs nothing of the host except that .wasm files have the type
application/wasm, as usual.
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Sequence
from pathlib import Path

from vqzip.models.places import IDENTITY, model_id
from vqzip.web.server import start_json, static_files


def write_site(out: Path, models: Sequence[Path]) -> None:
    """Write the folder.

    Args:
        out: folder, which must not exist.
        models: model folders whose files the page shall open.
    """
    out.mkdir(parents=True)
    for name, path in static_files().items():
        shutil.copyfile(path, out / name)
    addresses = {}
    for folder in models:
        own = out / "models" / folder.name
        own.mkdir(parents=True)
        for name in IDENTITY:
            shutil.copyfile(folder / name, own / name)
        addresses[model_id(folder)[:8].hex()] = f"models/{folder.name}"
    (out / "start.json").write_bytes(start_json(addresses, {}))


def main() -> None:
    """Write what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--model", type=Path, action="append", dest="models")
    arguments = parser.parse_args()
    shipped = Path(__file__).resolve().parents[2] / "models"
    models = arguments.models or sorted(path.parent for path in shipped.glob("*/config.json"))
    write_site(arguments.out, models)
    print(f"{arguments.out}: {', '.join(model.name for model in models)}")


if __name__ == "__main__":
    main()
