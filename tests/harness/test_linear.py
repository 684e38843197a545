#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The checker, on histories that are known to be good or bad."""
import os
import random
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from linear import UNDECIDED, Op, check  # noqa: E402


def w(client, begin, end, value, ok=True):
    return Op(client, "write", begin, end, value, ok=ok)


def r(client, begin, end, value):
    return Op(client, "read", begin, end, value)


def c(client, begin, end, expected, value, ok=True):
    return Op(client, "cas", begin, end, value, expected, ok)


GOOD = {
    "nothing": [],
    "one after the other": [w("a", 0, 1, 1), r("b", 2, 3, 1), w("a", 4, 5, 2), r("b", 6, 7, 2)],
    "a read beside a write may see either": [w("a", 0, 10, 1), r("b", 1, 2, None), r("b", 3, 4, 1)],
    "two writes at once, in either order": [w("a", 0, 10, 1), w("b", 0, 10, 2), r("c", 11, 12, 1)],
    "a write of unknown outcome that happened late": [
        w("a", 0, 1, 1, None), r("b", 2, 3, None), r("b", 4, 5, 1)],
    "a write of unknown outcome that never happened": [
        w("a", 0, 1, 1, None), r("b", 2, 3, None), r("b", 4, 5, None)],
    "cas chains": [w("a", 0, 1, 1), c("a", 2, 3, 1, 2), c("b", 4, 5, 1, 3, False), r("b", 6, 7, 2)],
    "of two at once, one cas wins": [
        w("a", 0, 1, 1), c("a", 2, 5, 1, 2), c("b", 2, 5, 1, 3, False), r("b", 6, 7, 2)],
    "a cas of unknown outcome was seen": [
        w("a", 0, 1, 1), c("a", 2, 3, 1, 2, None), r("b", 4, 5, 1), r("b", 6, 7, 2)],
}
BAD = {
    "a stale read": [w("a", 0, 1, 1), w("a", 2, 3, 2), r("b", 4, 5, 1)],
    "a lost write": [w("a", 0, 1, 1), r("b", 2, 3, None)],
    "time goes back for two readers": [w("a", 0, 10, 1), r("b", 1, 2, 1), r("c", 3, 4, None)],
    "readers disagree about the order": [
        w("a", 0, 10, 1), w("b", 0, 10, 2), r("c", 11, 12, 1), r("c", 13, 14, 2)],
    "two cas of one value": [w("a", 0, 1, 1), c("a", 2, 5, 1, 2), c("b", 2, 5, 1, 3)],
    "a refused cas that should have been done": [w("a", 0, 1, 1), c("a", 2, 3, 1, 2, False)],
    "an unknown write undone": [w("a", 0, 1, 1, None), r("b", 2, 3, 1), r("b", 4, 5, None)],
    "a write seen before it was asked for": [r("b", 0, 1, 1), w("a", 2, 3, 1)],
}


def simulate(seed, spoil):
    """A register that works, seen by clients with random delays; or one read of which is changed."""
    rng = random.Random(seed)
    ops, state, now, history = [], None, 0.0, [None]
    for i in range(300):
        now += rng.random()
        begin, end = now - rng.random() * 2, now + rng.random() * 2
        kind = rng.choice(("read", "read", "write", "cas"))
        if kind == "read":
            ops.append(Op("c", "read", begin, end, state))
        elif kind == "write":
            state = i + 1
            ops.append(Op("c", "write", begin, end, state, ok=rng.choice((True, True, True, None))))
        else:
            expected = rng.choice(history[-3:])
            done = expected == state
            if done:
                state = i + 1
            ops.append(Op("c", "cas", begin, end, i + 1, expected, done))
        history.append(state)
    if spoil:
        reads = [op for op in ops if op.kind == "read" and op.begin > 100]
        op = rng.choice(reads)
        op.value = 100000  # what nobody wrote
    return ops


def main():
    n, failed = 0, 0

    def tell(good, what):
        nonlocal n, failed
        n += 1
        failed += not good
        print("%sok %d - %s" % ("" if good else "not ", n, what))

    print("1..%d" % (len(GOOD) + len(BAD) + 3))
    for what, ops in GOOD.items():
        tell(check(ops)[0] is True, "good: " + what)
    for what, ops in BAD.items():
        tell(check(ops)[0] is False, "bad: " + what)
    tell(all(check(simulate(s, False))[0] is True for s in range(30)), "good: 30 histories of a register")
    tell(all(check(simulate(s, True))[0] is not True for s in range(30)), "bad: the same, spoiled")
    many = [w(str(i), 0, 100, i) for i in range(40)] + [r("x", 101, 102, 1), r("x", 103, 104, 2)]
    tell(check(many, steps_max=1000)[0] in (UNDECIDED, False), "too much to try is told")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
