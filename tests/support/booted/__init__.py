"""The documented service under a real systemd: a Debian that is booted in a container, from nothing to an uninstall.

`image` builds the Debian once, `machine` boots it, `readme` takes the commands out of the documents, `steps` has what
is done and looked at. The API is the stand-in, in this process: the machine shares our loopback, and has nothing else.
"""
