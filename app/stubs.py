"""No type stubs: at each start gradio parses its components' sources and writes .pyi files beside them, for 2.5 s."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType

MODULE, WRITER = "gradio.component_meta", "create_or_modify_pyi"


class _Without(Loader):
    """Loads the module as its own loader does, and takes the writer's work away.

    Args:
        own: the module's own loader.
    """

    def __init__(self, own: Loader):
        self._own = own

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """Create the module."""
        return self._own.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        """Run the module."""
        self._own.exec_module(module)
        setattr(module, WRITER, lambda *_: None)


class _Finder(MetaPathFinder):
    """Finds that one module."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Find the module; None for any other."""
        spec = PathFinder.find_spec(fullname, path) if fullname == MODULE else None
        if spec and spec.loader:
            spec.loader = _Without(spec.loader)
        return spec


def leave_out() -> None:
    """Have none written by this process; before gradio is imported."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())
