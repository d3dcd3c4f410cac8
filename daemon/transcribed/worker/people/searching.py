"""The index of words, and the pages for searches in the share, follow what is delivered, corrected and removed."""

from collections.abc import Sequence

from transcribed.worker.indexing import Indexing
from transcribed.worker.people.search_pages import SearchPages


class Searching:
    """The index of the words in all transcripts, and the pages for searches: no word is left in one of them only."""

    def __init__(self, indexing: Indexing, pages: SearchPages) -> None:
        self._indexing = indexing
        self.pages = pages

    def look(self) -> None:
        """Look for what is not in the index as it is now."""
        self._indexing.look()

    def delivered(self, transcript_id: str) -> None:
        """This transcript was delivered. The page was told of its job."""
        self._indexing.delivered(transcript_id)

    def put_if_due(self) -> None:
        """Put what was delivered into the index, where it is time for it."""
        self._indexing.put_if_due()

    def put_now(self) -> None:
        """Put what was delivered into the index."""
        self._indexing.put_now()

    def next_at(self) -> float:
        """The time (monotonic) at which something is to be put into the index; infinite while nothing waits."""
        return self._indexing.next_at()

    def corrected(self, transcript_id: str) -> None:
        """A person corrected words of this transcript."""
        self._indexing.put(transcript_id)
        self.pages.corrected(transcript_id)

    def take_out(self, transcript_ids: Sequence[str]) -> None:
        """These transcripts are removed after this, on the thread for files of the state directory."""
        self._indexing.take_out(transcript_ids)
        self.pages.take_out(transcript_ids)

    def forgotten(self, before: float) -> None:
        """Jobs that ended before then were forgotten."""
        self.pages.forgotten(before)
