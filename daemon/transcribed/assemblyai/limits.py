"""The limits of AssemblyAI on the size of a recording, checked before anything is sent.

Only a recording that is surely refused is refused here. To turn a good one away is worse than to send a bad one,
because a transcript that ends in an error is free. So only the number of bytes counts. The length that a probe finds is
an estimate, or a stranger's word.
Source: AssemblyAI's documentation, "What are the limits" (assemblyai-api.md, 2).
"""

#: 2.2 GB by upload. Of the two meanings of GB this is the larger one.
LARGEST_UPLOAD_BYTES = 2_200 * 2**20
_SMALLER = (
    "convert it to a smaller format, such as an MP3 of 64 kbit/s, or split it; up to 5 GB, put it on a web server and"
    " drop a link to it (.url or .webloc)"
)
#: 160 ms at 6 kbit/s. No codec of recordings has fewer (Opus, RFC 6716, section 2.1.1).
SMALLEST_BYTES = 120


def refusal(size: int) -> tuple[str, str] | None:
    """The reason to refuse a recording of so many bytes, and what to do about it; None if it may be taken."""
    if size > LARGEST_UPLOAD_BYTES:
        what = f"it has {size / 1e9:.1f} GB, and AssemblyAI takes no more than 2.2 GB"
        return what, _SMALLER
    if size < SMALLEST_BYTES:
        what = f"it has {size} bytes, which cannot hold the 160 ms that AssemblyAI needs"
        return what, "drop the complete recording"
    return None
