"""Filing into more than one account, and into one that is not there yet."""
import lab
import scenarios
from lab import harness


def test_alias_of_two_accounts_survives_every_operation():
    scenarios.sweep(scenarios.AcceptForAlias())


def test_large_message_to_an_alias_survives_every_operation():
    scenarios.sweep(scenarios.AcceptForAlias(lab.LARGE))


if __name__ == "__main__":
    harness.run(globals())
