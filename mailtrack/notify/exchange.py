"""One mail over an open connection, in as few round trips as the relay allows (RFC 2920)."""

import smtplib
from collections.abc import Iterator

#: The relay's answer to DATA: it waits for the mail.
_GO_ON = 354

Answer = tuple[int, bytes]


def announce(connection: smtplib.SMTP, sender: str, recipient: str, size: int) -> None:
    """Say who writes to whom, by their bare addresses; then the relay waits for the mail.

    1. A relay that knows pipelining hears MAIL, RCPT and DATA at once, and answers each; any
       other hears a command when it has taken the one before.
    2. The first answer that is no consent tells what was refused: sender, recipient, or mail.

    Raises SMTPSenderRefused, SMTPRecipientsRefused or SMTPDataError, or any other OSError.
    """
    commands = _commands(connection, sender, recipient, size)
    answers: Iterator[Answer]
    # 1.
    if connection.has_extn("pipelining"):
        connection.send("".join(f"{command}\r\n" for command in commands))
        heard = [connection.getreply() for _ in commands]
        *before, (last, _) = heard
        if last == _GO_ON and any(code >= 300 for code, _ in before):
            # It waits for a mail that it refuses: whatever ended it might be delivered, empty.
            connection.close()
        answers = iter(heard)
    else:  # a generator: what follows a refusal is never said
        answers = (connection.docmd(command) for command in commands)
    # 2.
    if (answer := next(answers))[0] != 250:
        raise smtplib.SMTPSenderRefused(*answer, sender)
    if (answer := next(answers))[0] not in (250, 251):
        raise smtplib.SMTPRecipientsRefused({recipient: answer})
    if (answer := next(answers))[0] != _GO_ON:
        raise smtplib.SMTPDataError(*answer)


def try_out(connection: smtplib.SMTP, sender: str, recipient: str, size: int) -> None:
    """Announce a mail without asking for its content, and take it back; raises as `announce`."""
    mail, to, _ = _commands(connection, sender, recipient, size)
    if (answer := connection.docmd(mail))[0] != 250:
        raise smtplib.SMTPSenderRefused(*answer, sender)
    if (answer := connection.docmd(to))[0] not in (250, 251):
        raise smtplib.SMTPRecipientsRefused({recipient: answer})
    connection.rset()


def hand_over(connection: smtplib.SMTP, wire: bytes) -> None:
    """Send an announced mail; raises SMTPDataError where the relay does not take it."""
    # A dot alone ends the mail: one that begins a line is doubled (RFC 5321, 4.5.2).
    connection.send(wire.replace(b"\n.", b"\n..") + b".\r\n")
    answer = connection.getreply()
    if answer[0] != 250:
        raise smtplib.SMTPDataError(*answer)


def _commands(
    connection: smtplib.SMTP, sender: str, recipient: str, size: int
) -> tuple[str, str, str]:
    declared = f" SIZE={size}" if connection.has_extn("size") else ""
    return f"MAIL FROM:<{sender}>{declared}", f"RCPT TO:<{recipient}>", "DATA"
