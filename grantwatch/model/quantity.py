"""Numbers of things, in sentences."""


def quantity(number: int, one: str, many: str | None = None) -> str:
    """Such as "1 grant" or "2,000 grants". ``many`` is what several are called, where an s is not enough."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"
