"""The secret that AssemblyAI gives to a webhook goes to AssemblyAI, and to no screen."""

import pytest

from commands import ask
from world import parameters

SECRET = 'two\\ "words" that nobody reads'
WEBHOOK = {"webhook_url": "https://example.org/", "webhook_auth_header_name": "X-Secret"}

pytestmark = pytest.mark.route(
    formats=("txt",), parameters=parameters(**WEBHOOK, webhook_auth_header_value=SECRET, punctuate=True)
)
CONFIGURED = f"""
[defaults.transcript]
webhook_url = "https://example.org/"
webhook_auth_header_name = "X-Secret"
webhook_auth_header_value = '{SECRET}'
"""


@pytest.mark.parametrize("words", [["jobs", "--json"], ["explain", "1", "--json"], ["config", "show"]])
def test_no_command_prints_the_secret_of_a_webhook_and_all_print_what_stands_beside_it(world, api, words):
    world.drop("Talk.mp3")
    world.run()
    (sent,) = api.submits
    assert sent.request["webhook_auth_header_value"] == SECRET

    answer = ask(world, *words, config=CONFIGURED)

    assert answer.exit_code == 0
    assert "that nobody reads" not in answer.stdout
    assert "(not shown)" in answer.stdout
    assert "X-Secret" in answer.stdout
