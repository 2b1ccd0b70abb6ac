"""What Python adds to a decision, in one run, and what a chat costs more than its prompt.

Of a text two figures. The whole time of ``route("")``: the decision itself takes next to nothing there, so
this bounds everything that Python adds, from call to decision object. And for real prompts one call of
``route`` beside its share of a ``route_batch``, which converts arguments once and then stays in Rust.

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


def chats(router: Router) -> None:
    """Print what a chat adds to its prompt: a history of 200 KB, and twenty megabytes of image parts."""
    text = text_of(20)
    # Each text is a string of its own, as a client makes them: nothing of it was encoded before.
    turns = [{"role": "assistant" if i % 2 else "user", "content": f"{text_of(160)} {i}"} for i in range(200)]
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 1_000_000}}
    history = [*turns, {"role": "user", "content": text}]
    images = [{"role": "user", "content": [*[image] * 20, {"type": "text", "text": text}]}]
    print(f"{'chat':>24} {'added to its text':>18}")
    for name, chat, limit in (("201 messages, 200 KB", history, 2.0), ("20 MB of images", images, 50.0)):
        assert router.route(chat) == router.route(text)
        alone = whole = float("inf")
        for _ in range(ROUNDS):
            alone = min(alone, microseconds(lambda: [router.route(text) for _ in range(50)], 50))
            whole = min(whole, microseconds(lambda chat=chat: [router.route(chat) for _ in range(50)], 50))
        verdict = "ok" if whole - alone <= limit else "ABOVE THE LIMIT"
        print(f"{name:>24} {whole - alone:>15.2f} us   limit {limit} us, {verdict}")


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
    chats(router)


if __name__ == "__main__":
    main()
