"""Addresses and tokens, for the client and the backend: how they are shown, and whether they are valid."""

from __future__ import annotations

import contextlib
import ipaddress
import re
import socket

__all__ = ["is_loopback", "leads_to_this_machine", "token_problem", "without_login"]

_SCHEME = re.compile(r"\s*([A-Za-z][A-Za-z0-9+.-]*:/+)")
_AT = re.compile("%40|[\uff20\ufe6b]")
"""Other forms of the ``@`` between login and host: percent-encoded, and two of Unicode."""

_REST = re.compile(r"(?:[^@/?#]*@)?([^@/?#]*)(/[^@?#]*)?(?:[?#][^@]*)?")


def without_login(address: str) -> str:
    """Return an address of any scheme, also a mistyped one, without user, password and options.

    If a character such as ``/`` makes it unclear which part is the password, all after the scheme becomes ``...``.

    Examples
    --------
    >>> without_login("mongodb://me:secret@a:1,b:2/work?replicaSet=rs0")
    'mongodb://a:1,b:2/work'
    >>> without_login(" MONGODB:/me:secret@a"), without_login("mongodb//me:secret@a")
    ('MONGODB:/a', '...')
    """
    scheme = _SCHEME.match(address)
    start, head = (scheme.end(), scheme[1]) if scheme else (0, "")
    rest = _REST.fullmatch(_AT.sub("@", address[start:]))
    return head + "..." if rest is None else (head + rest[1] + (rest[2] or "")).rstrip("/")


def is_loopback(host: str) -> bool:
    """Return whether a name or an address always means this machine, on whatever machine it is looked up.

    Examples
    --------
    >>> is_loopback("localhost"), is_loopback("127.0.0.2"), is_loopback("::1"), is_loopback("localhost.example")
    (True, True, True, False)
    """
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def leads_to_this_machine(host: str) -> bool:
    """Return whether a connection to a host ends on this machine, in any spelling that the system accepts.

    Examples
    --------
    >>> leads_to_this_machine("127.1"), leads_to_this_machine("::ffff:127.0.0.1"), leads_to_this_machine("10.0.0.1")
    (True, True, False)
    """
    name = host.lower().rstrip(".").removeprefix("::ffff:")
    with contextlib.suppress(OSError, UnicodeError):
        name = socket.inet_ntoa(socket.inet_aton(name))  # 127.1, 0x7f000001
    return name in ("0.0.0.0", "::") or name.endswith(".localhost") or is_loopback(name)  # noqa: S104 - compared only


def token_problem(token: object) -> str | None:
    """Return why something cannot be a token, without showing it; ``None`` if it can.

    Examples
    --------
    >>> token_problem("clé")
    'has a character at place 3 that is not plain ASCII'
    """
    if not isinstance(token, str):
        return f"is not text but {type(token).__name__}"
    if not token.strip():
        return "is empty"
    if token != token.strip():
        return "has a space or an end of line around it"
    bad_place = next((place for place, letter in enumerate(token, 1) if not " " <= letter <= "~"), None)
    return None if bad_place is None else f"has a character at place {bad_place} that is not plain ASCII"
