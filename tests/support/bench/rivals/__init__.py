"""Other ways to transcribe a list of files, one program each; `ready` tells the bench that its modules are loaded."""

import os
import socket


def ready() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.sendto(b"READY=1", os.environ["NOTIFY_SOCKET"])
