"""A process that is forked from one that has loaded a model, and used it, works as any other."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork"),
]

PROGRAM = """
import multiprocessing, sys, threading, warnings
import numpy as np
from PIL import Image
import vqzip

warnings.simplefilter("ignore")
rows, columns = np.mgrid[:300, :400]
image = Image.fromarray(np.stack([rows % 256, columns % 256, (rows + columns) % 256], 2).astype(np.uint8))
codec = vqzip.load(sys.argv[1])
wanted = codec.encode(image, quality=4)
pixels = np.asarray(codec.decode(wanted))
stop = threading.Event()

def keep_busy():
    while not stop.is_set():
        codec.decode(wanted)

def work(_):
    data = codec.encode(image, quality=4)
    return data == wanted and bool(np.array_equal(np.asarray(codec.decode(data)), pixels))

threads = [threading.Thread(target=keep_busy, daemon=True) for _ in range(2)]
if sys.argv[2] == "busy":
    for thread in threads:
        thread.start()
with multiprocessing.get_context("fork").Pool(2) as pool:
    print(all(pool.map(work, range(4))))
stop.set()
"""


@pytest.mark.parametrize("parent", ["idle", "busy"])
@pytest.mark.parametrize("without_onnx", [False, True], ids=["onnx", "torch"])
def test_a_pool_made_with_fork_after_loading_works(
    parent: str, without_onnx: bool, tiny_model: Path
) -> None:
    hide = "import sys; sys.modules['onnxruntime'] = None\n" if without_onnx else ""
    done = subprocess.run(
        [sys.executable, "-c", hide + PROGRAM, str(tiny_model), parent],
        capture_output=True,
        env=os.environ | {"PYTHONPATH": str(ROOT), "VQZIP_THREADS": "3", "OMP_NUM_THREADS": "2"},
        timeout=240,
        check=False,
    )
    assert done.stdout.strip() == b"True", done.stderr[-2000:]


PRELOADED = """
import os, sys, threading
import numpy as np
import vqzip

rows, columns = np.mgrid[:200, :1100]
pixels = np.stack([rows % 256, columns % 256, (rows + columns) % 256], 2).astype(np.uint8)
model = sys.argv[1]
wanted = vqzip.encode(pixels, model=model) if sys.argv[2] == "used" else None
vqzip.load(model)

def serve():
    files = []
    def work():
        file = vqzip.encode(pixels, model=model)
        files.append(file)
        vqzip.decode(file, model=model), vqzip.decode(file, model=model, reduction=4)
    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    os._exit(0 if len(files) == 3 and set(files) <= {wanted or files[0]} else 1)

children = []
for _ in range(2):
    child = os.fork()
    if child == 0:
        serve()
    children.append(child)
print([os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children])
"""


@pytest.mark.parametrize("parent", ["loaded", "used"])
@pytest.mark.parametrize("walk", ["", "numpy"], ids=["compiled", "numpy"])
def test_workers_of_a_server_that_loads_before_it_forks(
    parent: str, walk: str, tiny_model: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PRELOADED, str(tiny_model), parent],
        capture_output=True,
        env=os.environ | {"PYTHONPATH": str(ROOT), "VQZIP_THREADS": "3", "VQZIP_WALK": walk},
        timeout=240,
        check=False,
    )
    assert done.stdout.strip() == b"[0, 0]", done.stderr[-2000:]
