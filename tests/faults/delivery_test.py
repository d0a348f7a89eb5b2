"""Filing into more than one account."""
import scenarios
from lab import harness


def test_alias_of_two_accounts_survives_every_operation():
    scenarios.sweep(scenarios.AcceptForAlias())


if __name__ == "__main__":
    harness.run(globals())
