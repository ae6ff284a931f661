"""What `encode --verify` costs: processor time of decoding the codes, against that of encoding.

    OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 python -m tools.bench.verify kodak/kodim08.png kodak/kodim19.png

Encoding and decoding take turns, so that what else the machine does meets both alike.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from statistics import median

from vqzip.codec.codec import load
from vqzip.pictures.read import read_picture

EFFORTS = (0, 1, 2, 4)
MAX_PIXELS = 1 << 30


def main() -> None:
    """Measure and print a line an effort."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("pictures", type=Path, nargs="+")
    parser.add_argument("--model", default="photo")
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    codec = load(arguments.model)
    pictures = [
        read_picture(path, max_pixels=MAX_PIXELS, strict=False) for path in arguments.pictures
    ]
    seconds: dict[int, list[tuple[float, float]]] = {effort: [] for effort in EFFORTS}
    for _ in range(arguments.repeats):
        for picture in pictures:
            for effort in EFFORTS:
                start = time.process_time()
                encoded = codec.encode_picture(picture, effort=effort)
                middle = time.process_time()
                codec.decode_codes(encoded.data)
                seconds[effort].append((middle - start, time.process_time() - middle))
    print("effort  encoding, s  decoding the codes, s  share")
    for effort, pairs in seconds.items():
        encoding, decoding = (median(column) for column in zip(*pairs, strict=True))
        share = median(decode / encode for encode, decode in pairs)
        print(f"{effort:6}  {encoding:11.2f}  {decoding:21.2f}  {share:5.0%}")


if __name__ == "__main__":
    main()
