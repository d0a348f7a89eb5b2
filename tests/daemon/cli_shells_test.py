"""Completions in the shells themselves, and the manual pages."""
import os
import re
import shutil
import subprocess
import tempfile

import harness

PLACE = tempfile.mkdtemp(prefix="postroom-shells-")


def script(shell):
    path = os.path.join(PLACE, f"postroom.{shell}")
    with open(path, "w") as f:
        subprocess.run([harness.BINARY, "completion", shell], stdout=f, check=True)
    return path


def bash(*words):
    """What bash offers behind these words; the last is being typed."""
    quoted = " ".join(f"'{w}'" for w in words)
    text = f"source '{script('bash')}'; COMP_WORDS=({quoted}); COMP_CWORD={len(words) - 1}; COMPREPLY=(); _postroom; printf '%s\\n' \"${{COMPREPLY[@]}}\""
    done = subprocess.run([harness.tool("bash"), "--norc", "-euc", text], capture_output=True, text=True, cwd=PLACE)
    assert done.returncode == 0 and not done.stderr, done
    return done.stdout.split()


def test_bash_completes_nouns_verbs_options_and_their_words():
    assert bash("postroom", "us") == ["user"]
    assert {"ls", "add", "passwd", "rm"} <= set(bash("postroom", "user", ""))
    assert bash("postroom", "-o", "json", "--config", "x", "dom") == ["domain"]
    assert bash("postroom", "user", "ls", "--ro") == ["--role"]
    assert set(bash("postroom", "user", "ls", "--role", "")) == {"user", "owner", "admin", "domain_admin", "auditor"}
    assert bash("postroom", "user", "ls", "-o", "nd") == ["ndjson"]
    assert set(bash("postroom", "queue", "bulk", "")) == {"retry", "delete", "hold", "release", "bounce"}
    assert bash("postroom", "completion", "z") == ["zsh"]
    assert bash("postroom", "user", "set", "a@b", "--suspended", "n") == ["no"]
    open(os.path.join(PLACE, "chain.pem"), "w").close()
    assert bash("postroom", "cert", "set", "x", "--chain", "cha") == ["chain.pem"]
    assert bash("postroom", "frobnicate", "") == []


def test_bash_completes_at_a_prompt():
    """A line typed into an interactive shell, with two tabs."""
    done = subprocess.run([harness.tool("bash"), "--norc", "-i"], input=f"source '{script('bash')}'\ncomplete -p postroom\n", capture_output=True, text=True, timeout=60 * harness.SLOW)
    assert "complete -o filenames -F _postroom postroom" in done.stdout, done


def test_zsh_loads_it():
    path = script("zsh")
    assert subprocess.run([harness.tool("zsh"), "-n", path], capture_output=True, text=True).stderr == ""
    functions = os.path.join(PLACE, "functions")
    os.makedirs(functions, exist_ok=True)
    shutil.copy(path, os.path.join(functions, "_postroom"))
    text = f"fpath=({functions} $fpath); autoload -Uz compinit; compinit -D -u; print $_comps[postroom]"
    done = subprocess.run([harness.tool("zsh"), "-f", "-c", text], capture_output=True, text=True, env=dict(os.environ, HOME=PLACE))
    assert done.stdout.strip() == "_postroom", done
    source = open(path).read()
    assert "'user ls')" in source and "'--role[" in source and "(user owner admin domain_admin auditor)" in source


def fish(line):
    done = subprocess.run([harness.tool("fish"), "--no-config", "-c", f"source {script('fish')}; complete -C '{line}'"], capture_output=True, text=True, env=dict(os.environ, HOME=PLACE, XDG_CONFIG_HOME=PLACE))
    assert done.returncode == 0 and not done.stderr, done
    return [row.split("\t")[0] for row in done.stdout.splitlines()]


def test_fish_completes_nouns_verbs_options_and_their_words():
    assert subprocess.run([harness.tool("fish"), "-n", script("fish")], capture_output=True, text=True, env=dict(os.environ, HOME=PLACE)).stderr == ""
    assert fish("postroom us") == ["user"]
    assert {"ls", "add", "passwd"} <= set(fish("postroom user "))
    assert fish("postroom user ls --ro") == ["--role"]
    assert set(fish("postroom user ls --role ")) == {"user", "owner", "admin", "domain_admin", "auditor"}
    assert set(fish("postroom completion ")) == {"bash", "zsh", "fish"}


def test_an_unknown_shell_is_usage():
    done = subprocess.run([harness.BINARY, "completion", "tcsh"], capture_output=True, text=True)
    assert done.returncode == 64 and "bash zsh fish" in done.stderr, done


def test_manual_pages_are_well_formed():
    for page, says in (("postroom", "user passwd"), ("postroom.conf", "trusted_network"), ("sendmail", "newaliases")):
        text = subprocess.run([harness.BINARY, "manual", page], capture_output=True, text=True, check=True).stdout
        assert text.startswith(".TH ") and says in text.replace("\\", ""), page
        known = {"TH", "SH", "TP", "B", "I", "BR", "IR", "RI", "RB", "PP", "br", "SM"}
        assert set(re.findall(r"^\.(\w+)", text, re.M)) <= known, sorted(set(re.findall(r"^\.(\w+)", text, re.M)) - known)


def test_it_is_installed_with_its_other_names():
    with tempfile.TemporaryDirectory() as place:
        subprocess.run(["sh", "packaging/install-shared.sh", os.path.abspath(harness.BINARY), f"{place}/usr"], check=True)
        found = {os.path.relpath(os.path.join(folder, name), place) for folder, _, names in os.walk(place) for name in names}
        assert found == {"usr/sbin/sendmail", "usr/bin/mailq", "usr/bin/newaliases", "usr/share/man/man8/postroom.8", "usr/share/man/man5/postroom.conf.5", "usr/share/man/man1/sendmail.1", "usr/share/man/man1/mailq.1",
                         "usr/share/man/man1/newaliases.1", "usr/share/bash-completion/completions/postroom", "usr/share/zsh/vendor-completions/_postroom", "usr/share/fish/vendor_completions.d/postroom.fish"}, found
        assert os.readlink(f"{place}/usr/sbin/sendmail") == "../bin/postroom"


try:
    harness.run(globals())
finally:
    shutil.rmtree(PLACE, ignore_errors=True)
