"""A proof as a PDF that can be read aloud and copied from, in the words of its page.

What strangers wrote goes to typst as data and is never read as its markup.
"""

import json
import os
import re
import subprocess
import sys
from dataclasses import asdict, replace
from importlib.util import find_spec

from mailtrack.errors import TransientError
from mailtrack.notify.render import templates_dir
from mailtrack.web.proof_document import ProofDocument
from mailtrack.web.proof_words import SPEECHES

#: What typst's own fonts can surely write: Latin letters, and the punctuation of our words.
#: Anything else takes a font of the machine.
_OWN = (
    r"\u0020-\u007e\u00a0-\u00ac\u00ae-\u017f"
    r"\u2009\u2010-\u2014\u2018-\u201e\u2022\u2026\u202f\u20ac"
)
_FOREIGN = re.compile(rf"[^{_OWN}]+(?: +[^{_OWN}]+)*")
#: Stands for a run of characters that no font has.
MISSING = "[…]"

_COMMAND = (sys.executable, "-m", "mailtrack.web.pdf_process")
#: How long one may take, however busy the machine is (seconds).
MOST_WAIT_S = 30.0


def is_at_hand() -> bool:
    """Return True if PDFs can be set here: the extra `pdf` is installed."""
    return find_spec("typst") is not None


def write_pdf(document: ProofDocument, *, system_fonts: bool = True) -> bytes:
    """Return a proof as a PDF; where no font has a character, it says so and shows a stand-in.

    `system_fonts`: use those of the machine, too. Raises TransientError where it cannot be set.
    """
    missing = SPEECHES[document.language].say("missing")
    texts = (_data(document), _FOREIGN.sub(MISSING, _data(replace(document, missing=missing))))
    template = (templates_dir() / "web" / "proof.typ").read_text(encoding="utf-8")
    job = {"template": template, "texts": texts, "system_fonts": system_fonts}
    try:
        done = subprocess.run(
            _COMMAND,
            input=json.dumps(job).encode(),
            capture_output=True,
            timeout=MOST_WAIT_S,
            check=True,
            # Without our secrets: who sets strangers' words needs none.
            env={k: v for k, v in os.environ.items() if not k.startswith("MAILTRACK_")},
        )
    except (subprocess.SubprocessError, OSError) as error:
        raise TransientError(f"A PDF could not be set: {type(error).__name__}.") from error
    return done.stdout


def _data(document: ProofDocument) -> str:
    return json.dumps(asdict(document), ensure_ascii=False)
