"""The variables of the environment by their names, for those who read no settings."""

#: What the names of all our variables begin with.
PREFIX = "MAILTRACK_"
#: Names the file of settings, where it is not `.env`.
ENV_FILE = f"{PREFIX}ENV_FILE"
