"""Which exceptions mean that memory ran out: the frameworks and their libraries say it in dozens of wordings."""

from __future__ import annotations

import re

#: What torch, MindSpore, oneDNN, CUDA, Ascend and C++ say. A primitive that oneDNN cannot create is one that it found
#: no memory for: of what it does not support it cannot make the descriptor. A thread that cannot be started
#: lacks memory for its stack.
_WORDS = re.compile(
    r"""
      out\ of\ (host\ |device\ |gpu\ |cpu\ )?memory | bad_?alloc | resource_?exhausted
    | memory\b.{0,60}\b(not|isn't|in)\s?-?\s?(enough|sufficient)
    | \b(not?|n't|in)\s?-?\s?(enough|sufficient)\b.{0,20}memory
    | memory\b.{0,40}\bexceed | \bexceed(s|ed|ing)?\b.{0,40}\bmemory | \bno\ memory\ (is\ )?(left|free|available)
    | memory_?allocation | \benomem\b
    | alloc(ate|ating|ation|a)?(_|\b).{0,80}fail | \bfail(ed|ure|s)?\b.{0,40}alloc(ate|ating|ation)?\b
    | (can('|no|\ no)?t|unable\ to)\ (m|re)?alloc(ate)?\b | memory\b.{0,20}\bexhausted | memory\ failed
    | could\ not\ create\ a\ (primitive(?!\ descriptor)|memory) | resource\ temporarily\ unavailable
    """,
    re.IGNORECASE | re.VERBOSE | re.DOTALL,
)


def says_out_of_memory(error: BaseException) -> bool:
    """Tell whether an exception of a framework means that memory ran out."""
    return isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and bool(_WORDS.search(str(error))))
