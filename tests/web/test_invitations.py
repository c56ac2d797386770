"""« Prévenir aussi … »: invited by one mail, followed at one's own click, ended by either."""

import re
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from selectolax.lexbor import LexborHTMLParser
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from mailtrack.clock import FakeClock
from mailtrack.domain.invitations import LASTS, PER_INVITER, UNANSWERED
from mailtrack.domain.milestones import Milestone
from mailtrack.domain.model import PickupPoint, RowKey, SubscriptionId
from mailtrack.inbox import sharing
from mailtrack.notify.links import Purpose
from mailtrack.notify.smtp import FakeRelay
from mailtrack.runtime.services import Services
from mailtrack.store import invitations, notices, people, personal_data, subscriptions
from mailtrack.store import schema as t
from mailtrack.store.engine import Store
from mailtrack.store.subscriptions import Subscription
from mailtrack.store.suppression import Why
from mailtrack.web.app import make_app
from tests.web.test_app import Browser

Rows = Callable[..., list[Mapping[str, Any]]]
Invite = Callable[..., str]

ANA, DOMINIQUE = "ana@example.org", "dominique@example.org"
YES, NEVER = {"do": "accept"}, {"do": "refuse"}


@pytest.fixture
def client(services: Services) -> Browser:
    vars(services)["on"] = frozenset({"cainiao", "laposte"})
    return Browser(make_app(services))


@pytest.fixture
def mine(follow: Callable[..., Subscription]) -> Subscription:
    """Ana's parcel, with all that only her own mails told."""
    return follow()


@pytest.fixture
def invite(client: Browser, mine: Subscription, link: Callable[[Purpose, int], str]) -> Invite:
    """Invite an address on the parcel's page, or on that of all parcels; return what it says."""

    def make(address: str = DOMINIQUE, *, everything: bool = False) -> str:
        purpose, number = Purpose.TIMELINE, int(mine.id)
        if everything:
            purpose, number = Purpose.PREFERENCES, int(mine.subscriber)
        page = client.post(link(purpose, number), data={"do": "invite", "address": address})
        return _words(page.text)

    return make


@pytest.fixture
def received(services: Services, store: Store, clock: FakeClock) -> Callable[[], list[Any]]:
    """Send what is due; return the mails that went out."""

    def send() -> list[Any]:
        relay, now = FakeRelay(), clock.now()
        with store.write() as connection:
            due = notices.claim_notices(
                connection, token="t", now=now, until=clock.later(60), limit=100
            )
        replace(services.deliverer(), open_relay=lambda: nullcontext(relay)).deliver(due, "t")
        return relay.sent

    return send


@pytest.fixture
def invited_link(services: Services, rows: Rows) -> Callable[..., str]:
    """Return a link in the mail of the last invitation: which accepts, or which ends them."""

    def make(purpose: Purpose = Purpose.INVITATION, address: str = DOMINIQUE) -> str:
        if purpose is Purpose.INVITATION:
            key = rows(t.invitation, address=address)[-1]["key"]
        else:
            key = rows(t.subscriber, address=address)[-1]["key"]
        return services.links.link(purpose, RowKey(key))

    return make


def _words(html: str) -> str:
    body = LexborHTMLParser(html).body
    assert body is not None
    return " ".join(body.text(separator=" ").split())


def _title(html: str) -> str:
    return LexborHTMLParser(html).css("h1")[0].text()


def _theirs(rows: Rows, address: str = DOMINIQUE) -> list[Mapping[str, Any]]:
    owner = rows(t.subscriber, address=address)
    return rows(t.subscription, subscriber_id=owner[0]["id"]) if owner else []


def _owed(rows: Rows, address: str = DOMINIQUE) -> list[str]:
    owner = rows(t.subscriber, address=address)
    return [n["kind"] for n in rows(t.notice, subscriber_id=owner[0]["id"])] if owner else []


