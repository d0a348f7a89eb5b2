"""The second attempt to hand a message on."""
import scenarios
from lab import harness


def test_retry_survives_every_operation():
    scenarios.sweep(scenarios.Retry())


if __name__ == "__main__":
    harness.run(globals())
