"""`python -m mmgcn` is the command `mmgcn`."""

from cli import main

if __name__ == "__main__":
    main()
