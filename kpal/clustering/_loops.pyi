# Types of _loops.py for its callers; mypy does not follow Cython's annotations inside it.
from typing import Any

import numpy as np
from numpy.typing import NDArray

COMPILED: bool
FIXED: float

def reassign(
    points: NDArray[np.int32],
    centers: NDArray[np.int32],
    labels: NDArray[np.intp],
    order: NDArray[np.intp],
    radius: NDArray[Any],
    members: NDArray[Any],
    near: NDArray[Any],
    apart: NDArray[Any],
    gaps: NDArray[np.int32],
) -> None: ...
def add_up(
    points: NDArray[np.int32],
    weights: NDArray[np.int64],
    labels: NDArray[np.intp],
    totals: NDArray[np.int64],
) -> None: ...
def lloyd(
    points: NDArray[np.int32],
    weights: NDArray[np.int64],
    centers: NDArray[np.int32],
    labels: NDArray[np.intp],
    fixed: int,
    rounds: int,
    tol: float,
    energy: int,
    order: NDArray[np.intp],
    scratch: NDArray[np.int32],
    gaps: NDArray[np.int32],
    totals: NDArray[np.int64],
    errors: NDArray[np.float64],
) -> tuple[int, int]: ...
def merge(
    centers: NDArray[np.int32],
    weights: NDArray[np.float64],
    sums: NDArray[np.float64],
    merges: NDArray[np.int32],
    costs: NDArray[np.float64],
    scratch: NDArray[np.int32],
    cost: NDArray[np.float64],
) -> int: ...
def diffuse(
    indices: NDArray[np.uint8],
    kept: NDArray[np.uint8],
    positions: NDArray[np.int32],
    points: NDArray[np.int32],
    spared: NDArray[np.uint8],
    opaque: NDArray[np.uint8],
    centers: NDArray[np.int32],
    solid: NDArray[np.uint8],
    order: NDArray[np.int32],
    apart: NDArray[np.int32],
    level: int,
) -> None: ...
