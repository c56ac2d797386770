"""Signing in at Google and Microsoft, once for mailbox and relay, and staying signed in."""
