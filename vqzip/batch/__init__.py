"""Many pictures at once: which files, under which names, by how many threads; knows no terminal."""
