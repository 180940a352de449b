"""Notes that somebody has to act on."""

from __future__ import annotations


class Doubt(str):
    """A note that somebody has to act on, for without that the volume may be taken for what it is not.

    Voxels are missing; their place or size was guessed, or the file contradicts itself about it; values may not be what
    they look like. Everything else that is worth knowing (padding, lossy compression, what became channels) is a plain
    string. `read` gives a :class:`GeometryWarning` for each doubt among the notes of a volume, and for no other note.
    """

    __slots__ = ()

    def also(self, words: str) -> Doubt:
        """Return the doubt with more words behind it."""
        return Doubt(f"{self}{words}")
