"""AssemblyAI's own Python SDK, unchanged, gets along with the local API as it does with the real one."""

import re
from importlib import resources

import assemblyai as aai
import pysubs2
import pytest

import hearing

DEMO = resources.files("transcribed") / "demo"


def bare(text):
    return re.findall(r"[a-z']+", text.lower())


@pytest.fixture(scope="module")
def spoken():
    """The words of the recording, as the page beside it says."""
    return bare(" ".join(line[1:] for line in (DEMO / "ABOUT.md").read_text().splitlines() if line.startswith(">")))


@pytest.fixture(scope="module")
def transcriber(tmp_path_factory):
    directory = tmp_path_factory.mktemp("local")
    with hearing.serving(directory) as (base_url, _):
        before = aai.settings.base_url, aai.settings.api_key
        aai.settings.base_url, aai.settings.api_key = base_url, (directory / "key").read_text().strip()
        yield aai.Transcriber()
        aai.Client.get_default().http_client.close()
        aai.settings.base_url, aai.settings.api_key = before


@pytest.fixture(scope="module")
def transcript(transcriber):
    return transcriber.transcribe(str(DEMO / "recording.mp3"))


def test_nine_words_in_ten_are_heard(transcript, spoken):
    assert transcript.status == aai.TranscriptStatus.completed, transcript.error
    heard = bare(transcript.text)
    found = sum(min(heard.count(word), spoken.count(word)) for word in set(spoken))
    assert found >= 0.9 * len(spoken), heard


def test_words_come_in_order_within_the_recording(transcript):
    times = [time for word in transcript.words for time in (word.start, word.end)]
    assert times == sorted(times)
    assert 0 <= times[0] <= times[-1] <= transcript.audio_duration * 1000 + 500
    assert all(0 <= word.confidence <= 1 for word in transcript.words)


def test_the_words_are_the_text(transcript):
    assert " ".join(word.text for word in transcript.words) == transcript.text


def test_subtitles_hold_all_the_words(transcript):
    assert bare_subtitles(transcript.export_subtitles_srt(), "srt") == bare(transcript.text)
    assert bare_subtitles(transcript.export_subtitles_vtt(), "vtt") == bare(transcript.text)


def test_subtitles_keep_to_the_characters_that_were_asked_for(transcript):
    shown = pysubs2.SSAFile.from_string(transcript.export_subtitles_srt(chars_per_caption=20), format_="srt")
    assert max(len(event.plaintext) for event in shown) <= 20


def bare_subtitles(text, kind):
    return bare(" ".join(event.plaintext for event in pysubs2.SSAFile.from_string(text, format_=kind)))


def test_sentences_and_paragraphs_hold_all_the_text(transcript):
    sentences = transcript.get_sentences()
    assert len(sentences) > 1
    assert " ".join(sentence.text for sentence in sentences) == transcript.text
    assert " ".join(paragraph.text for paragraph in transcript.get_paragraphs()) == transcript.text


def test_a_word_is_found_where_it_was_said(transcript):
    word = transcript.words[1]
    (match,) = transcript.word_search([word.text])
    assert (word.start, word.end) in match.timestamps


def test_the_list_shows_the_transcript(transcriber, transcript):
    listed = transcriber.list_transcripts(aai.ListTranscriptParameters(limit=200))
    assert transcript.id in [item.id for item in listed.transcripts]


def test_a_transcript_can_be_had_again_by_its_id(transcript):
    assert aai.Transcript.get_by_id(transcript.id).text == transcript.text


def test_what_is_no_recording_ends_as_an_error_and_can_be_deleted(transcriber, tmp_path):
    (tmp_path / "notes.mp3").write_text("milk, bread, butter\n" * 50)
    transcript = transcriber.transcribe(str(tmp_path / "notes.mp3"))
    assert transcript.status == aai.TranscriptStatus.error
    assert "does not appear to contain audio" in transcript.error
    assert aai.Transcript.delete_by_id(transcript.id).text == "Deleted by user."
    assert aai.Transcript.get_by_id(transcript.id).audio_url == "http://deleted_by_user"
