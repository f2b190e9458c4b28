"""Storage bodies, streamed: ``python -m tools.bench.flow MEGABYTES`` writes them to standard output.

Each body follows its length in four bytes. This runs in a process of its own, so that what it holds is not counted.
"""

import sys
from collections.abc import Iterator
from typing import BinaryIO

from tools.load import storage_stream

_LENGTH = 4
_MORE_RECORDS_THAN_NEEDED = 1_000  # to the megabyte; a record has more than that many bytes


def write_bodies(megabytes: int, stream: BinaryIO) -> None:
    """Write bodies of that size in all, the last one whole."""
    left = megabytes * 1_000_000
    for body in storage_stream(megabytes * _MORE_RECORDS_THAN_NEEDED):
        if left <= 0:
            return
        stream.write(len(body).to_bytes(_LENGTH, "big"))
        stream.write(body)
        left -= len(body)


def read_bodies(stream: BinaryIO) -> Iterator[bytes]:
    """The bodies that were written to the other end."""
    while length := stream.read(_LENGTH):
        yield stream.read(int.from_bytes(length, "big"))


if __name__ == "__main__":
    write_bodies(int(sys.argv[1]), sys.stdout.buffer)
