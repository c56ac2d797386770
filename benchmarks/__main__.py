"""Run every measure and print one table of ratios.

`forecast` prints tables of its own, and so does `--scale`: see `benchmarks.size`.
"""

import logging
import sys
import warnings

import structlog
from rich.console import Console
from rich.table import Table

from benchmarks import (
    answering,
    asking,
    delivering,
    forecast,
    ingesting,
    latency,
    polling,
    reading,
    size,
    ticking,
)
from benchmarks.measure import Ratio

MEASURES = (ticking, size, delivering, reading, ingesting, latency, answering, asking, polling)


def main() -> None:
    """Print the ratios as they come, then the table."""
    console = Console()
    table = Table("measure", "ours", "beside", "takes", "ratio", "target")
    with console.status("measuring, five minutes at most …"):
        for measure in MEASURES:
            for ratio in measure.ratios():
                table.add_row(*_row(ratio))
    console.print(table)


def _row(ratio: Ratio) -> tuple[str, ...]:
    return (
        ratio.name,
        _taken(ratio.ours_s, ratio.count),
        ratio.yardstick,
        _taken(ratio.yardstick_s, ratio.count),
        f"{ratio.value:.2f}",
        ratio.target,
    )


def _taken(seconds: float, count: int) -> str:
    rate = f" ({count / seconds:.0f}/s)" if count else ""
    return f"{seconds * 1000:.1f} ms{rate}"


if __name__ == "__main__":
    warnings.simplefilter("ignore")  # platformdirs, where XDG_RUNTIME_DIR is not set
    quiet = structlog.make_filtering_bound_logger(logging.WARNING)
    structlog.configure(wrapper_class=quiet)
    if sys.argv[1:] == ["forecast"]:
        forecast.main()
    elif sys.argv[1:2] == ["--scale"]:
        size.main(*sys.argv[2:])
    else:
        main()
