"""Taking forwards apart: what no pair of the corpus can say better."""

import unicodedata

import pytest

from mailtrack.parsers import is_shop_sender
from mailtrack.parsers.forwarded import unwrap
from mailtrack.parsers.message import Message
from mailtrack.parsers.people import read_people, read_person
from mailtrack.parsers.reading import Forward, ForwardMethod, Person

ME = Person("Camille Durand", "camille.durand@example.org")
JO = Person("Jo Martin", "jo.martin@example.com")
BLOCK = "From: Jo Martin <jo.martin@example.com>\nDate: lundi\nSubject: notes\n\nBonjour\n"


def _unwrap(text: str, subject: str = "", in_reply_to: str = "", html: str = "") -> Forward:
    message = Message(sender=ME, subject=subject, text=text, html=html, in_reply_to=in_reply_to)
    return unwrap(message, is_shop_sender)


def test_a_gmail_forward_in_french_keeps_the_forwarders_words_apart() -> None:
    forward = _unwrap(
        "Regarde,\nc’est arrivé !\n\n---------- Forwarded message ---------\n"
        "De : Jo Martin <jo.martin@example.com>\nDate: mer. 27 oct. 2021 à 09:31\n"
        "Subject: notes\nTo: <camille.durand@example.org>\n\n\nBonjour\n"
    )

    assert "Regarde,\nc’est arrivé !" == forward.message
    assert "Bonjour" == forward.original.body
    assert JO == forward.original.sender
    assert ME == forward.forwarder


@pytest.mark.parametrize(
    "attribution",
    [
        "Le 28/10/2021 12:46, « Jo Martin » <jo.martin@example.com> a écrit :",
        'On 28/10/2021, 12:46, "Jo Martin" <jo.martin@example.com> wrote:',
        'Am 28.10.21, 12:46 schrieb "Jo Martin" <jo.martin@example.com>:',
        "Op 28-10-2021 12:46 heeft Jo Martin <jo.martin@example.com> geschreven:",
        "28/10/2021 12:46 időpontban Jo Martin (jo.martin@example.com) ezt írta:",
        "Jo Martin <jo.martin@example.com> kirjoitti 28.10.2021 kello 12.46:",
        '"Jo Martin" <jo.martin@example.com>, 28.10.2021 12:46 tarihinde şunu yazdı:',
    ],
)
def test_outlook_2019_forwards_with_one_sentence_and_no_subject(attribution: str) -> None:
    forward = _unwrap(f"\ufeff{attribution}\n\n    Bonjour\n    à tous\n", "FW: TR: notes")

    assert JO == forward.original.sender
    assert "notes" == forward.original.subject
    assert "Bonjour\nà tous" == forward.original.body
    assert forward.original.date.startswith("28")


def test_the_same_sentence_without_a_forward_s_subject_is_a_reply() -> None:
    text = "Merci\n\nLe 28/10/2021 12:46, Jo <jo.martin@example.com> a écrit :\n\n> Bonjour\n"

    assert not _unwrap(text, "Re: notes").is_forward
    assert not _unwrap(text).is_forward


@pytest.mark.parametrize("subject", ["RE: notes", "AW: notes", "SV: notes", "Rép : notes"])
def test_a_reply_that_quotes_a_header_block_is_no_forward(subject: str) -> None:
    assert not _unwrap("Merci\n\n________________________________\n" + BLOCK, subject).is_forward


@pytest.mark.parametrize(
    "subject", ["TR: notes", "Tr: notes", "Fwd: notes", "FW: notes", "WG: notes", "I: notes",
                "[EXTERNAL] TR: notes", "RV: notes", "PD: notes", "ENC: notes", "Doorst: notes"]
)  # fmt: skip
def test_a_block_without_a_separator_is_a_forward_by_its_subject(subject: str) -> None:
    assert _unwrap(BLOCK, subject, in_reply_to="<a@x>").is_forward


def test_a_subject_that_only_begins_like_a_prefix_is_no_forward() -> None:
    forward = _unwrap("Bonjour\n", "Trottinette arrivée")

    assert not forward.is_forward


def test_underscores_of_a_signature_are_no_separator() -> None:
    text = "Bonjour\n________________________________\nCamille\nA : Paris\nDate : demain\n"

    assert not _unwrap(text, "Bonjour").is_forward


def test_wrapped_header_lines_are_put_together() -> None:
    forward = _unwrap(
        "---------- Forwarded message ---------\nFrom: Jo Martin\n<jo.martin@example.com>\n"
        "Date: Mon, Mar 2, 2026 at 9:31 AM\nSubject: a long subject that the mail program\n"
        "broke in two\nTo: a@example.org,\n b@example.org\n\nBonjour\n"
    )

    assert JO == forward.original.sender
    assert "a long subject that the mail program broke in two" == forward.original.subject
    assert ["a@example.org", "b@example.org"] == [p.address for p in forward.original.to]
    assert "Bonjour" == forward.original.body


