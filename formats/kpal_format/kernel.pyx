# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False, auto_pickle=False
"""The inner loops of the coders `mix` and `max` and of colour sets: all stages as one compiled module.

Each file below is also a plain Python module, which `kernel.py` imports if this one is not compiled: the same source,
slower, with the same bytes. In one module, the compiler can inline calls between stages; across modules, each such call
would go through a pointer.
"""

cdef extern from *:
    """
    #if defined(__GNUC__)
    #define KPAL_PREFETCH(p) __builtin_prefetch(p, 1)
    #else
    #define KPAL_PREFETCH(p) ((void)(p))
    #endif
    """
    void prefetch "KPAL_PREFETCH"(const void*) noexcept nogil

cdef extern from "string.h" nogil:
    void* memcpy(void*, const void*, size_t)
    int memcmp(const void*, const void*, size_t)

# Tables, declared here because Cython's pure Python mode cannot declare global pointers.
cdef short* ONLY
cdef short* LOG
cdef short* RISE
cdef unsigned short* EXP
cdef unsigned char* LEVEL
cdef int* BIAS_RATE
cdef int* DECAY
cdef int* FLAG_RATE
cdef int* FLAG_DECAY
cdef int* TRUST
cdef int* SPREAD
cdef int* SQUASH
cdef int* STRETCH

# Each file comes after the files that it imports.
include "mixing/tables.py"
include "mixing/vectors.py"
include "mixing/range_coder.py"
include "mixing/ranks.py"
include "mixing/neighbourhood.py"
include "mixing/frames.py"
include "mixing/match_model.py"
include "mixing/flags.py"
include "mixing/skips.py"
include "mixing/motion.py"
include "mixing/motion_search.py"
include "mixing/prior.py"
include "mixing/prediction.py"
include "mixing/slots.py"
include "mixing/mixer.py"
include "mixing/snapshot.py"
include "mixing/tile.py"
include "mixing/rate_choice.py"
include "palette/color_set.py"

COMPILED = True
