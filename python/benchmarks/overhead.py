"""What Python adds to a decision, in one run.

Two figures. The whole time of ``route("")``: the decision itself takes next to nothing there, so this bounds
everything that Python adds, from call to decision object. And for real prompts one call of ``route`` beside
its share of a ``route_batch``, which converts arguments once and then stays in Rust.

Both are measured in turns on the same prompts, and the least of many rounds counts: what is above it is
somebody else's load.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from routellm_rs import Router

LIMIT_US = 2.0
ROUNDS = 300
TEXT = (
    "Explain step by step how a compiler turns source code into machine code and which optimisations matter "
    "most for numeric programs that spend their time in nested loops over large arrays of numbers"
)


def text_of(words: int) -> str:
    vocabulary = TEXT.split()
    return " ".join(vocabulary[i % len(vocabulary)] for i in range(words))


def microseconds(call: Callable[[], object], count: int) -> float:
    start = time.perf_counter_ns()
    call()
    return (time.perf_counter_ns() - start) / 1000 / count


def main() -> None:
    router = Router.default()
    print(f"{'prompt':>10} {'route':>10} {'in a batch':>10} {'added':>10}   limit {LIMIT_US} us")
    for words in (0, 1, 10, 100):
        # As many as a batch may have without a thread of its own.
        prompts = [f"{text_of(words)} {i}" if words else "" for i in range(60)]

        def singly(prompts: list[str] = prompts) -> None:
            route = router.route
            for prompt in prompts:
                route(prompt)

        def together(prompts: list[str] = prompts) -> None:
            router.route_batch(prompts)

        single = batch = float("inf")
        for _ in range(ROUNDS):
            single = min(single, microseconds(singly, len(prompts)))
            batch = min(batch, microseconds(together, len(prompts)))
        # Nothing is taken off for the empty prompt: its whole time is the bound.
        added = single - batch if words else single
        verdict = "ok" if added <= LIMIT_US else "ABOVE THE LIMIT"
        print(f"{words:>4} words {single:>7.2f} us {batch:>7.2f} us {added:>7.2f} us   {verdict}")


if __name__ == "__main__":
    main()
