"""The formats that there are, by their names, and the endings of their files."""

from collections.abc import Mapping
from types import MappingProxyType

#: By the name that each has in the configuration, in the order in which lists show them.
SUFFIXES: Mapping[str, str] = MappingProxyType(
    {
        "txt": ".txt",
        "md": ".md",
        "srt": ".srt",
        "vtt": ".vtt",
        "lrc": ".lrc",
        "tsv": ".tsv",
        "csv": ".csv",
        "podcast": ".podcast.json",
        "labels": ".labels.txt",
        "html": ".html",
        "docx": ".docx",
        "json": ".json",
    }
)
