"""Mails of the corpus, changed at random: whatever comes, it is read or refused, and soon.

`python -m benchmarks.mutants` reads 20,000 of them and fails where an exception escapes or
one takes longer than a second of the processor's time. The same seed makes the same mails.
"""

import argparse
import random
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from mailtrack.errors import PermanentError
from mailtrack.parsers import parse
from mailtrack.parsers.message import read_message

CORPUS = Path(__file__).parents[1] / "tests" / "corpus"
MOST_S = 1.0

#: What is thrown into mails of the corpus.
BITS = (
    b"\x00", b"\xff", b"=?utf-8?q?", b"?=", b"\r\n\r\n", b"\n--x", b"<", b">", b"<!--", b'"',
    b"De : ",
    b'Content-Type: multipart/mixed; boundary="x"\n', b"Content-Type: message/rfc822\n\n",
    b"Content-Transfer-Encoding: base64\n", b"charset=utf-16", b"To: ,,;:<@>", b"> " * 50,
    b" " * 3000, b"1" * 3000, b"http://[", b"https://www.aliexpress.com/?orderId=%", b'boundary=""',
)  # fmt: skip


def mutants(count: int, seed: int) -> Iterator[bytes]:
    """Yield mails of the corpus that were changed at random."""
    mails = [path.read_bytes() for path in sorted(CORPUS.glob("*/*.eml"))]
    rng = random.Random(seed)
    for _ in range(count):
        yield _mutant(rng, rng.choice(mails), rng.choice(mails))


def _mutant(rng: random.Random, mail: bytes, other: bytes) -> bytes:
    """Return a mail with some bytes changed, cut out, put in, repeated or taken elsewhere."""
    for _ in range(rng.choice((1, 1, 2, 3, 8))):
        at = rng.randrange(len(mail) + 1)
        end = at + rng.choice((1, 3, 20, 200))
        there = rng.randrange(len(other) + 1)
        mail = rng.choice(
            (
                mail[:at] + rng.randbytes(2) + mail[at + 2 :],
                mail[:at] + mail[end:],
                mail[:at] + rng.choice(BITS) + mail[at:],
                mail[:at] + mail[at:end] * 20 + mail[end:],
                mail[:at] + other[there : there + 300] + mail[at:],
                mail[at:] + mail[:at],
            )
        )
    return mail


def main() -> None:
    """Read many mutants; print how many, and the slowest."""
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--count", type=int, default=20_000)
    arguments.add_argument("--seed", type=int, default=1)
    chosen = arguments.parse_args()
    worst_s = max(map(_reading_s, mutants(chosen.count, chosen.seed)))
    print(f"{chosen.count} mutants of seed {chosen.seed}: none escaped, worst {worst_s:.2f} s")
    sys.exit(worst_s > MOST_S)


def _reading_s(mail: bytes) -> float:
    began = time.process_time()
    with suppress(PermanentError):
        parse(read_message(mail))
    return time.process_time() - began


if __name__ == "__main__":
    main()
