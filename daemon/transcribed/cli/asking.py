"""The process that asks folders for an answer, on a thread for each: one that hangs holds up no other.

It is a program of its own, which imports nothing of ours and so starts at once. Its arguments are the folders. It
writes an empty line when it begins, and the number of each folder that has answered, even if the answer is an error.
"""

import os
import sys
import threading


def _ask(number: int, folder: bytes) -> None:
    """Ask for what no cache can answer: the space that is left, and a name that nobody has asked for before."""
    try:
        os.statvfs(folder)
        os.lstat(os.path.join(folder, b".transcribed-%s" % os.urandom(8).hex().encode()))
    except OSError:
        pass
    os.write(sys.stdout.fileno(), b"%d\n" % number)


def main() -> None:
    """Ask all folders; ends when the last one has answered."""
    os.write(sys.stdout.fileno(), b"\n")
    for number, folder in enumerate(map(os.fsencode, sys.argv[1:])):
        threading.Thread(target=_ask, args=(number, folder)).start()


if __name__ == "__main__":
    main()
