"""Reading JSON values out of a text that may be broken anywhere, at a cost that its length bounds."""

import json
import re
from typing import Any

_BUDGET_A_CHARACTER = 4
_BUDGET_OF_A_SMALL_TEXT = 1024 * 1024
_JSON = json.JSONDecoder(strict=False)
_BLANK = re.compile(r"[\s,]*")
# Blanks are bounded, so that a search over nothing but blanks stays linear.
_NEXT_LINE = re.compile(r"\n[ \t\r]{0,16}(?=[\[{])")


class Scanner:
    """Reads JSON values out of one text, with a budget that all attempts share.

    A failed attempt may have read to the end of the text, and Python's decoder counts lines from the start to report
    it; so an attempt sees a small window first, which grows while the cut may be what broke it.
    """

    _WINDOWS = (4096, 65536)
    _LEAST_CHARGE = 2048

    def __init__(self, text: str) -> None:
        self.text = text
        self._budget = _BUDGET_A_CHARACTER * len(text) + _BUDGET_OF_A_SMALL_TEXT

    @property
    def exhausted(self) -> bool:
        return self._budget <= 0

    def skip_blanks(self, position: int) -> int:
        return _BLANK.match(self.text, position).end()  # type: ignore[union-attr]

    def next_line(self, position: int) -> int:
        """Where the next line that starts a document begins, or the end."""
        line = _NEXT_LINE.search(self.text, position)
        return line.start() + 1 if line else len(self.text)

    def value_at(self, position: int) -> tuple[Any, int] | Exception:
        """The JSON value that starts there and where it ends, or why there is none."""
        for window in self._WINDOWS:
            if position + window >= len(self.text):
                break
            cut = self.text[position : position + window]
            try:
                value, end = _JSON.raw_decode(cut)
            except json.JSONDecodeError as error:
                self._charge(window)
                if error.pos < window - 16 and not error.msg.startswith("Unterminated"):
                    return error
            except RecursionError as error:
                self._charge(4 * window)
                return error
            else:
                self._charge(end)
                return value, position + end
        try:
            value, end = _JSON.raw_decode(self.text, position)
        except (ValueError, RecursionError) as error:
            self._charge(max(4096, len(self.text) - position))
            return error
        self._charge(end - position)
        return value, end

    def _charge(self, length: int) -> None:
        self._budget -= max(length, self._LEAST_CHARGE)
