"""The loop that drains the journal.

One mailbox into one loop thread, which alone writes the journal and does no other I/O; steps are functions Job -> Event
that run elsewhere and hold no journal. The loop runs at its own pace: what arrives is taken in, then each job that may
take its next step does, then it computes how long to wait. Time is injected.
What this package does not know: the configuration, the command line and the host.
"""

from transcribed.worker.access import access_of
from transcribed.worker.loop import Worker
from transcribed.worker.messages import Look, Reload, Stop
from transcribed.worker.orders import ORDERS, drop
from transcribed.worker.plan import Host, Plan, Route

__all__ = ["ORDERS", "Host", "Look", "Plan", "Reload", "Route", "Stop", "Worker", "access_of", "drop"]
