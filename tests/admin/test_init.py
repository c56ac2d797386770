"""`mailtrack init` writes what the service then reads, and never over anything."""

import stat
from pathlib import Path

import pytest
from dotenv import dotenv_values
from hypothesis import given
from hypothesis import strategies as st

from mailtrack.admin.init import QUESTIONS, Question, from_environment, write_settings
from mailtrack.errors import ConfigurationError
from mailtrack.settings import PREFIX, load_settings

ANSWERS = {
    "INBOX__HOST": "imap.example.org",
    "INBOX__USER": "colis@example.org",
    "INBOX__PASSWORD": "abcd efgh",
    "SMTP__HOST": "smtp.example.org",
}


def answers(question: Question, default: str) -> str:
    return ANSWERS.get(question.setting, default)


def test_the_service_reads_what_was_answered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    file = write_settings(Path(), answers)
    settings = load_settings()

    assert 0o600 == stat.S_IMODE(file.stat().st_mode)
    assert ("imap.example.org", "colis@example.org") == (settings.inbox.host, settings.inbox.user)
    assert "abcd efgh" == settings.inbox.password.get_secret_value()
    assert "abcd efgh" == settings.smtp.password.get_secret_value()
    assert "colis@example.org" == settings.smtp.from_address
    assert "http://localhost:8080" == settings.web.public_url


def test_a_file_that_is_there_is_left_alone_and_nothing_is_asked(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("MAILTRACK_INBOX__HOST=mine\n")

    def ask(_question: Question, _default: str) -> str:
        pytest.fail("asked in vain")

    with pytest.raises(ConfigurationError, match="is there already"):
        write_settings(tmp_path, ask)
    assert "MAILTRACK_INBOX__HOST=mine\n" == (tmp_path / ".env").read_text()


@given(st.text(st.characters(min_codepoint=32, exclude_categories=["C", "Z"]), min_size=1))
def test_a_password_of_any_letters_comes_back_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, password: str
) -> None:
    folder = tmp_path_factory.mktemp("init")

    def ask(question: Question, default: str) -> str:
        return password if question.setting == "INBOX__PASSWORD" else answers(question, default)

    if "${" in password:
        with pytest.raises(ConfigurationError, match="MAILTRACK_INBOX__PASSWORD_FILE"):
            write_settings(folder, ask)
    else:
        kept = dotenv_values(write_settings(folder, ask))
        assert password == kept["MAILTRACK_INBOX__PASSWORD"]


def test_a_script_answers_by_variables_and_hears_which_is_missing() -> None:
    given_host = from_environment({"MAILTRACK_INBOX__HOST": "imap.example.org"})
    host, user = QUESTIONS[:2]

    assert "imap.example.org" == given_host(host, "")
    with pytest.raises(ConfigurationError, match="MAILTRACK_INBOX__USER is not set"):
        given_host(user, "")


def test_every_question_is_about_a_setting_of_the_example() -> None:
    example = (Path(__file__).parents[2] / ".env.example").read_text(encoding="utf-8")

    assert [] == [q.setting for q in QUESTIONS if f"{PREFIX}{q.setting}=" not in example]
