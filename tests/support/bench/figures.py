"""A figure: what was measured, beside what, and the ratio that is wanted."""

import json
import os
import platform
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Figure:
    """A measured value and the one that it is compared with, from the same run; less is better."""

    line: str
    what: str
    value: float
    unit: str
    against: str
    other: float
    at_most: float | None = None  # the ratio that is wanted

    @property
    def ratio(self) -> float:
        return self.value / self.other if self.other else float("inf")

    @property
    def is_met(self) -> bool:
        return self.at_most is None or self.ratio <= self.at_most

    def text(self) -> str:
        wanted = "" if self.at_most is None else f" (at most {self.at_most:g}: {'yes' if self.is_met else 'NO'})"
        mine, other = f"{self.value:.4g} {self.unit}", f"{self.other:.4g} {self.unit}"
        return f"{self.line:>4}  {self.what}: {mine}; {self.against}: {other}; ratio {self.ratio:.3g}{wanted}"


def to_json(figures: Sequence[Figure], options: dict[str, Any]) -> str:
    """All of a run, for the plots and for comparison."""
    machine = {"cores": os.cpu_count(), "system": platform.platform(), "python": platform.python_version()}
    rows = [asdict(figure) | {"ratio": figure.ratio, "is_met": figure.is_met} for figure in figures]
    measured_at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    return json.dumps({"measured_at": measured_at, "machine": machine, "options": options, "figures": rows}, indent=1)
