"""The operator's page: what the commands of `mailtrack.admin` answer and do, in a browser."""

#: Where the operator's pages begin.
ADMIN = "/admin"
#: Where a scope keeps who is at the other end of the connection: `client` is whom they name.
PEER = "mailtrack.peer"
