"""`python -m mailtrack`."""

from mailtrack.cli import main

main()
