"""Who may sign in, by the settings: the hash of a password, and the header of a proxy."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr, ValidationError

from mailtrack.settings import AdminSettings
from mailtrack.web.admin.passwords import hash_password, is_password

SALT = b"sixteen octets.."


@settings(max_examples=50, deadline=None)
@given(password=st.text(max_size=80), other=st.text(max_size=80))
def test_a_hash_is_that_of_its_password_alone(password: str, other: str) -> None:
    kept = hash_password(password, SALT, n=2)

    assert is_password(password, kept)
    assert (other == password) == is_password(other, kept)


def test_two_hashes_of_one_password_differ_and_both_are_taken_by_the_settings() -> None:
    one, other = hash_password("sésame", n=2), hash_password("sésame", n=2)

    assert one != other
    for kept in (one, other):
        held = AdminSettings(password_hash=SecretStr(kept))
        assert held.is_on
        assert kept not in repr(held)


def test_a_hash_has_nothing_that_shells_files_of_settings_or_compose_would_expand() -> None:
    assert re.fullmatch(r"[\w:-]+", hash_password("sésame", n=2), re.ASCII)


def test_a_hash_of_yesterday_is_still_read() -> None:
    """The form is kept by operators: a change of ours must go on reading it."""
    kept = "scrypt:32768:8:3:c2l4dGVlbiBvY3RldHMuLg:Xel5XxBb6cFy-f01o_ieY4xH3eOCb4JkQOcWkXWOlOs"

    assert is_password("un long sésame", kept)


@pytest.mark.parametrize(
    "kept",
    [
        "",
        "un long sésame",
        "scrypt:2:8:3:c2l4dGVlbiBvY3RldHMuLg",
        f"scrypt:3:8:3:c2l4dGVlbiBvY3RldHMuLg:{'A' * 43}",
        f"scrypt:9999999:99:99:c2l4dGVlbiBvY3RldHMuLg:{'A' * 43}",
        f"scrypt:0:0:0:c2l4dGVlbiBvY3RldHMuLg:{'A' * 43}",
    ],
)
def test_what_is_no_hash_lets_nobody_in(kept: str) -> None:
    assert not is_password("un long sésame", kept)


@pytest.mark.parametrize("kept", ["hush", "scrypt:2:8:3:x:y", "$2b$12$abcdefghijklmnopqrstuv"])
def test_the_settings_refuse_what_the_command_does_not_print(kept: str) -> None:
    with pytest.raises(ValidationError, match="is nothing that `mailtrack hash-password` prints"):
        AdminSettings(password_hash=SecretStr(kept))


def test_a_header_that_is_believed_from_nobody_is_refused() -> None:
    with pytest.raises(ValidationError, match="believed from nobody: set MAILTRACK_ADMIN__PROXIES"):
        AdminSettings(proxy_header="Remote-User")
