"""Channels besides mail: what a message says there, and how it is brought to hosts of others."""
