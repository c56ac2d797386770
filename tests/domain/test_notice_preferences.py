"""What a person wants by mail: what comes by itself, less and more."""

from mailtrack.domain.milestones import Milestone, mailed_by_default, mailed_on_request
from mailtrack.domain.notice_preferences import NoticePreferences

M = Milestone


def test_who_chose_nothing_gets_what_comes_by_itself() -> None:
    assert mailed_by_default() == NoticePreferences().among(mailed_by_default())


def test_less_and_more_can_be_chosen_at_once() -> None:
    preferences = NoticePreferences(frozenset({"delivered", "stalled"}), frozenset({"in_transit"}))

    wanted = mailed_by_default() - {M.DELIVERED} | {M.IN_TRANSIT}
    assert wanted == preferences.among(mailed_by_default())


def test_each_kind_of_mail_goes_to_those_who_want_it() -> None:
    preferences = NoticePreferences(frozenset({"stalled"}), frozenset({"in_transit"}))
    kinds = ("registered", "expired", "stalled", "in_transit", "local_transit")

    assert [False, False, True, False, True] == [preferences.decline(kind) for kind in kinds]


def test_no_milestone_is_mailed_both_by_itself_and_on_request() -> None:
    assert frozenset() == mailed_by_default() & mailed_on_request()
