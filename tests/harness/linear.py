# SPDX-License-Identifier: GPL-3.0-or-later
"""Is a history of one key linearizable? (Herlihy and Wing 1990; the search of Wing and Gong 1993 with
the cache of Lowe 2017.)

An operation is an Op: invoked and returned at some time, by a client that saw its outcome, or did
not (ok is None: then it may have happened at any time after it was invoked, or never). Every value
is written once, so a read names the write that it saw, and a compare-and-set by index is one by
value.

The search puts operations into an order, one by one: any may be next whose invocation is not
after the return of another that is left. What was tried before, in whichever order, with the same
outcome is not tried again. Python 3, standard library only.
"""


class Op:
    __slots__ = ("client", "kind", "value", "expected", "ok", "begin", "end", "where")

    def __init__(self, client, kind, begin, end, value=None, expected=None, ok=True, where=""):
        self.client, self.kind, self.begin, self.end = client, kind, begin, end
        self.value, self.expected, self.ok, self.where = value, expected, ok, where

    def __repr__(self):
        what = {"read": "read %s" % self.value, "write": "write %s" % self.value,
                "cas": "cas %s -> %s" % (self.expected, self.value)}[self.kind]
        return "%.4f..%.4f %s: %s: %s %s" % (
            self.begin, self.end, self.client, what,
            {True: "done", False: "refused", None: "unknown"}[self.ok], self.where)


UNDECIDED = "undecided"


def step(state, op):
    """(whether it could happen in this state, the state after it)"""
    if op.kind == "read":
        return state == op.value, state
    if op.kind == "write":
        return True, op.value
    if op.ok is False:
        return state != op.expected, state
    return state == op.expected, op.value


def relevant(ops):
    """Without what cannot matter: reads without an answer, and writes of unknown outcome that nobody
    saw (values are unique: to leave them out is always allowed). Only a refused compare-and-set
    could have needed one of those; so it is left out where there may have been one."""
    seen = {op.value for op in ops if op.kind == "read" and op.ok}
    seen |= {op.expected for op in ops if op.kind == "cas" and op.ok}
    unseen = [op.begin for op in ops
              if op.ok is None and op.kind != "read" and op.value not in seen]
    since = min(unseen, default=float("inf"))
    return [op for op in ops
            if (op.ok is not None or (op.kind != "read" and op.value in seen)) and
            not (op.ok is False and op.end > since)]


def check(ops, initial=None, steps_max=2000000):
    """(True | False | UNDECIDED, the operations that could not be put in order)"""
    ops = sorted(relevant(ops), key=lambda op: (op.begin, op.end))
    n = len(ops)
    ends = [float("inf") if op.ok is None else op.end for op in ops]
    # Intervals are few at a time, so what is done is a prefix and a few beyond it.
    first, beyond, state = 0, frozenset(), initial
    stack, cache, steps, best = [], set(), 0, (0, [])

    def candidates():
        bound, out, i = float("inf"), [], first
        while i < n and ops[i].begin <= bound:
            if i not in beyond:
                out.append(i)
                bound = min(bound, ends[i])
            i += 1
        out = [i for i in out if ops[i].begin <= bound]
        for i in out:  # what changes nothing and fits now, fits best now
            can, after = step(state, ops[i])
            if can and after == state:
                return [i]
        return sorted(out, key=lambda i: ends[i])

    todo = candidates()
    while True:
        # All that must happen has happened?
        if all(ops[i].ok is None for i in range(first, n) if i not in beyond):
            return True, []
        while todo:
            i = todo.pop(0)
            steps += 1
            if steps > steps_max:
                return UNDECIDED, [ops[k] for k in best[1]]
            can, after = step(state, ops[i])
            if not can:
                continue
            new_first, new_beyond = first, beyond | {i}
            while new_first in new_beyond:
                new_beyond -= {new_first}
                new_first += 1
            key = (new_first, new_beyond, after)
            if key in cache:
                continue
            cache.add(key)
            stack.append((first, beyond, state, todo))
            first, beyond, state = new_first, new_beyond, after
            todo = candidates()
            if first + len(beyond) > best[0]:
                best = (first + len(beyond), list(todo))
            break
        else:
            if not stack:
                return False, [ops[k] for k in best[1]]
            first, beyond, state, todo = stack.pop()
