"""Compares inertia and processor time of kpal.KMeans and scikit-learn's KMeans on the pixels of photographs.

    python benchmarks/kmeans.py IMAGE... [-k N] [-n N]

The points are the RGB values of pixels drawn at random from all images, by default a million. scikit-learn runs with
its defaults.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.cluster import KMeans as Peer

from kpal import KMeans


def main() -> None:
    """Runs the benchmark from the command line."""
    parser = argparse.ArgumentParser(description="Compares kpal.KMeans with scikit-learn's KMeans.")
    parser.add_argument("images", metavar="IMAGE", type=Path, nargs="+")
    parser.add_argument("-k", type=int, default=256, help="clusters (default: %(default)s)")
    parser.add_argument("-n", type=int, default=1_000_000, help="points (default: %(default)s)")
    options = parser.parse_args()
    rows = np.vstack([np.asarray(Image.open(file).convert("RGB")).reshape(-1, 3) for file in options.images])
    data = rows[np.random.default_rng(0).choice(len(rows), options.n)]
    figures = []
    for name, model in (("scikit-learn", Peer(options.k, random_state=0)), ("kpal", KMeans(options.k))):
        start = time.process_time()
        model.fit(data)
        figures.append((model.inertia_, time.process_time() - start))
        print(f"{name:<12} inertia {figures[-1][0]:.6g}, {figures[-1][1]:.2f} s of processor time")
    (peer, peer_time), (ours, our_time) = figures
    print(f"kpal's inertia is {ours / peer:.4f} of scikit-learn's, in {our_time / peer_time:.4f} of its time")


if __name__ == "__main__":
    main()
