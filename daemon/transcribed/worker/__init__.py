"""The loop that drains the journal.

One mailbox leads into one loop thread. Only that thread writes the journal, and it does no other I/O; steps are
functions Job -> Event that run elsewhere and hold no journal. The loop runs at its own pace: it takes in the messages
that have come, lets each job take its next step if it may, and then computes how long to wait. Time is injected.

`intake` goes from a look at a folder to a job, `steps` are the steps of a job, `people` is what people are told.
"""

from typing import TYPE_CHECKING

from transcribed import loading

if TYPE_CHECKING:
    from transcribed.worker.access import access_of
    from transcribed.worker.dropped import ORDERS, drop
    from transcribed.worker.intake.acceptance import claim_of
    from transcribed.worker.loop import Worker
    from transcribed.worker.messages import LaneChecked, Look, Reload, Stop
    from transcribed.worker.plan import Host, Plan, Route
else:
    __getattr__ = loading.on_demand(
        __name__,
        {
            "access": ("access_of",),
            "dropped": ("ORDERS", "drop"),
            "intake.acceptance": ("claim_of",),
            "loop": ("Worker",),
            "messages": ("LaneChecked", "Look", "Reload", "Stop"),
            "plan": ("Host", "Plan", "Route"),
        },
    )

__all__ = [
    "ORDERS",
    "Host",
    "LaneChecked",
    "Look",
    "Plan",
    "Reload",
    "Route",
    "Stop",
    "Worker",
    "access_of",
    "claim_of",
    "drop",
]
