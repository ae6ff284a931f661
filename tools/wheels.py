"""Build wheels for all systems from one: `python -m tools.wheels --out wheels`.

The compiled walk uses no Python API, so one wheel serves every Python of a system. `ziglang` from the
package index compiles for all of them (`pip install ziglang build hatchling`); the first time takes some
minutes for each system. A pure wheel comes beside them, for all other systems.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from vqzip.prior.compiled.compile import compile_walk

ROOT = Path(__file__).resolve().parents[1]
ZIG = (sys.executable, "-m", "ziglang", "cc")


@dataclass(frozen=True)
class System:
    """What a wheel is for.

    Args:
        target: in zig's words.
        tag: platform tag of the wheel.
        library: name of the file.
    """

    target: str
    tag: str
    library: str = "_walk.so"


SYSTEMS = (
    System("x86_64-linux-gnu.2.17", "manylinux_2_17_x86_64.manylinux2014_x86_64"),
    System("aarch64-linux-gnu.2.17", "manylinux_2_17_aarch64.manylinux2014_aarch64"),
    System("x86_64-linux-musl", "musllinux_1_1_x86_64"),
    System("aarch64-linux-musl", "musllinux_1_1_aarch64"),
    System("x86_64-macos.11.0", "macosx_11_0_x86_64", "_walk.dylib"),
    System("aarch64-macos.11.0", "macosx_11_0_arm64", "_walk.dylib"),
    System("x86_64-windows-gnu", "win_amd64", "_walk.dll"),
    System("aarch64-windows-gnu", "win_arm64", "_walk.dll"),
)


def build_wheel(out: Path, environment: dict[str, str]) -> None:
    """Build a wheel with variables that `hatch_build.py` reads."""
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out)]
    subprocess.run(
        [*command, str(ROOT)], check=True, env=os.environ | environment, stdout=subprocess.DEVNULL
    )


def main() -> None:
    """Build what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("wheels"), help="folder of the wheels")
    parser.add_argument("--only", default="", help="part of a target, such as linux")
    parser.add_argument("--libraries", type=Path, help="keep the libraries here, build no wheels")
    arguments = parser.parse_args()
    systems = [system for system in SYSTEMS if arguments.only in system.target]
    for system in systems:
        with tempfile.TemporaryDirectory() as folder:
            keep = arguments.libraries and arguments.libraries / system.target
            if keep:
                keep.mkdir(parents=True, exist_ok=True)
            library = (keep or Path(folder)) / system.library
            compile_walk(library, [*ZIG, "-target", system.target], ["-s"])
            print(f"{system.target}: {library.stat().st_size} bytes")
            if not keep:
                made = {"VQZIP_WHEEL_LIBRARY": str(library), "VQZIP_WHEEL_TAG": system.tag}
                build_wheel(arguments.out, made)
    if not arguments.libraries and not arguments.only:
        # A compiler that cannot be run leaves a wheel without a library.
        build_wheel(arguments.out, {"CC": os.devnull})


if __name__ == "__main__":
    main()
