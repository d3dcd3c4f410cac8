"""An address or a key can be used, or cannot, and whoever asks gets the same answer."""

import hashlib
import threading

import pytest
from pydantic import ValidationError

from fake_assemblyai import KEY
from transcribed import config
from transcribed.assemblyai import AssemblyAI
from transcribed.errors import ConfigError
from transcribed.job import Account, checked_base_url, checked_key, is_loopback

GOOD = {
    "https://api.assemblyai.com": "https://api.assemblyai.com",
    "https://api.eu.assemblyai.com/": "https://api.eu.assemblyai.com",
    "https://proxy.lan:8443": "https://proxy.lan:8443",
    "https://a.": "https://a.",
    "https://10.0.0.7": "https://10.0.0.7",
    "https://[::1]": "https://[::1]",
    "https://127.0.0.1": "https://127.0.0.1",
    "http://127.0.0.1:8000": "http://127.0.0.1:8000",
    "http://127.9.9.9": "http://127.9.9.9",
    "http://localhost/": "http://localhost",
    "http://[::1]:80/": "http://[::1]:80",
}
NO_ADDRESS = [
    *("", "https://", "api.assemblyai.com", "ftp://localhost", "HTTPS://a", "https:///a", "https://.", "https://a..b"),
    *("https://api.assemblyai.com/v2", "https://a//", "https://a?b", "https://a#b", "https://me:pw@a", "https://u@a"),
    *("https://a b", "https://a\nb", "https://a\n", "https://a\t", " https://a", "https://\u00e9", "https://a\x00"),
    *("https://a:0", "https://a:65536", "https://a:port", "https://a:", "https://[::2]", "https://[no address"),
    *("https://" + "a" * 64 + ".org", "https://a." + "b" * 64, "http://local_host", "http://-a"),
]
NOT_THIS_MACHINE = [
    *("http://api.assemblyai.com", "http://127.0.0.999", "http://127.0.0.256:80", "http://127.1", "http://127.0.0.01"),
    *(
        "http://127.0.0.1.example.org",
        "http://localhost.evil",
        "http://localhost.",
        "http://LOCALHOST",
        "http://0.0.0.0",
    ),
]


def answers(base_url):
    """What each of those who ask makes of `base_url`: the address as it is used, or None."""
    for ask, refusal in (
        (checked_base_url, ValueError),
        (lambda url: config.Api(base_url=url).base_url, ValidationError),
        (lambda url: AssemblyAI(url, KEY, stop=threading.Event()).base_url, ConfigError),
    ):
        try:
            yield ask(base_url)
        except refusal:
            yield None


@pytest.mark.parametrize("url", GOOD)
def test_an_address_that_can_be_used_is_taken_by_all_who_ask_and_ends_without_a_slash(url):
    assert list(answers(url)) == [GOOD[url]] * 3


@pytest.mark.parametrize("url", NO_ADDRESS + NOT_THIS_MACHINE)
def test_an_address_that_cannot_be_used_is_refused_by_all_who_ask(url):
    assert list(answers(url)) == [None] * 3


@pytest.mark.parametrize("url", NO_ADDRESS)
def test_the_refusal_of_what_is_no_address_says_how_one_is_written(url):
    with pytest.raises(ValueError, match="https:// and a host, with no path after it"):
        checked_base_url(url)


@pytest.mark.parametrize("url", NOT_THIS_MACHINE)
def test_the_refusal_of_an_address_without_encryption_says_why(url):
    with pytest.raises(ValueError, match="because the key is sent with each request"):
        checked_base_url(url)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.255.255.254", "::1"])
def test_a_name_or_an_address_of_this_machine_is_loopback(host):
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host", ["", "127.0.0.999", "127.1", "127.0.0.1.example", "10.0.0.1", "0.0.0.0", "::", "[::1]"]
)
def test_any_other_name_or_address_is_not_loopback(host):
    assert not is_loopback(host)


@pytest.mark.parametrize("key", ["two\nlines", "s\u00e9cret", "a secret", "secret\n", "secret\0", "\x7f"])
def test_a_key_that_cannot_be_a_header_is_refused_and_not_shown(key):
    with pytest.raises(ValueError, match=r"^one word of plain characters on one line$"):
        checked_key(key)


def test_a_key_that_is_empty_is_told_as_such():
    with pytest.raises(ValueError, match=r"^it is empty$"):
        checked_key("")


def test_an_account_is_known_again_by_its_address_and_the_fingerprint_of_its_key():
    account = AssemblyAI("https://api.assemblyai.com/", KEY, stop=threading.Event()).account
    assert account == Account.of("https://api.assemblyai.com", KEY)
    assert account == Account("https://api.assemblyai.com", hashlib.sha256(KEY.encode()).hexdigest()[:12])
    assert account != Account.of("https://api.assemblyai.com", KEY + "x")
    assert account != Account.of("https://api.eu.assemblyai.com", KEY)
    assert KEY not in repr(account)
