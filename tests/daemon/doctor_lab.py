"""The verb `doctor`, for the tests of what it does."""
import json


def doctor(postroom, *words, expect=0):
    done = postroom.run_cli("doctor", *words, "-o", "json")
    assert done.returncode == expect, f"doctor {words}: exit {done.returncode}: {done.stdout}{done.stderr}\n{postroom.log_tail()}"
    return json.loads(done.stdout)["data"]
