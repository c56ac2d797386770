"""What an operator sees of invitations is what those who invited see, but for refusals."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import delete

from mailtrack.admin.filters import Filter
from mailtrack.admin.invitations import end, invitation_list
from mailtrack.clock import FakeClock
from mailtrack.domain.invitations import LASTS
from mailtrack.errors import PermanentError
from mailtrack.store import invitations
from mailtrack.store import schema as t
from mailtrack.store.engine import Store
from mailtrack.store.subscriptions import Subscription

INVITED = "dominique@example.org"


@pytest.mark.parametrize("answered", [False, True], ids=["unanswered", "accepted"])
@pytest.mark.parametrize("about", ["parcel", "gone parcel", "everything"])
@pytest.mark.parametrize("age", [timedelta(0), LASTS], ids=["new", "old"])
def test_a_list_has_the_state_that_its_inviter_sees(
    store: Store,
    follow: Callable[..., Subscription],
    clock: FakeClock,
    answered: bool,
    about: str,
    age: timedelta,
) -> None:
    mine = follow()
    with store.write() as connection:
        parcel = None if about == "everything" else mine.id
        made = invitations.add(
            connection, mine.subscriber, parcel, INVITED, clock.now() - age, mailed=True
        )
        if answered:
            invitations.accept(connection, [made], clock.now())
        if about == "gone parcel":
            connection.execute(delete(t.subscription).where(t.subscription.c.id == mine.id))

    with store.read() as connection:
        (listed,) = invitation_list(connection, Filter(), clock.now()).rows
        (seen,) = invitations.made_by(connection, mine.subscriber)

    assert seen.state(clock.now()) in listed


def test_an_operator_ends_one_by_its_number_and_none_without(
    store: Store, follow: Callable[..., Subscription], clock: FakeClock
) -> None:
    mine = follow()
    with store.write() as connection:
        made = invitations.add(connection, mine.subscriber, None, INVITED, clock.now(), mailed=True)

        assert "1 invitation is over." == end(connection, Filter(ids=[made.id]), clock.now())
        with pytest.raises(PermanentError, match="Say which"):
            end(connection, Filter(), clock.now())
        (listed,) = invitation_list(connection, Filter(), clock.now()).rows

    assert "over" in listed
