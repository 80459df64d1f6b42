"""How addresses are shown, and which texts can be tokens: rules that the client and the backend share."""

from __future__ import annotations

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import settings as budget
from hypothesis import strategies as st

from bucketsnb.addresses import is_loopback, token_problem, without_login
from bucketsnb.backend.server import LocalBackend
from bucketsnb.backend.stores.open import open_store
from bucketsnb.cli import main
from bucketsnb.client import Buckets
from bucketsnb.errors import ConfigurationError
from tests.budget import examples

SLIPS = [
    "MONGODB://me:hunter2@h/works",
    "mongo://me:hunter2@h/works",
    " mongodb://me:hunter2@h/works",
    "\tmongodb://me:hunter2@h/works",
    "mongodb:/me:hunter2@h/works",
    "mongodb:me:hunter2@h/works",
    "mongodb//me:hunter2@h/works",
    "mongodb;//me:hunter2@h/works",
    "//me:hunter2@h/works",
    "me:hunter2@h/works",
    "hunter2@h://x",
    "postgres://me:hunter2@h/works",
    "mongodb+SRV://me:hunter2@h/works",
    "mongodb:///me:hunter2@h/works",
    "mongodb://me:hunter2%40h/works",
    "mongodb://me:hunter2\uff20h/works",
    "mongodb://me:hu/hunter2@h/works",
    "mongodb://me:hu?hunter2@h/works",
    "mongodb://me:hu#hunter2@h/works",
    "mongodb://me:hu@hunter2@h/works",
    "mongodb://h/works?tlsCertificateKeyFilePassword=hunter2",
    "mongodb://h/works?tlsCertificateKeyFilePassword=hu@hunter2",
]


@pytest.mark.parametrize("address", SLIPS)
def test_an_address_is_never_shown_with_its_password(address):
    assert "hunter2" not in without_login(address)


@pytest.mark.parametrize("command", [["serve", "--port", "0"], ["lab", "--no-browser"]], ids=["serve", "lab"])
@pytest.mark.parametrize("address", [slip for slip in SLIPS if not slip.startswith("mongodb://")])
def test_a_store_with_a_slip_in_its_address_is_refused_without_its_password(address, command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(main, ["--debug", *command, "--store", address])

    assert result.exit_code == 2
    assert "is not an address this backend knows" in result.stderr
    assert "hunter2" not in result.output + result.stderr
    assert not list(tmp_path.rglob("*hunter2*"))


@pytest.mark.parametrize("address", [slip for slip in SLIPS if slip.startswith("mongodb://")])
def test_a_store_that_mongodb_cannot_read_or_reach_is_told_without_its_password(address):
    separator = "&" if "?" in address else "?"
    with pytest.raises(Exception) as caught:
        open_store(f"{address}{separator}serverSelectionTimeoutMS=50&connectTimeoutMS=50")

    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None or "hunter2" not in str(caught.value.__cause__)


@pytest.mark.parametrize("slip", SLIPS)
def test_a_client_with_a_slip_in_its_address_is_refused_without_its_password(slip):
    with pytest.raises(ConfigurationError) as caught:
        Buckets(slip.replace("mongodb", "htp"))

    assert "hunter2" not in str(caught.value)


@budget(max_examples=examples(100))
@given(
    st.sampled_from(["http", "MONGODB", "mongo", "x-y.z+1"]),
    st.sampled_from(["://", ":/", ":", "//", ":///"]),
    st.text(st.sampled_from("/?#:,;[]%&=. \t"), max_size=3),
    st.text(st.sampled_from("/?#:,;[]%&=. \t@"), max_size=3),
)
def test_whatever_stands_before_the_host_the_password_is_not_shown(scheme, mark, before, after):
    assert "hunter2" not in without_login(f"{scheme}{mark}me:{before}hunter2{after}@h:1/path")


def test_an_address_without_a_login_is_shown_as_it_is():
    for address in (
        "http://localhost:8004/prefix",
        "sqlite:////data/works.db",
        "mongodb://a:1,b:2/works",
        "http://[::1]:5",
    ):
        assert without_login(address) == address


def test_a_file_may_have_any_name_that_is_no_address(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("me@home.db", "10:30.db", "am:10:30.db", str(tmp_path / "a@b.db")):
        open_store(name).close()
    open_store(f"sqlite:///{tmp_path}/me:x@home.db").close()

    assert len(list(tmp_path.glob("*.db"))) == 5


@pytest.mark.parametrize(
    "token", ["clé-0123", "\uff54oken", "to\u00adken", "to\tken", "to\x7fken", "token\u2028", "\ud800x"]
)
def test_a_token_that_is_not_ascii_is_refused_on_both_sides_when_it_is_set(token, monkeypatch, tmp_path):
    with pytest.raises(ConfigurationError, match=r"token=.*(not plain ASCII|around it)") as caught:
        Buckets("http://localhost:8004", token=token)
    with pytest.raises(ValueError, match="the token has") as refused:
        LocalBackend(token=token)

    assert token not in f"{caught.value}{refused.value}"


def test_a_token_that_is_not_ascii_is_refused_from_the_environment_and_from_files(monkeypatch, tmp_path):
    monkeypatch.setenv("WORKFLOW_TOKEN", "cl\u00e9-0123")
    with pytest.raises(ConfigurationError, match="WORKFLOW_TOKEN has a character at place 3"):
        Buckets("http://localhost:8004")
    for content in ("cl\u00e9-0123".encode(), b"cl\xe9-0123"):
        (tmp_path / "token").write_bytes(content)
        result = CliRunner().invoke(main, ["serve", "--port", "0", "--token-file", str(tmp_path / "token")])
        assert result.exit_code == 2
        assert "the token has a character at place 3 that is not plain ASCII" in result.stderr
        assert "0123" not in result.stderr


def test_a_token_may_be_any_printable_ascii():
    assert token_problem("".join(map(chr, range(0x21, 0x7F)))) is None


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.255.255.254", "::1"])
def test_this_machine_is_known_by_its_names(host):
    assert is_loopback(host)
