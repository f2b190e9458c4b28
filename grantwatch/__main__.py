"""``python -m grantwatch``."""

from grantwatch.cli.app import main

if __name__ == "__main__":
    main()
