"""The end of the story: what came of it, held against what must have come of it."""

from collections import Counter
from threading import Event

from rich.table import Table
from sqlalchemy import func, select

from mailtrack.notify.view import NoticeKind
from mailtrack.runtime.services import Services
from mailtrack.sandbox.director import Director
from mailtrack.sandbox.story import expected, forwards
from mailtrack.store import inbound, notice_counts
from mailtrack.store.schema import notice, parcel, subscriber, subscription

#: How long the service may take to come to rest after the last line (real seconds).
REST_S = 60.0
_LOOK_S = 0.2


class StorySummary:
    """Counts at both ends: the store's rows, and the mails that arrived."""

    def __init__(self, services: Services, director: Director) -> None:
        self._store = services.store
        self._director = director

    def failures(self, stop: Event) -> list[str]:
        """Wait until nothing is under way; return what does not come out right.

        1. Wait while a mail is to be read or a notice to be sent.
        2. Hold the outcomes of the mails against those of the story.
        3. Hold the notices that arrived against those that were owed.
        """
        # 1.
        due = select(func.count()).select_from(notice).where(notice.c.state == "due")
        waited = 0.0
        while not stop.is_set() and waited < REST_S:
            with self._store.read() as connection:
                unread = inbound.by_outcome(connection).get("waiting", 0)
                if not unread and not connection.execute(due).scalar_one():
                    break
            stop.wait(_LOOK_S)
            waited += _LOOK_S
        # 2.
        with self._store.read() as connection:
            got = Counter(dict(inbound.by_outcome(connection)))
        wanted = Counter(str(forward.outcome) for forward in forwards())
        # 3.
        missing, extra = differences(self._director)
        return [
            *(
                f"outcome {name}: {got[name]} instead of {wanted[name]}"
                for name in sorted(got.keys() | wanted.keys())
                if got[name] != wanted[name]
            ),
            *(f"lost: {kind} to {address}" for address, kind in missing.elements()),
            *(f"doubled or not owed: {kind} to {address}" for address, kind in extra.elements()),
        ]

    def broken_off(self) -> list[str]:
        """Return why the story did not come to its end."""
        return self._director.stuck or ["The story was broken off."]

    def table(self) -> Table:
        """Return the summary that the demo ends with: the mails, the work, the notices."""
        rows = {
            "parcels": select(func.count()).select_from(parcel),
            "subscribers": select(func.count()).select_from(subscriber),
            "unsubscribed": select(func.count()).where(subscriber.c.unsubscribed_at.is_not(None)),
            "parcels muted": select(func.count()).where(subscription.c.muted_at.is_not(None)),
        }
        with self._store.read() as connection:
            outcomes = inbound.by_outcome(connection)
            kinds = notice_counts.by_kind(connection)
            work = {name: connection.execute(query).scalar_one() for name, query in rows.items()}
        sent = {kind: n for (kind, state, _), n in kinds.items() if state == "sent"}
        skipped = Counter[str]()
        for (_, state, why), times in kinds.items():
            if state == "skipped":
                skipped[why] += times
        ids = [a.message_id for a in self._director.arrived()]
        polls = sorted(self._director.world.requests.items())
        sections: list[dict[str, int]] = [
            {
                "mails fed in": self._director.fed,
                **{f"  {outcome}": times for outcome, times in sorted(outcomes.items())},
            },
            {**work, **{f"polls to {carrier}": times for carrier, times in polls}},
            {
                **{f"notices {kind}": sent[kind] for kind in NoticeKind if kind in sent},
                **{f"not mailed: {why}": times for why, times in sorted(skipped.items())},
                "repeated with the same Message-ID": len(ids) - len(set(ids)),
            },
        ]
        table = Table("what", "how many", title="What came of it", title_justify="left")
        for section in sections:
            for name, times in section.items():
                table.add_row(name, str(times))
            table.add_section()
        return table

    def last_lines(self) -> list[str]:
        """Return the two lines that everything comes down to."""
        missing, extra = differences(self._director)
        with self._store.read() as connection:
            kept = sum(inbound.by_outcome(connection).values())
        lost = missing.total() + max(0, self._director.fed - kept)
        return [f"lost {lost}", f"doubled {extra.total()}"]


def differences(director: Director) -> tuple[Counter[tuple[str, str]], Counter[tuple[str, str]]]:
    """Return the notices that were owed and did not come, and those that came unowed."""
    unique = {a.message_id: (a.address, str(a.kind)) for a in director.arrived()}
    got, wanted = Counter(unique.values()), Counter((a, str(k)) for a, k in expected())
    return wanted - got, got - wanted
