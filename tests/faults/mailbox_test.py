"""What IMAP clients put in and take out."""
import lab
import scenarios
from lab import harness


def test_small_append_survives_every_operation():
    scenarios.sweep(scenarios.Append())


def test_large_append_survives_every_operation():
    scenarios.sweep(scenarios.Append(lab.LARGE))


def test_append_of_several_is_whole_or_not_at_all():
    scenarios.sweep(scenarios.AppendMany())


def test_replace_leaves_one_of_the_two():
    scenarios.sweep(scenarios.Replace())


def test_replace_of_a_large_message_leaves_one_of_the_two():
    scenarios.sweep(scenarios.Replace(lab.LARGE, lab.LARGE + 1000))


def test_move_to_another_account_loses_nothing():
    scenarios.sweep(scenarios.MoveAcross())


def test_expunge_survives_every_operation():
    scenarios.sweep(scenarios.Expunge())


if __name__ == "__main__":
    harness.run(globals())
