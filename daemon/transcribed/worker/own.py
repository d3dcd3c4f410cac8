"""How one recording is transcribed and rendered: as its inbox has it, or as files at the share said of this one.

What they said is kept with the job as it was when the job was made, so that a change of a file changes no job that is
under way. What this module does not know: how those files are read, and what may be said in them.
"""

import json
from dataclasses import dataclass
from typing import Any

from transcribed.job import Job, canonical
from transcribed.worker.plan import Route


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for of one recording. `parameters` are canonical JSON."""

    parameters: str
    formats: tuple[str, ...]
    output_name: str
    speakers: dict[str, str]
    line_length: int
    lines: int


def wanted(job: Job, route: Route) -> Wanted:
    """What is asked for of this job's recording."""
    if job.settings is None:
        style = (dict(route.speakers), route.line_length, route.lines)
        return Wanted(route.parameters, route.formats, route.output_name, *style)
    said: dict[str, Any] = json.loads(job.settings)
    parameters, formats = canonical(said["parameters"]), tuple(said["formats"])
    name = said.get("output_name", route.output_name)  # what was said before there was such a setting lacks it
    return Wanted(parameters, formats, name, dict(said["speakers"]), said["line_length"], said["lines"])
