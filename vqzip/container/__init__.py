"""The .vqz container: bytes to dataclasses and back; knows neither pixels nor networks."""
