"""The phrase files are sound, and the traps that carriers set are known."""

import re
import unicodedata

import pytest

from mailtrack.carriers.vocabulary import (
    COLUMNS,
    PATTERN_SIGN,
    Classified,
    classify,
    file_names,
    first_known,
    phrase_files,
    read_table,
    vocabulary,
)
from mailtrack.domain.milestones import Milestone
from mailtrack.domain.model import Certainty, Reason
from mailtrack.domain.number_formats import FORMATS, S10, S10_POSTS

FILES = phrase_files()


def _milestone(carrier: str, code: str, text: str = "") -> Milestone:
    return classify(carrier, code, text).milestone


@pytest.mark.parametrize("name", FILES)
def test_a_phrase_file_has_the_columns_and_no_row_twice(name: str) -> None:
    rows = list(read_table(name))
    keys = [(row["code"], row["text"]) for row in rows]

    assert set(COLUMNS) | {"line"} == set(rows[0])
    assert sorted(set(keys)) == sorted(keys)
    assert all(row["code"] or row["text"] for row in rows)
    assert all(row["source"] for row in rows)


@pytest.mark.parametrize("name", FILES)
def test_a_phrase_file_contradicts_itself_nowhere(name: str) -> None:
    """Loading raises on an illegal milestone, reason, expression or contradiction."""
    assert vocabulary(name).common


@pytest.mark.parametrize("name", [*FILES, "words"])
def test_an_expression_can_meet_the_comparable_form(name: str) -> None:
    """Texts are compared in lower case, without accents and punctuation."""
    for row in read_table(name):
        if name == "words" or row["text"].startswith(PATTERN_SIGN):
            literal = re.sub(
                r"\\.|\{[\d,]+\}|\(\?<?[!=:]", "", row["text"].removeprefix(PATTERN_SIGN)
            )
            plain = unicodedata.normalize("NFKD", literal).casefold()
            assert not re.search(r"[\u0300-\u036fł_'’,;:\"/]", plain), row["line"]
            assert plain == unicodedata.normalize("NFKD", literal), row["line"]


def test_every_other_name_leads_to_a_file() -> None:
    assert set(file_names().values()) == set(FILES)


def test_every_carrier_that_a_number_may_belong_to_has_phrases() -> None:
    named = {carrier for known in (*FORMATS, S10) for carrier in known.carriers}

    assert set() == named.union(S10_POSTS.values()) - file_names().keys()


@pytest.mark.parametrize(
    ("code", "means"),
    [
        ("LIVCGA", Classified(Milestone.DELIVERED)),
        ("LIVEXP", Classified(Milestone.RETURNED)),
        ("RENAVI", Classified(Milestone.DELIVERY_FAILED)),
        ("AARTER", Classified(Milestone.LOCAL_TRANSIT)),
        ("RENDOC", Classified(Milestone.RETURNING, Reason.CUSTOMS)),
        ("DOUEOR", Classified(Milestone.CUSTOMS_HELD)),
        ("DOUEXP", Classified(Milestone.IN_TRANSIT)),
        ("DOUPRO", Classified(Milestone.EXCEPTION, Reason.CUSTOMS)),
    ],
)
def test_colissimos_codes_are_right_without_their_words(code: str, means: Classified) -> None:
    assert means == classify("laposte", code, "")


@pytest.mark.parametrize("carrier", ["cainiao", "laposte"])
def test_our_carriers_reach_every_milestone_of_a_parcel(carrier: str) -> None:
    wanted = {
        Milestone.SHIPPED,
        Milestone.CARRIER_ACCEPTED,
        Milestone.IN_TRANSIT,
        Milestone.ARRIVED_IN_COUNTRY,
        Milestone.CUSTOMS_STARTED,
        Milestone.CUSTOMS_HELD,
        Milestone.CUSTOMS_CLEARED,
        Milestone.LOCAL_TRANSIT,
        Milestone.OUT_FOR_DELIVERY,
        Milestone.DELIVERY_FAILED,
        Milestone.PICKUP_AVAILABLE,
        Milestone.DELIVERED,
        Milestone.RETURNING,
        Milestone.RETURNED,
        Milestone.EXCEPTION,
    }

    assert wanted <= {means.milestone for means in vocabulary(carrier).own.exact.values()}


