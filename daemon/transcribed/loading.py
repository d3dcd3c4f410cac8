"""Names of a package that are loaded when they are first asked for, not with the package.

A command that needs one module of a package does not pay for the others, and for the libraries that these load.
"""

import importlib
import sys
from collections.abc import Callable, Mapping, Sequence
from types import ModuleType


def on_demand(package: str, homes: Mapping[str, Sequence[str]]) -> Callable[[str], object]:
    """The `__getattr__` of a package: `homes` has the names that it shows, by the module of the package that has them.

    No name may be that of a module of the package: once that is loaded, the name means the module.
    """
    home_of = {name: home for home, names in homes.items() for name in names}

    def load(name: str) -> object:
        if name not in home_of:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        found: object = getattr(importlib.import_module(f"{package}.{home_of[name]}"), name)
        setattr(sys.modules[package], name, found)
        return found

    return load


def load_all(package: ModuleType) -> None:
    """Load all names that a package shows."""
    for name in package.__all__:
        getattr(package, name)
