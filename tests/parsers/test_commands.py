"""Commands: a subject or a first line that says nothing else."""

import pytest

from mailtrack.domain.model import Outcome
from mailtrack.parsers import parse
from mailtrack.parsers.message import Message
from mailtrack.parsers.reading import Person, Reading

ME = Person("Camille Durand", "camille.durand@example.org")
QUOTE = (
    "\n\nLe lun. 2 mars 2026 à 09:31, mailtrack <suivi@example.net>\na écrit :\n\n"
    "> Répondez STOP pour ne plus rien recevoir.\n"
)


def _read(subject: str = "", text: str = "", html: str = "") -> Reading:
    return parse(Message(sender=ME, subject=subject, text=text, html=html))


@pytest.mark.parametrize(
    "word", ["STOP", "stop", "DÉSABONNER", "désabonner", "Desabonner", "ARRÊT", "arret",
             "UNSUBSCRIBE", "Stop !", "« Stop »", "stop.", "Stop, merci", "STOP SVP"]
)  # fmt: skip
def test_stop_is_understood_in_the_subject_and_in_the_first_line(word: str) -> None:
    for reading in (_read(subject=word), _read("Re: colis", word), _read("colis", word + QUOTE)):
        assert (Outcome.COMMAND, "stop") == (reading.outcome, reading.kind)


@pytest.mark.parametrize("word", ["AIDE", "aide", "Help", "HELP !", "?", "???"])
def test_help_is_understood_in_the_subject_and_in_the_first_line(word: str) -> None:
    for reading in (_read(subject=word), _read("Re: colis", word), _read("colis", word + QUOTE)):
        assert (Outcome.COMMAND, "help") == (reading.outcome, reading.kind)


@pytest.mark.parametrize(
    "text",
    [
        "Bonjour,\n\nStop\n\nCordialement,\nCamille",
        "Stop\n-- \nCamille Durand\n06 39 98 12 34",
        "Stop\n\nEnvoyé de mon iPhone",
        "\ufeff\u00a0Stop\n\n-----Message d'origine-----\nDe : suivi\nObjet : aide\n",
        "Stop\n\n________________________________\nDe : a@example.org\nEnvoyé : lundi\nObjet : b\n",
    ],
)
def test_greetings_signatures_and_quotes_do_not_hide_a_command(text: str) -> None:
    assert "stop" == _read("Re: votre colis", text).kind


def test_a_command_in_html_alone_is_understood() -> None:
    html = '<div>STOP</div><div class="gmail_quote">Le lun. 2 mars, Jo a écrit :<br>> aide</div>'

    assert "stop" == _read("Re: votre colis", html=html).kind


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        ("Arrêt maladie", ""),
        ("Non-stop", ""),
        ("Prochain stop", "Rendez-vous à midi."),
        ("", "Je voudrais arrêter plus tard."),
        ("", "Ne pas désabonner"),
        ("", "C’est une aide précieuse, merci."),
        ("Aide", "Bonjour, " + "je ne sais pas comment ajouter un colis à mon compte " * 2),
        ("", "Merci" + QUOTE),
    ],
)
def test_a_sentence_with_such_a_word_is_no_command(subject: str, text: str) -> None:
    assert Outcome.COMMAND is not _read(subject, text).outcome


def test_a_shop_mail_is_never_a_command() -> None:
    shop = Person("AliExpress", "transaction@notice.aliexpress.com")

    direct = parse(Message(sender=shop, subject="Stop", text="Stop"))
    forwarded = _read(
        "Fwd: Stop",
        "Stop\n\n---------- Forwarded message ---------\n"
        "De : AliExpress <transaction@notice.aliexpress.com>\nDate: lundi\nSubject: Stop\n\nStop\n",
    )

    assert Outcome.NOTHING_FOUND is direct.outcome
    assert Outcome.NOTHING_FOUND is forwarded.outcome


def test_a_machine_s_answer_is_never_a_command() -> None:
    assert (
        Outcome.AUTOMATIC_REPLY
        is parse(Message(sender=ME, subject="STOP", is_automatic=True)).outcome
    )


def test_a_command_keeps_the_number_that_it_is_about() -> None:
    reading = _read("Re: colis", "Stop lp 0082 7165 7840 34")

    assert "stop" == reading.kind
    assert ["LP00827165784034"] == [parcel.number for parcel in reading.parcels]
