"""Millions of pictures on many machines, with Ray Data: `pip install "vqzip[ray]"`.

    >>> import vqzip.ray
    >>> table = vqzip.ray.encode_files("s3://bucket/photos", "s3://bucket/vqz", actors=64)
    >>> table.write_parquet("s3://bucket/table")

Every picture is a row of the table, also one that fails. Outputs are written whole, and each once: if a worker
dies, another does its pictures, and finds the files that were finished before. The same call again does the rest.
"""

from vqzip.ray.files import encode_files
from vqzip.ray.shards import decode_shards, encode_shards

__all__ = ["decode_shards", "encode_files", "encode_shards"]