@pytest.mark.parametrize(
    ("code", "text", "milestone"),
    [
        ("GTMS_SIGNED", "", Milestone.DELIVERED),
        ("GTMS_STA_SIGNED", "Signed", Milestone.PICKUP_AVAILABLE),
        ("SIGNED", "Signed", Milestone.IN_TRANSIT),
        ("SENT_SCAN", "", Milestone.IN_TRANSIT),
        ("GOT", "", Milestone.CARRIER_ACCEPTED),
        ("CUS_TAX", "", Milestone.CUSTOMS_HELD),
        ("CW_INBOUND", "", Milestone.IN_TRANSIT),
        ("LH_POST_COLLECTION", "", Milestone.IN_TRANSIT),
        ("LH_ARRIVE", "Arrived at linehaul office", Milestone.ARRIVED_IN_COUNTRY),
        ("LH_ARRIVE", "Arrived in transit country/region", Milestone.IN_TRANSIT),
        ("CC_HO_OUT_SUCCESS", "Leaving customs", Milestone.CUSTOMS_CLEARED),
        ("CC_HO_OUT_SUCCESS@AE_GROUP_EX_CLEARING_CUSTOMS", "x", Milestone.IN_TRANSIT),
        ("CC_HO_OUT_SUCCESS@AE_GROUP_IM_CLEARING_CUSTOMS", "x", Milestone.CUSTOMS_CLEARED),
        ("COMMON_INTRANSIT", "Pre-Shipment Info Sent To La Poste", Milestone.SHIPPED),
        ("COMMON_INTRANSIT", "wait for customs clearance", Milestone.CUSTOMS_STARTED),
        ("COMMON_INTRANSIT", "Shipment on the way", Milestone.IN_TRANSIT),
        ("COMMON_INTRANSIT", "", Milestone.UNKNOWN),
        ("common_intransit", "Some words nobody has met", Milestone.UNKNOWN),
        ("gtms do depart", "", Milestone.OUT_FOR_DELIVERY),
        ("NEVER_SEEN", "Out for delivery", Milestone.OUT_FOR_DELIVERY),
        ("NEVER_SEEN", "", Milestone.UNKNOWN),
    ],
)
def test_cainiaos_codes_mean_what_they_say_in_context(
    code: str, text: str, milestone: Milestone
) -> None:
    assert milestone == _milestone("cainiao", code, text)


