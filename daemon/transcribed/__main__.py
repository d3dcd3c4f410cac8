"""`python -m transcribed`."""

from transcribed.cli import main

if __name__ == "__main__":
    main()
