"""Answers about risk, which leave once the journal has what they say."""

from __future__ import annotations

from opensqt_actors.actors import operator, ports
from opensqt_actors.actors.risk_answers import MOST, RiskAnswers

SENTENCE = "the circuit breaker of B is open until it is reset"


def test_an_answer_leaves_once_it_is_written_and_never_twice() -> None:
    answers = RiskAnswers()
    assert answers.once_written(7, SENTENCE) == [ports.AwaitWritten(7)]
    assert answers.written(ports.Written(7), 0) == [ports.Reply(7, operator.Done(SENTENCE))]
    assert answers.written(ports.Written(7), 0) == []


def test_what_the_journal_does_not_have_yet_is_said() -> None:
    answers = RiskAnswers()
    answers.once_written(7, SENTENCE)
    said = f"{SENTENCE}; not written down yet, so that a crash would forget it: the database is away"
    assert answers.written(ports.Written(7, "the database is away"), 0) == [ports.Reply(7, operator.Done(said))]


def test_answers_that_wait_are_bounded_and_the_oldest_is_given_first() -> None:
    answers = RiskAnswers()
    for number in range(MOST):
        assert answers.once_written(number, SENTENCE) == [ports.AwaitWritten(number)]
    reply, wait = answers.once_written(MOST, SENTENCE)
    assert isinstance(reply, ports.Reply)
    assert (reply.request, wait) == (0, ports.AwaitWritten(MOST))