def test_a_text_that_begins_with_a_label_is_not_taken_into_the_block() -> None:
    forward = _unwrap(
        "De : Jo Martin <jo.martin@example.com>\nDate : lundi\nÀ : a@example.org\nObjet : notes\n"
        "Bonjour à tous.\n\nSujet : le colis\n",
        "TR: notes",
    )

    assert "notes" == forward.original.subject
    assert "Bonjour à tous.\n\nSujet : le colis" == forward.original.body


def test_bold_labels_of_gmail_s_text_are_labels() -> None:
    forward = _unwrap(
        "*De :* Jo Martin <jo.martin@example.com>\n*Envoyé :* lundi\n*À :* a@example.org\n"
        "*Objet :* notes\n\nBonjour\n",
        "TR: notes",
    )

    assert JO == forward.original.sender
    assert "notes" == forward.original.subject


def test_an_address_that_html_would_swallow_is_kept() -> None:
    forward = _unwrap(
        "",
        "Fwd: notes",
        html="<p>From: Jo Martin <jo.martin@example.com><br>Date: lundi<br>Subject: notes</p>"
        "<p>Bonjour</p>",
    )

    assert JO == forward.original.sender
    assert "Bonjour" == forward.original.body


def test_a_forward_by_a_rule_names_the_mailbox_it_came_from() -> None:
    message = Message(
        sender=JO, headers=(("x-forwarded-for", "camille.durand@example.org suivi@example.net"),)
    )

    forward = unwrap(message, is_shop_sender)

    assert ForwardMethod.AUTOMATIC is forward.method
    assert "camille.durand@example.org" == forward.forwarder.address
    assert JO == forward.original.sender


def test_a_mailing_list_that_resends_is_no_forward() -> None:
    message = Message(
        sender=JO, headers=(("resent-from", "list@example.org"), ("list-id", "<l.example.org>"))
    )

    assert not unwrap(message, is_shop_sender).is_forward


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Jo Martin <jo@example.com>", Person("Jo Martin", "jo@example.com")),
        ("Jo Martin<jo@example.com>", Person("Jo Martin", "jo@example.com")),
        ("Jo Martin [mailto:jo@example.com]", Person("Jo Martin", "jo@example.com")),
        ("Jo Martin<mailto:jo@example.com>", Person("Jo Martin", "jo@example.com")),
        ("Jo <jo@example.com<mailto:jo@example.com>>", Person("Jo", "jo@example.com")),
        ("jo@example.com <jo@example.com>", Person("", "jo@example.com")),
        ("'jo@example.com' <jo@example.com>", Person("", "jo@example.com")),
        ('"Martin, Jo" <jo@example.com>', Person("Martin, Jo", "jo@example.com")),
        ("Martin, Jo <jo@example.com>", Person("Martin, Jo", "jo@example.com")),
        ("<jo@example.com>", Person("", "jo@example.com")),
        ("jo@example.com", Person("", "jo@example.com")),
        ("Jo Martin", Person("Jo Martin", "")),
        ("", Person("", "")),
    ],
)
def test_people_are_read_in_every_form(text: str, expected: Person) -> None:
    assert expected == read_person(text)


def test_lists_of_people_part_at_commas_and_semicolons_but_not_inside_names() -> None:
    people = read_people("'Berry, B' <b@example.org>; c@example.org, \"'D'\" <d@example.org>;")

    assert (
        Person("Berry, B", "b@example.org"),
        Person("", "c@example.org"),
        Person("D", "d@example.org"),
    ) == people


def test_people_with_commas_in_their_names_stay_whole_in_a_list() -> None:
    people = read_people(
        "Berry, B <b@example.org>, c@example.org <c@example.org>, D, E<d@example.org>"
    )

    assert (
        Person("Berry, B", "b@example.org"),
        Person("", "c@example.org"),
        Person("D, E", "d@example.org"),
    ) == people


def test_people_without_addresses_part_at_semicolons() -> None:
    assert (Person("Berry, B"), Person("C")) == read_people("Berry, B; C")


def test_whoever_sends_on_behalf_of_others_is_the_sender() -> None:
    text = (
        "Jo Martin<mailto:jo@example.com> <jo@example.com<mailto:jo@example.com>> on behalf of "
        "desk@example.com<mailto:desk@example.com>"
    )

    assert Person("Jo Martin", "jo@example.com") == read_person(text)


def test_what_follows_a_quoted_forward_is_no_part_of_it() -> None:
    quoted = "".join(f"> {line}\n" for line in BLOCK.splitlines())

    forward = _unwrap(f"Regarde\n\n> Begin forwarded message:\n>\n{quoted}\nC’est tout.\n")

    assert "Regarde" == forward.message
    assert "Bonjour" == forward.original.body


