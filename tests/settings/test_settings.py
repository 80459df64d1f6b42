from __future__ import annotations

import copy
import pickle

import pytest

from bucketsnb.errors import ConfigurationError
from bucketsnb.settings import Secret, resolve

URL = "http://localhost:8004"


@pytest.fixture
def workspace(environment):
    path = environment / ".config/workflow/workspace.yml"
    path.parent.mkdir(parents=True)
    return path


@pytest.fixture
def secrets(environment):
    folder = environment / "secrets"
    folder.mkdir()
    return folder


# --- addresses ---


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ("http://localhost:8004/", "http://localhost:8004"),
        ("  http://localhost:8004  ", "http://localhost:8004"),
        ("https://frb.chimenet.ca/workflow/buckets/", "https://frb.chimenet.ca/workflow/buckets"),
        ("HTTP://LocalHost:8004//", "http://localhost:8004"),
        ("http://[::1]:8004/", "http://[::1]:8004"),
    ],
)
def test_an_address_is_brought_into_one_form(given, url):
    assert resolve(given).urls == (url,)


def test_several_addresses_keep_their_order_and_come_once():
    assert resolve(["http://b", "http://a/", "http://b/"]).urls == ("http://b", "http://a")


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("localhost:8004", r"no scheme; did you mean 'http://localhost:8004'\?"),
        ("frb-vsop.chime", r"did you mean 'http://frb-vsop.chime'\?"),
        ("http:/localhost:8004", r"did you mean 'http://localhost:8004'\?"),
        ("http//localhost:8004", r"did you mean 'http://localhost:8004'\?"),
        ("htp://localhost:8004", r"its scheme is 'htp'"),
        ("htttps://frb.chimenet.ca", r"must begin with http:// or https://"),
        ("ftp://localhost", r"its scheme is 'ftp'"),
        ("http://", r"no host"),
        ("http://:8004", r"no host"),
        ("http://localhost:80x4", r"port"),
        ("http://localhost:80040", r"port"),
        ("http://localhost:0", r"number from 1"),
        ("http://local host:8004", r"space"),
        ("http://localhost\\x", r"space or another character"),
        ("http://localhost:8004?x=1", r"query or fragment"),
        ("http://localhost:8004#x", r"query or fragment"),
        ("http://[::1", r"host or port"),
        ("", r"is empty"),
        ([], r"is empty"),
        (8004, r"must be text or a list of texts, not int"),
        ([URL, None], r"must be text or a list of texts"),
    ],
)
def test_an_address_with_a_slip_in_it_is_refused_with_what_was_meant(address, words):
    with pytest.raises(ConfigurationError, match=words) as caught:
        resolve(address)
    assert "that was given" in str(caught.value)


@pytest.mark.parametrize(
    "address", ["http://me:hunter2@localhost:99999", "me:hunter2@localhost", "htp://me:hunter2@x", "http://me:hunter2@"]
)
def test_a_password_is_not_in_the_refusal_of_its_address(address):
    with pytest.raises(ConfigurationError) as caught:
        resolve(address)
    assert "hunter2" not in str(caught.value)


def test_a_login_is_taken_out_of_the_address():
    settings = resolve("http://me:hunter2@localhost:8004/x")

    assert settings.urls == ("http://localhost:8004/x",)
    assert settings.logins["http://localhost:8004/x"].reveal() == "me:hunter2"
    assert "hunter2" not in repr(settings)


def test_the_environment_names_one_or_several_addresses(monkeypatch):
    monkeypatch.setenv("BUCKETSNB_URL", "http://a:1 , http://b:2/,")

    settings = resolve()
    assert (settings.urls, settings.url_source) == (("http://a:1", "http://b:2"), "BUCKETSNB_URL")


@pytest.mark.parametrize(
    ("text", "urls"),
    [
        ("http: {baseurls: {buckets: 'http://a:1/'}}", ("http://a:1",)),
        ("http: {baseurls: {buckets: ['http://a:1', 'http://b:2']}}", ("http://a:1", "http://b:2")),
    ],
    ids=["one", "a list"],
)
def test_the_active_workspace_names_the_address(workspace, text, urls):
    workspace.write_text(text)

    settings = resolve()
    assert (settings.urls, settings.url_source) == (urls, str(workspace))


def test_the_argument_is_before_the_environment_and_that_before_the_workspace(workspace, monkeypatch):
    workspace.write_text("http: {baseurls: {buckets: 'http://workspace'}}")
    assert resolve().urls == ("http://workspace",)
    monkeypatch.setenv("BUCKETSNB_URL", "http://environment")
    assert resolve().urls == ("http://environment",)
    assert resolve("http://argument").urls == ("http://argument",)


def test_without_an_address_the_message_says_where_one_was_looked_for(environment):
    with pytest.raises(ConfigurationError) as caught:
        resolve()
    for place in ("was given", "BUCKETSNB_URL", str(environment / ".config/workflow/workspace.yml"), "no such file"):
        assert place in str(caught.value)


@pytest.mark.parametrize("text", ["", "[]", "http: 3", "http: {baseurls: null}", "http: {baseurls: {results: x}}"])
def test_a_workspace_without_the_address_says_what_it_lacks(workspace, text):
    workspace.write_text(text)

    with pytest.raises(ConfigurationError, match=r"has no http\.baseurls\.buckets"):
        resolve()


