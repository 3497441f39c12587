# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False, auto_pickle=False
"""The inner loop of the coder `fast`: all stages as one compiled module, like the kernel of `mix` and `max`.

Each file below is also a plain Python module, which `kernel.py` imports if this one is not compiled. The stages are
inlined into four loops, which encode and decode first and later frames, so that the state of the range coder stays in registers.
"""

cdef extern from *:
    """
    #if defined(__GNUC__)
    #undef CYTHON_INLINE
    #define CYTHON_INLINE inline __attribute__((always_inline))
    #endif
    #define KPAL_MASK_32 0xFFFFFFFFu

    static long kpal_run(const unsigned char *cells, long count, unsigned char value) {
        unsigned long long all, word;
        long i = 0;
        memset(&all, value, 8);
        for (; i + 8 <= count; i += 8) {
            memcpy(&word, cells + i, 8);
            if (word != all) break;
        }
        while (i < count && cells[i] == value) i++;
        return i;
    }

    static long kpal_alike(const unsigned char *a, const unsigned char *b, long count) {
        unsigned long long one, other;
        long i = 0;
        for (; i + 8 <= count; i += 8) {
            memcpy(&one, a + i, 8);
            memcpy(&other, b + i, 8);
            if (one != other) break;
        }
        while (i < count && a[i] == b[i]) i++;
        return i;
    }
    """
    unsigned int MASK_32 "KPAL_MASK_32"  # Cython takes literals of 31 bits at most for C numbers
    long run "kpal_run"(const unsigned char* cells, long count, unsigned char value) noexcept nogil
    long alike "kpal_alike"(const unsigned char* a, const unsigned char* b, long count) noexcept nogil
    int memcmp(const void*, const void*, size_t) noexcept nogil

# Tables, declared here because Cython's pure Python mode cannot declare global pointers.
cdef unsigned int* FLAG_RATE
cdef short* SYMBOL_RATE
cdef short* GOAL
cdef unsigned char* ACTIVITY
cdef unsigned char* LEVEL
cdef unsigned char* BIN
cdef unsigned char* BIN_BITS
cdef unsigned char* BIN_FIRST
cdef unsigned char* LONG_STATE
cdef unsigned char* SHORT_STATE
cdef unsigned char* WEAKENED

# Each file comes after the files that it imports.
include "tables.py"
include "range_coder.py"
include "slots.py"
include "lists.py"
include "spans.py"
include "planes.py"
include "motion.py"
include "changes.py"
include "candidates.py"
include "tile.py"

COMPILED = True
