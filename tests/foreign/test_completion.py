"""The Tab key in real shells, with the scripts that docs/service.md tells people to install."""

import os
import shutil
import subprocess
import sys

import pytest

from booted.image import CHECKOUT
from booted.readme import commands

HEADING = "Completions and manual pages"
BIN = os.path.dirname(sys.executable)

BASH = """
source {script}
COMP_WORDS=(transcribed jobs --state del) COMP_CWORD=3
"$(complete -p transcribed | sed 's/.*-F //;s/ .*//')" transcribed
echo "${{COMPREPLY[@]}}"
"""

FISH = 'source {script}; complete -C "transcribed jobs --state del"'

ZSH = r"""
zmodload zsh/zpty
said() {{ until [[ $out == *$1* ]]; do zpty -r shell part && out+=$part; sleep 0.05; done }}
zpty -b shell zsh -f -i
zpty -w shell 'autoload -U compinit; compinit -D -u; source {script}; PS1=; echo rea""dy'
said ready
zpty -w -n shell $'transcribed jobs --state del\t'
said delivered
print -r -- $out
zpty -d shell
"""


@pytest.mark.parametrize(("shell", "options", "typed"), [("bash", "", BASH), ("zsh", "-f", ZSH), ("fish", "-N", FISH)])
def test_the_tab_key_completes_the_value_of_an_option(tmp_path, shell, options, typed):
    if shutil.which(shell) is None:
        pytest.skip(f"needs {shell}")
    (command,) = (line for line in commands(CHECKOUT / "docs/service.md", HEADING) if f"source_{shell} " in line)
    before, _, _ = command.partition(">/")
    environ = os.environ | {"PATH": f"{BIN}:{os.environ['PATH']}", "HOME": str(tmp_path)}

    def run(*words):
        return subprocess.run(words, env=environ, capture_output=True, text=True, check=True, timeout=120).stdout

    script = tmp_path / "script"
    script.write_text(run("sh", "-c", before))
    assert "delivered" in run(shell, *options.split(), "-c", typed.format(script=script))
