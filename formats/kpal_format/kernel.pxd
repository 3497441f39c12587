# What kernel.py takes from C when it is compiled.
cdef extern from *:
    """
    #if defined(__GNUC__)
    #define KPAL_PREFETCH(p) __builtin_prefetch(p, 1)
    #else
    #define KPAL_PREFETCH(p) ((void)(p))
    #endif
    """
    void prefetch "KPAL_PREFETCH"(const void*) noexcept nogil
