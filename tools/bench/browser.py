"""Time what the web page needs to decode files, in a headless Chromium.

    python -m tools.bench.browser picture.vqz --repeat 5

Prints seconds for each file: loading the decoder for a model and a quality, the first time; and decoding, the
first time, when the browser has compiled nothing well yet, and the median of the others.
"""

from __future__ import annotations

import argparse
import statistics
from pathlib import Path

from tools.web.compare import browser


def main() -> None:
    """Time every file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", type=Path, nargs="+")
    parser.add_argument("--repeat", type=int, default=5)
    arguments = parser.parse_args()
    print(f"{'file':30} load  first  median")
    for path in arguments.files:
        data = path.read_bytes()
        with browser() as window:
            found = [window.decode(data) for _ in range(1 + arguments.repeat)]
        facts = [decoded.facts for decoded in found if not isinstance(decoded, str)]
        if len(facts) < len(found):
            raise SystemExit(f"{path} was refused: {found[0]}")
        seconds = [fact["decodeSeconds"] for fact in facts]
        load = facts[0]["loadSeconds"]
        print(f"{path.name:30} {load:.2f}  {seconds[0]:.2f}   {statistics.median(seconds[1:]):.2f}")


if __name__ == "__main__":
    main()
