"""Run a program on the compiled walk built with sanitizers.

    python -m tools.fuzz.sanitized -m tools.fuzz.run --cases 200000
    python -m tools.fuzz.sanitized -m tools.prior.compare --cases 1000

Reads and writes out of bounds, and what C leaves undefined, end the process with a report. What follows
the module's name is for Python. Needs GCC and its sanitizers.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from vqzip.prior.compiled.compile import compile_walk

FLAGS = ("-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")


def main() -> int:
    """Compile, then run Python with the library; return its exit status."""
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder) / "_walk.so"
        compile_walk(library, ["gcc"], FLAGS)
        sanitizers = [_library_of_gcc(name) for name in ("libasan.so", "libubsan.so")]
        environment = os.environ | {
            "VQZIP_WALK_LIBRARY": str(library),
            "LD_PRELOAD": " ".join(sanitizers),
            # Python frees little at its end. A failed allocation is an error like others. What is freed
            # is kept for a while, to see whether it is used; not so much that it looks like a leak.
            "ASAN_OPTIONS": "detect_leaks=0:allocator_may_return_null=1:quarantine_size_mb=32",
            "UBSAN_OPTIONS": "print_stacktrace=1",
        }
        return subprocess.run([sys.executable, *sys.argv[1:]], env=environment).returncode


def _library_of_gcc(name: str) -> str:
    found = subprocess.run(
        ["gcc", f"-print-file-name={name}"],  # noqa: S607
        check=True,
        capture_output=True,
        text=True,
    )
    return found.stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
