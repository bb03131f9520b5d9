"""Sobol's points: they fill a cube more evenly than random ones, whatever their number.

Direction numbers: S. Joe and F. Y. Kuo, Constructing Sobol sequences with better two-dimensional projections,
SIAM Journal on Scientific Computing 30 (2008), 2635-2654; the first rows of their table new-joe-kuo-6.21201
(https://web.maths.unsw.edu.au/~fkuo/sobol/), Copyright (c) 2008 Stephen Joe and Frances Y. Kuo, BSD licence.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

BITS = 32

_TABLE = """\
3: 1
7: 1 3
11: 1 3 1
13: 1 1 1
19: 1 1 3 3
25: 1 3 5 13
37: 1 1 5 5 17
41: 1 1 5 5 5
47: 1 1 7 11 19
55: 1 1 5 1 1
59: 1 1 1 3 11
61: 1 3 5 5 31
67: 1 3 3 9 7 49
91: 1 1 1 15 21 21
97: 1 3 1 13 27 49
103: 1 1 1 15 7 5
109: 1 3 1 15 13 25
115: 1 1 5 5 19 61
131: 1 3 7 11 23 15 103
137: 1 3 7 13 13 15 69
143: 1 1 3 13 7 35 63
145: 1 3 5 9 1 25 53
157: 1 3 1 13 9 35 107
167: 1 3 1 5 27 61 31
171: 1 1 5 11 19 41 61
185: 1 3 5 3 3 13 69
191: 1 1 7 13 1 19 1
193: 1 3 7 5 13 19 59
203: 1 1 3 9 25 29 41
211: 1 3 5 13 23 1 55
213: 1 3 7 3 13 59 17
229: 1 3 1 3 5 53 69
239: 1 1 5 5 23 33 13
241: 1 1 7 7 1 61 123
247: 1 1 7 9 13 61 49
253: 1 3 3 5 3 55 33
285: 1 3 1 15 31 13 49 245
299: 1 3 5 15 31 59 63 97
301: 1 3 1 11 11 11 77 249
333: 1 3 1 11 27 43 71 9
351: 1 1 7 15 21 11 81 45
355: 1 3 7 3 25 31 65 79
357: 1 3 1 1 19 11 3 205
361: 1 1 5 9 19 21 29 157
369: 1 3 7 11 1 33 89 185
391: 1 3 3 3 15 9 79 71
397: 1 3 7 11 15 39 119 27
425: 1 1 3 1 11 31 97 225
451: 1 1 1 3 23 43 57 177
463: 1 3 7 7 17 17 37 71
487: 1 3 1 5 27 63 123 213
501: 1 1 3 5 11 43 53 133
529: 1 3 5 5 29 17 47 173 479
539: 1 3 3 11 3 1 109 9 69
545: 1 1 1 5 17 39 23 5 343
557: 1 3 1 5 25 15 31 103 499
563: 1 1 1 11 11 17 63 105 183
601: 1 1 5 11 9 29 97 231 363
607: 1 1 5 15 19 45 41 7 383
617: 1 3 7 7 31 19 83 137 221
623: 1 1 1 3 23 15 111 223 83
631: 1 1 5 13 31 15 55 25 161
637: 1 1 3 13 25 47 39 87 257
"""
"""From the second dimension on: the primitive polynomial's coefficients as the bits of a number, and m_1, m_2, ..."""

_ROWS = tuple(line.partition(":") for line in _TABLE.splitlines())

MAX_DIMENSIONS = len(_ROWS) + 1


def points(seeds: Sequence[str]) -> Iterator[tuple[float, ...]]:
    """Points between 0 and 1, without end; one dimension for each seed, `MAX_DIMENSIONS` at most.

    A seed moves its dimension by a random digital shift, which keeps the evenness: of any first 2^k points,
    each of the 2^k equal slices of a dimension holds exactly one.
    """
    shifts = [random.Random(seed).getrandbits(BITS) for seed in seeds]
    directions = [_directions(dimension) for dimension in range(len(seeds))]
    state = shifts
    for number in range(1, 1 << BITS):
        yield tuple((x + 0.5) / (1 << BITS) for x in state)
        changed = (number & -number).bit_length() - 1
        state = [x ^ direction[changed] for x, direction in zip(state, directions, strict=True)]


def _directions(dimension: int) -> list[int]:
    """v_1 .. v_BITS, each shifted to the top of its BITS bits (the paper's equations 1 to 3)."""
    if dimension == 0:
        return [1 << (BITS - 1 - k) for k in range(BITS)]
    polynomial, _, initial = _ROWS[dimension - 1]
    m = [int(word) for word in initial.split()]
    degree = len(m)
    inner = [int(polynomial) >> (degree - i) & 1 for i in range(1, degree)]
    for k in range(degree, BITS):
        new = m[k - degree] ^ (m[k - degree] << degree)
        for i, coefficient in enumerate(inner, 1):
            new ^= coefficient * (m[k - i] << i)
        m.append(new)
    return [value << (BITS - 1 - k) for k, value in enumerate(m)]
