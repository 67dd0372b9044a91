"""`python -m accounts.sandbox --port 8900 [--host 127.0.0.1] [--state FILE]`"""

import argparse
import ipaddress
import signal
import sys
import threading
from pathlib import Path
from typing import Any

from accounts.sandbox.app import Sandbox
from accounts.sandbox.server import Server


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m accounts.sandbox", description="Plays the e-mail providers."
    )
    parser.add_argument("--port", type=int, default=8900, help="0 picks a free one")
    parser.add_argument("--host", default="127.0.0.1", help="a loopback address")
    parser.add_argument("--state", type=Path, help="file that keeps the state over a restart")
    options = parser.parse_args()
    if not ipaddress.ip_address(options.host).is_loopback:
        sys.exit(
            f"The sandbox has no secrets and no lock: it listens on a loopback address only, not on {options.host}."
        )
    try:
        server = Server((options.host, options.port), sandbox := Sandbox(state=options.state))
    except OSError as error:
        sys.exit(f"The sandbox cannot listen on {options.host}:{options.port}: {error.strerror}.")

    def stop(*_: Any) -> None:
        sandbox.stopping.set()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    threads = [
        threading.Thread(target=work, daemon=True)
        for work in (server.serve_forever, lambda: pass_time(sandbox), lambda: post_callbacks(sandbox))
    ]
    for thread in threads:
        thread.start()
    print(f"Sandbox on http://{options.host}:{server.server_port}", flush=True)
    sandbox.stopping.wait()
    server.shutdown()
    for thread in threads:
        thread.join(1)  # a callback on its way gets this long to be noted as posted
    if sandbox.state_file:
        sandbox.state_file.save()


def pass_time(sandbox: Sandbox) -> None:
    while not sandbox.stopping.wait(0.5):
        sandbox.advance()
        if sandbox.state_file:
            sandbox.state_file.save_if_due()


def post_callbacks(sandbox: Sandbox) -> None:
    """A thread of its own: a receiver that is slow to answer holds up neither the clock nor a caller."""
    while not sandbox.stopping.wait(0.2):
        while sandbox.deliver() and not sandbox.stopping.is_set():
            pass


if __name__ == "__main__":
    main()
