"""The JSON of `mailtrack parse`: its keys are a contract."""

from mailtrack.parsers.as_json import read_as_json

KEYS = [
    "file", "outcome", "shop", "kind", "language", "milestone", "orders", "parcels", "doubtful",
    "items", "estimated_delivery", "ordered_at", "forward",
]  # fmt: skip


#: What `forward` holds; `others` are further mails in the same forward.
FORWARD = ["is_forward", "method", "forwarder", "message", "original", "others"]


def test_every_key_is_there_even_for_a_mail_that_says_nothing() -> None:
    found = read_as_json(b"", "empty.eml")

    assert KEYS == list(found)
    assert "empty.eml" == found["file"]
    assert FORWARD == list(found["forward"])
    assert ["from", "to", "cc", "subject", "date", "body"] == list(found["forward"]["original"])


def test_a_parcel_has_all_its_keys() -> None:
    found = read_as_json(b"From: a@example.org\nSubject: colis\n\nLP00827165784034\n", "-")

    assert [
        {
            "number": "LP00827165784034",
            "orders": [],
            "local_number": None,
            "carriers": ["cainiao"],
            "milestone": None,
            "source": None,
            "estimated_delivery": None,
            "pickup": None,
        }
    ] == found["parcels"]


def test_a_mail_that_cannot_be_read_is_quarantined_not_raised() -> None:
    raw = b"".join(
        b'Content-Type: multipart/x; boundary="%d"\n\n--%d\n' % (n, n) for n in range(1500)
    )

    assert "quarantined" == read_as_json(raw, "bad.eml")["outcome"]
