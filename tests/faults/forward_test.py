"""Mail that is kept and sent on: neither the copy here nor the one there is lost, and none here is doubled."""
import scenarios
from lab import harness


def test_forward_survives_every_operation():
    scenarios.sweep(scenarios.Forward())


if __name__ == "__main__":
    harness.run(globals())
