"""Candidates (KPAL.md, section 5.3.5): a flag each tells whether the pixel is the colour of a slot or of a neighbour.

The contexts of flags are made of which neighbours are equal, and of what makes a candidate likely.
"""

try:
    import cython
except ImportError:
    from .. import _cython as cython
if not cython.compiled:
    from .range_coder import Coder, code_flag
    from .tables import (
        LONG_STATE,
        NO_COLOR,
        SHORT_STATE,
        allocate,
        even_flags,
        near_flags,
        slot_flags,
        uints,
        west_flags,
    )


@cython.final
@cython.cclass
class Candidates:
    """The flags of a tile's candidates."""

    slot_flags: cython.p_uint  # 2 x 24 x 4 x 32
    second_flags: cython.p_uint  # 5 x 3 x 16
    west_flags: cython.p_uint  # 8 x 64
    near_flags: cython.p_uint  # 3 x 4 x 64 x 2
    buffers: list

    def __init__(self) -> None:
        self.buffers = []
        self.slot_flags = uints(allocate(self.buffers, "I", slot_flags()))
        self.second_flags = uints(allocate(self.buffers, "I", even_flags(240)))
        self.west_flags = uints(allocate(self.buffers, "I", west_flags()))
        self.near_flags = uints(allocate(self.buffers, "I", near_flags()))

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def code_first(
        self,
        coder: cython.pointer(Coder),
        decoding: cython.bint,
        sure: cython.int,
        sure2: cython.int,
        other: cython.bint,
        which: cython.int,
        equal: cython.int,
        flat: cython.bint,
        right: cython.bint,
    ) -> cython.bint:
        """Codes whether the pixel is the first candidate, which a slot gives.

        sure, sure2: the confidence of the long and of the short slot, 0 if it gives no candidate.
        other: whether both give a candidate, and not the same.
        which: the neighbour that has the colour: 0 for W, 1 for N, 2 for NE, 3 for none of them.
        """
        state: cython.int = LONG_STATE[sure] + (1 if other else SHORT_STATE[sure2])
        context: cython.int = flat * 3072 + ((state << 2 | which) << 5 | equal & 31)
        return code_flag(coder, decoding, self.slot_flags, context, right)

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def code_second(
        self,
        coder: cython.pointer(Coder),
        decoding: cython.bint,
        sure2: cython.int,
        which: cython.int,
        equal: cython.int,
        right: cython.bint,
    ) -> cython.bint:
        """Codes whether the pixel is the second candidate, that of the short slot."""
        context: cython.int = (min(sure2, 4) * 3 + min(which, 2)) << 4 | equal & 15
        return code_flag(coder, decoding, self.second_flags, context, right)

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def code_west(
        self,
        coder: cython.pointer(Coder),
        decoding: cython.bint,
        activity: cython.int,
        equal: cython.int,
        right: cython.bint,
    ) -> cython.bint:
        """Codes whether the pixel is W, the first candidate where no slot gives one."""
        return code_flag(coder, decoding, self.west_flags, activity >> 1 << 6 | equal, right)

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def code_neighbour(
        self,
        coder: cython.pointer(Coder),
        decoding: cython.bint,
        w: cython.uint,
        n: cython.uint,
        ne: cython.uint,
        first: cython.uint,
        second: cython.uint,
        context: cython.int,
        pixel: cython.uint,
    ) -> cython.uint:
        """Codes whether the pixel is W, N or NE, if it is neither of two colours; returns it, or NO_COLOR."""
        if w != first and w != second:
            if code_flag(coder, decoding, self.near_flags, context, pixel == w):
                return w
        if n != w and n != first and n != second:
            if code_flag(coder, decoding, self.near_flags, 512 + context, pixel == n):
                return n
        if ne != n and ne != w and ne != first and ne != second:
            if code_flag(coder, decoding, self.near_flags, 1024 + context, pixel == ne):
                return ne
        return NO_COLOR
