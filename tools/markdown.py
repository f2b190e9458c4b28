"""Pieces of Markdown for generated pages."""

from collections.abc import Iterable

from grantwatch.model.schema import Column

NOTICE = "<!-- generated, do not edit; run make format -->"


def table(headings: tuple[str, ...], rows: Iterable[str]) -> str:
    """A table of rows made with ``row``."""
    return "\n".join((row(*headings), row(*("---" for _ in headings)), *rows))


def row(*cells: str) -> str:
    """One row of a table."""
    return f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |"


def described(column: Column) -> str:
    """The row of a column of one of our tables."""
    return row(f"`{column.name}`", column.type, "yes" if column.nullable else "no", column.description)


def listed(heading: str, items: Iterable[str]) -> str:
    """A heading and a list."""
    return f"{heading}\n\n" + "\n".join(f"- {item}" for item in items)


def joined(blocks: Iterable[str]) -> str:
    """A page."""
    return "\n\n".join(blocks) + "\n"
