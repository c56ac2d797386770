"""Everything there is to see: each mail, and each page in each of its states."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Page

from gallery.world import SESAME, World
from mailtrack.notify.links import Purpose
from mailtrack.notify.preview import write_preview
from mailtrack.notify.render import jinja_environment, templates_dir
from mailtrack.notify.samples import NUMBER, order_samples
from mailtrack.notify.view import NoticeKind
from mailtrack.web.pages.buttons import Action
from mailtrack.web.pages.channels import ChannelAction
from mailtrack.web.pages.lookup import BusyPage
from mailtrack.web.pages.page import Page as WebPage
from mailtrack.web.pages.page import draw
from mailtrack.web.pages.site import AwayPage

#: The parcels and orders whose page is worth a picture: awaited, under way, gone wrong, ended.
TIMELINES = (
    NoticeKind.ORDER_REGISTERED,
    NoticeKind.CUSTOMS_CLEARED,
    NoticeKind.CUSTOMS_HELD,
    NoticeKind.PICKUP_AVAILABLE,
    NoticeKind.DELIVERED,
    NoticeKind.RETURNING,
    NoticeKind.CANCELLED,
    *order_samples(),
)

#: The open pages, by their paths.
OPEN = {
    "accueil": "/",
    "aide": "/aide",
    "suivi": "/suivi",
    "suivi-trouve": f"/suivi?number={NUMBER}",
    "suivi-inconnu": "/suivi?number=XY",
    "mentions-legales": "/mentions-legales",
    "confidentialite": "/confidentialite",
    "lien-casse": "/d/nulle-part",
}


SIGN_IN = "/admin/sign-in"

#: The pages that are shown when too much is asked, and when the store is away.
RARE: Mapping[str, WebPage] = {
    "patience": BusyPage("colis@example.org", wait_s=3),
    "indisponible": AwayPage("colis@example.org"),
}


#: The operator's pages, by their paths: each list, and one thing of each opened.
OPERATOR = {
    "operator-status": "/admin",
    "operator-mails": "/admin/mails",
    "operator-mail": "/admin/mails?id=1",
    "operator-notices": "/admin/notices",
    "operator-notice": "/admin/notices?id=1",
    "operator-parcels": "/admin/parcels",
    "operator-parcel": "/admin/parcels?number=LP00827165784086",
    "operator-people": "/admin/people?state=all",
    "operator-person": "/admin/people?id=1",
    "operator-invitations": "/admin/invitations",
    "operator-carriers": "/admin/carriers",
    "operator-figures": "/admin/figures",
    "operator-nothing": "/admin/parcels?number=NOTHING",
}


@dataclass(frozen=True, slots=True)
class Scene:
    """Something to look at: its name, its address, and the buttons to press first."""

    name: str
    address: str
    presses: tuple[Action | ChannelAction, ...] = ()


def mails(folder: Path) -> Iterator[Scene]:
    """Write every mail to a folder, and return them as scenes."""
    write_preview(folder)
    for kind in NoticeKind:
        yield Scene(f"mail-{kind}", (folder / f"{kind}.html").resolve().as_uri())
    for name in order_samples():
        yield Scene(f"mail-{name}", (folder / f"{name}.html").resolve().as_uri())


def rare_pages(folder: Path) -> Iterator[Scene]:
    """Write the pages that no visit brings about, and return them as scenes."""
    folder.mkdir(parents=True, exist_ok=True)
    environment = jinja_environment(templates_dir())
    for name, page in RARE.items():
        path = folder / f"{name}.html"
        path.write_text(draw(environment, page, nonce=""), encoding="utf-8")
        yield Scene(name, path.resolve().as_uri())


def operator_pages(world: World) -> Iterator[Scene]:
    """Return the operator's pages; the first visit signs in."""
    yield Scene("operator-sign-in", world.address + SIGN_IN)
    for name, path in OPERATOR.items():
        yield Scene(name, world.address + path)


def pages(world: World) -> Iterator[Scene]:
    """Return every page; what is stopped on the way is taken up again, the last erases all."""
    for name, path in OPEN.items():
        yield Scene(name, world.address + path)
    for kind in TIMELINES:
        yield Scene(f"parcours-{kind}", world.link(Purpose.TIMELINE, kind))
    proven = world.link(Purpose.TIMELINE, NoticeKind.RETURNING)
    yield Scene("dossier", proven, (Action.PROVE,))
    one = world.link(Purpose.STOP_PARCEL, NoticeKind.CUSTOMS_CLEARED)
    everything = world.link(Purpose.STOP_ALL)
    preferences = world.link(Purpose.PREFERENCES)
    data = world.link(Purpose.DATA)
    yield Scene("arret", one)
    yield Scene("arret-fait", one, (Action.STOP,))
    yield Scene("arret-repris", one, (Action.RESUME,))
    yield Scene("tout-arreter", everything)
    yield Scene("tout-arrete", everything, (Action.STOP,))
    yield Scene("tout-repris", everything, (Action.RESUME,))
    yield Scene("preferences", preferences)
    yield Scene("preferences-recu", preferences, (Action.RECEIVED,))
    yield Scene("preferences-terminees", f"{preferences}?vue=termines")
    yield Scene("preferences-cherchees", f"{preferences}?q=lampe&tri=nom")
    yield Scene("preferences-agenda", preferences, (Action.CALENDAR,))
    yield Scene("ailleurs", world.link(Purpose.CHANNELS))
    proof = world.link(Purpose.CHANNEL)
    yield Scene("ailleurs-essai", proof)
    yield Scene("ailleurs-essai-fait", proof, (ChannelAction.PROVE,))
    yield Scene("confirmation", world.link(Purpose.CONFIRM))
    question = world.link(Purpose.FOLLOW)
    yield Scene("numero-douteux", question)
    yield Scene("numero-douteux-suivi", question, (Action.FOLLOW,))
    yield Scene("numero-douteux-deja-suivi", question)
    yield Scene("prevenir", world.link(Purpose.TIMELINE, NoticeKind.PICKUP_AVAILABLE))
    invitation, end = world.invitation(Purpose.INVITATION), world.invitation(Purpose.NO_INVITATIONS)
    yield Scene("invitation", invitation)
    yield Scene("invitation-acceptee", invitation, (Action.ACCEPT,))
    yield Scene("invitation-deja-acceptee", invitation)
    yield Scene("invitations-refuser", end)
    yield Scene("invitations-refusees", end, (Action.REFUSE,))
    yield Scene("invitations-reprises", end, (Action.RESUME,))
    yield Scene("donnees", data)
    yield Scene("donnees-effacer", data, (Action.ERASE,))
    yield Scene("donnees-effacees", data, (Action.ERASE, Action.ERASE_FOR_GOOD))
    yield Scene("lien-perime", one)


def visit(page: Page, scene: Scene) -> None:
    """Open a scene, signing in where it asks for that, and press its buttons."""
    page.goto(scene.address)
    if page.url.endswith(SIGN_IN) and not scene.address.endswith(SIGN_IN):
        page.get_by_label("Password").fill(SESAME)
        page.get_by_role("button", name="Sign in").click()
        page.goto(scene.address)
    for action in scene.presses:
        press(page, action)


def press(page: Page, action: Action | ChannelAction) -> None:
    """Press the first button on a page that asks for something."""
    page.locator(f"form:has(input[name=do][value={action}]) button").first.click()
    page.wait_for_load_state()
