"""Wires the rooms together from the settings; nothing is opened before it is asked for.

Every part of the service is a process of its own and uses some of the rooms only: the
imports stand in the methods, so that each part pays for its own in start-up and memory.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, partial
from random import SystemRandom
from typing import TYPE_CHECKING

from mailtrack.clock import Clock
from mailtrack.errors import ConfigurationError
from mailtrack.runtime.link_secrets import link_secrets
from mailtrack.settings import Settings

if TYPE_CHECKING:
    from dramatiq.brokers.redis import RedisBroker

    from mailtrack.carriers.base import Carrier, Declaration
    from mailtrack.carriers.transport import Transport
    from mailtrack.channels.message import ChannelSender
    from mailtrack.domain.channels import ChannelKind
    from mailtrack.domain.sasl import AccessToken
    from mailtrack.domain.sending_policy import DayLimit, SendingPolicy
    from mailtrack.inbox.addresses import BounceAddresses, PersonalAddresses
    from mailtrack.inbox.analysis import MailAnalyzer
    from mailtrack.inbox.intake import Reader
    from mailtrack.inbox.mail_store import Fence
    from mailtrack.inbox.quotas import ParcelQuotas
    from mailtrack.inbox.reading_pool import ReadingPool
    from mailtrack.inbox.sharing import Sharing
    from mailtrack.inbox.watcher import Watcher
    from mailtrack.jobs.announcements import Announcements
    from mailtrack.jobs.channel_delivering import ChannelDeliverer
    from mailtrack.jobs.delivering import Deliverer
    from mailtrack.jobs.dispatcher import Dispatcher, JobSink
    from mailtrack.jobs.housekeeping import Housekeeping
    from mailtrack.notify.links import LinkMaker
    from mailtrack.notify.render import Renderer
    from mailtrack.notify.smtp import SmtpRelay
    from mailtrack.oauth.endpoint import TokenEndpoint
    from mailtrack.oauth.tokens import AccessTokens
    from mailtrack.runtime.leadership import Lease
    from mailtrack.store.channels import ChannelSeal
    from mailtrack.store.engine import Store
    from mailtrack.store.suppression import NoInvitations, Suppression
    from mailtrack.tracking.polling import Poller
    from mailtrack.tracking.rerouting import Rerouting
    from mailtrack.tracking.view_builder import ViewBuilder
    from mailtrack.web.admin.sessions import Sessions


@dataclass(frozen=True)
class Services:
    """Everything that a role needs, made on first use, once per process."""

    settings: Settings

    @cached_property
    def clock(self) -> Clock:
        return self.settings.make_clock()

    @cached_property
    def store(self) -> Store:
        from mailtrack.store.engine import open_store

        store = open_store(self.settings.store_url)
        if self.settings.redis_url:
            from mailtrack.jobs.announcements import RedisPublisher

            store.publish = RedisPublisher(self.settings.redis_url)
        return store

    @cached_property
    def transport(self) -> Transport:
        from mailtrack.carriers.transport import Transport

        return Transport(self.clock, self.settings.web.public_url)

    @cached_property
    def carriers(self) -> Mapping[str, Carrier]:
        """The carriers that are on, by code."""
        from mailtrack.carriers import enabled

        return enabled(self.settings, self.transport, self.clock)

    @cached_property
    def declarations(self) -> Mapping[str, Declaration]:
        """What is known of every carrier, on or off, by code, with the budgets that we have."""
        from mailtrack.carriers import declarations, granted, require_known

        require_known(self.settings)
        return {d.code: granted(d, self.settings) for d in declarations()}

    @cached_property
    def on(self) -> frozenset[str]:
        """The codes of the carriers that are on; nothing is opened to tell."""
        from mailtrack.carriers import why_off

        return frozenset(
            code for code, d in self.declarations.items() if why_off(d, self.settings) is None
        )

    @cached_property
    def links(self) -> LinkMaker:
        from mailtrack.notify.links import LinkMaker

        return LinkMaker(self.settings.web.public_url, *link_secrets(self.settings))

    @cached_property
    def addresses(self) -> PersonalAddresses:
        from mailtrack.inbox.addresses import PersonalAddresses

        return PersonalAddresses(self.settings.inbox.forward_to, *link_secrets(self.settings))

    @cached_property
    def suppression(self) -> Suppression:
        from mailtrack.store.suppression import Suppression

        return Suppression(*link_secrets(self.settings))

    @cached_property
    def no_invitations(self) -> NoInvitations:
        """The mailboxes whose owners want no invitations."""
        from mailtrack.store.suppression import NoInvitations

        return NoInvitations(*link_secrets(self.settings))

    @cached_property
    def sharing(self) -> Sharing:
        """What lets people follow what others share with them."""
        from mailtrack.inbox.sharing import Sharing

        return Sharing(self.on, self.quotas, self.clock)

    @cached_property
    def operator_sessions(self) -> Sessions:
        """Who has signed in to the operator's page."""
        from mailtrack.web.admin.sessions import Sessions

        secret, _ = link_secrets(self.settings)
        return Sessions(secret, self.settings.admin.password_hash.get_secret_value(), self.clock)

    @cached_property
    def bounces(self) -> BounceAddresses | None:
        """Where failed deliveries are reported to, None for the address mails come from."""
        from mailtrack.inbox.addresses import BounceAddresses

        address = self.settings.bounces_to
        return BounceAddresses(address, *link_secrets(self.settings)) if address else None

    @cached_property
    def sending_policy(self) -> SendingPolicy:
        """When mails may be sent."""
        from mailtrack.domain.sending_policy import SendingPolicy

        when = self.settings.notices.model_dump(exclude={"invitations_per_day"})
        return SendingPolicy(**when)

    @cached_property
    def day_limit(self) -> DayLimit:
        """How many mails the whole service sends in a day."""
        from mailtrack.domain.sending_policy import DayLimit

        return DayLimit(self.settings.smtp.per_day)

    @cached_property
    def views(self) -> ViewBuilder:
        from mailtrack.notify.mail import MailNames
        from mailtrack.tracking.view_builder import ViewBuilder

        secret, _ = link_secrets(self.settings)
        return ViewBuilder(
            self.declarations,
            self.on,
            self.links,
            MailNames(secret),
            self.addresses.of,
            self.settings.inbox.forward_to,
        )

    @cached_property
    def broker(self) -> RedisBroker:
        from mailtrack.jobs.broker import make_broker

        if not self.settings.redis_url:
            raise ConfigurationError(
                "MAILTRACK_REDIS_URL is not set: only `mailtrack up` brings a broker of its own."
            )
        return make_broker(self.settings.redis_url, self.settings.jobs.heartbeat_s)

    def close(self) -> None:
        """Close what was opened."""
        for name, opened in tuple(vars(self).items()):
            if name in ("store", "transport", "reading_pool"):
                opened.close()

    @cached_property
    def holder(self) -> str:
        """Who this process is in leases: its supervisor, which runs one of each part."""
        from mailtrack.runtime.leadership import new_holder
        from mailtrack.runtime.supervisor import SUPERVISOR

        return os.environ.get(SUPERVISOR) or new_holder()

    def lease(self, name: str) -> Lease:
        """Return the lease on work that one process does at a time."""
        from mailtrack.runtime.leadership import Lease

        return Lease(self.store, name, self.holder, self.settings.jobs.takeover_s)

    def watcher(self, fence: Fence) -> Watcher:
        """Return the watcher of the one mailbox, which writes nothing past its fence."""
        from mailtrack.inbox.mail_store import SqlMailStore
        from mailtrack.inbox.mailbox import open_mailbox
        from mailtrack.inbox.watcher import Watcher

        self.settings.inbox.check("INBOX")
        return Watcher(
            self.settings.inbox,
            SqlMailStore(self.store, self.clock, self.settings.inbox.most_unread, fence),
            connect=lambda settings: open_mailbox(settings, self.clock, self.access_token),
        )

    def dispatcher(self, sink: JobSink | None = None) -> Dispatcher:
        """Return the dispatcher, to the broker or to another outlet."""
        from mailtrack.jobs.broker import QUEUE_ROOM, BrokerSink
        from mailtrack.jobs.dispatcher import Dispatcher

        return Dispatcher(
            store=self.store,
            sink=sink or BrokerSink(self.broker, QUEUE_ROOM),
            carriers={code: self.declarations[code] for code in self.carriers},
            clock=self.clock,
            lease_s=self.settings.jobs.lease_s,
            relay_name=self.settings.smtp.place,
            limit=self.day_limit,
            announcements=self.announcements(),
            has_channels=bool(self.channel_kinds),
        )

    def announcements(self) -> Announcements:
        """Return where the dispatcher hears that something is due."""
        from mailtrack.jobs import announcements

        if self.store.engine.dialect.name == "postgresql":
            return announcements.PostgresAnnouncements(self.store)
        if self.settings.redis_url:
            return announcements.RedisAnnouncements(self.settings.redis_url)
        return announcements.NoAnnouncements()

    def housekeeping(self) -> Housekeeping:
        """Return what is done once in a while."""
        from mailtrack.jobs.dispatcher import HOUSEKEEPING_S
        from mailtrack.jobs.housekeeping import Housekeeping

        return Housekeeping(
            store=self.store,
            clock=self.clock,
            keep=self.settings.keep,
            sending_policy=self.sending_policy,
            suppression=self.suppression,
            views=self.views,
            sharing=self.sharing,
            channel_kinds=self.channel_kinds,
            every_s=HOUSEKEEPING_S,
            lease_s=self.settings.jobs.lease_s,
        )

    def rerouting(self) -> Rerouting:
        """Return what follows, once in a while, from carriers that were switched off or on."""
        from mailtrack.tracking.rerouting import Rerouting

        on = {code: self.declarations[code] for code in self.on}
        return Rerouting(self.store, self.clock, on, self.declarations.keys() - self.on)

    def declare_actors(self) -> None:
        """Declare the actors on the broker; a worker needs no more."""
        from mailtrack.jobs import actors

        deliverer = self.deliverer()
        deliverer.renderer.load()
        reader = replace(self.reader(), analyzer=self.reading_pool)
        channel_deliverer = self.channel_deliverer(deliverer.renderer)
        actors.declare(self.broker, reader, self.poller(), deliverer, channel_deliverer)

    @cached_property
    def analyzer(self) -> MailAnalyzer:
        """What tells whom a mail speaks for, and what it says."""
        from mailtrack.inbox.analysis import MailAnalyzer

        settings = self.settings
        return MailAnalyzer(
            authserv_id=settings.inbox.authserv_id,
            authserv_below=settings.inbox.authserv_below,
            allow=settings.inbox.allowed,
            own_addresses={settings.inbox.forward_to.lower(), settings.smtp.from_address.lower()},
            personal=self.addresses,
            bounces=self.bounces,
        )

    @cached_property
    def quotas(self) -> ParcelQuotas:
        """How many new parcels a day takes."""
        from mailtrack.inbox.quotas import ParcelQuotas

        inbox = self.settings.inbox
        return ParcelQuotas(
            per_address=inbox.parcels_per_day,
            per_domain=inbox.domain_parcels_per_day,
            in_all=inbox.all_parcels_per_day,
        )

    @cached_property
    def reading_pool(self) -> ReadingPool:
        """The same in processes of their own: what a worker reads mails with."""
        from mailtrack.inbox.reading_pool import ReadingLimits, ReadingPool

        jobs = self.settings.jobs
        # After its lease a mail is handed out again: nobody waits for this reading any more.
        limits = ReadingLimits(wall_s=jobs.lease_s)
        return ReadingPool(self.analyzer, jobs.readers, limits)

    def reader(self) -> Reader:
        """Return what reads stored mails, in this process."""
        from mailtrack.inbox.intake import Reader

        return Reader(
            store=self.store,
            analyzer=self.analyzer,
            carriers=self.carriers.keys(),
            clock=self.clock,
            suppression=self.suppression,
            bounces=self.bounces,
            quotas=self.quotas,
        )

    def poller(self) -> Poller:
        """Return what asks the carriers."""
        from mailtrack.tracking.polling import Poller

        return Poller(self.store, self.carriers, self.declarations, self.clock, SystemRandom())

    def deliverer(self) -> Deliverer:
        """Return what sends notices."""
        from mailtrack.jobs.delivering import Deliverer
        from mailtrack.notify.mail import SmtpIdentity
        from mailtrack.notify.render import Renderer, templates_dir

        settings = self.settings.smtp
        return Deliverer(
            store=self.store,
            views=self.views,
            renderer=Renderer(templates_dir()),
            identity=SmtpIdentity(settings.from_address, settings.from_name),
            open_relay=self.open_relay,
            clock=self.clock,
            sending_policy=self.sending_policy,
            lease_s=self.settings.jobs.lease_s,
            bounces=self.bounces,
            relay_name=settings.place,
            limit=self.day_limit,
        )

    @property
    def channel_kinds(self) -> frozenset[ChannelKind]:
        """The kinds of channels that the operator offers."""
        return self.settings.channels.kinds

    @cached_property
    def channel_seal(self) -> ChannelSeal:
        """What closes the addresses of channels."""
        from mailtrack.store.channels import ChannelSeal

        return ChannelSeal(*link_secrets(self.settings))

    def channel_senders(self) -> Mapping[ChannelKind, ChannelSender]:
        """Return what brings messages to each kind of channel that is on; ConfigurationError."""
        from mailtrack.channels.apprise_sender import AppriseSender, is_at_hand
        from mailtrack.channels.webhook import WebhookSender
        from mailtrack.domain.channels import ChannelKind

        senders: dict[ChannelKind, ChannelSender] = {}
        if ChannelKind.WEBHOOK in self.channel_kinds:
            hosts = self.settings.channels.callable_hosts
            senders[ChannelKind.WEBHOOK] = WebhookSender(hosts, self.clock)
        if ChannelKind.APPRISE in self.channel_kinds:
            if not is_at_hand():
                raise ConfigurationError(
                    "MAILTRACK_CHANNELS__ON names apprise, which is not installed: install "
                    "mailtrack with its extra `push`."
                )
            senders[ChannelKind.APPRISE] = AppriseSender(self.settings.channels.hosts)
        return senders

    def channel_deliverer(self, renderer: Renderer) -> ChannelDeliverer:
        """Return what brings notices to channels."""
        from mailtrack.jobs.channel_delivering import ChannelDeliverer
        from mailtrack.notify.mail import MailNames

        secret, _ = link_secrets(self.settings)
        return ChannelDeliverer(
            store=self.store,
            views=self.views,
            renderer=renderer,
            links=self.links,
            names=MailNames(secret),
            seal=self.channel_seal,
            senders=self.channel_senders(),
            clock=self.clock,
            sending_policy=self.sending_policy,
            lease_s=self.settings.jobs.lease_s,
        )

    def try_relay_again(self) -> None:
        """Let one mail try a relay that refused us: settings may be mended since."""
        from mailtrack.store import notices, relays

        now = self.clock.now()
        with self.store.write() as connection:
            relays.lift(connection, self.settings.smtp.place, now)
            notices.hasten_held(connection, now)

    def open_relay(self) -> SmtpRelay:
        """Return a connection to the mail relay, opened by its first mail."""
        from mailtrack.notify.smtp import SmtpRelay

        settings = self.settings.smtp
        return SmtpRelay(
            host=settings.host,
            port=settings.port,
            security=settings.security,
            user=settings.user,
            password=settings.password.get_secret_value(),
            ca_file=settings.ca_file,
            timeout_s=settings.timeout_s,
            sign=self.signer(),
            access_token=self.access_token,
        )

    @property
    def access_token(self) -> AccessToken | None:
        """What logs in where no password is set, None where nobody is to sign in."""
        return self.tokens if self.settings.oauth.client_id else None

    @cached_property
    def tokens(self) -> AccessTokens:
        """What keeps the one sign-in at Google or Microsoft."""
        from mailtrack.oauth.tokens import AccessTokens
        from mailtrack.store.oauth_tokens import TokenSeal

        return AccessTokens(
            self.store, TokenSeal(*link_secrets(self.settings)), self.token_endpoint
        )

    def token_endpoint(self, provider: str) -> TokenEndpoint:
        """Return what speaks to a provider of sign-ins, by its name."""
        from mailtrack.oauth.endpoint import TokenEndpoint
        from mailtrack.oauth.names import ProviderName

        return TokenEndpoint(ProviderName(provider), self.settings.oauth, self.transport)

    def signer(self) -> Callable[[bytes], bytes] | None:
        """Return what signs our mails, None where the relay does it."""
        settings = self.settings.smtp
        key = settings.dkim_key.get_secret_value()
        if not key:
            return None
        from mailtrack.notify.dkim import sign

        return partial(
            sign,
            domain=settings.domain,
            selector=settings.dkim_selector,
            private_key_pem=key,
        )
