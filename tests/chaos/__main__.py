"""`python -m tests.chaos`: faults in every part of the service while it works."""

import argparse
import shutil
import signal
import sys
from collections import defaultdict
from collections.abc import Iterator
from random import SystemRandom

from tests.chaos.plan import LONG, SHORT
from tests.chaos.run import KINDS, Report, perform

#: After any fault the service goes on within this (real seconds).
RECOVERED_WITHIN_S = 120.0
#: Lines of each list of failures.
_MOST_LINES = 30


def main() -> int:
    """Run on each pair of servers; 1 where anything was lost, came twice or stood still."""
    options = _options()
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    seed = SystemRandom().randrange(2**32) if options.seed is None else options.seed
    size = LONG if options.long else SHORT
    good = True
    for store in (options.store,) if options.store else KINDS:
        report = perform(store, seed, size, _say, twice=options.twice)
        for line in (*_table(report), *_verdict(report)):
            _say(line)
        good = _tidy(report) and good
    return 0 if good else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--long", action="store_true", help="300 parcels and 66 faults")
    parser.add_argument("--seed", type=int, help="repeat the plan of a run")
    parser.add_argument("--store", choices=list(KINDS), help="one pair of servers only")
    parser.add_argument(
        "--twice",
        action="store_true",
        help="two watchers and two dispatchers, where parts are apart",
    )
    return parser.parse_args()


def _say(line: str) -> None:
    print(line, flush=True)


def _table(report: Report) -> Iterator[str]:
    play, expectations = report.play, report.play.expectations
    rows = {
        "mails fed in": expectations.mails,
        "of them the same again": expectations.mails - len(expectations.outcomes),
        "parcels": len(report.plan.journeys) + len(report.plan.probes),
        "scans of carriers": report.plan.events,
        "requests to carriers": sum(play.stage.outside.world.requests.values()),
        "notices owed": expectations.owed.total(),
        "mails that arrived": expectations.received,
        "notices owed elsewhere": play.elsewhere.owed.total(),
        "that arrived there": play.elsewhere.received,
        "of them about silence": expectations.by_the_clock,
        "faults": len(play.felt),
        "seconds": round(report.seconds),
    }
    yield from (f"  {name:<26}{number:>8}" for name, number in rows.items())
    felt = defaultdict(list)
    for each in play.felt:
        felt[each.strike.kind].append(each.recovered_s)
    for kind, times in sorted(felt.items()):
        worst = "never" if None in times else f"{max(filter(None, times)):.1f} s"
        yield f"  {kind:<26}{len(times):>8} times, on again after {worst} at worst"


def _verdict(report: Report) -> Iterator[str]:
    for what, lines in (("lost", report.lost), ("doubled", report.doubled)):
        yield from (f"  {what}: {line}" for line in lines[:_MOST_LINES])
    yield from (f"  never went on: {name}" for name in report.play.given_up[:_MOST_LINES])
    yield f"lost {len(report.lost)}"
    yield f"doubled {len(report.doubled)}"
    yield f"repeated {report.play.expectations.repeated} (with the same Message-ID)"
    again = report.play.elsewhere.repeated
    yield f"repeated elsewhere {again} (with the same webhook-id, or to ntfy)"
    yield f"on again within {report.worst_s:.1f} s"


def _tidy(report: Report) -> bool:
    """Remove the logs of a good run; say where those of a bad one are."""
    slow = report.worst_s > RECOVERED_WITHIN_S
    if report.lost or report.doubled or report.play.given_up or slow:
        _say(f"FAILED with --seed {report.plan.seed}; the logs are kept in {report.folder}")
        return False
    shutil.rmtree(report.folder, ignore_errors=True)
    return True


if __name__ == "__main__":
    sys.exit(main())