@pytest.mark.parametrize(
    ("text", "milestone"),
    [
        ("Will be delivered back to sender", Milestone.RETURNING),
        ("Your parcel will be returned to sender", Milestone.RETURNING),
        ("Not yet returned to sender", Milestone.RETURNING),
        ("Could not be returned to sender", Milestone.EXCEPTION),
        ("Not delivered to sender", Milestone.EXCEPTION),
        ("The item was not delivered and has been returned to sender", Milestone.RETURNED),
        ("Parcel has been returned to the depot", Milestone.LOCAL_TRANSIT),
        ("Not delivered", Milestone.DELIVERY_FAILED),
        ("Your parcel cannot be delivered", Milestone.DELIVERY_FAILED),
        ("Delivered to local carrier", Milestone.LOCAL_TRANSIT),
        ("Delivered to sorting center", Milestone.IN_TRANSIT),
        ("Delivered to pick-up point", Milestone.PICKUP_AVAILABLE),
        ("Delivered, In/At Mailbox", Milestone.DELIVERED),
        ("Awaiting for transit to final delivery office", Milestone.LOCAL_TRANSIT),
        ("Your parcel can be delivered tomorrow", Milestone.LOCAL_TRANSIT),
        ("Delay in delivery", Milestone.EXCEPTION),
        ("Package has not yet cleared customs", Milestone.CUSTOMS_STARTED),
        ("Awaiting customs clearance to be completed", Milestone.CUSTOMS_STARTED),
        ("Export customs clearance complete", Milestone.IN_TRANSIT),
        ("Item returned from customs (import)", Milestone.CUSTOMS_CLEARED),
        ("Held in customs, Need paperwork.", Milestone.CUSTOMS_HELD),
        ("Departure to country of destination", Milestone.IN_TRANSIT),
        ("Data entered; the parcel was not yet handed over to GLS.", Milestone.SHIPPED),
        ("Votre colis sera livré demain", Milestone.LOCAL_TRANSIT),
        ("En transit pour vous être livré le plus rapidement possible.", Milestone.IN_TRANSIT),
        ("Votre colis n'a pas encore été livré", Milestone.LOCAL_TRANSIT),
        ("Le colis est livré à l'expéditeur suite à un retour", Milestone.RETURNED),
        ("Le colis n'a pu être livré, il est retourné à l'expéditeur", Milestone.RETURNING),
        ("Retenu en Douane", Milestone.CUSTOMS_HELD),
        ("Votre colis est sorti de la douane.", Milestone.CUSTOMS_CLEARED),
        ("Colis en cours de livraison au point de retrait", Milestone.LOCAL_TRANSIT),
        ("Die Sendung konnte nicht zugestellt werden", Milestone.DELIVERY_FAILED),
        ("Ausfuhrzoll abgeschlossen", Milestone.IN_TRANSIT),
        ("Einfuhrzoll abgeschlossen", Milestone.CUSTOMS_CLEARED),
        ("Entregado", Milestone.DELIVERED),
        ("En reparto", Milestone.OUT_FOR_DELIVERY),
        ("未妥投", Milestone.DELIVERY_FAILED),
        ("邮政局已妥投", Milestone.DELIVERED),
        ("出口海关/放行", Milestone.IN_TRANSIT),
        ("Lorem ipsum dolor sit amet", Milestone.UNKNOWN),
        ("", Milestone.UNKNOWN),
    ],
)
def test_the_telling_word_of_a_sentence_decides(text: str, milestone: Milestone) -> None:
    assert milestone == _milestone("a carrier nobody knows", "", text)


@pytest.mark.parametrize(
    ("text", "means"),
    [
        (
            "Le destinataire était absent",
            Classified(Milestone.DELIVERY_FAILED, Reason.ABSENT),
        ),
        (
            "Delivery failed, Incorrect or incomplete address.",
            Classified(Milestone.DELIVERY_FAILED, Reason.BAD_ADDRESS),
        ),
        (
            "Retourné à l'expéditeur : non réclamé",
            Classified(Milestone.RETURNING, Reason.UNCLAIMED),
        ),
        (
            "Le colis est retourné à l'expéditeur suite à un refus du destinataire",
            Classified(Milestone.RETURNING, Reason.REFUSED),
        ),
        ("Parcel lost", Classified(Milestone.EXCEPTION, Reason.LOST)),
        ("Out for delivery", Classified(Milestone.OUT_FOR_DELIVERY)),
    ],
)
def test_a_trouble_carries_its_reason_where_the_text_gives_one(
    text: str, means: Classified
) -> None:
    assert means == classify("any", "", text)


def test_a_new_attempt_after_a_failure_is_called_a_redelivery() -> None:
    assert Reason.REDELIVERY == classify("cainiao", "GTMS_RE_DELIVERING", "").reason


@pytest.mark.parametrize(
    ("name", "code", "milestone"),
    [
        ("Colissimo", "LIVREO", Milestone.RETURNED),
        ("La Poste", "AG1", Milestone.PICKUP_AVAILABLE),
        ("la_poste", "AG1", Milestone.PICKUP_AVAILABLE),
        ("UPU", "EDC", Milestone.CUSTOMS_CLEARED),
        ("gls", "DELIVEREDPS", Milestone.PICKUP_AVAILABLE),
        ("17TRACK", "Exception_Returned", Milestone.RETURNED),
        ("chronopost", "D ", Milestone.DELIVERED),
    ],
)
def test_a_carrier_may_be_named_in_several_ways(name: str, code: str, milestone: Milestone) -> None:
    assert milestone == _milestone(name, code)


def test_chronoposts_sd_has_changed_its_meaning() -> None:
    assert Milestone.LOCAL_TRANSIT == _milestone("chronopost", "SD", "Tri effectué dans l'agence")
    assert Milestone.EXCEPTION == _milestone("chronopost", "SD", "Livraison reportée de 24h")


