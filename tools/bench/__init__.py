"""The benchmark: the whole engine beside mere decoding and beside a hand-written function, on the same bodies."""
