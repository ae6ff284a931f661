"""What picture files hold, found by walking their containers.

Pillow gives pixels, and of the rest only what it happens to know. The modules here read the structure
of a file instead: segments, chunks, boxes, tags. Each knows a short list of parts that can be left out
without any harm. What is neither kept nor on that list is a loss, and gets named.
"""