@pytest.mark.parametrize(
    ("carrier", "code", "text", "milestone"),
    [
        ("DPD", "DODEI", "PUDO – Received and available", Milestone.PICKUP_AVAILABLE),
        ("DPD", "DODEX", "PUDO – Collection anomaly", Milestone.EXCEPTION),
        ("DHL Paket", "PO", "Loaded onto the delivery vehicle", Milestone.OUT_FOR_DELIVERY),
        ("DHL Paket", "PO", "Being prepared for delivery", Milestone.LOCAL_TRANSIT),
        ("DHL Express", "PO", "Departing origin", Milestone.IN_TRANSIT),
        ("DHL Express", "AR", "Arrived at DHL Delivery Facility PARIS", Milestone.LOCAL_TRANSIT),
        ("FedEx", "AR", "At local FedEx facility", Milestone.LOCAL_TRANSIT),
        ("Poczta Polska", "P_ND", "Nieudane doręczenie", Milestone.DELIVERY_FAILED),
        ("Poczta Polska", "P_ND", "In delivery", Milestone.LOCAL_TRANSIT),
        ("Poczta Polska", "P_WPUCPP", "Zwolnienie przez urząd celny", Milestone.CUSTOMS_CLEARED),
        ("InPost", "CC.003", "", Milestone.CUSTOMS_HELD),
        ("Landmark", "570", "Return Received", Milestone.RETURNED),
        ("4PX", "FPX_D_DDRH", "Delivery delay, Recipient not at home.", Milestone.DELIVERY_FAILED),
        ("Cainiao", "AE_GROUP_LH_ARRIVE", "", Milestone.ARRIVED_IN_COUNTRY),
    ],
)
def test_a_code_that_means_several_things_listens_to_the_words(
    carrier: str, code: str, text: str, milestone: Milestone
) -> None:
    assert milestone == _milestone(carrier, code, text)


@pytest.mark.parametrize(
    ("carrier", "code", "text", "milestone"),
    [
        ("UPS", "I", "Out For Delivery", Milestone.OUT_FOR_DELIVERY),
        ("UPS", "X", "The receiver refused the delivery", Milestone.DELIVERY_FAILED),
        ("UPS", "I", "Words nobody has met", Milestone.IN_TRANSIT),
        ("DHL", "delivered", "Delivered to Packstation, ready", Milestone.PICKUP_AVAILABLE),
        ("17TRACK", "InTransit_Other", "Arrived in France", Milestone.ARRIVED_IN_COUNTRY),
        ("17TRACK", "Exception_Other", "", Milestone.EXCEPTION),
        ("Mondial Relay", "81", "", Milestone.LOCAL_TRANSIT),
    ],
)
def test_a_code_that_only_names_a_group_yields_to_any_words(
    carrier: str, code: str, text: str, milestone: Milestone
) -> None:
    assert milestone == _milestone(carrier, code, text)


@pytest.mark.parametrize(
    ("carrier", "code", "text", "certainty"),
    [
        ("laposte", "DI1", "", Certainty.KNOWN),
        ("dpd", "", "Colis en livraison", Certainty.KNOWN),
        ("nobody", "", "Delivered", Certainty.KNOWN),
        ("nobody", "", "The parcel was handed to the householder", Certainty.READ),
        ("ups", "D", "The parcel was handed to the householder", Certainty.KNOWN),
        ("ups", "X", "Wird an den Absender zurückgesendet", Certainty.KNOWN),
        ("ups", "I", "The parcel was handed to the householder", Certainty.READ),
        ("laposte", "NEVER_SEEN", "Au vert", Certainty.READ),
    ],
)
def test_a_verdict_says_how_it_was_reached(
    carrier: str, code: str, text: str, certainty: Certainty
) -> None:
    assert certainty is classify(carrier, code, text).certainty


def test_what_the_words_say_is_borne_out_by_a_code_that_fits() -> None:
    said = ("", "The parcel was handed to the householder")

    assert Certainty.READ is first_known("17track", said, ("InTransit", "")).certainty
    assert Certainty.KNOWN is first_known("17track", said, ("Delivered", "")).certainty
