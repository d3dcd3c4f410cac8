"""What AssemblyAI takes no recording beyond, as far as it can be known before anything is sent.

Only what is surely refused is refused here: a good recording that is turned away is worse than a bad one that is sent,
for a transcript that ends in an error is free. So only bytes are believed. What a probe says of a length is an estimate
from a stranger's header: it may be several times too long where the bit rate varies, and as short as the header likes.
Source: AssemblyAI's documentation, "What are the limits" (assemblyai-api.md, 2).
"""

#: 2.2 GB by upload; read as the larger of the two things that may mean.
LARGEST_UPLOAD_BYTES = 2_200 * 2**20
_SMALLER = (
    "convert it to a smaller format, such as an MP3 of 64 kbit/s, or split it; up to 5 GB, put it on a web server and"
    " drop a link to it (.url or .webloc)"
)
#: 160 ms at 6 kbit/s, below which no codec of recordings goes (Opus, RFC 6716, section 2.1.1).
SMALLEST_BYTES = 120


def refusal(size: int) -> tuple[str, str] | None:
    """Why a recording of so many bytes would be refused, and what to do about it; None where it may be taken."""
    if size > LARGEST_UPLOAD_BYTES:
        what = f"it has {size / 1e9:.1f} GB, and AssemblyAI takes no more than 2.2 GB"
        return what, _SMALLER
    if size < SMALLEST_BYTES:
        what = f"it has {size} bytes, which cannot hold the 160 ms that AssemblyAI needs"
        return what, "drop the whole recording"
    return None