# --- the mail and the click -------------------------------------------------------------


def test_an_invitation_says_who_invites_and_nothing_of_the_parcel(
    invite: Invite, received: Callable[[], list[Any]], store: Store, mine: Subscription
) -> None:
    with store.write() as connection:
        subscriptions.rename(connection, mine.id, "Cadeau de Noël")

    assert "attend sa réponse" in invite()

    (mail,) = received()
    texts = [mail[name] or "" for name in mail] + [
        part.get_content() for part in mail.walk() if not part.is_multipart()
    ]
    assert DOMINIQUE == mail["To"]
    assert all(ANA in part.get_content() for part in mail.walk() if not part.is_multipart())
    for secret in ("LP00123456789012", "Cadeau", "Lampe", "Cainiao", "AliExpress"):
        assert [] == [text for text in texts if secret in text]


def test_the_mail_program_s_own_button_refuses_and_stops_nothing_else(
    client: Browser, invite: Invite, received: Callable[[], list[Any]], follow: Any, rows: Rows
) -> None:
    own = follow("6A15602676300", DOMINIQUE)
    invite()
    (mail,) = received()
    address = mail["List-Unsubscribe"].strip("<>")

    client.post(address, data={"List-Unsubscribe": "One-Click"})

    assert [None] == [row["muted_at"] for row in rows(t.subscription, id=own.id)]
    assert "attend sa réponse" in invite("dominique+encore@example.org")
    assert [] == received()


def test_whoever_looks_accepts_nothing(
    client: Browser, invite: Invite, invited_link: Callable[..., str], rows: Rows
) -> None:
    invite()
    page = client.get(invited_link())

    assert "Suivre un colis aussi\u202f?" == _title(page.text)
    assert ANA in page.text
    assert "LP00123456789012" not in page.text
    for form in ({}, {"do": "stop"}, {"List-Unsubscribe": "x"}):
        client.post(invited_link(), data=form)
    assert [] == _theirs(rows)


def test_a_click_follows_the_parcel_by_pages_and_mails_of_one_s_own(
    client: Browser, invite: Invite, invited_link: Callable[..., str], rows: Rows
) -> None:
    invite()
    page = client.post(invited_link(), data=YES)

    assert "C’est noté" == _title(page.text)
    (theirs,) = _theirs(rows)
    (ours,) = _theirs(rows, ANA)
    assert theirs["parcel_id"] == ours["parcel_id"]
    assert theirs["key"] != ours["key"]
    assert "" == theirs["titles"]
    assert ["invitation", "registered"] == _owed(rows)
    (timeline,) = LexborHTMLParser(page.text).css('a[href*="/c/"]')
    shown = client.get(str(timeline.attributes["href"])).text
    assert "sur l’invitation de" in shown
    assert "Lampe de bureau" not in shown


def test_a_second_click_finds_it_accepted(
    client: Browser, invite: Invite, invited_link: Callable[..., str], rows: Rows
) -> None:
    invite()
    client.post(invited_link(), data=YES)

    assert "C’était déjà accepté" == _title(client.post(invited_link(), data=YES).text)
    assert 1 == len(_theirs(rows))


def test_a_parcel_that_three_follow_is_polled_once(
    client: Browser,
    invite: Invite,
    invited_link: Callable[..., str],
    poll: Callable[..., int],
    carriers: Mapping[str, Any],
    rows: Rows,
) -> None:
    for address in (DOMINIQUE, "eve@example.org"):
        invite(address)
        client.post(invited_link(address=address), data=YES)

    assert 3 == len(rows(t.subscription))
    assert 1 == len(rows(t.parcel)) == len(rows(t.leg))
    assert 1 == poll()
    assert [1] == [len(asked) for asked in carriers["cainiao"].asked]


