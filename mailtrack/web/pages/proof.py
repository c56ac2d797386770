"""The page of a proof for a dispute."""

from dataclasses import dataclass
from typing import ClassVar

from mailtrack.web.proof_document import ProofDocument


@dataclass(frozen=True, slots=True)
class ProofWay:
    """A link beside a proof: to it in the other language (`lang`), or as a file ("")."""

    path: str
    words: str
    lang: str = ""


@dataclass(frozen=True, slots=True)
class ProofPage:
    """GET /l/<token>: a proof as anybody sees it who has its address; it leads nowhere else."""

    template: ClassVar[str] = "web/proof.html"

    proof: ProofDocument
    ways: tuple[ProofWay, ...] = ()
