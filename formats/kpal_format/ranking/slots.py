"""Hash slots (KPAL.md, section 5.3.5): which colour came last among the same neighbours, and how reliably.

A slot is one number of 32 bits: from the lowest byte, the confidence (0 for an empty slot, else 1 to 8), the colour,
nothing, and a check of the key.
"""

try:
    import cython
except ImportError:
    from .. import _cython as cython
if not cython.compiled:
    from .tables import MASK_32, WEAKENED, allocate, uints


@cython.cfunc
@cython.nogil
@cython.inline
@cython.exceptval(check=False)
def long_key(north: cython.uint, north2: cython.uint, west: cython.uint) -> cython.uint:
    """The hash of 10 or 11 neighbours. The part of W comes last: all else is known before the pixel to the left is."""
    h: cython.uint = (((north * 0x2F0B4C47) ^ (north2 * 0x1E35A7BD)) + west * 0x2C1B3C6D) & MASK_32
    h = ((h ^ h >> 15) * 0x2F0B4C47) & MASK_32
    return h ^ h >> 13


@cython.cfunc
@cython.nogil
@cython.inline
@cython.exceptval(check=False)
def short_key(north: cython.uint, w: cython.uint) -> cython.uint:
    """The hash of three or four neighbours: those in `north`, and W."""
    g: cython.uint = ((north | w << 24) * 0x2F0B4C47) & MASK_32
    g = ((g ^ g >> 15) * 0x1E35A7BD) & MASK_32
    return g ^ g >> 13


@cython.final
@cython.cclass
class Slots:
    """A table of slots: as many as the tile has pixels, rounded up to a power of two, but 2**8 to 2**most."""

    slots: cython.p_uint
    mask: cython.uint
    buffers: list

    def __init__(self, pixels: int, most: int) -> None:
        size = 1 << min(max((pixels - 1).bit_length(), 8), most)
        self.buffers = []
        self.slots = uints(allocate(self.buffers, "I", size))
        self.mask = size - 1

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def find(self, key: cython.uint) -> cython.uint:
        """The slot of the key, or 0 if there is none."""
        slot: cython.uint = self.slots[key & self.mask]
        return 0 if (slot ^ key) >> 24 else slot

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def learn(self, key: cython.uint, slot: cython.uint, color: cython.uint) -> cython.void:
        """Updates the slot that `find` returned for the key with the colour that came."""
        confidence: cython.uint = slot & 255
        if confidence and (slot >> 8 & 255) == color:
            slot += confidence < 8
        else:
            confidence = WEAKENED[confidence]
            slot = slot >> 8 << 8 | confidence if confidence else key >> 24 << 24 | color << 8 | 1
        self.slots[key & self.mask] = slot
