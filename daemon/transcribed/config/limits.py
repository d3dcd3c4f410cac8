"""The limits of what may be paid for: of [costs], for all inboxes together, and of each inbox."""

from typing import Annotated

from pydantic import Field

from transcribed.config.table import Table
from transcribed.job.limits import Limits

Most = Annotated[float, Field(ge=0, le=1_000_000)] | None


class Limited(Table):
    """A table that may have limits; None: no limit. A limit of 0 lets nothing be paid for."""

    limit_hours_per_day: Most = Field(default=None, description="The most hours of audio in a day. Default: no limit.")
    limit_hours_per_month: Most = Field(default=None, description="The most hours in a month. Default: no limit.")
    limit_cost_per_day: Most = Field(default=None, description="The most money in a day. It needs prices in [costs].")
    limit_cost_per_month: Most = Field(default=None, description="The most money in a month. It needs prices too.")

    def limits(self) -> Limits:
        """The same in the form that is counted by."""
        return Limits(
            self.limit_hours_per_day, self.limit_hours_per_month, self.limit_cost_per_day, self.limit_cost_per_month
        )

    @property
    def limits_money(self) -> bool:
        """True if there is a limit of money."""
        return self.limit_cost_per_day is not None or self.limit_cost_per_month is not None