def test_the_code_of_a_pick_up_is_shared_and_nothing_else_of_the_mails(
    client: Browser,
    invite: Invite,
    invited_link: Callable[..., str],
    store: Store,
    mine: Subscription,
    services: Services,
    rows: Rows,
    clock: FakeClock,
) -> None:
    with store.write() as connection:
        told = PickupPoint("Tabac du Port", "1 rue du Port", date(2026, 3, 20), "482913")
        subscriptions.note_pickup(connection, mine.id, told)
        subscriptions.expect(connection, mine.id, date(2026, 3, 18), "aliexpress")
        event = subscriptions.mail_event_of(Milestone.SHIPPED, "shipped", clock.now(), "aliexpress")
        subscriptions.add_mail_event(connection, mine.id, event)
    invite()
    client.post(invited_link(), data=YES)
    (theirs,) = _theirs(rows)
    page = services.links.link(Purpose.TIMELINE, RowKey(theirs["key"]))

    shown = _words(client.get(page).text)
    assert "482913" in shown
    assert "Tabac du Port" in shown
    assert "AliExpress" not in shown

    client.post(
        services.links.link(Purpose.TIMELINE, mine.key),
        data={"do": "take_back", "invitation": rows(t.invitation)[0]["key"]},
    )
    shown = _words(client.get(page).text)
    assert "482913" not in shown
    assert "LP00123456789012" in shown

    with store.write() as connection:
        subscriptions.note_pickup(connection, mine.id, replace(told, code="771204"))
    assert "771204" in _words(client.get(services.links.link(Purpose.TIMELINE, mine.key)).text)
    assert "771204" not in _words(client.get(page).text)


def test_the_last_day_that_a_mail_told_is_recalled_to_who_was_invited(
    client: Browser,
    invite: Invite,
    invited_link: Callable[..., str],
    store: Store,
    mine: Subscription,
    services: Services,
    rows: Rows,
    clock: FakeClock,
) -> None:
    invite()
    client.post(invited_link(), data=YES)
    (theirs,) = _theirs(rows)
    with store.write() as connection:
        last_day = clock.now().date() + timedelta(days=2)
        told = PickupPoint("Tabac du Port", "1 rue du Port", last_day, "482913")
        subscriptions.note_pickup(connection, mine.id, told)
        came = clock.now() - timedelta(days=3)
        state = Milestone.PICKUP_AVAILABLE, came, None
        subscriptions.save_states(connection, {SubscriptionId(theirs["id"]): state})

    services.housekeeping().run()

    assert "pickup_reminder" in _owed(rows)


def test_accepting_lets_nobody_write_in_one_s_name(
    client: Browser, invite: Invite, invited_link: Callable[..., str], rows: Rows
) -> None:
    invite()
    client.post(invited_link(), data=YES)

    assert [None] == [row["confirmed_at"] for row in rows(t.subscriber, address=DOMINIQUE)]


# --- what who invites may know ----------------------------------------------------------


def test_who_refused_looks_like_who_has_not_looked(
    client: Browser, invite: Invite, invited_link: Callable[..., str], clock: FakeClock, rows: Rows
) -> None:
    before = invite()
    client.post(invited_link(), data=NEVER)

    assert "Cette personne est déjà invitée" in invite()
    assert "En attente de réponse" in before
    assert "En attente de réponse" in invite("eve@example.org")
    assert 410 != client.get(invited_link()).status_code
    assert "C’est noté" == _title(client.post(invited_link(), data=YES).text)
    assert [] == _theirs(rows)


@pytest.mark.parametrize("why", [Why.ERASED, Why.BLOCKED, Why.BOUNCED, Why.UNSUBSCRIBED])
def test_an_address_that_is_left_in_peace_gets_nothing_and_nobody_learns_of_it(
    invite: Invite, store: Store, services: Services, clock: FakeClock, rows: Rows, why: Why
) -> None:
    usual = invite("eve@example.org").replace("eve@", "dominique@")
    with store.write() as connection:
        services.suppression.add(connection, DOMINIQUE, why, clock.now())

    answer = invite()

    assert usual.partition("Prévenir aussi")[0] == answer.partition("Prévenir aussi")[0]
    assert "attend sa réponse" in answer
    assert "En attente de réponse" in answer
    assert [] == rows(t.subscriber, address=DOMINIQUE)
    assert ["invitation"] == [n["kind"] for n in rows(t.notice)]


