"""`mailtrack send-test`: one mail to an address, as everybody's leave, to see how it arrives."""

from dataclasses import replace

from mailtrack.errors import ConfigurationError
from mailtrack.notify.mail import OutgoingMail, SmtpIdentity, compose
from mailtrack.notify.render import Renderer, templates_dir
from mailtrack.notify.samples import sample
from mailtrack.notify.view import NoticeKind
from mailtrack.runtime.services import Services


def send_test(services: Services, address: str) -> str:
    """Send the mail that explains how all works; say what took it. Raises what the relay meets."""
    settings = services.settings.smtp
    settings.check("SMTP")
    if not settings.from_address:
        raise ConfigurationError("MAILTRACK_SMTP__FROM_ADDRESS is not set.")
    with services.open_relay() as relay:
        relay.send(sample_mail(services, address))
    return (
        f"{settings.host} took the mail: see whether it arrives, not as spam, and whether its "
        "source says dkim=pass, spf=pass and dmarc=pass."
    )


def sample_mail(services: Services, address: str) -> OutgoingMail:
    """Return that mail, with the links of a sample."""
    settings = services.settings.smtp
    view = replace(sample(NoticeKind.HELP), to=address)
    sender = SmtpIdentity(settings.from_address, settings.from_name)
    return compose(view, Renderer(templates_dir()).render(view), sender, services.clock.now())
