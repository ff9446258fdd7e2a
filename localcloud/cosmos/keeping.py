"""An account in a file, over a clean stop of the process that holds it.

What a kill loses is the stand-in's fault and not the service's, as with Azurite: whoever tests crashes
stops it with SIGTERM.
"""

import io
import pickle
from pathlib import Path
from typing import Any

from localcloud.cosmos.account import Account

_CLOCK, _VERSION = "clock", "version"
"""What belongs to the process and not to the account: its clock, and the source of its versions."""


def save(account: Account, path: Path) -> None:
    """Write an account; a kill leaves the old file or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    held = io.BytesIO()
    _Pickler(held, account).dump((account.next_version(), account.databases, account.offers))
    beside = path.with_suffix(".new")
    beside.write_bytes(held.getvalue())
    beside.replace(path)


def load(account: Account, path: Path) -> None:
    """Let an account hold what was written; without a file it stays as it is.

    The file is read as a program is run: it has to be one's own.
    """
    if path.exists():
        version, databases, offers = _Unpickler(io.BytesIO(path.read_bytes()), account).load()
        account.restore(version, databases, offers)


class _Pickler(pickle.Pickler):
    def __init__(self, file: io.BytesIO, account: Account) -> None:
        super().__init__(file, protocol=pickle.HIGHEST_PROTOCOL)
        self._names = {id(account.clock): _CLOCK, id(account.next_version): _VERSION}

    def persistent_id(self, obj: object) -> str | None:
        return self._names.get(id(obj))


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, account: Account) -> None:
        super().__init__(file)
        self._parts = {_CLOCK: account.clock, _VERSION: account.next_version}

    def persistent_load(self, pid: Any) -> Any:
        return self._parts[pid]