def test_who_refused_may_want_them_again(
    client: Browser, invite: Invite, invited_link: Callable[..., str], rows: Rows
) -> None:
    invite()
    end = invited_link(Purpose.NO_INVITATIONS)
    client.post(end, data=NEVER)
    assert "Recevoir de nouveau" in client.get(end).text

    client.post(end, data={"do": "resume"})

    invite("dominique+2@example.org")
    assert ["invitation"] == _owed(rows, "dominique+2@example.org")


# --- limits -----------------------------------------------------------------------------


def test_a_person_invites_so_many_a_day(invite: Invite, clock: FakeClock, rows: Rows) -> None:
    for n in range(PER_INVITER):
        assert "attend sa réponse" in invite(f"n{n}@example.org")

    assert "revenez demain" in invite("too@example.org")
    clock.instant += timedelta(days=1, minutes=1)
    assert "attend sa réponse" in invite("too@example.org")


def test_everybody_together_invites_so_many_a_day(
    invite: Invite, services: Services, rows: Rows
) -> None:
    few = services.settings.notices.model_copy(update={"invitations_per_day": 1})
    vars(services)["settings"] = services.settings.model_copy(update={"notices": few})
    invite()

    assert "revenez demain" in invite("eve@example.org")
    assert 1 == len(rows(t.invitation))


def test_a_mailbox_is_written_to_rarely_whoever_invites_and_however_it_is_written(
    invite: Invite, rows: Rows
) -> None:
    for n in range(UNANSWERED + 2):
        assert "attend sa réponse" in invite(f"dominique+{n}@example.org")

    assert UNANSWERED == len(rows(t.notice))


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_who_invites_a_mailbox_counts_what_others_at_the_same_moment_wrote_to_it(
    store: Store, clock: FakeClock
) -> None:
    since = clock.now() - LASTS
    with store.write() as first:
        invitations.unanswered(first, "dominique+one@example.org", since)
        with store.engine.connect() as second:
            second.execute(text("SET LOCAL lock_timeout = '50ms'"))
            invitations.unanswered(second, "eve@example.org", since)
            with pytest.raises(OperationalError, match="lock timeout"):
                invitations.unanswered(second, "dominique+two@example.org", since)


def test_taking_back_and_inviting_again_gets_round_no_quota(
    client: Browser, invite: Invite, mine: Subscription, services: Services, rows: Rows
) -> None:
    page = services.links.link(Purpose.TIMELINE, mine.key)
    for _ in range(UNANSWERED + 1):
        invite()
        key = rows(t.invitation)[-1]["key"]
        client.post(page, data={"do": "take_back", "invitation": key})

    assert UNANSWERED == len(rows(t.notice))
    assert UNANSWERED + 1 == len(rows(t.invitation))


def test_one_mail_is_enough_for_all_that_one_person_shares(
    client: Browser, invite: Invite, invited_link: Callable[..., str], follow: Any, rows: Rows
) -> None:
    follow("6A15602676300")
    invite()
    invite(everything=True)

    assert ["invitation"] == [n["kind"] for n in rows(t.notice)]
    assert "Suivre ses colis aussi\u202f?" == _title(client.get(invited_link()).text)
    client.post(invited_link(), data=YES)
    assert 2 == len(_theirs(rows))


