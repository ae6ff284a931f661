"""Compile the page's C to WebAssembly: `python -m tools.web.build`.

It needs `ziglang` from the package index (`pip install ziglang==0.17.1`), which is clang with a C library for
WebAssembly. Another version makes other bytes. The module carries the SHA-256 of its source, so that a test
sees without a compiler whether it was built from it.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import subprocess
import sys
import tempfile
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "vqzip" / "web"
MODULE = PAGE / "vqzip.wasm"
SOURCES = (PAGE / "source", ROOT / "vqzip" / "prior" / "compiled" / "source")
COMPILER_VERSION = "0.17.1"

FLAGS = (
    "-target",
    "wasm32-wasi",
    "-mexec-model=reactor",
    "-mcpu=generic+simd128+bulk_memory",
    "-std=c99",
    "-O3",
    "-ffp-contract=off",
    "-s",
)
ALWAYS = ("malloc", "free", "vqz_layout", "vqz_read", "vqz_advance")
"""Functions that the page calls beside those of the networks."""

SECTION = b"source-sha256"


def exports() -> list[str]:
    """Return the names of the functions that the module exports."""
    text = "".join(path.read_text("utf-8") for path in sorted((PAGE / "source").glob("*.h")))
    return [*ALWAYS, *re.findall(r"^EXPORT \w+ (net_\w+)\(", text, re.MULTILINE)]


def source_digest() -> str:
    """Return the SHA-256 of everything that decides the module."""
    digest = hashlib.sha256()
    for path in sorted(path for folder in SOURCES for path in folder.glob("*.[ch]")):
        digest.update(path.read_bytes())
    digest.update(" ".join([*FLAGS, *exports(), COMPILER_VERSION]).encode())
    return digest.hexdigest()


def stored_digest(module: bytes) -> str:
    """Return the digest that a module carries, the last bytes of it."""
    return module[-64:].decode("ascii", "replace")


def has_compiler() -> bool:
    """Return whether the version of the compiler that the module is built with is installed."""
    try:
        return metadata.version("ziglang") == COMPILER_VERSION
    except metadata.PackageNotFoundError:
        return False


def compile_module() -> bytes:
    """Return the module.

    Raises:
        subprocess.SubprocessError: the compiler fails.
    """
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "vqzip.wasm"
        names = [f"-Wl,--export={name}" for name in exports()]
        command = [sys.executable, "-m", "ziglang", "cc", *FLAGS, *names]
        subprocess.run([*command, str(PAGE / "source" / "page.c"), "-o", str(made)], check=True)
        module = made.read_bytes()
    digest = source_digest().encode()
    # A custom section: 0, its length, the length of its name, the name, the content.
    content = bytes([len(SECTION)]) + SECTION + digest
    return module + bytes([0, len(content)]) + content


def main() -> None:
    """Build the module in its place."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    if not has_compiler():
        sys.exit(f"the compiler is missing: pip install ziglang=={COMPILER_VERSION}")
    module = compile_module()
    MODULE.write_bytes(module)
    print(f"{MODULE.relative_to(ROOT)}: {len(module)} bytes")


if __name__ == "__main__":
    main()
