"""The verbs of this room: `up …` runs both clouds; `install` gets Azurite."""

import argparse
import asyncio
import subprocess
import sys
from pathlib import Path

from localcloud.node import install
from localcloud.processes import StartError
from localcloud.up import up

__all__ = ["main"]


def main() -> None:
    """Do what the verb says; exit status 1 with one sentence where that cannot be."""
    parser = argparse.ArgumentParser(prog="python -m localcloud", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    verb = verbs.add_parser("up", help="start both clouds and stop them on Ctrl-C")
    verb.add_argument("--directory", type=Path, help="keep logs and state here")
    verb.add_argument(
        "--no-azurite", action="store_true", help="without Azure Storage, which needs Node.js"
    )
    verbs.add_parser("install", help="install Azurite as it is pinned; it needs Node.js")
    options = parser.parse_args()
    try:
        if options.verb == "install":
            install()
        else:
            asyncio.run(up(options.directory, azurite=not options.no_azurite))
    except (StartError, FileNotFoundError, subprocess.CalledProcessError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
