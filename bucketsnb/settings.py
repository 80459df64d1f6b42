"""The settings of a client: from arguments, else from the environment, else from files, else defaults.

Nothing here sends a request. Tokens and passwords are kept in a :class:`Secret`, so that no repr or traceback shows
them.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn
from urllib.parse import unquote, urlsplit, urlunsplit

from bucketsnb.addresses import leads_to_this_machine, token_problem, without_login
from bucketsnb.display.texts import printable, truncate
from bucketsnb.errors import ConfigurationError, Cure

__all__ = ["GIVEN", "MAX_AFFECTED", "Secret", "Settings", "proxy_at", "resolve"]

DEFAULT_TIMEOUT = 15.0
"""Seconds; the default of the service's own client."""

MAX_AFFECTED = 1000
"""The most works that one plan may act on, unless the caller allows more."""

TOKEN_NAMES = ("WORKFLOW_HTTP_TOKEN", "WORKFLOW_TOKEN")
GITHUB_NAMES = ("GITHUB_TOKEN", "GITHUB_PAT")
WORKSPACE = Path(".config/workflow/workspace.yml")
SECRETS = "/run/secrets"

_PROXY_SCHEMES = frozenset({"http", "https", "socks4", "socks4a", "socks5", "socks5h"})

_YES = frozenset({"1", "true", "yes", "on"})
_NO = frozenset({"", "0", "false", "no", "off"})


class Secret:
    """A secret text; its repr shows only where it came from, also in a traceback. It cannot be pickled.

    Examples
    --------
    >>> Secret("hunter2", "WORKFLOW_TOKEN")
    <secret from WORKFLOW_TOKEN>
    """

    __slots__ = ("__value", "source")

    def __init__(self, value: str, source: str) -> None:
        self.__value = value
        self.source = source

    def reveal(self) -> str:
        """Return the text itself, for sending it, checking it, or removing it from what is shown."""
        return self.__value

    def __repr__(self) -> str:
        return f"<secret from {self.source}>"

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, memo: object) -> Secret:
        return self

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError(f"the secret from {self.source} is not pickled; build the client in the process that uses it")


@dataclass(frozen=True)
class Settings:
    """The settings of a client, resolved.

    Parameters
    ----------
    urls
        Addresses to try in order, without credentials and without a slash at the end.
    url_source
        Where they came from: ``"baseurl="``, ``"BUCKETSNB_URL"``, or the path of the workspace file.
    token
        For the ``x-access-token`` header, or None.
    timeout
        Seconds of silence after which a request is given up.
    read_only
        Whether calls that change works are refused.
    logins
        ``user:password`` by address, for the addresses that were written with one.
    proxies
        Addresses of proxies, by ``http``, ``https``, ``all``, or scheme and host of a service; None means those that
        the environment names.
    """

    urls: tuple[str, ...]
    url_source: str
    token: Secret | None = None
    timeout: float = DEFAULT_TIMEOUT
    read_only: bool = False
    logins: Mapping[str, Secret] = field(default_factory=dict, repr=False)
    proxies: Mapping[str, Secret] | None = None


def resolve(
    baseurl: str | Sequence[str] | None = None,
    *,
    token: str | Secret | None = None,
    timeout: float | None = None,
    read_only: bool | None = None,
    github_token: bool = False,
    proxies: Mapping[str, str] | None = None,
) -> Settings:
    """Return the settings of a client; no request is sent.

    Parameters
    ----------
    baseurl, token, timeout, read_only, github_token, proxies
        As for :class:`bucketsnb.client.Buckets`; what is not given is looked for in the environment, then in files.

    Raises
    ------
    ConfigurationError
        If there is no address, a value is not valid, or a file cannot be read; the message names the source.

    Examples
    --------
    >>> resolve("http://localhost:8004/").urls
    ('http://localhost:8004',)
    """
    secret = token if isinstance(token, Secret) or token is None else Secret(token, "token=")
    del token  # so that no traceback of what follows can show it
    addresses, source = _addresses(baseurl)
    cleaned = [_clean(address, source) for address in addresses]
    resolved_proxies = _proxies(proxies, [url for url, _ in cleaned])
    del proxies  # addresses may hold passwords
    return Settings(
        urls=tuple(dict.fromkeys(url for url, _ in cleaned)),
        url_source=source,
        token=_token(secret, github_token=github_token),
        timeout=_timeout(timeout),
        read_only=_read_only(read_only),
        logins={url: login for url, login in cleaned if login is not None},
        proxies=resolved_proxies,
    )


