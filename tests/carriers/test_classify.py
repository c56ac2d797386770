"""The lines of `mailtrack classify`."""

from mailtrack.carriers.vocabulary import classify_lines
from mailtrack.domain.milestones import Milestone


def test_every_line_gets_one_milestone_in_order() -> None:
    lines = [
        "cainiao\tGTMS_SIGNED\tPackage delivered\n",
        "\n",
        "La Poste\tMD2\n",
        "nobody\t\tOut for delivery\r\n",
        "colissimo\t\tVotre colis est livré.\tand more\n",
    ]

    assert [
        Milestone.DELIVERED,
        Milestone.UNKNOWN,
        Milestone.OUT_FOR_DELIVERY,
        Milestone.OUT_FOR_DELIVERY,
        Milestone.DELIVERED,
    ] == [line.milestone for line in classify_lines(lines)]


def test_a_line_can_be_written_as_json() -> None:
    (line,) = classify_lines(["cainiao\tGTMS_STA_WAIT_CUST_CHANGE_ADDRESS\tx"])

    assert {
        "carrier": "cainiao",
        "code": "GTMS_STA_WAIT_CUST_CHANGE_ADDRESS",
        "text": "x",
        "milestone": "exception",
        "reason": "bad_address",
    } == line.as_dict()


def test_lines_are_read_one_by_one() -> None:
    def endless() -> object:
        while True:
            yield "cainiao\tGTMS_SIGNED\t"

    first = next(classify_lines(endless()))  # type: ignore[arg-type]

    assert Milestone.DELIVERED == first.milestone


def test_a_carrier_is_known_by_the_first_words_of_its_name() -> None:
    lines = ["17TRACK v2.2\tInTransit_CustomsReleased\t", "UPU EMSEVT/M40\tEDC\t"]

    assert [Milestone.CUSTOMS_CLEARED] * 2 == [line.milestone for line in classify_lines(lines)]


def test_a_code_that_is_words_is_read_where_the_carrier_has_no_file() -> None:
    lines = ["a new aggregator\tout_for_delivery\t", "cainiao\tCOMMON_DELIVERED_NEVER_SEEN\t"]

    assert [Milestone.OUT_FOR_DELIVERY, Milestone.UNKNOWN] == [
        line.milestone for line in classify_lines(lines)
    ]


def test_what_a_table_says_is_no_news_is_known_and_what_nothing_says_is_not() -> None:
    lines = ["colissimo\tDSCCLO\t", "colissimo\tNEVER_SEEN\t", "colissimo\tDI1\t"]

    assert [True, False, True] == [line.is_known for line in classify_lines(lines)]
