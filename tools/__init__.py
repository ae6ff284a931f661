"""Programs around the package: figures, timing, fuzzing, golden files, generated pages."""