def test_a_click_about_many_parcels_wakes_nobody(
    client: Browser, invite: Invite, invited_link: Callable[..., str], follow: Any, rows: Rows
) -> None:
    """Who invites chooses them; the answers keep to quiet hours and to the mails of a day."""
    follow("6A15602676300")
    invite(everything=True)
    client.post(invited_link(), data=YES)

    (theirs,) = rows(t.subscriber, address=DOMINIQUE)
    answers = rows(t.notice, subscriber_id=theirs["id"], kind="registered")
    assert [False, False] == [answer["urgent"] for answer in answers]


def test_whose_day_is_full_holds_nobody_up(
    client: Browser,
    invite: Invite,
    invited_link: Callable[..., str],
    follow: Any,
    services: Services,
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for address in (DOMINIQUE, "eve@example.org"):
        invite(address, everything=True)
        client.post(invited_link(address=address), data=YES)
    follow("6A15602676300", DOMINIQUE)
    follow("6A15602676317")
    monkeypatch.setattr(sharing, "PER_ROUND", 1)
    quotas = replace(services.sharing.quotas, per_address=2)

    assert 1 == replace(services.sharing, quotas=quotas).catch_up(store)
    assert 0 == replace(services.sharing, quotas=quotas).catch_up(store)


def test_the_addresses_of_one_domain_share_a_quota_and_those_of_a_provider_do_not(
    store: Store, clock: FakeClock
) -> None:
    now = clock.now()
    with store.write() as connection:
        for n in range(3):
            inviter = people.subscriber_of(connection, f"a{n}@evil.example", now)
            invitations.add(connection, inviter, None, f"v{n}@example.org", now, mailed=True)
        other = people.subscriber_of(connection, "b@xevil.example", now)
        invitations.add(connection, other, None, "w@example.org", now, mailed=True)
        counts, without = (
            invitations.counts_since(connection, inviter, domain, now - timedelta(days=1), now)
            for domain in ("evil.example", "")
        )

    assert (1, 3, 4) == (counts.of_inviter, counts.of_domain, counts.of_all)
    assert (1, 0, 4) == (without.of_inviter, without.of_domain, without.of_all)


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("nobody", "Ce n’est pas une adresse"),
        ("a@example.org, b@example.org", "Ce n’est pas une adresse"),
        ("a@example.org\r\nBcc: b@example.org", "Ce n’est pas une adresse"),
        ("ANA+moi@example.org", "celle-ci est la vôtre"),
        # As SMTP has them, a word of more than 63 letters, and a name longer than any column.
        (f"eve@{'é' * 61}.example", "Ce n’est pas une adresse"),
        (f"eve@{'.'.join(['é' * 30] * 9)}.example", "Ce n’est pas une adresse"),
    ],
)
def test_what_is_no_address_of_somebody_else_is_refused(
    invite: Invite, rows: Rows, typed: str, said: str
) -> None:
    assert said in invite(typed)
    assert [] == rows(t.invitation)


def test_a_domain_with_accents_is_written_to_as_smtp_has_it(invite: Invite, rows: Rows) -> None:
    invite("Eve@Exämple.org")

    assert ["eve@xn--exmple-cua.org"] == [row["address"] for row in rows(t.invitation)]


def test_who_was_never_proven_or_is_blocked_invites_nobody(
    client: Browser,
    services: Services,
    store: Store,
    clock: FakeClock,
    invite: Invite,
    rows: Rows,
) -> None:
    with store.write() as connection:
        stranger = people.subscriber_of(connection, "eve@example.org", clock.now())
        key = people.key_of(connection, stranger)
        services.suppression.add(connection, ANA, Why.BLOCKED, clock.now())

    form = {"do": "invite", "address": DOMINIQUE}
    page = client.post(services.links.link(Purpose.PREFERENCES, key), data=form)

    assert "personne ne peut être invité" in _words(page.text)
    assert "personne ne peut être invité" in invite()
    assert [] == rows(t.invitation)


