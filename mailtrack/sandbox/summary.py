"""The end of the story: what came of it, held against what must have come of it."""

from collections import Counter
from collections.abc import Iterable, Sequence
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


class Scorebook:
    """Counts at both ends: the store's rows, and the mails that arrived."""

    def __init__(self, services: Services, director: Director) -> None:
        self._store = services.store
        self._director = director

    def close(self, stop: Event) -> list[str]:
        """Wait until nothing is under way; return what does not come out right."""
        waited = 0.0
        while self._busy() and not stop.is_set() and waited < REST_S:
            stop.wait(_LOOK_S)
            waited += _LOOK_S
        return [*self._wrong_outcomes(), *self._wrong_notices()]

    def broken_off(self) -> list[str]:
        """Return why the story did not come to its end."""
        return self._director.stuck or ["The story was broken off."]

    def table(self) -> Table:
        """Return the summary that the demo ends with."""
        table = Table("what", "how many", title="What came of it", title_justify="left")
        for section in (self._mails(), self._work(), self._notices()):
            for row in section:
                table.add_row(*row)
            table.add_section()
        return table

    def last_lines(self) -> list[str]:
        """Return the two lines that everything comes down to."""
        return [f"lost {self._lost()}", f"doubled {self._doubled()}"]

    def _busy(self) -> bool:
        due = select(func.count()).select_from(notice).where(notice.c.state == "due")
        with self._store.read() as connection:
            waiting = inbound.by_outcome(connection).get("waiting", 0)
            return bool(waiting or connection.execute(due).scalar_one())

    def _mails(self) -> Iterable[tuple[str, str]]:
        with self._store.read() as connection:
            outcomes = inbound.by_outcome(connection)
        yield "mails fed in", str(self._director.fed)
        for outcome, times in sorted(outcomes.items()):
            yield f"  {outcome}", str(times)

    def _work(self) -> Iterable[tuple[str, str]]:
        with self._store.read() as connection:
            for name, table in (("parcels", parcel), ("subscribers", subscriber)):
                times = connection.execute(select(func.count()).select_from(table)).scalar_one()
                yield name, str(times)
            left = select(func.count()).where(subscriber.c.unsubscribed_at.is_not(None))
            muted = select(func.count()).where(subscription.c.muted_at.is_not(None))
            yield "unsubscribed", str(connection.execute(left).scalar_one())
            yield "parcels muted", str(connection.execute(muted).scalar_one())
        for carrier, times in sorted(self._director.world.requests.items()):
            yield f"polls to {carrier}", str(times)

    def _notices(self) -> Iterable[tuple[str, str]]:
        with self._store.read() as connection:
            kinds = notice_counts.by_kind(connection)
        sent = {kind: n for (kind, state, _), n in kinds.items() if state == "sent"}
        for kind in NoticeKind:
            if kind in sent:
                yield f"notices {kind}", str(sent[kind])
        skipped = Counter[str]()
        for (_, state, why), times in kinds.items():
            if state == "skipped":
                skipped[why] += times
        for why, times in sorted(skipped.items()):
            yield f"not mailed: {why}", str(times)
        yield "repeated with the same Message-ID", str(self._repeated())

    def _wrong_outcomes(self) -> list[str]:
        with self._store.read() as connection:
            got = Counter(dict(inbound.by_outcome(connection)))
        wanted = Counter(str(forward.outcome) for forward in forwards())
        return [
            f"outcome {name}: {got[name]} instead of {wanted[name]}"
            for name in sorted(got.keys() | wanted.keys())
            if got[name] != wanted[name]
        ]

    def _wrong_notices(self) -> Sequence[str]:
        missing, extra = self._differences()
        return [
            *(f"lost: {kind} to {address}" for address, kind in missing.elements()),
            *(f"doubled or not owed: {kind} to {address}" for address, kind in extra.elements()),
        ]

    def _differences(self) -> tuple[Counter[tuple[str, str]], Counter[tuple[str, str]]]:
        unique = {a.message_id: (a.address, str(a.kind)) for a in self._director.arrived()}
        got, wanted = Counter(unique.values()), Counter((a, str(k)) for a, k in expected())
        return wanted - got, got - wanted

    def _lost(self) -> int:
        with self._store.read() as connection:
            kept = sum(inbound.by_outcome(connection).values())
        return self._differences()[0].total() + max(0, self._director.fed - kept)

    def _doubled(self) -> int:
        return self._differences()[1].total()

    def _repeated(self) -> int:
        ids = [a.message_id for a in self._director.arrived()]
        return len(ids) - len(set(ids))
