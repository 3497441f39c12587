"""The tally: what a shared palette needs to know of any number of images, small enough to be sent between machines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..color.spaces import METRICS, Metric
from ..pixels import to_array, without_hidden
from .accents import Accents, find_accents
from .histogram import Colors, Evenly, PooledHistogram
from .palette_search import counted

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..pixels import Pixels


class Tally:
    """The colours of any number of images, and how often each occurs, for `shared_palette`.

    images: whatever `quantize` takes; each is needed only while it is added.
    metric: as in `shared_palette`.

    Tallies of parts of the images can be made by other processes or machines, pickled, and merged in any order: the
    palette is always that of all images together. A tally takes some 100 MB at most, as beyond some millions of
    different colours, similar ones are counted together.

    count: the number of images.
    """

    def __init__(self, images: Iterable[Pixels] = (), *, metric: Metric = "perceptual") -> None:
        if metric not in METRICS:
            raise ValueError(f"metric must be one of {', '.join(METRICS)}, not {metric!r}")
        self.metric = metric
        self.count = 0
        self._histogram = PooledHistogram()
        self._accents = PooledHistogram()  # of marks
        for image in images:
            self.add(image)
            del image  # before the next one is asked for

    def add(self, image: Pixels) -> None:
        """Add an image. Raises ValueError or TypeError for what is none."""
        self.add_counted(counted(without_hidden(to_array(image)), self.metric))

    def add_counted(self, histogram: Colors) -> None:
        """Add the histogram of an image, weighted as `counted` does."""
        self._histogram.add(histogram)
        if self.metric == "perceptual":
            self._accents.add(Evenly(*find_accents(histogram)))
        self.count += 1

    def merge(self, other: Tally) -> None:
        """Add the images of another tally; ValueError if it has another metric."""
        if other.metric != self.metric:
            raise ValueError(f"a tally with metric={self.metric!r} cannot take one with metric={other.metric!r}")
        self._histogram.merge(other._histogram)
        self._accents.merge(other._accents)
        self.count += other.count

    def __repr__(self) -> str:
        return f"<Tally of {self.count:,} images, metric={self.metric!r}>"

    def histogram(self, *, alpha: bool) -> PooledHistogram:
        """The colours of all images; `alpha`: with an alpha channel even if all are opaque."""
        self._histogram.alpha = alpha
        return self._histogram

    def accents(self) -> Accents:
        """The accents of all images."""
        return Accents(self._accents.colors[:, :3], self._accents.counts)