def test_nobody_is_invited_where_the_operator_wants_none(
    client: Browser, invite: Invite, services: Services, mine: Subscription, rows: Rows
) -> None:
    none = services.settings.notices.model_copy(update={"invitations_per_day": 0})
    vars(services)["settings"] = services.settings.model_copy(update={"notices": none})

    page = client.get(services.links.link(Purpose.TIMELINE, mine.key)).text
    assert "Prévenir aussi" not in page
    invite()
    assert [] == rows(t.invitation)


# --- taking back, lapsing, ending -------------------------------------------------------


def test_what_is_taken_back_before_its_mail_left_is_never_sent(
    client: Browser,
    invite: Invite,
    received: Callable[[], list[Any]],
    services: Services,
    mine: Subscription,
    invited_link: Callable[..., str],
    rows: Rows,
) -> None:
    invite()
    page = services.links.link(Purpose.TIMELINE, mine.key)
    client.post(page, data={"do": "take_back", "invitation": rows(t.invitation)[0]["key"]})

    assert [] == received()
    assert ["nothing_left"] == [n["skip"] for n in rows(t.notice)]
    gone = client.post(invited_link(), data=YES)
    assert 410 == gone.status_code
    assert "Cette invitation a pris fin" == _title(gone.text)
    assert [] == _theirs(rows)


def test_nobody_takes_back_what_others_invited_to(
    client: Browser, invite: Invite, follow: Any, services: Services, rows: Rows
) -> None:
    invite()
    other = follow(address="eve@example.org")
    form = {"do": "take_back", "invitation": rows(t.invitation)[0]["key"]}
    client.post(services.links.link(Purpose.TIMELINE, other.key), data=form)

    assert [None] == [row["ended_at"] for row in rows(t.invitation)]


def test_an_invitation_lapses_and_is_erased(
    client: Browser,
    invite: Invite,
    invited_link: Callable[..., str],
    clock: FakeClock,
    services: Services,
    rows: Rows,
) -> None:
    invite()
    there = invited_link()
    services.housekeeping().run()
    clock.instant += LASTS
    assert 410 == client.post(there, data=YES).status_code

    with services.store.write() as connection:
        invitations.forget(connection, clock.now() - LASTS + timedelta(seconds=1))

    assert [] == rows(t.invitation)
    assert 410 == client.get(there).status_code


def test_all_of_somebody_s_next_parcels_are_followed_until_either_ends_it(
    client: Browser,
    invite: Invite,
    invited_link: Callable[..., str],
    follow: Any,
    services: Services,
    rows: Rows,
) -> None:
    invite(everything=True)
    client.post(invited_link(), data=YES)
    follow("6A15602676300")
    services.housekeeping().run()
    services.housekeeping().run()
    assert 2 == len(_theirs(rows))

    (dominique,) = rows(t.subscriber, address=DOMINIQUE)
    own = services.links.link(Purpose.PREFERENCES, RowKey(dominique["key"]))
    assert "Invitations que j’ai acceptées" in client.get(own).text
    client.post(own, data={"do": "leave", "invitation": rows(t.invitation)[0]["key"]})
    follow("6A15602676317")
    services.housekeeping().run()

    assert 2 == len(_theirs(rows))


def test_who_left_is_told_of_nothing_new(
    client: Browser,
    invite: Invite,
    invited_link: Callable[..., str],
    follow: Any,
    services: Services,
    store: Store,
    clock: FakeClock,
    rows: Rows,
) -> None:
    invite(everything=True)
    client.post(invited_link(), data=YES)
    with store.write() as connection:
        owner = people.find_subscriber(connection, DOMINIQUE)
        assert owner is not None
        people.unsubscribe(connection, owner, clock.now())
    follow("6A15602676300")
    services.housekeeping().run()

    assert 1 == len(_theirs(rows))


