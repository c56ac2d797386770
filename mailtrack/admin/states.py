"""The words by which a list is narrowed to what stands somewhere, for those who open no store."""

from mailtrack.domain.milestones import Milestone
from mailtrack.domain.model import Outcome

#: What a mail is that was not read yet (the others are its outcomes), or an invitation.
WAITING = "waiting"
OF_MAILS = (WAITING, *map(str, Outcome))

OF_NOTICES = ("due", "sent", "skipped", "failed")

#: Where a parcel may stand beside its milestones.
NO_MILESTONE, ENDED, POLLED = "none", "ended", "polled"
OF_PARCELS = (NO_MILESTONE, ENDED, POLLED, *map(str, Milestone))

BOUNCING, ACTIVE, LEFT, UNCONFIRMED, ALL = "bouncing", "active", "left", "unconfirmed", "all"
OF_PEOPLE = (BOUNCING, ACTIVE, LEFT, UNCONFIRMED, ALL)

ACCEPTED, REFUSED, OVER = "accepted", "refused", "over"
OF_INVITATIONS = (WAITING, ACCEPTED, REFUSED, OVER)
