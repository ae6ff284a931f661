"""`python -m vqzip` is the command `vqzip`."""

from vqzip.cli.app import main

if __name__ == "__main__":
    main()
