"""matplotlib saves figures as `.kpal` files once both it and kpal are imported, in either order."""

from __future__ import annotations

import importlib
import io
import pickle
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.animation import FuncAnimation, PillowWriter
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from PIL import Image, ImageSequence

import kpal


@pytest.fixture
def figure() -> Iterator[Figure]:
    figure = plt.figure(figsize=(2, 1.5), dpi=80)
    figure.add_subplot().plot([1, 3, 2], color="#ff8800")
    yield figure
    plt.close(figure)


def saved(figure: Figure, **options: object) -> Image.Image:
    file = io.BytesIO()
    figure.savefig(file, format="kpal", **options)  # type: ignore[arg-type]
    assert kpal.inspect(file.getvalue()).colors <= 256
    return Image.open(file)


def run(code: str, *, path: Path | None = None) -> str:
    """What a new interpreter prints; `path` comes first in its search path."""
    prefix = "" if path is None else f"import sys; sys.path.insert(0, {str(path)!r})\n"
    done = subprocess.run([sys.executable, "-W", "error", "-c", prefix + code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_animations_are_written_by_the_pillow_writer(figure: Figure, tmp_path: Path) -> None:
    (line,) = figure.axes[0].lines

    def update(number: int) -> list[Line2D]:
        line.set_ydata([1, number, 2])
        return [line]

    animation = FuncAnimation(figure, update, frames=4, interval=50)
    for format in ("kpal", "png"):
        animation.save(tmp_path / f"x.{format}", writer="pillow")
    info = kpal.inspect((tmp_path / "x.kpal").read_bytes())
    assert (info.durations, info.loop, info.width, info.height) == ((50,) * 4, 0, 160, 120)
    with Image.open(tmp_path / "x.kpal") as found, Image.open(tmp_path / "x.png") as exact:
        for ours, theirs in zip(ImageSequence.Iterator(found), ImageSequence.Iterator(exact), strict=True):
            difference = np.asarray(ours.convert("RGB")).astype(int) - np.asarray(theirs.convert("RGB"))
            assert abs(difference).mean() < 0.5
    animation.save(tmp_path / "x.kpal", writer=PillowWriter(fps=20), savefig_kwargs={"transparent": True})
    with Image.open(tmp_path / "x.kpal") as clear:
        assert clear.has_transparency_data


SAVES = """
from matplotlib.figure import Figure
import io
file = io.BytesIO()
Figure((1, 1)).savefig(file, format="kpal")
print(file.getvalue()[1:5].decode())
"""


@pytest.mark.parametrize("first", ["kpal, matplotlib.figure", "matplotlib.figure, kpal", "kpal_plugins, kpal"])
def test_the_order_of_imports_does_not_matter(first: str) -> None:
    assert run(f"import {first}{SAVES}") == "KPAL"


def test_importing_kpal_imports_neither_matplotlib_nor_imageio() -> None:
    code = "import kpal, sys; print({'matplotlib', 'imageio', 'zarr', 'numcodecs'} & set(sys.modules))"
    assert run(code) == "set()"


def test_many_threads_may_import_both_at_once() -> None:
    code = f"""
import importlib, threading
names = ["kpal", "matplotlib.backend_bases", "matplotlib.figure", "kpal"] * 4
threads = [threading.Thread(target=importlib.import_module, args=(name,)) for name in names]
for thread in threads: thread.start()
for thread in threads: thread.join()
{SAVES}"""
    assert run(code) == "KPAL"


def test_a_figure_is_saved_by_name_with_the_size_and_the_resolution_asked_for(figure: Figure, tmp_path: Path) -> None:
    figure.savefig(tmp_path / "x.kpal", dpi=100)
    figure.savefig(str(tmp_path / "y.KPAL"))
    with Image.open(tmp_path / "x.kpal") as image:
        assert (image.format, image.size) == ("KPAL", (200, 150))
        assert image.info["dpi"] == pytest.approx((100, 100), rel=2e-4)
    with Image.open(tmp_path / "y.KPAL") as image:
        assert image.size == (160, 120)
        assert image.info["dpi"] == pytest.approx((80, 80), rel=2e-4)


def test_the_pixels_are_those_of_a_png(figure: Figure) -> None:
    png = io.BytesIO()
    figure.savefig(png)
    assert saved(figure).tobytes() == Image.open(io.BytesIO(kpal.encode(Image.open(png)))).tobytes()


def test_a_transparent_background_stays_transparent(figure: Figure) -> None:
    assert saved(figure, transparent=True).convert("RGBA").getpixel((0, 0))[3] == 0  # type: ignore[index]
    assert saved(figure).convert("RGBA").getpixel((0, 0)) == (255, 255, 255, 255)


def test_options_of_pillow_and_metadata_reach_the_file(figure: Figure) -> None:
    image = saved(
        figure,
        bbox_inches="tight",
        metadata={"Title": "Sales", "Author": b"\xc4", "Software": None},
        pil_kwargs={"colors": 5},
    )
    assert image.info["text"] == {"Title": "Sales", "Author": "Ä"}
    assert len(image.getcolors() or ()) <= 5
    with pytest.raises(TypeError, match=r"colour \(did you mean colors\?\)"):
        saved(figure, pil_kwargs={"colour": 5})
    with pytest.raises(TypeError, match="colors"):
        saved(figure, colors=5)


@pytest.mark.parametrize("backend", ["svg", "pdf", "agg"])
def test_every_backend_saves_the_format(backend: str) -> None:
    code = f"import kpal, matplotlib; matplotlib.use({backend!r}); import matplotlib.pyplot as plt; plt.figure()\n"
    code += "import io; file = io.BytesIO(); plt.savefig(file, format='kpal'); print(file.getvalue()[1:5].decode())"
    assert run(code) == "KPAL"


def test_images_saved_by_pyplot_keep_their_pixels(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (5, 6, 3), np.uint8)
    plt.imsave(tmp_path / "x.kpal", pixels)
    assert np.array_equal(plt.imread(tmp_path / "x.kpal")[..., :3], pixels)


def test_figures_can_be_pickled_after_saving(figure: Figure) -> None:
    saved(figure)
    again = pickle.loads(pickle.dumps(figure))
    assert saved(again).size == saved(figure).size
    plt.close(again)


def test_the_format_survives_a_reload() -> None:
    code = f"""
import kpal, importlib, matplotlib.backend_bases
importlib.reload(matplotlib.backend_bases)
assert "kpal" in matplotlib.backend_bases._default_filetypes
importlib.reload(kpal)
{SAVES}"""
    assert run(code) == "KPAL"


def test_the_module_keeps_its_own_loader() -> None:
    module = importlib.import_module("matplotlib.backend_bases")
    assert module.__spec__ is not None
    assert module.__loader__ is module.__spec__.loader
    code = "import kpal, importlib.util as u; s = u.find_spec('matplotlib.backend_bases'); "
    code += "print('class RendererBase' in s.loader.get_source(s.name))"
    assert run(code) == "True"


def fake_matplotlib(folder: Path, code: str) -> None:
    (folder / "matplotlib").mkdir()
    (folder / "matplotlib/__init__.py").touch()
    (folder / "matplotlib/backend_bases.py").write_text(code)


def test_an_error_in_the_module_is_shown_where_it_happens_and_is_not_the_last_word(tmp_path: Path) -> None:
    fake_matplotlib(tmp_path, "import no_such_module\n")
    code = """
import kpal, sys, traceback
for _ in range(2):
    try:
        import matplotlib.backend_bases
    except ModuleNotFoundError as error:
        frames = traceback.extract_tb(error.__traceback__)
        print(error.name, frames[-1].line, "matplotlib.backend_bases" in sys.modules)
"""
    assert run(code, path=tmp_path).splitlines() == ["no_such_module import no_such_module False"] * 2


def test_a_later_matplotlib_without_the_table_is_imported_all_the_same(tmp_path: Path) -> None:
    fake_matplotlib(tmp_path, "VALUE = 5\n")
    code = """
import kpal, warnings
with warnings.catch_warnings(record=True) as found:
    warnings.simplefilter("always")
    import matplotlib.backend_bases
print(matplotlib.backend_bases.VALUE, found[0].message)
"""
    assert run(code, path=tmp_path).startswith("5 kpal cannot add its format to matplotlib.backend_bases: ")


def test_without_matplotlib_its_import_fails_as_it_would_without_kpal(tmp_path: Path) -> None:
    (tmp_path / "matplotlib").mkdir()
    (tmp_path / "matplotlib/__init__.py").touch()
    code = """
import kpal
try:
    import matplotlib.backend_bases
except ModuleNotFoundError as error:
    print(error)
"""
    assert run(code, path=tmp_path) == "No module named 'matplotlib.backend_bases'"
