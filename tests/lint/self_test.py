#!/usr/bin/env python3
"""Does lint find what it is for? Each file in violations/ breaks the rule it names and must be rejected by that name;
clean.c must pass every rule that reads the tree. A file starts with `violates RULE as PATH`; `and as PATH` starts another file."""
import argparse
import os
import re
import shutil
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

from lint import write_tap  # noqa: E402
import api_rules  # noqa: E402,F401
from rules import RULES, Finding  # noqa: E402
from source import Tree  # noqa: E402
from tools import TOOLS  # noqa: E402

MARK = re.compile(r"^(?:/\*|#) (?:violates (\S+)|and) as (\S+)(?: \*/)?\n", re.M)


def read_sample(path):
    """(rule, {path: text})"""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    marks = list(MARK.finditer(text))
    ends = [m.start() for m in marks[1:]] + [len(text)]
    return marks[0].group(1), {m.group(2): text[m.end():end] for m, end in zip(marks, ends)}


def run_tool(rule, texts):
    root = tempfile.mkdtemp(prefix="lint-self-test-")
    try:
        shutil.copy(os.path.join(HERE, "../../.clang-format"), root)
        for path, text in texts.items():
            os.makedirs(os.path.dirname(os.path.join(root, path)), exist_ok=True)
            with open(os.path.join(root, path), "w", encoding="utf-8") as file:
                file.write(text)
        return list(TOOLS[rule](root, os.path.join(root, "build"), sorted(texts)))
    finally:
        shutil.rmtree(root)


def check(name, rule, texts):
    """What lint got wrong about one sample."""
    tree = Tree(texts, None, sorted({path.split("/")[0] for path in texts}))
    if rule == "clean":
        return [f for function in RULES.values() for f in function(tree)]
    if rule in TOOLS:
        found = run_tool(rule, texts)
    elif rule in RULES:
        found = list(RULES[rule](tree))
    else:
        return [Finding(name, 1, f"there is no rule {rule}")]
    return [] if any(f.path in texts or f.path in tree.top for f in found) else [Finding(name, 1, f"{rule} does not find it")]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--tap")
    args = parser.parse_args()
    results, seen = [], set()
    folder = os.path.join(HERE, "violations")
    for name in sorted(os.listdir(folder)):
        rule, texts = read_sample(os.path.join(folder, name))
        seen.add(rule)
        results.append((f"rejects_{rule}" if rule != "clean" else "accepts_clean", check(name, rule, texts)))
    for rule in (*RULES, *TOOLS):
        if rule not in seen:
            results.append((f"rejects_{rule}", [Finding("tests/lint/violations", 1, f"no sample violates {rule}")]))
    for result, findings in results:
        for finding in findings:
            print(f"{finding} [{result}]")
    if args.tap:
        write_tap(args.tap, results)
    bad = sum(bool(findings) for _, findings in results)
    print(f"lint self test: {len(results) - bad} of {len(results)} samples judged right")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
