"""Places and who gets them: no database takes all, none that waits is forgotten, none is lost."""

from __future__ import annotations

import asyncio
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from share_sql.driver.turns import Gate, Turns


def granted(turns: Turns[str]) -> list[str]:
    """What gets a place now, in order."""
    found = []
    while (each := turns.next()) is not None:
        found.append(each[1])
    return found


def waiting(turns: Turns[str], **counts: int) -> None:
    for key, count in counts.items():
        for at in range(count):
            turns.add(key, f"{key}{at}")


def test_one_database_holds_half_of_the_places() -> None:
    turns: Turns[str] = Turns(16, 100)
    waiting(turns, a=50)
    assert granted(turns) == [f"a{at}" for at in range(8)]
    assert (turns.free, turns.waiting) == (8, 42)


def test_no_database_holds_more_than_it_may() -> None:
    turns: Turns[str] = Turns(16, 3)
    waiting(turns, a=50)
    assert granted(turns) == ["a0", "a1", "a2"]


def test_a_single_place_goes_round() -> None:
    turns: Turns[str] = Turns(1, 1)
    waiting(turns, a=2, b=1)
    assert granted(turns) == ["a0"]
    turns.end("a")
    assert granted(turns) == ["b0"]
    turns.end("b")
    assert granted(turns) == ["a1"]


def test_one_place_is_always_given_where_all_are_free() -> None:
    turns: Turns[str] = Turns(2, 1)
    waiting(turns, a=5, b=5)
    assert granted(turns) == ["a0", "b0"]
    turns.end("a")
    assert granted(turns) == ["a1"]


def test_several_that_hang_leave_a_place_to_one_more() -> None:
    turns: Turns[str] = Turns(16, 100)
    for each, places in (("a", 8), ("b", 4), ("c", 2), ("d", 1)):
        waiting(turns, **{each: 100})
        assert len(granted(turns)) == places
    waiting(turns, well=1)
    assert granted(turns) == ["well0"]


def test_as_places_come_back_all_hold_alike() -> None:
    turns: Turns[str] = Turns(16, 100)
    held: Counter[str] = Counter()
    for each in "abcd":
        waiting(turns, **{each: 100})
        held.update(name[0] for name in granted(turns))
    for _ in range(16):
        key = held.most_common(1)[0][0]
        turns.end(key)
        held[key] -= 1
        held.update(name[0] for name in granted(turns))
    assert max(held.values()) - min(held.values()) <= 1
    assert held.total() == 16 - turns.free > 12


def test_who_holds_fewest_goes_first_and_those_alike_in_turn() -> None:
    turns: Turns[str] = Turns(8, 100)
    waiting(turns, a=4)
    assert granted(turns) == ["a0", "a1", "a2", "a3"]
    waiting(turns, a=3, b=3, c=3)
    assert granted(turns) == ["b0", "c0", "b1"]
    turns.end("a")
    assert granted(turns) == ["c1"]


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from(["add", "end", "forget", "next"]))))
def test_the_counts_agree_whatever_happens(deeds: list[tuple[str, str]]) -> None:
    places, most = 6, 4
    turns: Turns[int] = Turns(places, most)
    queues: dict[str, list[int]] = {}
    held: Counter[str] = Counter()
    for at, (key, deed) in enumerate(deeds):
        if deed == "add":
            turns.add(key, at)
            queues.setdefault(key, []).append(at)
        elif deed == "end" and held[key]:
            turns.end(key)
            held[key] -= 1
        elif deed == "forget" and queues.get(key):
            turns.forget(key, queues[key].pop())
            turns.forget(key, -1)  # it is not there: nothing happens
        elif deed == "next" and (found := turns.next()) is not None:
            holder, item = found
            assert item == queues[holder].pop(0)  # in its order
            others = [held[each] for each, queue in queues.items() if queue]
            assert held[holder] <= min(others, default=held[holder])
            held[holder] += 1
        assert turns.free == places - held.total() >= 0
        assert turns.waiting == sum(map(len, queues.values()))
        assert all(count <= min(most, places // 2) for count in held.values())
    if turns.free == places and turns.waiting:
        assert turns.next() is not None


def test_whoever_is_cancelled_while_waiting_keeps_no_place() -> None:
    async def main() -> None:
        gate = Gate(4, 1)
        leave = asyncio.Event()
        held: list[str] = []

        async def hold(name: str) -> None:
            async with gate.place("a"):
                held.append(name)
                await leave.wait()

        first, second, third, fourth = (asyncio.create_task(hold(name)) for name in "1234")
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert held == ["1"]
        second.cancel()  # while it waits
        leave.set()
        third.cancel()
        await asyncio.gather(first, second, third, fourth, return_exceptions=True)
        assert held == ["1", "4"]
        assert [each.cancelled() for each in (first, second, third, fourth)] == [False, True, True, False]

    asyncio.run(main())


def test_whoever_is_cancelled_as_the_place_comes_gives_it_back() -> None:
    async def main() -> None:
        gate = Gate(2, 1)
        holding = gate.place("a")
        await holding.__aenter__()

        async def hold() -> None:
            async with gate.place("a"):
                pass

        cancelled, after = asyncio.create_task(hold()), asyncio.create_task(hold())
        await asyncio.sleep(0)
        await holding.__aexit__(None, None, None)  # the place is the first one's, who has not gone on yet
        cancelled.cancel()
        await asyncio.wait_for(after, 10)
        assert cancelled.cancelled()

    asyncio.run(main())
