"""Registers the format with matplotlib and imageio as soon as both they and kpal are imported, in either order.

Both keep their formats in a table of one of their modules and have no entry point for them. Importing kpal must not
import them, so a finder at the front of `sys.meta_path` waits for these modules. It lets the other finders find the
module and its own loader run it, and then adds the format. For every other module, it costs one look into a dict.
"""

from __future__ import annotations

import importlib
import sys
import warnings
from collections.abc import Callable, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, Final

from kpal_format import EXTENSION


def _add_to_matplotlib(backend_bases: Any) -> None:
    backend_bases.register_backend(EXTENSION.removeprefix("."), "kpal_plugins.matplotlib", "kpal palette image")


def _add_to_imageio(extensions: Any) -> None:
    """Without this, imageio reads files by trying all plugins, but does not write with `extension=".kpal"`."""
    kind = extensions.FileExtension(name="kpal palette image", extension=EXTENSION, priority=["pillow"])
    extensions.known_extensions.setdefault(EXTENSION, [kind])


_ADD: Final[dict[str, Callable[[Any], None]]] = {
    "matplotlib.backend_bases": _add_to_matplotlib,
    "imageio.config.extensions": _add_to_imageio,
}


class _Finder(MetaPathFinder):
    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        if name not in _ADD:
            return None
        others = [finder for finder in sys.meta_path if not isinstance(finder, _Finder)]
        found = (finder.find_spec(name, path, target) for finder in others if hasattr(finder, "find_spec"))
        spec = next((spec for spec in found if spec is not None), None)
        if spec is not None and spec.loader is not None:
            spec.loader = _Adding(spec.loader)
        return spec


class _Adding(Loader):
    """Runs a module with its own loader, and then adds the format to it."""

    def __init__(self, loader: Loader) -> None:
        self._loader = loader

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        module.__loader__ = self._loader
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        self._loader.exec_module(module)
        _add(module)

    def __getattr__(self, name: str) -> Any:
        """What the module's own loader has, such as the source for whoever only looks at the spec."""
        if name == "_loader":  # `copy` asks an object that has no attributes yet
            raise AttributeError(name)
        return getattr(self._loader, name)


def register() -> None:
    """Adds the format to the hosts that are imported already, and later to the others."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())
    for name in _ADD:
        if name in sys.modules:
            module = importlib.import_module(name)  # waits while another thread is importing it
            if not getattr(module.__spec__, "_initializing", False):  # not while the module is importing kpal itself
                _add(module)


def _add(module: ModuleType) -> None:
    """Adds the format to a host; a warning if a later version of it has no such table, as it must work all the same."""
    try:
        _ADD[module.__name__](module)
    except Exception as error:
        warnings.warn(f"kpal cannot add its format to {module.__name__}: {error}", RuntimeWarning, stacklevel=2)
