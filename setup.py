"""The compiled modules. Everything else is in pyproject.toml."""

import sysconfig

from setuptools import Extension, setup

# Compiled module -> source. A module that cannot be compiled stays plain Python.
MODULES = {
    "kpal_format.kernel": "formats/kpal_format/kernel.pyx",  # the coders' stages as one module (mixing/README.md)
    "kpal_format.ranking.kernel": "formats/kpal_format/ranking/kernel.pyx",  # those of `fast` (ranking/README.md)
    "kpal.clustering._loops": "kpal/clustering/_loops.py",  # the quantiser's loops that numpy is slow at
}

VECTORS = ["-O3"]
# Left to itself, GCC unrolls the loops over 16 symbols before it could make vectors of them. Other compilers ignore
# its parameters.
WHOLE_LOOPS = ["--param=max-completely-peel-times=7", "--param=unroll-jam-max-unroll=1"]

# CPython's stable ABI makes one wheel do for 3.11 and all later versions. Free-threaded CPython has no stable ABI.
STABLE = sysconfig.get_config_var("Py_GIL_DISABLED") != 1

setup(
    ext_modules=[
        Extension(
            name,
            [source],
            optional=True,
            py_limited_api=STABLE,
            define_macros=[("Py_LIMITED_API", "0x030B0000")] if STABLE else [],
            extra_compile_args=VECTORS + (WHOLE_LOOPS if name == "kpal_format.kernel" else []),
        )
        for name, source in MODULES.items()
    ],
    options={"bdist_wheel": {"py_limited_api": "cp311"}} if STABLE else {},
)
