"""Reports of measurements: tables, files and plots."""
