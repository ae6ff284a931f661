"""The command line: each command parses, calls the API and prints; one file for each command."""
