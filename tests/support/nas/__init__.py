"""Kernel NFS and CIFS mounts in a virtual machine, and a daemon that lives on all of them.

On the host: `image` builds the machine's disk once, `machine` runs it, `table` shows what it told. In the machine:
`guest` goes through `cases`, on the mounts of `shares`, by the servers of `servers`; `judge` says what is wrong.
"""