def test_what_is_followed_by_invitation_is_not_shared_on(
    client: Browser,
    invite: Invite,
    invited_link: Callable[..., str],
    services: Services,
    rows: Rows,
) -> None:
    invite(everything=True)
    client.post(invited_link(), data=YES)
    (dominique,) = rows(t.subscriber, address=DOMINIQUE)
    own = services.links.link(Purpose.PREFERENCES, RowKey(dominique["key"]))
    client.post(own, data={"do": "invite", "address": "eve@example.org"})
    client.post(invited_link(address="eve@example.org"), data=YES)
    services.housekeeping().run()

    assert [] == _theirs(rows, "eve@example.org")


# --- export and erasure -----------------------------------------------------------------


def test_both_sides_see_an_invitation_in_their_data_and_neither_a_refusal_of_the_other(
    client: Browser,
    invite: Invite,
    invited_link: Callable[..., str],
    store: Store,
    services: Services,
) -> None:
    invite()
    client.post(invited_link(), data=NEVER)
    with store.read() as connection:
        told, theirs = (
            personal_data.everything_about(
                connection, address, services.suppression, services.addresses.of
            )["invitations"]
            for address in (ANA, DOMINIQUE)
        )

    assert [(DOMINIQUE, "LP00123456789012")] == [(one["to"], one["about"]) for one in told]
    assert "refused_at" not in told[0]
    assert [ANA] == [one["from"] for one in theirs]
    assert "LP00123456789012" not in repr(theirs)
    assert theirs[0]["refused_at"] is not None


def test_who_invited_takes_their_invitations_with_them(
    client: Browser,
    invite: Invite,
    invited_link: Callable[..., str],
    services: Services,
    store: Store,
    clock: FakeClock,
    rows: Rows,
) -> None:
    invite()
    there = invited_link()
    with store.write() as connection:
        personal_data.erase(connection, ANA, services.suppression, clock.now())

    assert 410 == client.post(there, data=YES).status_code
    assert [(None, None)] == [
        (row["inviter_id"], row["subscription_id"]) for row in rows(t.invitation)
    ]


@pytest.mark.parametrize("known", [True, False])
def test_who_was_invited_is_erased_with_the_invitation(
    invite: Invite, services: Services, store: Store, clock: FakeClock, rows: Rows, known: bool
) -> None:
    if not known:  # left in peace, so that no row of theirs was made
        with store.write() as connection:
            services.no_invitations.add(connection, DOMINIQUE, Why.NO_INVITATIONS, clock.now())
    invite()
    assert known is bool(rows(t.subscriber, address=DOMINIQUE))
    with store.write() as connection:
        personal_data.erase(connection, DOMINIQUE, services.suppression, clock.now())

    assert [] == rows(t.invitation)
    assert [] == rows(t.subscriber, address=DOMINIQUE)


def test_a_refusal_outlives_the_person_who_said_it(
    client: Browser,
    invite: Invite,
    invited_link: Callable[..., str],
    services: Services,
    store: Store,
    clock: FakeClock,
    rows: Rows,
) -> None:
    invite()
    client.post(invited_link(), data=NEVER)
    with store.write() as connection:
        personal_data.erase(connection, DOMINIQUE, services.suppression, clock.now())

    assert "attend sa réponse" in invite()
    assert [] == _owed(rows)
    with store.read() as connection:
        # Nothing else is refused: their own forwards are heard as anybody's.
        assert services.suppression.find(connection, DOMINIQUE) is None


def test_the_mail_of_a_follower_by_invitation_says_why_it_comes(
    client: Browser,
    invite: Invite,
    invited_link: Callable[..., str],
    received: Callable[[], list[Any]],
    clock: FakeClock,
) -> None:
    invite()
    client.post(invited_link(), data=YES)
    clock.instant += timedelta(minutes=5)

    said = [mail.get_body(("plain",)).get_content() for mail in received()]

    (welcome,) = [text for text in said if "LP00123456789012" in text]
    assert re.search(rf"vous avez accepté l’invitation de {ANA} à suivre ce colis", welcome)
    assert "Lampe" not in welcome
