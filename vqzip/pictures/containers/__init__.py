"""Walks through the containers of picture files to find what they contain.

Pillow gives pixels, and only some of the rest. The modules here read the structure of a file: segments,
chunks, boxes, tags. Each has a short list of parts that can be left out without harm. Everything that is
neither kept nor on that list is a loss, and is named.
"""
