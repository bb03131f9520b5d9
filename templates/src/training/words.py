"""Tokenizers of whole words, made on the spot for small texts: nothing is downloaded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

PAD, UNKNOWN, BEGIN, END = SPECIAL = ("[pad]", "[unknown]", "[begin]", "[end]")


def tokenizer(
    texts: Iterable[str], *, size: int = 2000, pattern: str = r"\w+|[^\w\s]"
) -> PreTrainedTokenizerFast:
    """Knows the ``size`` most frequent words of ``texts`` (what ``pattern`` matches), in lower case."""
    words = Tokenizer(models.WordLevel(unk_token=UNKNOWN))
    words.normalizer = normalizers.Lowercase()
    words.pre_tokenizer = pre_tokenizers.Split(Regex(pattern), "removed", invert=True)
    counted = Counter(
        word for text in texts for word, _ in words.pre_tokenizer.pre_tokenize_str(text.lower())
    )
    # Equal counts in the order of the words: the same tokenizer each time.
    known = sorted(counted, key=lambda word: (-counted[word], word))[: size - len(SPECIAL)]
    words.model = models.WordLevel({word: index for index, word in enumerate((*SPECIAL, *known))}, UNKNOWN)
    words.post_processor = processors.TemplateProcessing(
        single=f"{BEGIN} $A {END}", special_tokens=[(BEGIN, SPECIAL.index(BEGIN)), (END, SPECIAL.index(END))]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=words, pad_token=PAD, unk_token=UNKNOWN, bos_token=BEGIN, eos_token=END
    )
