"""Copies of what a tile has learnt, so that an encoder can code a frame in several ways and keep the shortest.

A decoder needs nothing of it. Between frames nothing is pending, and all that lasts is in the tables of the stages and
in the few numbers that `Snapshot.take` lists.
"""

try:
    import cython
except ImportError:
    from .. import _cython as cython
if not cython.compiled:
    from .flags import Flags
    from .match_model import MatchModel
    from .mixer import Mixer
    from .motion import Motion
    from .neighbourhood import Neighbourhood
    from .skips import Skips

import numpy as np


@cython.final
@cython.cclass
class Snapshot:
    """The state at the beginning or the end of a frame."""

    near: Neighbourhood
    match: MatchModel
    flags: Flags
    skips: Skips
    motion: Motion
    mixer: Mixer
    tables: list  # copies
    numbers: tuple
    start: cython.Py_ssize_t  # of the bytes of the stream that a carry may still reach
    stream: bytearray  # from there on

    def __init__(
        self, near: Neighbourhood, match: MatchModel, flags: Flags, skips: Skips, motion: Motion, mixer: Mixer
    ) -> None:
        self.near, self.match, self.flags, self.skips = near, match, flags, skips
        self.motion, self.mixer = motion, mixer
        self.tables = []
        self.numbers = ()
        self.start = 0
        self.stream = bytearray()

    @cython.cfunc
    def _views(self) -> list:
        """The tables that change, and the cells of the frame at hand."""
        base = self.near.base
        return [
            np.asarray(self.near.buffers[0])[base : base + self.near.size],
            *map(
                np.asarray,
                self.match.buffers
                + self.flags.flag.buffers
                + self.mixer.slots.buffers
                + self.mixer.biases.buffers
                + self.mixer.hits.buffers
                + self.mixer.buffers
                + self.motion.buffers,
            ),
        ]

    @cython.cfunc
    def take(self, start: cython.Py_ssize_t) -> object:
        """Copies the state, and the stream from `start` on."""
        coder = self.mixer.coder
        views = self._views()
        if not self.tables:
            self.tables = [np.empty_like(view) for view in views]
        for table, view in zip(self.tables, views, strict=True):
            table[:] = view
        self.start = start
        self.stream = bytearray(coder.owner[start : coder.at])
        self.numbers = (
            coder.low,
            coder.range,
            coder.at,
            self.match.match,
            self.match.length,
            self.flags.spans,
            self.skips.answers,
            self.motion.moving,
            self.mixer.nibbles,
            self.mixer.haste,
            self.mixer.biases.share,
        )
        return None

    @cython.cfunc
    def restore(self) -> object:
        """Makes the copy the state again."""
        coder = self.mixer.coder
        for table, view in zip(self.tables, self._views(), strict=True):
            view[:] = table
        coder.low, coder.range, coder.at = self.numbers[:3]
        self.match.match, self.match.length, self.flags.spans, self.skips.answers = self.numbers[3:7]
        self.motion.moving, self.mixer.nibbles, self.mixer.haste, self.mixer.biases.share = self.numbers[7:]
        for i, byte in enumerate(self.stream):
            coder.stream[self.start + i] = byte
        return None
