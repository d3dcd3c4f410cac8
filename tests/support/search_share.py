"""A share with a page for searches, as the daemon writes it, and what a browser finds there."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from browser import Browser
from transcribed import files, formats, search_page
from transcribed.formats import finding
from transcribed.worker.people.search_folder import Held, Said, SearchFolder

#: The words and the path of each file of a recording.
Links = list[tuple[str, str]]


class Writing:
    """The page of a folder, and what it loads."""

    def __init__(
        self, directory: Path, links: Callable[[str], Links] = lambda name: [("html", f"{name}.html")]
    ) -> None:
        self._directory = directory
        self._links = links
        self._held: Held | None = None

    def put(self, answers: Mapping[int, tuple[str, bytes]]) -> None:
        """Put recordings in by the numbers of their jobs, each with its name."""
        with files.opened(os.fsencode(self._directory)) as root:
            folder = SearchFolder(root, files.Access(), self._held)
            folder.put({named(number): _said(*each, self._links(each[0])) for number, each in answers.items()})
            folder.tidy()
            self._held = folder.held

    def found(self) -> list[str]:
        """The recordings that are in the index, by what the folder says, each as often as it would be found."""
        with files.opened(os.fsencode(self._directory)) as root:
            held = SearchFolder(root, files.Access(), None).held
        return sorted((name for segment in held.segments for name in segment.recordings), key=_number)

    def take_out(self, numbers: list[int]) -> None:
        """Take recordings out."""
        with files.opened(os.fsencode(self._directory)) as root:
            folder = SearchFolder(root, files.Access(), self._held)
            self._held = None
            try:
                folder.take_out({named(number) for number in numbers})
            finally:
                folder.forget_stale()
            folder.tidy()
            self._held = folder.held

    @property
    def folder(self) -> Path:
        """The folder of all that the page loads."""
        return self._directory / search_page.FOLDER

    def show(self, title: str, waiting: int = 0) -> None:
        """Write the page of what is in the folder."""
        assert self._held is not None
        names, count = [each.name for each in self._held.segments], len(self._held.found)
        page = search_page.html(title, names, held=count, waiting=waiting, is_cut=False)
        (self._directory / "_search.html").write_bytes(page)


def _number(name: str) -> int:
    return int(name.split("-", maxsplit=1)[0])


def named(number: int) -> str:
    """The name of a recording's file."""
    return f"{number}-{number:08x}"


def _said(name: str, answer: bytes, links: Links) -> Said:
    def said() -> tuple[bytes, list[str]]:
        transcript = formats.parse(answer)
        content = search_page.piece(transcript, file=name, day="2026-11-27", links=links)
        return content, finding.searched(transcript).split()

    return said


def said(window: Browser, query: str) -> str:
    """What the page says once it has searched."""
    window.run(
        "const field = document.querySelector('input'); field.value = arguments[0];"
        "document.querySelector('output').textContent = 'Searching'; field.dispatchEvent(new Event('input'));",
        query,
    )
    window.wait_for("return !document.querySelector('output').textContent.startsWith('Searching')", 120)
    return str(window.run("return document.querySelector('output').textContent"))


def found(window: Browser, query: str) -> set[str]:
    """The names of the recordings that the page shows for a query, once all are shown."""
    said(window, query)
    while not window.run("return document.querySelector('#more').hidden"):
        shown = "return document.querySelectorAll('li').length"
        before = window.run(shown)
        window.run("document.querySelector('#more').click()")
        window.wait_for(f"{shown} > {before}")
    return set(window.run("return [...document.querySelectorAll('li .name')].map((each) => each.textContent)"))
