"""A table of the configuration file."""

from pydantic import BaseModel, ConfigDict


class Table(BaseModel):
    """One table of the file: strict about types, closed to other keys, unchangeable once read."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)