@pytest.mark.parametrize("data", [b"http: [unclosed", b"\xff\xfe\x00", b"a: b: c"])
def test_a_workspace_that_cannot_be_read_is_named(workspace, data):
    workspace.write_bytes(data)

    with pytest.raises(ConfigurationError, match=str(workspace)):
        resolve()


def test_a_workspace_with_an_odd_address_is_named(workspace):
    workspace.write_text("http: {baseurls: {buckets: {a: b}}}")

    with pytest.raises(ConfigurationError, match=str(workspace)):
        resolve()


# --- token ---


def test_the_token_is_found_in_the_order_of_its_names(monkeypatch, secrets):
    found = []
    (secrets / "WORKFLOW_TOKEN").write_text("from a file\n")
    found.append(resolve(URL).token)
    for name in ("WORKFLOW_TOKEN", "WORKFLOW_HTTP_TOKEN"):
        monkeypatch.setenv(name, f"of {name}")
        found.append(resolve(URL).token)
    found.append(resolve(URL, token="argument").token)

    assert [secret.reveal() for secret in found] == [
        "from a file",
        "of WORKFLOW_TOKEN",
        "of WORKFLOW_HTTP_TOKEN",
        "argument",
    ]
    assert [secret.source for secret in found] == [
        str(secrets / "WORKFLOW_TOKEN"),
        "WORKFLOW_TOKEN",
        "WORKFLOW_HTTP_TOKEN",
        "token=",
    ]


def test_a_secrets_file_may_have_a_small_name(secrets):
    (secrets / "workflow_http_token").write_text("quiet")

    assert resolve(URL).token.reveal() == "quiet"


@pytest.mark.parametrize("name", ["GITHUB_TOKEN", "GITHUB_PAT"])
def test_a_github_token_is_taken_only_when_asked_for(monkeypatch, name):
    monkeypatch.setenv(name, "ghp")

    assert resolve(URL).token is None
    assert resolve(URL, github_token=True).token.source == name


def test_no_token_is_no_error():
    assert resolve(URL).token is None


@pytest.mark.parametrize("value", ["", "a\nb", "a\u2713", " a", "a ", "\x00", 5])
def test_a_token_that_no_header_can_carry_is_refused(value):
    with pytest.raises(ConfigurationError, match="The token from token="):
        resolve(URL, token=value)


def test_a_token_file_that_is_not_text_is_named(secrets):
    (secrets / "WORKFLOW_TOKEN").write_bytes(b"\xff\xfe")

    with pytest.raises(ConfigurationError, match="WORKFLOW_TOKEN cannot be read"):
        resolve(URL)


def test_a_secret_shows_its_source_only():
    secret = Secret("hunter2", "WORKFLOW_TOKEN")

    for shown in (repr(secret), str(secret), f"{secret}", repr([secret]), repr({"a": secret})):
        assert "hunter2" not in shown
        assert "WORKFLOW_TOKEN" in shown
    assert copy.deepcopy(secret) is secret
    assert copy.copy(secret) is secret
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(secret)
    with pytest.raises(TypeError):
        vars(secret)


# --- timeout, read-only ---


def test_the_timeout_is_argument_then_environment_then_fifteen(monkeypatch):
    assert resolve(URL).timeout == 15.0
    monkeypatch.setenv("WORKFLOW_HTTP_TIMEOUT", " 2.5 ")
    assert resolve(URL).timeout == 2.5
    assert resolve(URL, timeout=4).timeout == 4.0


@pytest.mark.parametrize("value", [0, -1, float("nan"), float("inf"), True, "soon", None.__class__, 10**6])
def test_a_timeout_that_is_none_is_refused(value):
    with pytest.raises(ConfigurationError, match="timeout="):
        resolve(URL, timeout=value)


@pytest.mark.parametrize("text", ["0", "-3", "soon", "nan", "inf"])
def test_a_timeout_in_the_environment_that_is_none_is_refused(monkeypatch, text):
    monkeypatch.setenv("WORKFLOW_HTTP_TIMEOUT", text)

    with pytest.raises(ConfigurationError, match="WORKFLOW_HTTP_TIMEOUT"):
        resolve(URL)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1", True),
        ("true", True),
        ("YES", True),
        ("on", True),
        ("0", False),
        ("false", False),
        ("No", False),
        ("", False),
    ],
)
def test_the_environment_makes_a_client_read_only(monkeypatch, text, expected):
    monkeypatch.setenv("BUCKETSNB_READ_ONLY", text)

    assert resolve(URL).read_only is expected
    assert resolve(URL, read_only=False).read_only is expected
    assert resolve(URL, read_only=True).read_only is True


@pytest.mark.parametrize("text", ["maybe", "2", "tru"])
def test_a_read_only_switch_that_says_neither_is_an_error(monkeypatch, text):
    monkeypatch.setenv("BUCKETSNB_READ_ONLY", text)

    with pytest.raises(ConfigurationError, match="BUCKETSNB_READ_ONLY"):
        resolve(URL)


def test_a_read_only_argument_that_is_no_bool_is_an_error():
    with pytest.raises(ConfigurationError, match="read_only"):
        resolve(URL, read_only="no")


@pytest.mark.parametrize("text", ["[" * 5000, "{a: " * 5000, "- " * 5000, "[" * 5000 + "]" * 5000, "a: &a [*a]\n" * 2])
def test_a_workspace_that_is_nested_too_deep_is_an_error_of_ours(workspace, text):
    workspace.write_text(text)
    with pytest.raises(ConfigurationError) as raised:
        resolve()
    assert str(workspace) in str(raised.value)
    assert len(str(raised.value)) < 1000
