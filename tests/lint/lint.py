#!/usr/bin/env python3
"""make lint: every rule over the tree, one result a rule; findings as path:line. exceptions.txt holds what is excused, with a reason."""
import argparse
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

import api_rules  # noqa: E402,F401
from rules import RULES, Finding  # noqa: E402
from source import read_tree  # noqa: E402
from tools import TOOLS  # noqa: E402


def read_exceptions():
    """Lines `rule subject reason...`; a subject is a path or a function."""
    exceptions, findings = {}, []
    with open(os.path.join(HERE, "exceptions.txt"), encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            if not line.strip() or line.startswith("#"):
                continue
            parts = line.split(None, 2)
            if len(parts) < 3 or parts[0] not in (*RULES, *TOOLS):
                findings.append(Finding("tests/lint/exceptions.txt", number, "expected: rule subject reason"))
                continue
            exceptions[(parts[0], parts[1])] = number
    return exceptions, findings


def excused(exceptions, used, rule, finding):
    for subject in (finding.subject, finding.path):
        if (rule, subject) in exceptions:
            used.add((rule, subject))
            return True
    return False


def write_tap(path, results):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as out:
        for name, findings in results:
            out.write(f"{'not ok' if findings else 'ok'} {name}\n")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default="build")
    parser.add_argument("--tap")
    parser.add_argument("--rule", action="append", help="only this one")
    args = parser.parse_args()
    root = os.path.dirname(os.path.dirname(HERE))
    tree = read_tree(root)
    paths = sorted(tree.sources)
    exceptions, findings = read_exceptions()
    results, used = [("exceptions", findings)], set()
    for name, rule in RULES.items():
        if not args.rule or name in args.rule:
            results.append((name, [f for f in rule(tree) if not excused(exceptions, used, name, f)]))
    for name, tool in TOOLS.items():
        if not args.rule or name in args.rule:
            results.append((name, [f for f in tool(root, args.build, paths) if not excused(exceptions, used, name, f)]))
    if not args.rule:
        for key in sorted(set(exceptions) - used):
            findings.append(Finding("tests/lint/exceptions.txt", exceptions[key], f"{' '.join(key)}: no longer needed"))
    for name, found in results:
        for finding in sorted(found, key=lambda f: (f.path, f.line)):
            print(f"{finding} [{name}]")
    if args.tap:
        write_tap(args.tap, results)
    bad = sum(len(found) for _, found in results)
    print(f"lint: {len(results)} rules, {bad} findings")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
