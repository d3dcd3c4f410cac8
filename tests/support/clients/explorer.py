"""A program that copies one file to a share in the order of Windows' Explorer, at a given rate.

It creates the file, sets its size, writes from the front, sets the time, and closes, all through one handle. With
`--no-size` it does not set the size: so do most programs that write by SMB themselves.
"""

import argparse
import os
import threading
from pathlib import Path

import smbclient
from smbclient._io import SMBFileTransaction, set_info
from smbprotocol.file_info import FileBasicInformation

BLOCK = 65536


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("port", "rate"):
        parser.add_argument(f"--{name}", type=int, required=True)
    for name in ("user", "password", "source", "target"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--no-size", action="store_true")
    given = parser.parse_args()
    smbclient.ClientConfig(username=given.user, password=given.password)
    data = Path(given.source).read_bytes()
    path = rf"\\127.0.0.1\talks\{given.target}"
    with smbclient.open_file(path, mode="wb", buffering=0, share_access="r", port=given.port) as file:
        if not given.no_size:
            file.truncate(len(data))
        for at in range(0, len(data), BLOCK):
            file.write(data[at : at + BLOCK])
            threading.Event().wait(BLOCK / given.rate)
        with SMBFileTransaction(file) as change:
            times = FileBasicInformation()
            times["last_write_time"] = os.stat(given.source).st_mtime_ns // 100 + 116444736000000000
            set_info(change, times)


if __name__ == "__main__":
    main()
