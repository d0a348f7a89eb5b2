"""The rules that other programs check: the format, cppcheck, the shell. Each: (root, build, paths) -> findings."""
import os
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor

from rules import Finding

CPPCHECK = ["cppcheck", "--quiet", "--std=c11", "--language=c", "--enable=warning,performance,portability", "--inline-suppr",
            "--suppress=missingInclude", "--suppress=missingIncludeSystem", "--suppress=normalCheckLevelMaxBranches",
            "--suppress=unknownMacro", "--template={file}:{line}: {id}: {message}"]
PLACE = re.compile(r"^(\S+?):(\d+):(?:\d+:)? (.*)$")


def _findings(root, text):
    for line in text.splitlines():
        found = PLACE.match(line)
        if found:
            path = os.path.relpath(os.path.join(root, found.group(1)), root)
            yield Finding(path, int(found.group(2)), found.group(3))


def _run(command, root):
    return subprocess.run(command, cwd=root, capture_output=True, text=True, errors="replace", check=False)


def check_format(root, _build, paths):
    paths = [p for p in paths if p.endswith((".c", ".h"))]
    chunks = [paths[i:i + 20] for i in range(0, len(paths), 20)]
    with ThreadPoolExecutor(2) as pool:
        for done in pool.map(lambda c: _run(["clang-format", "--dry-run", "--Werror", *c], root), chunks):
            seen = set()
            for finding in _findings(root, done.stderr):
                if finding.path not in seen:
                    seen.add(finding.path)
                    finding.text = "clang-format writes it differently"
                    yield finding
            if done.returncode and not seen:
                yield Finding("clang-format", 1, done.stderr.strip()[:300] or f"exit {done.returncode}")


def check_cppcheck(root, build, paths):
    cache = os.path.join(build, "cppcheck")
    os.makedirs(cache, exist_ok=True)
    paths = [p for p in paths if p.endswith(".c") and not p.startswith("tests/")]
    done = _run([*CPPCHECK, f"--cppcheck-build-dir={os.path.abspath(cache)}", "-j2", "-I.", "-D_GNU_SOURCE", "--error-exitcode=1", *paths], root)
    findings = list(_findings(root, done.stderr))
    yield from findings
    if done.returncode and not findings:
        yield Finding("cppcheck", 1, (done.stderr + done.stdout).strip()[:300] or f"exit {done.returncode}")


def check_shell(root, _build, paths):
    for path in paths:
        if path.endswith(".sh"):
            done = _run(["sh", "-n", path], root)
            if done.returncode:
                yield Finding(path, 1, done.stderr.strip())


TOOLS = {"format": check_format, "cppcheck": check_cppcheck, "shell-syntax": check_shell}
