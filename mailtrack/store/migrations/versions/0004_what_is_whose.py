"""Random keys in place of numbers in links; orders and what mails tell are one person's."""

import secrets
from base64 import b32encode

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_INSTANT = sa.DateTime(timezone=True)
_ORDERS_END = ("order_unfulfillable", "cancelled", "refunded")


def upgrade() -> None:
    for name in ("subscriber", "subscription"):
        op.add_column(name, sa.Column("key", sa.String(length=16), nullable=True))
    for column in _state():
        op.add_column("subscription", column)
    op.create_index("ix_subscription_created_at", "subscription", ["created_at"])
    op.add_column("shop_order", sa.Column("subscriber_id", sa.Integer(), nullable=True))
    op.add_column("inbound", _text("names", sa.Text()))
    op.add_column("inbound", _text("source", sa.String(length=64)))
    for name in ("held_at", "asked_at", "vouched_at"):
        op.add_column("inbound", sa.Column(name, _INSTANT, nullable=True))
    held = sa.text("held_at IS NOT NULL")
    op.create_index(
        "ix_inbound_held", "inbound", ["held_at"], sqlite_where=held, postgresql_where=held
    )
    op.create_table(
        "mail_event",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("subscription_id", sa.Integer(), nullable=False),
        sa.Column("milestone", sa.String(length=24), nullable=False),
        sa.Column("code", sa.String(length=32), nullable=False),
        sa.Column("at", _INSTANT, nullable=False),
        sa.ForeignKeyConstraint(
            ["subscription_id"],
            ["subscription.id"],
            name=op.f("fk_mail_event_subscription_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mail_event")),
        sa.UniqueConstraint(
            "subscription_id",
            "milestone",
            "code",
            name=op.f("uq_mail_event_subscription_id_milestone_code"),
        ),
    )
    _fill()
    _tighten()


def _text(name: str, kind: sa.types.TypeEngine[str]) -> sa.Column[str]:
    return sa.Column(name, kind, nullable=False, server_default="")


def _state() -> tuple[sa.Column[object], ...]:
    return (
        sa.Column("milestone", sa.String(length=24), nullable=True),
        sa.Column("milestone_at", _INSTANT, nullable=True),
        sa.Column("reason", sa.String(length=24), nullable=True),
    )


def _tighten() -> None:
    for name in ("subscriber", "subscription"):
        with op.batch_alter_table(name) as table:
            table.alter_column("key", nullable=False)
            table.create_unique_constraint(op.f(f"uq_{name}_key"), ["key"])
    with op.batch_alter_table("shop_order") as table:
        table.alter_column("subscriber_id", nullable=False)
        table.drop_constraint(op.f("uq_shop_order_number"), type_="unique")
        table.create_unique_constraint(
            op.f("uq_shop_order_subscriber_id_number"), ["subscriber_id", "number"]
        )
        table.create_foreign_key(
            op.f("fk_shop_order_subscriber_id"),
            "subscriber",
            ["subscriber_id"],
            ["id"],
            ondelete="CASCADE",
        )


# --- the rows ---------------------------------------------------------------------------


def _fill() -> None:
    connection = op.get_bind()
    tables = sa.MetaData()
    tables.reflect(connection)
    for name in ("subscriber", "subscription"):
        _give_keys(connection, tables.tables[name])
    _part_orders(connection, tables.tables)
    _part_events(connection, tables.tables)
    _hold_mails(connection, tables.tables["inbound"])
    # These could be guessed.
    connection.execute(sa.update(tables.tables["notice"]).values(message_id=None))


def _give_keys(connection: sa.Connection, table: sa.Table) -> None:
    for number in connection.scalars(sa.select(table.c.id)).all():
        key = b32encode(secrets.token_bytes(10)).decode("ascii").lower()
        connection.execute(sa.update(table).where(table.c.id == number).values(key=key))


