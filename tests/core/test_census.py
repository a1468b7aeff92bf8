"""Who else is there, and what they are asked."""

from __future__ import annotations

import pytest

from anysocket._census import MISSING, Census, never

ADA, BOB = b"ada", b"bob"


@pytest.fixture
def census() -> Census:
    census = Census()
    assert census.seen(ADA, 0) and census.seen(BOB, 0)
    assert not census.seen(ADA, 1)
    return census


async def test_who_gives_no_sign_of_life_is_gone(census: Census) -> None:
    census.look(MISSING)
    assert census.nodes == {ADA, BOB}
    census.look(MISSING + 0.5)
    assert census.nodes == {ADA}
    census.gone(ADA)
    census.gone(ADA)
    assert census.nodes == set()


async def test_a_question_is_over_when_all_have_answered(census: Census) -> None:
    number, question = census.ask(never)
    census.answered(number, ADA, 1)
    assert not question._done.done()
    census.answered(number, BOB, 2)
    await question.wait(5)
    assert question.answers == {ADA: 1, BOB: 2}
    census.close(number)
    census.answered(number, ADA, 3)
    assert question.answers[ADA] == 1


async def test_one_answer_may_be_enough(census: Census) -> None:
    number, question = census.ask(bool)
    census.answered(number, ADA, 0)
    assert not question._done.done()
    census.answered(number, b"eve", 1)
    await question.wait(5)
    assert question.answers == {ADA: 0, b"eve": 1}


async def test_nobody_waits_for_who_is_gone(census: Census) -> None:
    number, question = census.ask(never)
    census.answered(number, ADA, 1)
    census.gone(BOB)
    await question.wait(5)
    assert question.answers == {ADA: 1} and question.nodes == {ADA}


async def test_nor_for_longer_than_the_time(census: Census) -> None:
    _, question = census.ask(never)
    await question.wait(0.01)
    assert question.answers == {}


async def test_who_is_alone_has_nobody_to_ask() -> None:
    _, question = Census().ask(never)
    await question.wait(5)


async def test_when_the_backplane_is_down_nobody_is_there(census: Census) -> None:
    _, question = census.ask(never)
    census.forget()
    await question.wait(5)
    assert census.nodes == set()


async def test_others_are_still_waited_for_when_one_is_gone(census: Census) -> None:
    number, question = census.ask(never)
    census.gone(BOB)
    assert not question._done.done()
    census.answered(number, ADA, 1)
    await question.wait(5)
    assert question.answers == {ADA: 1}
