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
        later_flags,
        near_flags,
        slot_flags,
        uints,
        west_flags,
    )


@cython.final
@cython.cclass
class Candidates:
    """The flags of a tile's candidates.

    later: whether there are frames after the first, whose candidates have more flags.
    """

    slot_flags: cython.p_uint  # 2 x 24 x 4 x 32
    second_flags: cython.p_uint  # 5 x 3 x 16
    west_flags: cython.p_uint  # 8 x 64
    near_flags: cython.p_uint  # 3 x 4 x 64 x 2
    later_slot_flags: cython.p_uint  # 2 x 3 x 24 x 4 x 8 x 4
    later_second_flags: cython.p_uint  # 5 x 3 x 2 x 16
    place_flags: cython.p_uint  # 9 x 4 x 4 x 4 x 2
    before_flags: cython.p_uint  # 16 x 32 x 2
    buffers: list

    def __init__(self, later: bool) -> None:
        self.buffers = []
        self.slot_flags = uints(allocate(self.buffers, "I", slot_flags()))
        self.second_flags = uints(allocate(self.buffers, "I", even_flags(240)))
        self.west_flags = uints(allocate(self.buffers, "I", west_flags()))
        self.near_flags = uints(allocate(self.buffers, "I", near_flags()))
        if later:
            self.later_slot_flags = uints(allocate(self.buffers, "I", later_flags()))
            self.later_second_flags = uints(allocate(self.buffers, "I", even_flags(480)))
            self.place_flags = uints(allocate(self.buffers, "I", even_flags(1152)))
            self.before_flags = uints(allocate(self.buffers, "I", even_flags(1024)))

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
        third: cython.uint,
        before: cython.uint,
        context: cython.int,
        pixel: cython.uint,
    ) -> cython.uint:
        """Codes whether the pixel is W, N or NE, unless this is one of four colours; returns it, or NO_COLOR."""
        if w != first and w != second and w != third and w != before:
            if code_flag(coder, decoding, self.near_flags, context, pixel == w):
                return w
        if n != w and n != first and n != second and n != third and n != before:
            if code_flag(coder, decoding, self.near_flags, 512 + context, pixel == n):
                return n
        if ne != n and ne != w and ne != first and ne != second and ne != third and ne != before:
            if code_flag(coder, decoding, self.near_flags, 1024 + context, pixel == ne):
                return ne
        return NO_COLOR

    # In frames after the first. `moved` tells which of NW, N, NE and W are other than before.

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def code_later_first(
        self,
        coder: cython.pointer(Coder),
        decoding: cython.bint,
        sure: cython.int,
        sure2: cython.int,
        other: cython.bint,
        which: cython.int,
        before: cython.int,
        equal: cython.int,
        agrees: cython.int,
        flat: cython.bint,
        right: cython.bint,
    ) -> cython.bint:
        """Codes whether the pixel is the first candidate, if a slot gives it, as `code_first` does.

        before: 2 if the pixel is known to be other than before, else 1 if the candidate is what was before, else 0.
        agrees: 0 if the place has no slot, 1 if it has another colour, else 2, or 3 with a confidence above 2.
        """
        state: cython.int = LONG_STATE[sure] + (1 if other else SHORT_STATE[sure2])
        context: cython.int = (flat * 3 + before) * 24 + state
        context = ((context << 2 | which) << 3 | equal >> 2 & 7) << 2 | agrees
        return code_flag(coder, decoding, self.later_slot_flags, context, right)

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def code_later_second(
        self,
        coder: cython.pointer(Coder),
        decoding: cython.bint,
        sure2: cython.int,
        which: cython.int,
        before: cython.bint,
        moved: cython.int,
        right: cython.bint,
    ) -> cython.bint:
        """Codes whether the pixel is the second candidate, which is what was before or not."""
        context: cython.int = ((min(sure2, 4) * 3 + min(which, 2)) << 1 | before) << 4 | moved
        return code_flag(coder, decoding, self.later_second_flags, context, right)

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def code_place(
        self,
        coder: cython.pointer(Coder),
        decoding: cython.bint,
        sure3: cython.int,
        which: cython.int,
        sure: cython.int,
        sure2: cython.int,
        before: cython.bint,
        right: cython.bint,
    ) -> cython.bint:
        """Codes whether the pixel is the candidate of the place's slot, which is what was before or not."""
        context: cython.int = (sure3 << 2 | which) << 4 | min(sure, 3) << 2 | min(sure2, 3)
        return code_flag(coder, decoding, self.place_flags, context << 1 | before, right)

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def code_before(
        self,
        coder: cython.pointer(Coder),
        decoding: cython.bint,
        moved: cython.int,
        like: cython.int,
        hinted: cython.bint,
        right: cython.bint,
    ) -> cython.bint:
        """Codes whether the pixel is as before; `like` tells which neighbours have the colour that was before."""
        return code_flag(coder, decoding, self.before_flags, (moved << 5 | like) << 1 | hinted, right)
