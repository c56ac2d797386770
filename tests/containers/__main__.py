"""`make image`: the image, compose and one container, with a real engine and the whole story."""

import sys
import tempfile
import time
from pathlib import Path

from tests.containers.checks import (
    Bench,
    check_compose,
    check_image,
    check_one_container,
    check_python,
)
from tests.containers.engine import FailedError, NoEngineError, engine

CHECKS = (check_image, check_python, check_one_container, check_compose)
#: The exit code where nothing could be checked (sysexits: EX_UNAVAILABLE).
NOT_CHECKED = 69


def main() -> int:
    """Run every check; 1 where one fails, 69 where no container can be run here."""
    began = time.monotonic()

    def tell(line: str) -> None:
        print(f"{time.monotonic() - began:4.0f} s  {line}", flush=True)

    with tempfile.TemporaryDirectory(prefix="mailtrack-image-") as name:
        try:
            with engine(Path(name)) as docker:
                for check in CHECKS:
                    check(Bench(docker, Path(name), tell))
        except NoEngineError as error:
            print(f"image: not checked: {error}.", file=sys.stderr)
            return NOT_CHECKED
        except FailedError as error:
            print(f"image: FAILED: {error}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
