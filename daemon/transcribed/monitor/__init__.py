"""The daemon's health: for a container, a service that watches, and people.

`health` is the one rule; `evidence` is what a stranger to the process can see of it. Both have few imports, because
`transcribed health` is run every half a minute.
"""
