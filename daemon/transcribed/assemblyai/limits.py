"""What AssemblyAI takes no recording beyond, as far as it can be known before anything is sent.

Only what is surely refused is refused here: a good recording that is turned away is worse than a bad one that is sent,
for a transcript that ends in an error is free. So a length of more than ten hours is left to AssemblyAI: what a probe
says of an MP3's length is an estimate, and may be several times too long where the bit rate varies.
Source: AssemblyAI's documentation, "What are the limits" (assemblyai-api.md, 2).
"""

#: 2.2 GB by upload; read as the larger of the two things that may mean.
LARGEST_UPLOAD_BYTES = 2_200 * 2**20
SHORTEST_SECONDS = 0.160
#: A probe's length is believed where the file cannot hold more: 160 ms of uncompressed sound of a studio's quality.
_SHORT_BYTES = 100_000


def refusal(size: int, duration_seconds: float | None) -> tuple[str, str] | None:
    """Why a recording of so many bytes would be refused, and what to do about it; None where it may be taken."""
    if size > LARGEST_UPLOAD_BYTES:
        what = f"it has {size / 1e9:.1f} GB, and AssemblyAI takes no more than 2.2 GB"
        return what, "convert it to a smaller format, such as an MP3 of 64 kbit/s, or split it"
    if duration_seconds is not None and duration_seconds < SHORTEST_SECONDS and size < _SHORT_BYTES:
        what = f"it is {duration_seconds * 1000:.0f} ms long, and AssemblyAI takes nothing below 160 ms"
        return what, "drop the whole recording"
    return None
