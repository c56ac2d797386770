"""mailtrack: forward the shipping mail, get short French e-mails when it matters."""

__version__ = "0.1.0"
