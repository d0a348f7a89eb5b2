#!/usr/bin/env python3
"""make tidy: clang-tidy over the product with .clang-tidy's checks. A file is judged again when it, a header or the checks changed."""
import argparse
import hashlib
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

from lint import write_tap  # noqa: E402
from source import read_tree  # noqa: E402

FLAGS = ["-std=c17", "-D_GNU_SOURCE", "-I."]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default="build")
    parser.add_argument("--tap")
    args = parser.parse_args()
    root = os.path.dirname(os.path.dirname(HERE))
    tree = read_tree(root)
    with open(os.path.join(root, ".clang-tidy"), "rb") as file:
        common = hashlib.sha256(file.read())
    for source in tree.product():
        if source.path.endswith(".h"):
            common.update(source.text.encode())
    cache = os.path.join(args.build, "tidy")
    os.makedirs(cache, exist_ok=True)

    def judge(source):
        key = common.copy()
        key.update((source.path + source.text).encode())
        mark = os.path.join(cache, key.hexdigest())
        if os.path.exists(mark):
            return source.path, ""
        done = subprocess.run(["clang-tidy", "--quiet", source.path, "--", *FLAGS], cwd=root, capture_output=True, text=True, check=False)
        if done.returncode == 0:
            with open(mark, "w", encoding="utf-8"):
                pass
            return source.path, ""
        return source.path, done.stdout or done.stderr or f"exit {done.returncode}"

    results = []
    with ThreadPoolExecutor(2) as pool:
        for path, text in pool.map(judge, [s for s in tree.product() if s.path.endswith(".c")]):
            if text:
                print(text.rstrip())
            results.append((path, [text] if text else []))
    if args.tap:
        write_tap(args.tap, results)
    bad = sum(bool(found) for _, found in results)
    print(f"tidy: {len(results)} files, {bad} with findings")
    return 1 if bad or not results else 0


if __name__ == "__main__":
    sys.exit(main())
