"""What IMAP clients put in and take out."""
import lab
import scenarios
from lab import harness


def test_small_append_survives_every_operation():
    scenarios.sweep(scenarios.Append())


def test_large_append_survives_every_operation():
    scenarios.sweep(scenarios.Append(lab.LARGE))


def test_expunge_survives_every_operation():
    scenarios.sweep(scenarios.Expunge())


if __name__ == "__main__":
    harness.run(globals())
