"""Whose refusal it is: answers of real relays at each stage, and what is shown of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailtrack.notify.replies import OURS, SmtpStage, Verdict, Whose, judge, shown

LIMIT, POLICY, CREDENTIALS = Whose.LIMIT, Whose.POLICY, Whose.CREDENTIALS
CONFIGURATION, SYSTEM, MAIL = Whose.CONFIGURATION, Whose.SYSTEM, Whose.MAIL
ADDRESS, UNKNOWN = Whose.ADDRESS, Whose.UNKNOWN
FOR_NOW, FOR_GOOD = False, True

#: Stages, answer, whose refusal it is, whether it lasts.
Row = tuple[str, str, Whose, bool]

OUR_LIMITS: list[Row] = [
    ("mail rcpt data", "550 5.4.5 Daily user sending limit exceeded.", LIMIT, FOR_GOOD),
    ("mail rcpt data", "550 5.4.5 Daily SMTP relay limit exceeded for user.", LIMIT, FOR_GOOD),
    ("mail rcpt data", "550 5.4.5 Daily sending quota exceeded.", LIMIT, FOR_GOOD),
    ("mail rcpt data", "550 5.7.1 Daily SMTP relay limit exceeded for customer.", LIMIT, FOR_GOOD),
    ("mail rcpt data", "550 5.7.1 Email quota exceeded.", LIMIT, FOR_GOOD),
    ("mail rcpt data", "450 4.2.1 Peak SMTP relay limit exceeded for customer.", LIMIT, FOR_NOW),
    ("connect mail rcpt data", "421 4.7.0 unusual rate of unsolicited mail", LIMIT, FOR_NOW),
    ("data", "550 5.7.1 unusual rate of unsolicited mail from your IP address", LIMIT, FOR_GOOD),
    ("login", "454 4.7.0 Too many login attempts, please try again later.", LIMIT, FOR_NOW),
    ("connect mail", "432 4.3.2 Concurrent connections limit exceeded.", LIMIT, FOR_NOW),
    ("data", "432 4.3.2 STOREDRV.ClientSubmit; sender thread limit exceeded", LIMIT, FOR_NOW),
    (
        "data",
        "554 5.2.0 STOREDRV.Submission.Exception:SubmissionQuotaExceededException",
        LIMIT,
        FOR_GOOD,
    ),
    ("mail rcpt data", "550 5.1.90 you've reached your daily limit", LIMIT, FOR_GOOD),
    ("mail rcpt data", "550 5.2.2 Submission quota exceeded", LIMIT, FOR_GOOD),
    ("mail rcpt data", "550 5.7.705 Access denied, tenant has exceeded threshold", LIMIT, FOR_GOOD),
    ("mail rcpt data", "550 5.7.708 Access denied, traffic not accepted", LIMIT, FOR_GOOD),
    ("mail rcpt data", "550 5.7.233 your tenant exceeded its daily limit", LIMIT, FOR_GOOD),
    ("data", "550 5.2.252 Sender throttled", LIMIT, FOR_GOOD),
    ("mail rcpt data", "454 Throttling failure: Daily message quota exceeded.", LIMIT, FOR_NOW),
    (
        "mail rcpt data",
        "450 Requested mail action not taken: mailbox unavailable\nMail send limit exceeded.",
        LIMIT,
        FOR_NOW,
    ),
    ("mail", "452 Sender is throttled", LIMIT, FOR_NOW),
    (
        "rcpt",
        "554 5.7.1 <ana@example.org>: Recipient address rejected: You have exceeded your quota.",
        LIMIT,
        FOR_GOOD,
    ),
    (
        "rcpt",
        "450 4.7.1 <ana@example.org>: Recipient address rejected: Policy Rejection- Quota Exceeded",
        LIMIT,
        FOR_NOW,
    ),
    (
        "rcpt data",
        "550 Domain colis.example has exceeded the max emails per hour (201/200 (100%)) allowed.",
        LIMIT,
        FOR_GOOD,
    ),
    ("mail rcpt data", "550 5.4.6 Unusual sending activity detected.", LIMIT, FOR_GOOD),
    (
        "connect",
        "421 4.7.0 relay.example Error: too many connections from 192.0.2.1",
        LIMIT,
        FOR_NOW,
    ),
    ("mail", "450 4.7.1 Error: too much mail from 192.0.2.1", LIMIT, FOR_NOW),
    ("mail", "552 5.2.2 Over quota", LIMIT, FOR_GOOD),
    ("mail rcpt data", "550 Too many messages", LIMIT, FOR_GOOD),
    (
        "connect rcpt",
        "421 Trop de connexions, veuillez verifier votre configuration",
        LIMIT,
        FOR_NOW,
    ),
    ("mail rcpt data", "550 Quota d'envoi dépassé", LIMIT, FOR_GOOD),
]

OUR_STANDING: list[Row] = [
    ("connect", "554 5.7.1 no mail from you", POLICY, FOR_GOOD),
    ("connect", "554 No SMTP service here", POLICY, FOR_GOOD),
    ("connect", "521 5.3.2 host does not accept mail", SYSTEM, FOR_NOW),
    ("mail rcpt", "554 5.7.1 <ana@example.org>: Relay access denied", POLICY, FOR_GOOD),
    ("mail rcpt", "550 5.7.1 Unable to relay", POLICY, FOR_GOOD),
    # Postfix, to who has not logged in.
    (
        "rcpt",
        "554 5.7.1 <ana@example.org>: Recipient address rejected: Access denied",
        POLICY,
        FOR_GOOD,
    ),
    ("mail rcpt", "550 5.7.0 Mail relay denied.", POLICY, FOR_GOOD),
    ("mail", "550 5.7.1 anything else", POLICY, FOR_GOOD),
    ("mail data", "550 5.7.23 rejected because of an SPF violation", POLICY, FOR_GOOD),
    (
        "data",
        "550 5.7.26 Unauthenticated email is not accepted due to DMARC policy",
        POLICY,
        FOR_GOOD,
    ),
    ("mail rcpt data", "550 5.7.25 The IP address has no PTR record", POLICY, FOR_GOOD),
    ("rcpt", "554 5.7.1 Client host [192.0.2.1] blocked using zen.spamhaus.org", POLICY, FOR_GOOD),
    (
        "mail rcpt data",
        "550 5.7.606 Access denied, banned sending IP [192.0.2.1]",
        POLICY,
        FOR_GOOD,
    ),
    ("data", "550 5.7.1 Service refuse. Veuillez essayer plus tard. LPN007_510", POLICY, FOR_GOOD),
    ("mail rcpt data", "550 5.2.0 Mail rejete. Mail rejected. OFR_506 [506]", POLICY, FOR_GOOD),
    ("connect mail rcpt", "421 mwinf5c Service refuse. Service refused. OFR_999", POLICY, FOR_NOW),
    ("mail rcpt data", "550 5.1.8 Access denied, bad outbound sender", POLICY, FOR_GOOD),
    ("mail rcpt", "554 5.1.8 Email Outgoing Blocked", POLICY, FOR_GOOD),
    ("rcpt", "504 5.5.2 <localhost>: Helo command rejected: need a name", POLICY, FOR_GOOD),
    ("data", "550 5.1.0 x policy violation, see https://support.example", POLICY, FOR_GOOD),
    ("login", "535 5.7.8 Username and Password not accepted.", CREDENTIALS, FOR_GOOD),
    ("login", "534 5.7.9 Application-specific password required.", CREDENTIALS, FOR_GOOD),
    ("login", "535 5.7.139 Authentication unsuccessful", CREDENTIALS, FOR_GOOD),
    ("login", "525 5.7.13 Account disabled", CREDENTIALS, FOR_GOOD),
    ("login", "501 malformed", CREDENTIALS, FOR_GOOD),
    ("mail rcpt", "530 5.5.1 Authentication Required.", CREDENTIALS, FOR_GOOD),
    ("mail rcpt", "530 5.7.57 Client not authenticated to send mail", CREDENTIALS, FOR_GOOD),
    ("rcpt", "550 5.7.1 Invalid credentials for relay", CREDENTIALS, FOR_GOOD),
    ("mail", "530 5.7.0 Must issue a STARTTLS command first.", CONFIGURATION, FOR_GOOD),
    ("starttls", "501 5.5.4 Syntax error", CONFIGURATION, FOR_GOOD),
    (
        "mail rcpt",
        "553 5.7.1 <a@b>: Sender address rejected: not owned by user colis",
        CONFIGURATION,
        FOR_GOOD,
    ),
    ("mail rcpt data", "550 5.7.60 no permissions to send as this sender", CONFIGURATION, FOR_GOOD),
    ("data", "554 5.2.0 STOREDRV.Submission.Exception:SendAsDenied", CONFIGURATION, FOR_GOOD),
    (
        "data",
        "554 Message rejected: Email address is not verified. The following identities failed",
        CONFIGURATION,
        FOR_GOOD,
    ),
    ("mail rcpt", "553 5.1.8 <a@b>: Sender address rejected: Domain", CONFIGURATION, FOR_GOOD),
    ("mail", "501 5.1.7 Bad sender address syntax", CONFIGURATION, FOR_GOOD),
    ("mail rcpt", "553 Sender is not allowed to relay emails", CONFIGURATION, FOR_GOOD),
    ("connect", "501 5.5.4 HELO/EHLO argument is invalid", CONFIGURATION, FOR_GOOD),
    ("mail", "555 5.5.2 Syntax error.", CONFIGURATION, FOR_GOOD),
]

THE_SYSTEM: list[Row] = [
    ("connect mail rcpt data", "421 4.3.2 Service shutting down", SYSTEM, FOR_NOW),
    ("connect mail rcpt data", "421 4.7.0 Try again later, closing connection.", SYSTEM, FOR_NOW),
    ("starttls", "454 4.7.0 TLS not available due to local problem", SYSTEM, FOR_NOW),
    ("login", "454 4.7.0 Temporary authentication failure", SYSTEM, FOR_NOW),
    ("mail", "452 4.3.1 Insufficient system storage", SYSTEM, FOR_NOW),
    ("mail", "451 4.3.0 Temporary lookup failure", SYSTEM, FOR_NOW),
    ("connect mail", "554 5.3.0 Mail system broken", SYSTEM, FOR_NOW),
    ("rcpt data", "451 4.3.0 Error: queue file write error", UNKNOWN, FOR_NOW),
    ("rcpt data", "451 4.4.3 Temporary lookup failure", UNKNOWN, FOR_NOW),
    ("rcpt data", "554 5.3.0 Mail system broken", UNKNOWN, FOR_NOW),
]

ONE_MAIL: list[Row] = [
    ("rcpt data", "451 4.7.1 Greylisted, try again later", MAIL, FOR_NOW),
    ("rcpt", "450 4.2.0 Greylisted", MAIL, FOR_NOW),
    (
        "rcpt data",
        "450 4.2.1 The user you are trying to contact is receiving mail too quickly.",
        MAIL,
        FOR_NOW,
    ),
    ("rcpt data", "550 5.2.1 The user is receiving mail at a rate that prevents", MAIL, FOR_NOW),
    ("data", "432 4.3.2 STOREDRV.Deliver; recipient thread limit exceeded", MAIL, FOR_NOW),
    (
        "rcpt data",
        "452 4.2.2 The email account that you tried to reach is over quota.",
        MAIL,
        FOR_NOW,
    ),
    (
        "rcpt data",
        "552 5.2.2 The email account that you tried to reach is over quota.",
        MAIL,
        FOR_NOW,
    ),
    ("rcpt", "552 recipient storage full: mailbox is full", MAIL, FOR_NOW),
    ("rcpt", "450 4.1.2 Recipient address rejected: Domain not found", MAIL, FOR_NOW),
    ("rcpt", "452 4.5.3 Domain policy size per transaction exceeded", MAIL, FOR_NOW),
    ("rcpt", "550 5.4.1 Recipient address rejected: Access denied.", MAIL, FOR_NOW),
    ("mail data", "552 5.3.4 Message size exceeds fixed limit", MAIL, FOR_GOOD),
    ("data", "552 5.2.3 Your message exceeded Google's message size limits.", MAIL, FOR_GOOD),
    ("mail", "552 Message size exceeds maximum permitted", MAIL, FOR_GOOD),
    ("data", "554 5.7.1 Message contains spam", MAIL, FOR_GOOD),
    ("data", "550 5.7.1 Email 4RH2xT4 rejected per SPAM policy", MAIL, FOR_GOOD),
    ("data", "550 5.7.1 this message is likely unsolicited mail.", MAIL, FOR_GOOD),
    ("data", "554 5.6.0 Mail message is malformed.", MAIL, FOR_GOOD),
    ("data", "550 5.1.1 too late to say so", MAIL, FOR_GOOD),
]

ONE_ADDRESS: list[Row] = [
    (
        "rcpt",
        "550 5.1.1 The email account that you tried to reach does not exist.",
        ADDRESS,
        FOR_GOOD,
    ),
    ("rcpt", "550 5.1.1 <ana@example.org>: user unknown; quota exceeded", ADDRESS, FOR_GOOD),
    ("rcpt", "550 5.1.1 Adresse d au moins un destinataire invalide. OFR_416", ADDRESS, FOR_GOOD),
    ("rcpt", "553 5.1.2 We weren't able to find the recipient domain.", ADDRESS, FOR_GOOD),
    ("rcpt", "501 5.1.3 Bad recipient address syntax", ADDRESS, FOR_GOOD),
    ("rcpt", "550 5.1.10 RESOLVER.ADR.RecipientNotFound", ADDRESS, FOR_GOOD),
    ("rcpt", "550 5.2.1 The email account that you tried to reach is disabled.", ADDRESS, FOR_GOOD),
    ("rcpt", "550 5.1.0 unknown", ADDRESS, FOR_GOOD),
    ("rcpt", "550 User unknown", ADDRESS, FOR_GOOD),
    ("rcpt", "550 No such user here", ADDRESS, FOR_GOOD),
    ("rcpt", "550 Utilisateur inconnu", ADDRESS, FOR_GOOD),
    ("rcpt", "553 sorry, that address does not exist (#5.1.1)", ADDRESS, FOR_GOOD),
    ("rcpt", "550 5.7.17 Mailbox owner has changed", ADDRESS, FOR_GOOD),
    # Doubt counts for the person.
    ("rcpt", "550 Requested action not taken: mailbox unavailable", UNKNOWN, FOR_NOW),
    ("rcpt", "550 unknown", UNKNOWN, FOR_NOW),
    ("rcpt", "550 rejected", UNKNOWN, FOR_NOW),
    ("rcpt data", "552 quota exceeded", UNKNOWN, FOR_NOW),
    ("rcpt data", "550 5.7.1 no", UNKNOWN, FOR_NOW),
    ("rcpt", "550 5.7.1 <ana@example.org>: user unknown", MAIL, FOR_NOW),
    ("data", "554 Transaction failed", UNKNOWN, FOR_NOW),
]

REPORTS: list[Row] = [
    ("report", "000 5.1.1", ADDRESS, FOR_GOOD),
    ("report", "000 5.1.10 Recipient not found", ADDRESS, FOR_GOOD),
    ("report", "000 5.2.1", ADDRESS, FOR_GOOD),
    ("report", "000 5.0.0 smtp; 550 5.1.1 user unknown", ADDRESS, FOR_GOOD),
    ("report", "000 5.7.1", POLICY, FOR_GOOD),
    ("report", "000 5.7.26 smtp; 550-5.7.26 DMARC", POLICY, FOR_GOOD),
    ("report", "000 4.7.0", POLICY, FOR_NOW),
    ("report", "000 5.4.5 Daily user sending limit exceeded", LIMIT, FOR_GOOD),
    ("report", "000 5.1.90", LIMIT, FOR_GOOD),
    ("report", "000 5.1.8 Sender address rejected", CONFIGURATION, FOR_GOOD),
    ("report", "000 5.2.2 smtp; 552 mailbox full", MAIL, FOR_NOW),
    ("report", "000 5.3.4", MAIL, FOR_GOOD),
    ("report", "000 4.4.1 connection timed out", SYSTEM, FOR_NOW),
    ("report", "000 5.4.4 Host not found", SYSTEM, FOR_GOOD),
    ("report", "000 5.4.1 Recipient address rejected: Access denied", MAIL, FOR_NOW),
    ("report", "000 ", UNKNOWN, FOR_NOW),
]


@pytest.mark.parametrize(
    ("stage", "answer", "whose", "lasting"),
    [
        pytest.param(stage, answer, whose, lasting, id=f"{stage}: {answer[:50]}")
        for table in (OUR_LIMITS, OUR_STANDING, THE_SYSTEM, ONE_MAIL, ONE_ADDRESS, REPORTS)
        for stages, answer, whose, lasting in table
        for stage in stages.split()
    ],
)
def test_a_refusal_is_taken_by_whom_it_is_about(
    stage: str, answer: str, whose: Whose, *, lasting: bool
) -> None:
    assert Verdict(whose, lasting) == judge(SmtpStage(stage), int(answer[:3]), answer[4:])


@given(
    st.sampled_from(
        [SmtpStage.CONNECT, SmtpStage.TLS, SmtpStage.LOGIN, SmtpStage.MAIL, SmtpStage.DATA]
    ),
    st.integers(400, 599),
    st.text(max_size=80),
)
def test_nobody_is_marked_for_what_is_said_where_no_address_is_in_question(
    stage: SmtpStage, code: int, words: str
) -> None:
    assert Whose.ADDRESS is not judge(stage, code, words).whose


@given(
    st.sampled_from(list(SmtpStage)),
    st.integers(400, 599),
    st.sampled_from(["5.4.5 ", "4.4.5 ", "5.1.90 ", "5.7.708 ", ""]),
    st.text(max_size=40),
)
def test_a_limit_of_ours_is_one_wherever_and_however_it_is_said(
    stage: SmtpStage, code: int, status: str, more: str
) -> None:
    said = f"{status}Daily user sending limit exceeded {more}"

    assert judge(stage, code, said).whose in OURS


def test_an_address_of_a_machine_is_no_status() -> None:
    assert UNKNOWN is judge(SmtpStage.RCPT, 550, "[5.1.1.1] says no").whose
    assert UNKNOWN is judge(SmtpStage.RCPT, 550, "no, says 15.1.1").whose


def test_the_words_that_are_shown_name_nobody() -> None:
    said = '5.4.5 Limit of <ana@example.org>,\n"a b"@example.org and Ana; see https://x.example/y'

    assert '5.4.5 Limit of …, "a … and …; see https://x.example/y' == shown(said, "ana@example.org")
    assert 241 == len(shown("x" * 5_000))
