# What _fast_loop.py takes from C when it is compiled: the loop is one function, its state in registers.
cdef extern from *:
    """
    #if defined(__GNUC__)
    #undef CYTHON_INLINE
    #define CYTHON_INLINE inline __attribute__((always_inline))
    #endif
    """
