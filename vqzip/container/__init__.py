"""The .vqz container: bytes in, dataclasses out, and back; it knows neither pixels nor networks."""
