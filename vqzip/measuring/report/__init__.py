"""What is measured, as tables, files and plots."""
