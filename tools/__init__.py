"""Programs around the package: figures, timing, fuzzing, golden files, pages that are generated."""