def _variable(name: str) -> str:
    return os.environ.get(name, "").strip()


# --- addresses ---

GIVEN = "baseurl="
"""The source of an address that was given as an argument."""


def _addresses(given: object) -> tuple[list[str], str]:
    """Return the addresses as they were written, and their source."""
    if given is not None:
        return _as_list(given, GIVEN), GIVEN
    text = _variable("BUCKETSNB_URL")
    if text:
        return [part.strip() for part in text.split(",") if part.strip()], "BUCKETSNB_URL"
    path = Path.home() / WORKSPACE
    value = _workspace(path)
    for key in ("http", "baseurls", "buckets"):
        value = value.get(key) if isinstance(value, Mapping) else None
    if value:
        return _as_list(value, str(path)), str(path)
    problem = "has no http.baseurls.buckets" if path.exists() else "no such file"
    raise ConfigurationError(
        f"No address of a Buckets service was given. Looked at: BUCKETSNB_URL (not set), {path} ({problem}).",
        cure=Cure.GIVE_ADDRESS,
    )


def _workspace(path: Path) -> object:
    import yaml  # imported here, as it is not needed if an address is given

    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        reason = "is not YAML" if mark is None else f"is not YAML at line {mark.line + 1}"
    except (OSError, ValueError, RecursionError) as error:
        reason = f"cannot be read: {truncate(error)}"
    raise ConfigurationError(f"The workspace file {path} {reason}. Correct it, or pass an address.")


def _as_list(value: object, source: str) -> list[str]:
    values = [value] if isinstance(value, str) else value
    if not isinstance(values, Sequence) or not all(isinstance(url, str) for url in values):
        raise ConfigurationError(
            f"The address {_named(source)} must be text or a list of texts, not {type(value).__name__}."
        )
    if not any(url.strip() for url in values):
        raise ConfigurationError(f"The address {_named(source)} is empty.", cure=Cure.GIVE_ADDRESS)
    return [url.strip() for url in values]


def _named(source: str) -> str:
    return "that was given" if source == GIVEN else f"from {source}"


def _clean(address: str, source: str) -> tuple[str, Secret | None]:
    """Return an address without a slash at the end and without its login, and the login or None."""
    problem = _problem_of(address)
    if problem:
        shown = printable(without_login(address))
        raise ConfigurationError(f"The address {shown!r} {_named(source)} cannot be used: {problem}")
    parts = urlsplit(address)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname or ""
    netloc = host if parts.port is None else f"{host}:{parts.port}"
    url = urlunsplit((parts.scheme, netloc, parts.path.rstrip("/"), "", ""))
    login = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}"
    return url, Secret(login, f"the address from {source}") if "@" in parts.netloc else None


def _problem_of(address: str) -> str | None:
    if "://" not in address:
        meant = "http://" + re.sub("^https?(:|//)/*", "", address)
        return f"it has no scheme; did you mean {printable(without_login(meant))!r}?"
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        port = 0
    if port == 0:
        return "host or port cannot be read; the port is a number from 1 to 65535"
    if parts.scheme not in ("http", "https"):
        return f"its scheme is {printable(parts.scheme)!r}; it must begin with http:// or https://"
    if any(letter.isspace() or not letter.isprintable() for letter in address) or "\\" in address:
        return "there is a space or another character in it that no address has"
    if not parts.hostname:
        return "it has no host"
    if parts.query or parts.fragment:
        return "it ends in a query or fragment; only scheme, host, port and path belong there"
    return None


# --- token ---