def test_a_body_that_alone_is_quoted_loses_its_marks() -> None:
    forward = _unwrap(
        "---------- Forwarded message ----------\nFrom: Jo Martin <jo.martin@example.com>\n"
        "Date: July 1, 2026 at 5:03 PM\nSubject: notes\n\n> Bonjour\n>\n> à tous\n>\n"
    )

    assert "Bonjour\n\nà tous" == forward.original.body


def test_a_forward_without_any_header_is_a_forward() -> None:
    forward = _unwrap("Regarde\n\nBegin forwarded message:\nBonjour\n")

    assert forward.is_forward
    assert ("Regarde", "Bonjour") == (forward.message, forward.original.body)
    assert Person() == forward.original.sender


def test_the_words_begin_forwarded_message_in_a_reply_are_none() -> None:
    assert not _unwrap("Merci\n\nBegin forwarded message:\nBonjour\n", "Re: notes").is_forward


@pytest.mark.parametrize(
    "separator",
    [
        "----- Forwarded message from Jo Martin <jo.martin@example.com> -----",
        "----- Message transféré de jo.martin@example.com -----",
        "------ Forwarded Message",
        "============ Forwarded message ============",
        "-------- Välitetty viesti / Fwd.Msg --------",
        "---------- Wiadomość przesłana dalej ---------",
        "-------- Edastatud kiri --------",
        "-------- Переадресованное сообщение --------",
    ],
)
def test_every_separator_of_forwards_is_one(separator: str) -> None:
    forward = _unwrap(f"{separator}\n{BLOCK}", in_reply_to="<a@x>")

    assert ("", JO, "Bonjour") == (forward.message, forward.original.sender, forward.original.body)


def test_the_mark_at_the_end_of_a_forward_is_cut() -> None:
    forward = _unwrap(
        f"----- Message transféré de jo -----\n{BLOCK}\n----- Fin du message transféré -----\n"
    )

    assert "Bonjour" == forward.original.body


def test_zoho_draws_its_separator_twice() -> None:
    line = "============ Forwarded message ============\n"
    head, body = BLOCK.split("\n\n")

    assert "Bonjour" == _unwrap(f"{line}{head}\n{line}\n{body}").original.body


def test_decomposed_accents_are_read() -> None:
    text = unicodedata.normalize(
        "NFD",
        "Envoyé : lundi\nDe : Jo <jo@example.com>\nÀ : a@example.org\nObjet : notes\n\nBonjour",
    )

    assert "notes" == _unwrap(text, "TR: notes").original.subject


def test_people_who_work_at_a_carrier_forward_as_others_do() -> None:
    jo = Person("Jo Martin", "jo.martin@dhl.com")
    text = (
        "---------- Forwarded message ---------\nDe : AliExpress "
        "<transaction@notice.aliexpress.com>\nDate: mer. 4 mars 2026 à 09:31\n"
        "Subject: Order 8123456789012345: order shipped\nTo: <jo.martin@dhl.com>\n\n"
        "LP00827165784034\n"
    )

    forward = unwrap(Message(sender=jo, subject="TR: votre colis", text=text), is_shop_sender)

    assert (ForwardMethod.INLINE, jo) == (forward.method, forward.forwarder)
    assert "transaction@notice.aliexpress.com" == forward.original.sender.address


def test_where_text_and_html_hold_different_mails_no_link_is_given_to_the_wrong_one() -> None:
    text = _block("noreply@mondialrelay.fr", "Votre colis 31234567 est disponible !")
    text += _block("noreply@gls-france.com", "Votre colis arrive bientôt")
    html = (
        '<p><a href="https://www.mondialrelay.fr/suivi-de-colis?numeroExpedition=31234567">a</a>'
        '<p><a href="https://gls-group.com/FR/fr/suivi-colis?match=00ABCDEF">b</a>'
    )

    forward = _unwrap(text, "TR: colis", html=html)

    assert 1 == len(forward.others)
    assert () == forward.original.content.links
    assert () == forward.others[0].content.links


def _block(sender: str, subject: str) -> str:
    return (
        f"---------- Forwarded message ---------\nDe : {sender}\n"
        f"Date: mer. 4 mars 2026 à 09:31\nSubject: {subject}\nTo: a@example.org\n\nBonjour\n\n"
    )


@pytest.mark.parametrize(
    ("answer", "is_the_shop"),
    [
        ("shops+transaction=notice.aliexpress.com@anonaddy.me", True),
        ("shops+jo=evil.example@anonaddy.me", False),
        ("other+transaction=notice.aliexpress.com@anonaddy.me", False),
        ("shops+transaction=notice.aliexpress.com@evil.example", False),
        ("transaction@notice.aliexpress.com", False),
    ],
)
def test_a_relay_may_name_the_shop_for_the_answer_alone(answer: str, is_the_shop: bool) -> None:
    alias = Person("AliExpress", "shops@anonaddy.me")
    message = Message(sender=alias, reply_to=(Person(address=answer),), text="Bonjour")

    assert is_the_shop == is_shop_sender(message.author)
    assert is_the_shop == is_shop_sender(unwrap(message, is_shop_sender).original.sender)
