"""`python -m turnbuckle` is `turnbuckle`."""

from turnbuckle.cli import main

if __name__ == "__main__":
    main()
