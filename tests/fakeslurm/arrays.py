"""Array expressions: ``0-3,7``, ``1-10:2``, ``0-9%2``."""


def parse(text):
    """The indices in rising order, and the limit behind ``%`` (0: none). Raises ValueError.

    >>> parse("7,0-3%2")
    ([0, 1, 2, 3, 7], 2)
    >>> parse("1-10:4")
    ([1, 5, 9], 0)
    """
    body, _, limit = text.strip("[]").partition("%")
    indices = set()
    for piece in body.strip("[]").split(","):
        span, _, step = piece.partition(":")
        first, dash, last = span.partition("-")
        start, stop = _number(first), _number(last) if dash else _number(first)
        if stop < start or (step and _number(step) == 0):
            raise ValueError(text)
        indices.update(range(start, stop + 1, _number(step) if step else 1))
    return sorted(indices), _number(limit) if limit else 0


def _number(text):
    if not (text.isascii() and text.isdigit()):
        raise ValueError(text)
    return int(text)


def fold(indices):
    """The shortest list of ranges (bit_fmt of Slurm's bitstring.c).

    >>> fold([0, 1, 2, 3, 7, 9])
    '0-3,7,9'
    """
    pieces = []
    start = previous = None
    for index in [*sorted(indices), None]:
        if start is not None and index != previous + 1:
            pieces.append(str(start) if start == previous else f"{start}-{previous}")
            start = None
        if start is None:
            start = index
        previous = index if index is not None else -2
    return ",".join(pieces)


def shown(indices, limit, longest=64):
    """The expression as squeue writes it, the limit behind.

    Even steps are kept; it is cut at ``longest`` bytes (SLURM_BITSTR_LEN; 0: never).

    >>> shown(range(0, 40, 2), 0)
    '0-38:2'
    >>> shown([1, 3], 2)
    '1,3%2'
    """
    indices = sorted(indices)
    text = _stepped(indices) or fold(indices)
    if longest and len(text) >= longest:
        cut = text[: longest - 1]
        text = cut[: cut.rfind(",") + 1][: longest - 4] + "..."
    return f"{text}%{limit}" if limit else text


def _stepped(indices):
    """``first-last:step`` where all steps are equal and over 1 and the span is over 10 (Slurm's api/job_info.c)."""
    if len(indices) < 3 or indices[-1] - indices[0] <= 10:
        return ""
    step = indices[1] - indices[0]
    even = step > 1 and indices == list(range(indices[0], indices[-1] + 1, step))
    return f"{indices[0]}-{indices[-1]}:{step}" if even else ""