def _part_orders(connection: sa.Connection, tables: sa.util.FacadeDict[str, sa.Table]) -> None:
    """Give each person who named an order one of their own.

    Nobody noted who did: whoever awaited it, and of those who follow its parcel the ones
    whose mail named an article, or the only one.
    """
    order, carried, mine = tables["shop_order"], tables["parcel_order"], tables["subscription"]
    for row in connection.execute(sa.select(order)).mappings().all():
        follows = carried.c.parcel_id == mine.c.parcel_id
        following = sa.select(mine.c.subscriber_id, mine.c.parcel_id, mine.c.titles).where(
            sa.exists().where(follows, carried.c.shop_order_id == row["id"])
        )
        followers = connection.execute(following).all()
        alone = len({f.subscriber_id for f in followers}) == 1
        parcels: dict[int, set[int]] = {}
        for follower in followers:
            if alone or follower.titles:
                parcels.setdefault(follower.subscriber_id, set()).add(follower.parcel_id)
        awaiting = sa.select(mine.c.subscriber_id).where(mine.c.shop_order_id == row["id"])
        owners = sorted({*parcels, *connection.scalars(awaiting)})
        connection.execute(sa.delete(carried).where(carried.c.shop_order_id == row["id"]))
        for owner in owners:
            number = row["id"]
            if owner == owners[0]:
                changed = sa.update(order).where(order.c.id == number).values(subscriber_id=owner)
                connection.execute(changed)
            else:
                copy = {**row, "subscriber_id": owner}
                del copy["id"]
                added = sa.insert(order).values(**copy).returning(order.c.id)
                number = connection.execute(added).scalar_one()
                awaits = (mine.c.subscriber_id == owner) & (mine.c.shop_order_id == row["id"])
                connection.execute(sa.update(mine).where(awaits).values(shop_order_id=number))
            for parcel in sorted(parcels.get(owner, ())):
                join = {"parcel_id": parcel, "shop_order_id": number}
                connection.execute(sa.insert(carried).values(**join))
        if not owners:
            connection.execute(sa.delete(order).where(order.c.id == row["id"]))


def _part_events(connection: sa.Connection, tables: sa.util.FacadeDict[str, sa.Table]) -> None:
    """Leave to everybody what they were told; what mails told is no parcel's own any more."""
    mine, parcel, notice = tables["subscription"], tables["parcel"], tables["notice"]
    event, told = tables["tracking_event"], tables["mail_event"]
    for name in ("milestone", "milestone_at", "reason"):
        known = sa.select(parcel.c[name]).where(parcel.c.id == mine.c.parcel_id)
        connection.execute(sa.update(mine).values({name: known.scalar_subquery()}))
    ends = sa.select(notice).where(notice.c.kind.in_(_ORDERS_END)).order_by(notice.c.id)
    for row in connection.execute(ends).mappings().all():
        state = {"milestone": row["kind"], "milestone_at": row["created_at"]}
        waits = mine.c.parcel_id.is_(None) & (mine.c.id == row["subscription_id"])
        connection.execute(sa.update(mine).where(waits).values(**state))
    by_mail = event.c.source == "mail"
    kept = (
        sa.select(mine.c.id, event.c.milestone, event.c.code, sa.func.min(event.c.at))
        .join(event, event.c.parcel_id == mine.c.parcel_id)
        .where(by_mail)
        .group_by(mine.c.id, event.c.milestone, event.c.code)
    )
    columns = ["subscription_id", "milestone", "code", "at"]
    connection.execute(sa.insert(told).from_select(columns, kept))
    touched = connection.scalars(sa.select(event.c.parcel_id).where(by_mail).distinct()).all()
    connection.execute(sa.delete(event).where(by_mail))
    for number in touched:
        # About right; the next answer of a carrier makes it so.
        last = (
            sa.select(event.c.milestone, event.c.at, event.c.reason)
            .where(event.c.parcel_id == number, event.c.milestone != "unknown")
            .order_by(event.c.at.desc(), event.c.id.desc())
            .limit(1)
        )
        found = connection.execute(last).one_or_none() or (None, None, None)
        state = dict(zip(("milestone", "milestone_at", "reason"), found, strict=True))
        connection.execute(sa.update(parcel).where(parcel.c.id == number).values(**state))


def _hold_mails(connection: sa.Connection, inbound: sa.Table) -> None:
    """Go on holding what waits for a click: those asked about it have a link that lists it."""
    waits = (
        (inbound.c.outcome == "refused")
        & (inbound.c.reason == "the sender is not proven and was asked to confirm")
        & inbound.c.raw.is_not(None)
        & inbound.c.subscriber_id.is_not(None)
    )
    when = {"held_at": inbound.c.read_at, "asked_at": inbound.c.read_at}
    connection.execute(sa.update(inbound).where(waits).values(when))
