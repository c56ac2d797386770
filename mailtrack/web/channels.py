"""What a person does with their channels: add, prove, choose, remove."""

from collections.abc import Mapping

from sqlalchemy import Connection

from mailtrack.channels.addresses import (
    AddressFault,
    WrongAddressError,
    masked,
    read_apprise,
    read_webhook,
)
from mailtrack.channels.webhook import new_secret
from mailtrack.domain.channels import MOST_CHANNELS, ChannelKind, ChannelMode
from mailtrack.domain.model import RowKey
from mailtrack.notify.links import Purpose
from mailtrack.runtime.services import Services
from mailtrack.store import channel_notices, channels, people
from mailtrack.store.channels import Channel, ChannelAddress, NewChannel
from mailtrack.web.pages.buttons import NOTHING_SAVED, Saved
from mailtrack.web.pages.channels import (
    ChannelAction,
    ChannelLine,
    ChannelProofPage,
    ChannelProofState,
    ChannelsPage,
    ChannelState,
)
from mailtrack.web.service import GoneError, subscriber_named

#: Why an address was not taken, in words.
FAULTS: Mapping[AddressFault, str] = {
    AddressFault.NO_ADDRESS: "Ce n’est pas une adresse que nous sachions appeler : "
    "recopiez-la en entier, avec son début (https://, ntfys://…).",
    AddressFault.USERINFO: "Une adresse de webhook n’a ni nom ni mot de passe devant un « @ ».",
    AddressFault.NOT_CALLABLE: "Ce service n’a pas le droit d’appeler cette adresse : "
    "demandez à la personne qui le gère de l’autoriser.",
    AddressFault.SCHEME: "Ce type d’adresse n’est pas pris en charge ici.",
    AddressFault.PARAMETERS: "Ôtez ce qui suit le « ? » : ces réglages ne sont pas repris.",
}
_TOO_MANY = f"Vous avez déjà {MOST_CHANNELS} adresses : retirez-en une d’abord."
_SAVED: Mapping[ChannelAction, str] = {
    ChannelAction.REMOVE: "C’est fait : plus rien ne part vers cette adresse, et nous l’avons "
    "effacée.",
    ChannelAction.BESIDE: "C’est noté : vos nouvelles viennent aussi par mail.",
    ChannelAction.INSTEAD: "C’est noté : vos nouvelles viennent là, à la place des mails.",
}
_MODES = {
    ChannelAction.BESIDE: ChannelMode.BESIDE,
    ChannelAction.INSTEAD: ChannelMode.INSTEAD,
}


