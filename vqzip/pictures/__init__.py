"""Pixels, transparency and metadata: pictures in and out of files, by Pillow."""
