"""Route the prompts of demo/prompts.jsonl through both routers that ship, and print each decision."""

from __future__ import annotations

import json
import time
from pathlib import Path

from routellm_rs import Router


def main() -> None:
    """Print a table for each router, and a summary."""
    path = Path(__file__).with_name("prompts.jsonl")
    prompts = [json.loads(line)["prompt"] for line in path.read_text(encoding="utf-8").splitlines()]
    summaries = []
    for name in ("default", "mf-minilm"):
        router = Router.bundled(name)
        print(f"\n{name}: strong = {router.strong}, weak = {router.weak}")
        print(f"{'win rate':>8}  {'decision':<8}  {'time':>9}  prompt")
        router.route("warm up")
        strong, spent = 0, 0.0
        for prompt in prompts:
            start = time.perf_counter()
            decision = router.route(prompt)
            elapsed = time.perf_counter() - start
            strong += decision.side == "strong"
            spent += elapsed
            line = " ".join(prompt.split())
            excerpt = line if len(line) <= 72 else line[:71] + "…"
            print(f"{decision.win_rate:8.3f}  {decision.side:<8}  {elapsed * 1e6:6.0f} µs  {excerpt}")
        share, rate = strong / len(prompts), len(prompts) / spent
        summaries.append(f"{name}: strong share {share:.0%}, {rate:,.0f} decisions per second")
    print()
    print("\n".join(summaries))
    print("\nTo chat through a router, on a page and without a key: routellm serve --demo (pip install routellm-cli)")


if __name__ == "__main__":
    main()
