"""The first message of an account: its folder, its database and its mailboxes are made on the way."""
import scenarios
from lab import harness


def test_first_delivery_survives_every_operation():
    scenarios.sweep(scenarios.FirstDelivery())


if __name__ == "__main__":
    harness.run(globals())