class ChannelPages:
    """Answers for one token at a time; GET shows, POST acts."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._links = services.links

    def show(self, token: str, saved: Saved = NOTHING_SAVED, secret: str = "") -> ChannelsPage:
        """Show a person's channels; raises BadLink, or GoneError where they were erased."""
        _, key = self._links.read(token, Purpose.CHANNELS)
        with self._services.store.read() as connection:
            mine = channels.of_subscriber(connection, subscriber_named(connection, key))
        hosts = self._services.settings.channels.callable_hosts
        return ChannelsPage(
            action=self._links.link(Purpose.CHANNELS, key),
            preferences=self._links.link(Purpose.PREFERENCES, key),
            lines=tuple(map(_line, mine)),
            kinds=self._services.channel_kinds,
            # Networks of the operator's own are nobody's business.
            hosts=() if hosts.everybody else hosts.names,
            saved=saved,
            secret=secret,
        )

    def change(self, token: str, form: Mapping[str, str]) -> ChannelsPage:
        """Do what a button asks for, to rows of its own person only; others change nothing."""
        _, key = self._links.read(token, Purpose.CHANNELS)
        if form.get("do") == ChannelAction.ADD:
            return self._add(token, key, form)
        action = next((one for one in _SAVED if one == form.get("do")), None)
        if action is None:
            return self.show(token)

        def act(connection: Connection) -> None:
            owner = subscriber_named(connection, key)
            people.lock(connection, owner)
            mine = _named(connection, RowKey(form.get("channel", "")))
            if mine.owner != owner:
                raise GoneError("This channel is somebody else's.")
            if action in _MODES:
                channels.choose_mode(connection, mine.id, _MODES[action])
                return
            channel_notices.let_go(connection, mine.id, self._services.clock.now())
            channels.remove(connection, mine.id)

        self._services.store.transact(act)
        return self.show(token, Saved(_SAVED[action]))

    def ask(self, token: str) -> ChannelProofPage:
        """Ask whether news may come to where a link was read; changes nothing (scanners look)."""
        _, key = self._links.read(token, Purpose.CHANNEL)
        with self._services.store.read() as connection:
            return self._proof_page(_named(connection, key), ChannelProofState.ASK)

    def prove(self, token: str) -> ChannelProofPage:
        """Let news come to where a link was read; a second click finds it done."""
        _, key = self._links.read(token, Purpose.CHANNEL)

        def prove(connection: Connection) -> ChannelProofPage:
            found = _named(connection, key)
            channels.lock_owner(connection, found.id)
            channels.prove(connection, key, self._services.clock.now())
            return self._proof_page(found, ChannelProofState.DONE)

        return self._services.store.transact(prove)

    def _add(self, token: str, key: RowKey, form: Mapping[str, str]) -> ChannelsPage:
        """Keep an address, and owe it the one message that asks for a click."""
        try:
            kind, address = self._read(form.get("address", ""))
        except WrongAddressError as error:
            return self.show(token, Saved(FAULTS[error.fault], wrong=True))
        instead = form.get("mode") == ChannelMode.INSTEAD
        new = NewChannel(
            kind,
            ChannelMode.INSTEAD if instead else ChannelMode.BESIDE,
            self._services.channel_seal.close(address),
            masked(address.url),
        )

        def add(connection: Connection) -> bool:
            owner, now = subscriber_named(connection, key), self._services.clock.now()
            people.lock(connection, owner)
            if len(channels.of_subscriber(connection, owner)) >= MOST_CHANNELS:
                return False
            number, _ = channels.add(connection, owner, new, now)
            channel_notices.owe_proof(connection, number, kind, now)
            return True

        if not self._services.store.transact(add):
            return self.show(token, Saved(_TOO_MANY, wrong=True))
        words = (
            f"Un message d’essai part vers {new.masked} : ouvrez le lien qu’il contient. "
            "Rien d’autre n’y va avant ce clic."
        )
        return self.show(token, Saved(words), address.secret)

    def _read(self, typed: str) -> tuple[ChannelKind, ChannelAddress]:
        """Return the kind of channel that an address names, and the address as it is called."""
        text, hosts = typed.strip(), self._services.settings.channels.callable_hosts
        if "://" not in text:
            raise WrongAddressError(AddressFault.NO_ADDRESS)
        is_web = text.lower().startswith(("https:", "http:"))
        kind = ChannelKind.WEBHOOK if is_web else ChannelKind.APPRISE
        if kind not in self._services.channel_kinds:
            raise WrongAddressError(AddressFault.SCHEME)
        if kind is ChannelKind.APPRISE:
            return kind, ChannelAddress(read_apprise(text, hosts))
        return kind, ChannelAddress(read_webhook(text, hosts), new_secret())

    def _proof_page(self, found: Channel, state: ChannelProofState) -> ChannelProofPage:
        if found.ended_at is not None:
            state = ChannelProofState.ENDED
        elif found.proven_at is not None:
            state = ChannelProofState.ALREADY
        return ChannelProofPage(state, self._links.link(Purpose.CHANNEL, found.key), found.masked)


def _line(one: Channel) -> ChannelLine:
    state = ChannelState.ON if one.is_on else ChannelState.WAITING
    return ChannelLine(
        channel=one.key,
        masked=one.masked,
        state=state if one.ended_at is None else ChannelState.ENDED,
        instead=one.mode is ChannelMode.INSTEAD,
        failing=one.failures > 0,
        why=one.ended_why,
    )


def _named(connection: Connection, key: RowKey) -> Channel:
    found = channels.by_key(connection, key)
    if found is None:
        raise GoneError("This channel was removed.")
    return found
