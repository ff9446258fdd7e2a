r"""Where a key lives in Cosmos DB: the final, injective mapping of keys to ``id`` and partition key.

Format 1, frozen by ``tests/unit/golden/cosmos_keys.json``. The hash part becomes the partition key value
and the last part the ``id``, so a two-part key ``("user-7", "2026-01-01")`` is the document
``2026-01-01`` in the partition ``user-7`` and stays readable. A part is written as

==============  =========================================  ==================
part            form                                       example
==============  =========================================  ==================
text            itself, unsafe characters as ``~XX``       ``a/b`` → ``a~2Fb``
empty text      ``~e``
number          ``~n`` and the number's one text           ``~n42``
binary          ``~b`` and base64url without padding       ``~bAAE``
==============  =========================================  ==================

and two further forms keep the whole injective and within the service's limits: ``~t`` before the ``id``
of a two-part key whose parts have equal forms (a one-part key has its ``id`` equal to its partition
key), and ``~h`` with a SHA-256 where a form is too long; the document then keeps the long forms.
``~`` is the escape because it is the one unreserved character of URLs (RFC 3986) that keys rarely have.

Unsafe is what the service or the SDK refuses or changes: ``/ \ ? #``, control characters, white space
at the end (azure-cosmos 4.17 ``_base.py``), ids made of dots, which HTTP clients resolve as path
segments, and ``%``, which a proxy may decode twice. Text is never normalised: case and composition
of characters are kept.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from decimal import Decimal, InvalidOperation
from typing import NamedTuple

from replicator.model.errors import ChangeError
from replicator.model.key import Key, KeyPart, key_text, number_text

PARTITION_KEY_PATH = "/pk"
"""The partition key path that a container needs; the definition's version is 2."""

HIERARCHICAL_PATHS = ("/pk", "/id")
"""Those of a container in which one hash part may hold more than 20 GB."""

ID_BYTES_MAX = 1023
"""UTF-8 bytes of an ``id`` (learn.microsoft.com/azure/cosmos-db/concepts-limits)."""

PARTITION_KEY_BYTES_MAX = 2048
"""UTF-8 bytes of a partition key value of version 2; 101 with version 1 (same page)."""

FIRST_LEVEL_BYTES_MAX = PARTITION_KEY_BYTES_MAX - ID_BYTES_MAX
"""UTF-8 bytes of ``pk`` where the ``id`` is a level of the partition key, too.

Whether the levels are counted together is not documented; counted so, every key fits either way.
"""

_POSITIONAL_DIGITS_MAX = 40
_UNSAFE = re.compile(r"[/\\?#%~\x00-\x1f\x7f-\x9f\ud800-\udfff]|\s\Z|\A\.{1,2}\Z")
_ESCAPES = re.compile(rb"~([0-9A-F]{2})")


class Place(NamedTuple):
    """Where a key's document lives; ``forms`` are the parts in full where a hash stands for one."""

    id: str
    pk: str
    forms: tuple[str, ...] | None = None


def place(key: Key, pk_bytes_max: int = PARTITION_KEY_BYTES_MAX) -> Place:
    """The place of a key of one or two parts, whose ``pk`` may have so many bytes.

    Raises:
        ChangeError: the key has another number of parts, or text that is not Unicode.
    """
    if not 1 <= len(key) <= 2:
        raise ChangeError(
            f"the key {key_text(key)} has {len(key)} parts", hint="keys have one or two parts"
        )
    try:
        return _place([_form(part) for part in key], pk_bytes_max)
    except UnicodeEncodeError as error:
        raise ChangeError(f"the key {key_text(key)!a} is not valid Unicode: {error.reason}") from error


def partition_of(key: Key, pk_bytes_max: int = PARTITION_KEY_BYTES_MAX) -> str:
    """The ``pk`` alone, which is what ``place`` gives for it; errors likewise."""
    if len(key) > 2:
        return place(key).pk
    try:
        return _fit(_form(key[0]), pk_bytes_max)
    except UnicodeEncodeError:
        return place(key).pk


def key_at(identity: str, pk: str, forms: list[str] | None = None) -> Key:
    """The key whose place this is; the inverse of ``place``.

    Raises:
        ValueError: no key has this place.
    """
    key = tuple(_part(form) for form in forms or _forms(identity, pk))
    limits = (PARTITION_KEY_BYTES_MAX, FIRST_LEVEL_BYTES_MAX) if forms else (PARTITION_KEY_BYTES_MAX,)
    if all(place(key, limit)[:2] != (identity, pk) for limit in limits):
        raise ValueError(f"no key has the id {identity!r} in the partition {pk!r}")
    return key


def _place(forms: list[str], pk_bytes_max: int) -> Place:
    pk, identity = forms[0], forms[-1]
    if len(forms) == 2 and pk == identity:
        identity = f"~t{identity}"
    short = Place(_fit(identity, ID_BYTES_MAX), _fit(pk, pk_bytes_max))
    return short if short[:2] == (identity, pk) else short._replace(forms=tuple(forms))


def _forms(identity: str, pk: str) -> list[str]:
    if identity == pk:
        return [pk]
    return [pk, identity.removeprefix("~t")]


def _fit(form: str, bytes_max: int) -> str:
    if len(form) * 4 <= bytes_max or len(form.encode()) <= bytes_max:
        return form
    return f"~h{hashlib.sha256(form.encode()).hexdigest()}"


def _form(part: KeyPart) -> str:
    if isinstance(part, str):
        return _UNSAFE.sub(_escape, part) if part else "~e"
    if isinstance(part, bytes):
        return f"~b{base64.urlsafe_b64encode(part).decode().rstrip('=')}"
    return f"~n{_positional(number_text(part))}"


def _positional(text: str) -> str:
    """The number without an exponent where that stays short: ``1E+2`` is ``100``."""
    if "E" not in text or abs(Decimal(text).adjusted()) > _POSITIONAL_DIGITS_MAX:
        return text
    return f"{Decimal(text):f}"


def _escape(unsafe: re.Match[str]) -> str:
    return "".join(f"~{byte:02X}" for byte in unsafe.group().encode())


def _part(form: str) -> KeyPart:
    tag, body = form[:2], form[2:]
    try:
        if tag == "~n":
            return Decimal(body)
        if tag == "~b":
            return base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))
        return "" if form == "~e" else _unescaped(form)
    except (InvalidOperation, binascii.Error) as error:
        raise ValueError(f"not the form of a key part: {form!r}") from error


def _unescaped(form: str) -> str:
    return _ESCAPES.sub(lambda escape: bytes.fromhex(escape[1].decode()), form.encode()).decode()
