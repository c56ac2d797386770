"""What single mails say: subjects, dates, reasons, what to do."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from selectolax.lexbor import LexborHTMLParser

from mailtrack.domain.milestones import Milestone
from mailtrack.domain.model import Hint, PickupPoint, Reason, TrackingEvent
from mailtrack.domain.pickup_times import UsualHold
from mailtrack.notify import french
from mailtrack.notify.expectation import Expectation, ExpectedDay
from mailtrack.notify.render import RenderedMail, Renderer, templates_dir
from mailtrack.notify.samples import (
    LINKS,
    MAILS,
    NEWS,
    NOW,
    ORDER,
    PERSONAL_ADDRESS,
    PICKUP,
    sample,
    sample_parcel,
)
from mailtrack.notify.shops import words_for
from mailtrack.notify.view import MailSummary, NoticeKind, NoticeView

RENDERER = Renderer(templates_dir())
ALIEXPRESS = words_for("aliexpress")

#: The mails with one button that does something.
ACTING_KINDS = [kind for kind in NoticeKind if sample(kind).action]


def mail(kind: NoticeKind) -> RenderedMail:
    return RENDERER.render(sample(kind))


def with_parcel(kind: NoticeKind, **changes: object) -> NoticeView:
    view = sample(kind)
    assert view.parcel
    return replace(view, parcel=replace(view.parcel, **changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kind", "subject"),
    [
        (NoticeKind.REGISTERED, "Suivi enregistré : votre colis LP…84 (Lampe LED de bureau…)"),
        (NoticeKind.CUSTOMS_CLEARED, "Dédouané : votre colis LP…84 (Lampe LED de bureau…)"),
        (
            NoticeKind.PICKUP_AVAILABLE,
            "À retirer jusqu’au 24 mars : votre colis LP…84 (Lampe LED de bureau…)",
        ),
        (
            NoticeKind.ORDER_REGISTERED,
            "Suivi à compléter : votre commande 821100… (Lampe LED de bureau…)",
        ),
        (NoticeKind.CANCELLED, "Annulée : votre commande 821100… (Lampe LED de bureau…)"),
        (NoticeKind.READ_SUMMARY, "Ces 2 colis sont-ils à vous\u202f?"),
        (NoticeKind.NOTHING_FOUND, "Rien à suivre dans « Fwd: Votre facture de mars »"),
    ],
)
def test_a_subject_says_it_all(kind: NoticeKind, subject: str) -> None:
    assert subject == mail(kind).subject.replace("\u00a0", " ")


def test_subjects_are_short_and_each_one_is_its_own() -> None:
    subjects = [mail(kind).subject for kind in NoticeKind]

    assert 70 >= max(map(len, subjects))
    assert len(subjects) == len({subject.partition("\u00a0:")[0] for subject in subjects})


def test_an_order_mail_says_what_to_forward_next_and_where() -> None:
    text = mail(NoticeKind.ORDER_REGISTERED).text

    assert "« Transférer »" in text.replace("\u00a0", " ")
    assert "colis@example.org" in text
    assert "numéro du colis" in text


def test_a_pickup_mail_says_where_and_until_when() -> None:
    rendered = mail(NoticeKind.PICKUP_AVAILABLE)

    for text in (rendered.text, rendered.html):
        assert PICKUP.name in text
        spoken = text.replace("&nbsp;", "\u00a0")
        assert french.typeset(PICKUP.address) in spoken
        assert "mardi 24\u00a0mars" in spoken


def test_a_pickup_mail_says_where_to_find_what_it_does_not_know() -> None:
    no_day = with_parcel(NoticeKind.PICKUP_AVAILABLE, pickup_point=replace(PICKUP, last_day=None))
    nothing = with_parcel(NoticeKind.PICKUP_AVAILABLE, pickup_point=None)
    day = PickupPoint("", last_day=PICKUP.last_day)
    no_place = with_parcel(NoticeKind.PICKUP_AVAILABLE, pickup_point=day)
    code = with_parcel(NoticeKind.PICKUP_AVAILABLE, pickup_point=PickupPoint("", code="Q48213"))

    for view, unknown in (
        (no_day, "Le dernier jour est"),
        (nothing, "Le lieu exact et"),
        (no_place, "Le lieu exact est"),
        (code, "Le lieu exact et"),
    ):
        rendered = RENDERER.render(view)
        assert view.parcel
        for text in (rendered.text, rendered.html):
            assert unknown in text
            assert 2 == text.count(view.parcel.carrier_page)


@pytest.mark.parametrize("kind", [NoticeKind.PICKUP_AVAILABLE, NoticeKind.PICKUP_REMINDER])
def test_who_has_a_code_is_told_to_show_it(kind: NoticeKind) -> None:
    with_code = RENDERER.render(with_parcel(kind, pickup_point=PICKUP))
    without = RENDERER.render(with_parcel(kind, pickup_point=replace(PICKUP, code="")))

    assert "Code de retrait\u00a0: 482913" in with_code.text
    assert 2 == with_code.html.count("482913")
    for text in (with_code.text, with_code.html):
        assert "une pièce d’identité et ce code" in text
    for text in (without.text, without.html):
        assert "Code de retrait" not in text
        assert "une pièce d’identité et le numéro du colis" in text


def test_a_mail_of_the_day_says_between_which_hours_the_parcel_comes() -> None:
    kind = NoticeKind.OUT_FOR_DELIVERY
    hours = "entre\u00a016\u00a0h et\u00a018\u00a0h\u00a030"
    tomorrow = date(2026, 3, 11)

    assert f"Il devrait vous être remis {hours}." in mail(kind).text
    for named in (ExpectedDay(NOW.date(), "La Poste"), ExpectedDay(tomorrow, "GLS", "09:00-11:00")):
        expected = Expectation(named.day, named.day, NOW.date(), named)
        text = RENDERER.render(with_parcel(kind, expected=expected)).text
        assert "Il devrait vous être remis dans la journée." in text


@pytest.mark.parametrize("kind", [NoticeKind.DELIVERED, NoticeKind.RETURNING, NoticeKind.RETURNED])
def test_what_is_fetched_or_on_its_way_back_has_no_day_to_fetch_it(kind: NoticeKind) -> None:
    rendered = RENDERER.render(with_parcel(kind, pickup_point=PICKUP))

    assert PICKUP.name not in rendered.text + rendered.html


def test_a_delivered_mail_says_until_when_a_dispute_may_be_opened() -> None:
    assert "mercredi 25\u00a0mars" in mail(NoticeKind.DELIVERED).text


@pytest.mark.parametrize(
    ("hint", "said"),
    [
        (Hint.NOT_READ, "17TRACK n’a pas encore pu interroger le transporteur"),
        (Hint.POSTCODE, "le code postal de livraison"),
        (
            "No record for 90 days.",
            "Le transporteur signale, par 17TRACK\u00a0: «\u00a0No record for 90 days\u00a0»",
        ),
    ],
)
def test_a_mail_about_an_unknown_number_says_why_where_somebody_told(hint: str, said: str) -> None:
    told = RENDERER.render(with_parcel(NoticeKind.NOT_FOUND, hint=hint, hint_by="17TRACK"))

    assert said in " ".join(told.text.split("\n"))
    assert said in told.html.replace("&nbsp;", "\u00a0")
    assert "signale" not in mail(NoticeKind.NOT_FOUND).text


def test_a_first_mail_tells_where_the_parcel_is_or_that_nobody_knows_yet() -> None:
    unknown = replace(sample(NoticeKind.REGISTERED), parcel=sample_parcel(), event=None)

    assert "En cours de dédouanement" in mail(NoticeKind.REGISTERED).text
    assert "c’est normal pendant quelques jours" in RENDERER.render(unknown).text


@pytest.mark.parametrize("milestone", french.TASKS)
def test_a_first_mail_says_what_to_do_about_a_parcel_that_waits_already(
    milestone: Milestone,
) -> None:
    text = RENDERER.render(with_parcel(NoticeKind.REGISTERED, milestone=milestone)).text

    assert french.typeset(french.task(milestone, ALIEXPRESS)) in text
    assert "À faire maintenant" in text
    assert "Rien à faire" not in text


@pytest.mark.parametrize("milestone", french.TASKS)
def test_a_silence_is_no_reason_to_wait_where_a_parcel_waits_itself(milestone: Milestone) -> None:
    text = RENDERER.render(with_parcel(NoticeKind.STALLED, milestone=milestone)).text

    assert french.typeset(french.task(milestone, ALIEXPRESS)) in text
    assert "il suffit de patienter" not in text


@pytest.mark.parametrize("kind", ACTING_KINDS)
def test_a_mail_that_asks_for_one_thing_has_one_button_for_it(kind: NoticeKind) -> None:
    view, rendered = sample(kind), mail(kind)
    (button,) = LexborHTMLParser(rendered.html).css("a.button")

    assert view.action == button.attributes["href"]
    assert view.action in rendered.text


@pytest.mark.parametrize(
    "action",
    ["javascript:alert(1)", "data:text/html,x", "https://x.example.org/ y", "https://x\r\nBcc: y"],
)
@pytest.mark.parametrize("kind", ACTING_KINDS)
def test_an_address_that_is_none_gets_no_button(kind: NoticeKind, action: str) -> None:
    rendered = RENDERER.render(replace(sample(kind), action=action))

    assert [] == LexborHTMLParser(rendered.html).css("a.button")
    assert action not in rendered.text


def test_who_was_not_proven_reads_what_to_confirm_and_nothing_of_the_mail() -> None:
    forwarded = replace(sample(NoticeKind.CONFIRM_ADDRESS), subject="Secret", orders=(ORDER,))
    rendered = RENDERER.render(forwarded)

    assert "Si ce n’est pas vous, ignorez ce mail" in rendered.text
    assert "Secret" not in rendered.text + rendered.html
    assert LINKS.preferences not in rendered.text + rendered.html


@pytest.mark.parametrize(
    "kind",
    [
        NoticeKind.REGISTERED,
        NoticeKind.ORDER_REGISTERED,
        NoticeKind.NOTHING_FOUND,
        NoticeKind.HELP,
        NoticeKind.CONFIRM_ADDRESS,
    ],
)
def test_a_personal_address_is_shown_to_its_person_where_it_is_known(kind: NoticeKind) -> None:
    known = RENDERER.render(replace(sample(kind), personal_address=PERSONAL_ADDRESS))
    unknown = RENDERER.render(replace(sample(kind), personal_address=""))

    for text in (known.text, known.html):
        assert PERSONAL_ADDRESS in text
    for text in (unknown.text, unknown.html):
        assert PERSONAL_ADDRESS not in text
        assert "adresse personnelle" not in text


def test_a_first_mail_leads_to_the_help_on_automatic_forwarding() -> None:
    rendered = mail(NoticeKind.REGISTERED)

    assert f'href="{LINKS.help}#automatique"' in rendered.html
    assert f"{LINKS.help}#automatique" in rendered.text


def test_help_names_the_commands_and_both_addresses() -> None:
    text = mail(NoticeKind.HELP).text

    for word in ("STOP", "AIDE", "colis@example.org", PERSONAL_ADDRESS, "notice.aliexpress.com"):
        assert word in text


def test_gmails_question_names_the_mailbox_that_asks_and_the_code() -> None:
    asked = mail(NoticeKind.FORWARDING_REQUEST)
    without = RENDERER.render(replace(sample(NoticeKind.FORWARDING_REQUEST), subject="", code=""))

    for text in (asked.text, asked.html):
        assert "camille@example.org" in text
        assert "115250375" in text
    assert "si votre compte peut" in without.text
    assert "code" not in without.text


def test_a_reminder_names_the_last_day_and_the_place() -> None:
    rendered = mail(NoticeKind.PICKUP_REMINDER)

    assert rendered.subject.startswith("Dernier jour le 12\u00a0mars")
    assert "jeudi 12\u00a0mars" in rendered.text
    assert french.typeset(PICKUP.address) in rendered.text


def test_the_end_of_the_protection_comes_with_the_last_day_for_a_dispute() -> None:
    text = mail(NoticeKind.PROTECTION_ENDING).text

    assert "dimanche 15\u00a0mars" in text
    assert "lundi 30\u00a0mars" in text


@pytest.mark.parametrize("kind", [NoticeKind.STALLED, NoticeKind.EXPIRED, NoticeKind.RETURNED])
def test_the_last_day_for_a_dispute_is_a_date_where_it_is_known(kind: NoticeKind) -> None:
    known = RENDERER.render(with_parcel(kind, ordered_on=date(2026, 1, 31)))

    assert "jeudi 16\u00a0avril" in known.text
    assert "60\u00a0à\u00a090\u00a0jours après l’achat" in mail(kind).text


@pytest.mark.parametrize("kind", [NoticeKind.STALLED, NoticeKind.EXPIRED, NoticeKind.RETURNED])
def test_a_day_that_is_past_is_not_told_as_the_last_one_for_a_dispute(kind: NoticeKind) -> None:
    text = RENDERER.render(with_parcel(kind, ordered_on=date(2025, 12, 10))).text

    assert "soit jusqu’au" not in text
    assert "60\u00a0à\u00a090\u00a0jours après l’achat" in text


def test_a_number_that_no_carrier_knew_is_given_up_as_such() -> None:
    shipped = TrackingEvent(NOW, Milestone.SHIPPED, source="mail")
    view = with_parcel(NoticeKind.EXPIRED, events=(shipped,))

    assert "aucun transporteur n’a reconnu ce numéro" in RENDERER.render(view).text
    assert "Depuis 60\u00a0jours" in mail(NoticeKind.EXPIRED).text


def test_of_an_order_without_a_parcel_it_is_the_shop_that_tells_news() -> None:
    assert "Annonce faite par AliExpress" in mail(NoticeKind.ORDER_UNFULFILLABLE).text


def test_a_mail_quotes_the_carrier_for_its_news_and_is_brief_about_what_was_before() -> None:
    rendered = mail(NoticeKind.CUSTOMS_CLEARED)

    for text in (rendered.text, rendered.html):
        assert "Import customs clearance complete" in text
        assert "Import customs clearance started" not in text
        assert 2 == text.count("Roissy")


def test_an_order_has_no_way_to_show_yet() -> None:
    assert "Voir cette commande" in mail(NoticeKind.ORDER_REGISTERED).text
    assert "Voir tout le parcours" in mail(NoticeKind.CUSTOMS_CLEARED).text


def test_a_digest_lists_every_piece_of_news_with_its_page() -> None:
    rendered = mail(NoticeKind.DIGEST)

    assert "3\u00a0autres nouvelles de vos colis" == rendered.subject
    for line in NEWS:
        for text in (rendered.text, rendered.html):
            assert line.number in text
            assert line.name in text
            assert line.timeline in text
            assert french.news(line.kind) in text
    assert "Rien à faire" in rendered.text


def test_a_digest_of_very_much_news_stays_a_small_mail() -> None:
    news = tuple(replace(NEWS[0], number=f"LP{n:014}") for n in range(299))
    held = replace(NEWS[0], number="LP00000000000299", kind=NoticeKind.CUSTOMS_HELD)
    rendered = RENDERER.render(replace(sample(NoticeKind.DIGEST), news=(*news, held)))

    assert len(rendered.html.encode()) < 60_000
    for text in (rendered.text, rendered.html.replace("&nbsp;", "\u00a0")):
        assert "240\u00a0autres nouvelles" in text
        assert held.number in text
    assert rendered.subject.startswith("300\u00a0autres nouvelles")


def test_a_digest_says_which_news_cannot_wait() -> None:
    waiting = replace(NEWS[0], kind=NoticeKind.PICKUP_AVAILABLE)
    rendered = RENDERER.render(replace(sample(NoticeKind.DIGEST), news=(waiting, *NEWS[1:])))

    assert rendered.subject.endswith("dont 1 à traiter")
    assert "Disponible en point de retrait (à traiter)" in rendered.text
    assert "Rien à faire" not in rendered.text


def test_a_digest_of_one_piece_of_news_speaks_of_one() -> None:
    waiting = replace(NEWS[0], kind=NoticeKind.CUSTOMS_HELD)
    rendered = RENDERER.render(replace(sample(NoticeKind.DIGEST), news=(waiting,)))

    assert "1\u00a0autre nouvelle de vos colis, à traiter" == rendered.subject
    assert rendered.text.startswith("Une autre nouvelle de vos colis")


@pytest.mark.parametrize(
    ("kind", "news"),
    [
        (NoticeKind.CANCELLED, "Commande annulée"),
        (NoticeKind.REFUNDED, "Commande remboursée"),
        (NoticeKind.ORDER_UNFULFILLABLE, "Envoi impossible"),
    ],
)
def test_news_of_an_order_agrees_with_it_where_the_subject_names_its_parcel(
    kind: NoticeKind, news: str
) -> None:
    subject = RENDERER.render(replace(sample(kind), parcel=sample_parcel())).subject

    assert subject.startswith(f"{news}\u00a0: votre colis")


@pytest.mark.parametrize(
    "kind",
    [
        NoticeKind.STALLED,
        NoticeKind.RETURNING,
        NoticeKind.RETURNED,
        NoticeKind.EXCEPTION,
        NoticeKind.PROTECTION_ENDING,
    ],
)
def test_what_may_end_in_a_dispute_leads_to_the_proof_for_it(kind: NoticeKind) -> None:
    view = with_parcel(kind)
    told = RENDERER.render(view)
    proof = f"{view.links.timeline}#dossier"

    assert f"{proof}\n" in told.text
    assert f'href="{proof}"' in told.html
    orders = RENDERER.render(replace(view, parcel=None, orders=(ORDER,)))
    assert proof not in orders.text + orders.html


@pytest.mark.parametrize("reason", french.REMEDIES)
@pytest.mark.parametrize("kind", [NoticeKind.RETURNING, NoticeKind.RETURNED])
def test_a_return_says_what_its_reason_asks_for(kind: NoticeKind, reason: Reason) -> None:
    view = replace(with_parcel(kind, reason=reason), event=None)

    assert french.remedy(reason, ALIEXPRESS) in RENDERER.render(view).text


@pytest.mark.parametrize(
    ("reason", "news", "advice"),
    [
        (Reason.LOST, "Signalé perdu", "Ouvrez un litige"),
        (Reason.DAMAGED, "Signalé abîmé", "des photos du colis"),
        (Reason.DELAYED, "Retard", "reprend sa route"),
        (Reason.BAD_ADDRESS, "Incident", "l’adresse complète"),
        (Reason.REFUSED, "Incident", "Si ce refus ne vient pas de vous"),
        (Reason.CUSTOMS, "Incident", "la page du transporteur"),
    ],
)
def test_an_incident_is_told_with_its_reason_and_what_that_asks_for(
    reason: Reason, news: str, advice: str
) -> None:
    view = replace(with_parcel(NoticeKind.EXCEPTION, reason=reason), event=None)
    rendered = RENDERER.render(view)

    assert rendered.subject.startswith(f"{news}\u00a0: votre colis")
    assert advice in rendered.text
    assert (reason is Reason.DELAYED) == ("reprend sa route" in rendered.text)


def test_an_incident_without_a_reason_says_so() -> None:
    view = replace(with_parcel(NoticeKind.EXCEPTION, reason=None), event=None)

    assert "sans autre précision." in RENDERER.render(view).text


def test_customs_are_told_by_what_they_ask_for_and_what_is_paid_already() -> None:
    text = " ".join(mail(NoticeKind.CUSTOMS_HELD).text.split("\n"))

    for words in ("facture", "IOSS", "environ 8\u00a0€", "plus de 20\u00a0€ chez DHL", "SMS"):
        assert words in text


def test_an_expected_day_is_told_with_its_source() -> None:
    friday, today = date(2026, 3, 13), NOW.date()
    named = Expectation(friday, friday, today, ExpectedDay(friday, "AliExpress"))
    for text in _texts(with_parcel(NoticeKind.CUSTOMS_CLEARED, expected=named)):
        assert "vendredi 13\u00a0mars, selon AliExpress" in text
    for text in _texts(with_parcel(NoticeKind.CUSTOMS_CLEARED, expected=None)):
        assert "Livraison prévue" not in text


def test_our_own_estimate_is_told_as_days_and_takes_back_what_was_told_before() -> None:
    days, today = (date(2026, 3, 12), date(2026, 3, 17)), NOW.date()
    for missed, words in (
        (None, ""),
        (ExpectedDay(date(2026, 3, 9), "La Poste"), "La Poste l’attendait le lundi 9\u00a0mars"),
        (ExpectedDay(date(2026, 3, 9)), "Nous l’attendions au plus tard le lundi 9\u00a0mars"),
    ):
        for text in _texts(
            with_parcel(
                NoticeKind.IN_TRANSIT, expected=Expectation(*days, told_on=today, missed=missed)
            )
        ):
            assert "sans doute entre le jeudi 12 et le mardi 17\u00a0mars" in text
            assert "(8\u00a0colis\u00a0sur\u00a010)" in text
            assert words in text
            assert bool(words) == ("l’attend" in text)


def _texts(view: NoticeView) -> tuple[str, str]:
    """Return both parts of a mail as they are read, without the marks of HTML."""
    rendered = RENDERER.render(view)
    return rendered.text, LexborHTMLParser(rendered.html).text()


def test_news_from_a_shop_mail_is_not_put_into_the_carriers_mouth() -> None:
    view = sample(NoticeKind.ARRIVED_IN_COUNTRY)
    assert view.event
    told = replace(view, event=replace(view.event, source="mail"))

    assert "annoncée par AliExpress" in RENDERER.render(told).text
    assert "annoncée par Cainiao" in RENDERER.render(view).text


@pytest.mark.parametrize("reason", Reason)
@pytest.mark.parametrize(
    "kind", [NoticeKind.EXCEPTION, NoticeKind.RETURNING, NoticeKind.DELIVERY_FAILED]
)
def test_a_reason_is_told_in_french(kind: NoticeKind, reason: Reason) -> None:
    view = with_parcel(kind, reason=reason)
    text = RENDERER.render(replace(view, event=None)).text

    assert french.reason(reason) in text


# --- what was read of each mail -------------------------------------------------------


def summary(*mails: MailSummary, subject: str = "Fwd: Mes colis") -> RenderedMail:
    view = sample(NoticeKind.READ_SUMMARY)
    return RENDERER.render(replace(view, mails=mails, subject=subject))


MISCOPIED, FOLLOWED, UNCERTAIN, ORDERED, SURVEY = MAILS


@pytest.mark.parametrize(
    ("mails", "subject", "title"),
    [
        (
            [MISCOPIED],
            "Numéro mal recopié\u202f? 6A15602676301",
            "Ce numéro semble mal recopié",
        ),
        ([UNCERTAIN], "Est-ce votre colis\u202f? XT8452370122486", "Est-ce votre colis\u202f?"),
        (
            [FOLLOWED, UNCERTAIN, SURVEY],
            "Est-ce votre colis\u202f? XT8452370122486",
            "Est-ce votre colis\u202f?",
        ),
        (
            [FOLLOWED, SURVEY],
            "Ce que nous avons lu dans «\u00a0Fwd: Mes colis\u00a0»",
            "Voici ce que nous avons lu",
        ),
        (
            [SURVEY],
            "Rien à suivre dans «\u00a0Fwd: Mes colis\u00a0»",
            "Rien à suivre dans votre mail",
        ),
    ],
)
def test_a_summary_begins_with_what_it_asks_or_tells(
    mails: list[MailSummary], subject: str, title: str
) -> None:
    rendered = summary(*mails)

    assert subject == rendered.subject
    assert title == LexborHTMLParser(rendered.html).css("h1")[0].text()


def test_a_summary_has_a_link_for_each_number_that_it_asks_about_and_for_no_other() -> None:
    rendered = summary(*MAILS)

    links = [line.action for mail in MAILS for line in mail.asked]
    assert 2 == len(links)
    assert links == [a.attributes["href"] for a in LexborHTMLParser(rendered.html).css("a.button")]
    assert all(link in rendered.text for link in links)
    assert "8K00012345678\u00a0: suivi" in rendered.text


@pytest.mark.parametrize(
    ("told", "why"),
    [
        ({"outcome": "nothing_found", "kind": "survey"}, "demande d’avis"),
        ({"outcome": "nothing_found", "kind": "marketing"}, "publicité"),
        ({"outcome": "nothing_found", "kind": "sent_by_reader"}, "que vous envoyez vous-même"),
        ({"outcome": "nothing_found", "kind": ""}, "Ni numéro de commande ni numéro de colis"),
        ({"outcome": "not_a_shop_mail", "kind": ""}, "expéditeur que nous ne connaissons pas"),
        ({"outcome": "refused", "kind": ""}, "n’ouvrez pas ses liens"),
        ({"outcome": "nothing_found", "kind": "", "unasked": 1}, "transférez ce mail seul"),
    ],
)
def test_a_summary_says_why_a_mail_gave_nothing(told: dict[str, Any], why: str) -> None:
    rendered = summary(FOLLOWED, MailSummary(subject="Bonjour", sender="Boutique", **told))

    assert why in rendered.text
    assert why in rendered.html


def test_a_summary_of_many_mails_stays_small_and_shows_what_it_asks_about() -> None:
    rendered = summary(*[FOLLOWED] * 60, UNCERTAIN)

    assert "et 41\u00a0autres mails" in rendered.text
    assert UNCERTAIN.asked[0].action in rendered.text


def test_who_writes_digits_alone_reads_what_to_write() -> None:
    assert "«\u00a0Mondial Relay 37712345\u00a0»" in mail(NoticeKind.NOTHING_FOUND).text


def test_the_first_mail_asks_for_a_postcode_where_a_carrier_wants_one() -> None:
    wanted = RENDERER.render(with_parcel(NoticeKind.REGISTERED, wants_postcode="Colis Privé"))
    usual = mail(NoticeKind.REGISTERED)

    for asked, not_asked in ((wanted.text, usual.text), (wanted.html, usual.html)):
        assert "chez Colis Privé" in asked.replace("\u00a0", " ")
        assert str(LINKS.preferences) in asked
        assert "code postal" not in not_asked


def test_a_mail_that_knows_no_last_day_tells_the_usual_one_as_such() -> None:
    hold = UsualHold(date(2026, 3, 9), 8)
    place = replace(PICKUP, last_day=None)
    told = with_parcel(NoticeKind.PICKUP_AVAILABLE, pickup_point=place, usual_hold=hold)
    recalled = with_parcel(NoticeKind.PICKUP_REMINDER, pickup_point=place, usual_hold=hold)

    for rendered in (RENDERER.render(told), RENDERER.render(recalled)):
        text = rendered.text.replace("\u00a0", " ")
        assert "en général jusqu’au mardi 17 mars" in text
        assert "en général, 8 jours après l’arrivée du 9 mars" in text
        assert "17" not in rendered.subject


def test_a_place_with_an_address_has_a_map() -> None:
    page = "https://www.openstreetmap.org/search?query=12%20rue%20de%20l%E2%80%99Exemple"

    for text in (mail(NoticeKind.PICKUP_AVAILABLE).text, mail(NoticeKind.PICKUP_AVAILABLE).html):
        assert page in text
    nameless = with_parcel(NoticeKind.PICKUP_AVAILABLE, pickup_point=PickupPoint("Tabac"))
    assert "openstreetmap" not in RENDERER.render(nameless).html


@pytest.mark.parametrize(
    ("kind", "counted"),
    [
        (NoticeKind.PROTECTION_ENDING, "60 jours après la commande du 14 janvier, au plus tôt"),
        (NoticeKind.DELIVERED, "15 jours après la livraison du 10 mars"),
        (NoticeKind.PICKUP_AVAILABLE, "annoncé pour ce colis"),
    ],
)
def test_a_last_day_says_how_it_is_counted(kind: NoticeKind, counted: str) -> None:
    for text in (mail(kind).text, mail(kind).html.replace("&nbsp;", "\u00a0")):
        assert counted in text.replace("\u00a0", " ")
