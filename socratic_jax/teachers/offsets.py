"""Where in a journal each reply is: 16 bytes for each, in a table of three times that at most.

A dict would take about ten times that, and it is the only thing that grows with a journal.
"""

from array import array

_EMPTY = 0
_SMALLEST = 1024


class Offsets:
    """From keys to offsets, by open addressing; nothing is ever removed.

    Keys are the journal's, 32 hexadecimal digits of a hash. Only the first 64 bits are kept: among a
    million keys, two share them with a probability of 3e-8.
    """

    def __init__(self):
        self._prints = array("Q", [_EMPTY]) * _SMALLEST
        self._offsets = array("Q", [0]) * _SMALLEST
        self._used = 0

    def __len__(self) -> int:
        return self._used

    def __contains__(self, key: str) -> bool:
        return self._prints[self._slot(self._prints, fingerprint(key))] != _EMPTY

    def get(self, key: str) -> int | None:
        """The offset of a key; None if it is not there."""
        slot = self._slot(self._prints, fingerprint(key))
        return None if self._prints[slot] == _EMPTY else self._offsets[slot]

    def add(self, key: str, offset: int) -> bool:
        """Adds a key; the first offset of a key stays. Returns whether it was new."""
        if 3 * self._used >= 2 * len(self._prints):
            self._grow()
        print_ = fingerprint(key)
        slot = self._slot(self._prints, print_)
        if self._prints[slot] != _EMPTY:
            return False
        self._prints[slot], self._offsets[slot] = print_, offset
        self._used += 1
        return True

    def _grow(self) -> None:
        prints, offsets = self._prints, self._offsets
        size = 2 * len(prints)
        self._prints, self._offsets = array("Q", [_EMPTY]) * size, array("Q", [0]) * size
        for print_, offset in zip(prints, offsets, strict=True):
            if print_ != _EMPTY:
                slot = self._slot(self._prints, print_)
                self._prints[slot], self._offsets[slot] = print_, offset

    @staticmethod
    def _slot(prints: array, print_: int) -> int:
        # The keys are hashes already: their low bits are as good as random.
        mask = len(prints) - 1
        slot = print_ & mask
        while prints[slot] != _EMPTY and prints[slot] != print_:
            slot = (slot + 1) & mask
        return slot


def fingerprint(key: str) -> int:
    """The first 64 bits of a key, never 0."""
    return int(key[:16], 16) or 1
