"""A mail relay in a process of its own that takes mails as fast as Python can, and drops them.

Beside it in the same process, the sender would be measured with half a processor.
"""

import socketserver
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_ANSWERS = {
    b"EHLO": b"250-drain\r\n250-SIZE 10000000\r\n250-PIPELINING\r\n250 8BITMIME\r\n",
    b"DATA": b"354 go on\r\n",
    b"QUIT": b"221 bye\r\n",
}


class PageService(socketserver.StreamRequestHandler):
    """One connection."""

    disable_nagle_algorithm = True

    def handle(self) -> None:
        self.wfile.write(b"220 drain\r\n")
        for line in self.rfile:
            command = line[:4].upper()
            self.wfile.write(_ANSWERS.get(command, b"250 OK\r\n"))
            if command == b"DATA":
                self._swallow()
            if command == b"QUIT":
                return

    def _swallow(self) -> None:
        for line in self.rfile:
            if line == b".\r\n":
                self.wfile.write(b"250 taken\r\n")
                return


@contextmanager
def running() -> Iterator[int]:
    """Start a drain; give its port on 127.0.0.1."""
    command = [sys.executable, "-m", "benchmarks.drain"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.terminate()


if __name__ == "__main__":
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), PageService) as server:
        print(server.server_address[1], flush=True)
        server.serve_forever()
