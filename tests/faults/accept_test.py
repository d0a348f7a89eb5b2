"""Taking responsibility: a message comes in while the disk fails, the process dies, the power goes, at every operation."""
import lab
import scenarios
from lab import harness


def test_small_message_survives_every_operation():
    scenarios.sweep(scenarios.Accept())


def test_large_message_survives_every_operation():
    scenarios.sweep(scenarios.Accept(lab.LARGE))


if __name__ == "__main__":
    harness.run(globals())
