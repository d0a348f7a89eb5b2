"""Filing a file into more than one account: linked into each."""
import lab
import scenarios
from lab import harness


def test_large_message_to_an_alias_survives_every_operation():
    scenarios.sweep(scenarios.AcceptForAlias(lab.LARGE))


if __name__ == "__main__":
    harness.run(globals())
