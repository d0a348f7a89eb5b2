"""The second attempt to hand a message on: it is taken, or refused for good."""
import scenarios
from lab import harness


def test_retry_survives_every_operation():
    scenarios.sweep(scenarios.Retry())


def test_report_of_a_failure_survives_every_operation():
    scenarios.sweep(scenarios.Bounce())


if __name__ == "__main__":
    harness.run(globals())