def _token(given: Secret | None, *, github_token: bool) -> Secret | None:
    names = TOKEN_NAMES + (GITHUB_NAMES if github_token else ())
    folder = Path(_variable("BUCKETSNB_SECRETS") or SECRETS)
    files = [folder / spelling for name in names for spelling in (name, name.lower())]
    variables = (Secret(os.environ[name], name) for name in names if os.environ.get(name))
    secret = given or next(variables, None) or next(filter(None, map(_from_file, files)), None)
    problem = token_problem(secret.reveal()) if secret else None
    if secret and problem:
        raise ConfigurationError(f"The token from {secret.source} {problem}. Set it again; it is not shown here.")
    return secret


def _from_file(path: Path) -> Secret | None:
    try:
        return Secret(path.read_text(encoding="utf-8").rstrip("\r\n"), str(path)) if path.is_file() else None
    except OSError as error:
        reason = str(error.strerror)
    except UnicodeDecodeError:  # not chained to our error: it holds the bytes of the file
        reason = "it is not UTF-8 text"
    raise ConfigurationError(f"The token file {path} cannot be read: {reason}.")


# --- proxies ---


def _proxies(given: object, urls: Sequence[str]) -> dict[str, Secret] | None:
    if given is not None:
        return _given_proxies(given)
    text = _variable("BUCKETSNB_PROXY")
    if not text:
        return None
    if text.lower() in _NO:
        return {}
    proxy, services = proxy_at(text, "BUCKETSNB_PROXY"), [urlsplit(url) for url in urls]
    remote = [parts for parts in services if not leads_to_this_machine(parts.hostname or "")]
    return {f"{parts.scheme}://{parts.hostname}": proxy for parts in remote}


def _given_proxies(given: object) -> dict[str, Secret]:
    if not isinstance(given, Mapping):
        kind = type(given).__name__
        raise ConfigurationError(f'proxies= must be like {{"http": "http://proxy.example:3128"}}, not {kind}.')
    for name in given:
        if not re.fullmatch(r"(http|https|all)(://[^/@]+)?", str(name)):
            shown = truncate(repr(printable(without_login(str(name)))), 40)
            raise ConfigurationError(f'proxies= has the name {shown}; the names are "http", "https" and "all".')
    return {str(name): proxy_at(address, f"proxies[{name!r}]") for name, address in given.items() if address}


def proxy_at(address: object, source: str) -> Secret:
    """Return the address of a proxy, which may hold a login; an address without a scheme gets ``http://``.

    Raises
    ------
    ConfigurationError
        If it is not the address of a proxy; the message names `source`.
    """
    text = address.strip() if isinstance(address, str) else ""
    with_scheme = text if "://" in text else f"http://{text}"
    try:
        parts = urlsplit(with_scheme)
        is_plain = not re.search(r"[\s\\]", text) and "@" not in parts.path
        is_valid = is_plain and parts.hostname and parts.port != 0 and parts.scheme in _PROXY_SCHEMES
    except ValueError:
        is_valid = False
    if not is_valid:
        shown = printable(without_login(text)) if isinstance(address, str) else type(address).__name__
        raise ConfigurationError(
            f"The proxy {truncate(repr(shown), 80)} from {source} is no address such as http://proxy.example:3128."
        )
    return Secret(with_scheme, source)


# --- the rest ---


def _timeout(given: object) -> float:
    value, source = (given, "timeout=")
    if given is None:
        value, source = _variable("WORKFLOW_HTTP_TIMEOUT") or DEFAULT_TIMEOUT, "WORKFLOW_HTTP_TIMEOUT"
    try:
        number = math.nan if isinstance(value, bool) else float(value)  # type: ignore[arg-type]  # that is tried
    except (TypeError, ValueError):
        number = math.nan
    if not 0 < number <= 86_400:
        raise ConfigurationError(
            f"The timeout from {source} must be seconds above 0 and up to 86400, not {truncate(repr(value), 40)}."
        )
    return number


def _read_only(given: object) -> bool:
    if given not in (None, True, False):
        raise ConfigurationError(f"read_only must be True or False, not {truncate(repr(given), 40)}.")
    text = _variable("BUCKETSNB_READ_ONLY")
    if text.lower() not in _YES | _NO:
        raise ConfigurationError(
            f"BUCKETSNB_READ_ONLY is {truncate(repr(text), 40)}; set it to 1 to refuse changes, or to 0."
        )
    return bool(given) or text.lower() in _YES
