"""CPU time of similarity-weighted ranking, side by side with the reference's own functions, in one run.

    python3 -m venv .venv-reference
    .venv-reference/bin/pip install -r tools/compare_reference/requirements.txt
    .venv-reference/bin/pip install --no-deps routellm==0.2.0
    .venv-reference/bin/pip install dist/routellm_rs-*.whl
    .venv-reference/bin/python tools/compare_reference/compare.py --base EMBEDDINGS.safetensors

Both sides get the embedding of the prompt; the call that computes it is in neither. `--base` is a safetensors file
whose tensor `embeddings` (n x d, float32) holds real prompt embeddings, as a build's cache of embeddings does; votes
are drawn from it with noise, so that no point repeats. Without it, random directions stand in.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import sys
import tempfile
import time
import types
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from routellm_rs import Router, train
from safetensors.numpy import load_file

MODELS = 40
TIERS = 10
STORES = ("f32", "int8", "int4", "clustered")
# How many times less CPU time each store has to take.
LIMITS = {
    384: {"f32": 14, "int8": 60, "int4": 120, "clustered": 1000},
    1536: {"f32": 7, "int8": 25, "int4": 60, "clustered": 500},
}


def reference_functions() -> types.ModuleType:
    """The reference's module, loaded by itself: its client of an API is never called here."""
    client = types.ModuleType("openai")
    client.OpenAI = lambda *_, **__: None  # type: ignore[attr-defined]
    sys.modules.setdefault("openai", client)
    package = importlib.util.find_spec("routellm")
    if package is None or not package.submodule_search_locations:
        raise SystemExit("the PyPI package routellm is not installed: see the top of this file")
    path = Path(package.submodule_search_locations[0]) / "routers" / "similarity_weighted" / "utils.py"
    spec = importlib.util.spec_from_file_location("reference_utils", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def simulate(base: np.ndarray, dim: int, votes: int, rng: np.random.Generator) -> tuple[np.ndarray, pd.DataFrame]:
    """Embeddings [votes, dim] and battles: a Bradley-Terry model whose abilities lean on the prompt."""
    if base.shape[1] != dim:
        basis, _ = np.linalg.qr(rng.standard_normal((dim, base.shape[1])))
        base = base @ basis.T
    noise = rng.standard_normal((votes, dim))
    noise /= np.linalg.norm(noise, axis=1, keepdims=True)
    x = base[rng.integers(0, len(base), votes)] + 0.5 * noise
    x = (x / np.linalg.norm(x, axis=1, keepdims=True)).astype(np.float32)
    ability, lean = rng.standard_normal(MODELS), rng.standard_normal((MODELS, dim)) * 4
    a = rng.integers(0, MODELS, votes)
    b = (a + rng.integers(1, MODELS, votes)) % MODELS
    gap = ability[a] - ability[b] + np.einsum("nd,nd->n", lean[a] - lean[b], x)
    u = rng.random(votes)
    won = u < 0.8 / (1 + np.exp(-gap))
    winner = np.where(won, "model_a", np.where(u > 0.8, "tie", "model_b"))
    names = np.array([f"model-{i:02}" for i in range(MODELS)])
    return x, pd.DataFrame({"model_a": names[a], "model_b": names[b], "winner": winner})


def cpu_seconds(call: Callable[[np.ndarray], object], queries: np.ndarray) -> float:
    """Median CPU time of one call."""
    times = []
    for query in queries:
        start = time.process_time()
        call(query)
        times.append(time.process_time() - start)
    return float(np.median(times))


def score_all(router: Router, queries: np.ndarray, _: np.ndarray) -> list[float]:
    """The win rate of every query, one call each."""
    return [router.win_rate_from_embedding(query) for query in queries]


def main() -> None:
    """Print a table for each dimension."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", type=Path)
    parser.add_argument("--votes", type=int, default=55_000)
    arguments = parser.parse_args()
    reference = reference_functions()
    for dim in (384, 1536):
        rng = np.random.default_rng(1)
        if arguments.base:
            base = load_file(arguments.base)["embeddings"]
        else:
            base = rng.standard_normal((10_000, 384)).astype(np.float32)
        base = base / np.linalg.norm(base, axis=1, keepdims=True)
        x, battles = simulate(base, dim, arguments.votes, rng)
        queries, _ = simulate(base, dim, 200, rng)

        ratings = reference.compute_elo_mle_with_tie(battles)
        tier_of = reference.compute_tiers(ratings, num_tiers=TIERS)
        tiers = battles.assign(model_a=battles["model_a"].map(tier_of), model_b=battles["model_b"].map(tier_of))
        double = x.astype(np.float64)

        def reference_win_rate(query: np.ndarray, double: np.ndarray = double, tiers: pd.DataFrame = tiers) -> float:
            similarities = np.dot(double, query) / (np.linalg.norm(double, axis=1) * np.linalg.norm(query))
            weights = 10 * 10 ** (similarities / np.max(similarities))
            scores = reference.compute_elo_mle_with_tie(tiers, sample_weight=weights)
            return 1 / (1 + 10 ** ((scores[scores.index.max()] - scores[0]) / 400))

        theirs = cpu_seconds(reference_win_rate, queries[:5].astype(np.float64))
        print(f"\n{arguments.votes} votes, {dim} dimensions: reference {theirs * 1e3:.0f} ms of CPU a query")
        print("| store | CPU a query | times less | at least |\n|---|---|---|---|")
        best, worst = ratings.index[0], ratings.index[-1]
        for store in STORES:
            with tempfile.TemporaryDirectory() as folder:
                out = os.path.join(folder, "sw")
                columns = {name: list(battles[name]) for name in ("model_a", "model_b", "winner")}
                train.sw_ranking(out, **columns, embeddings=x, tiers=TIERS, store=store)
                router = Router.open(out, strong=best, weak=worst)
                router.win_rate_from_embedding(queries[0])
                # Rounds of all queries: one call is shorter than the clock's step.
                ours = cpu_seconds(partial(score_all, router, queries), queries[:5]) / len(queries)
            print(f"| {store} | {ours * 1e3:.3f} ms | {theirs / ours:.0f} | {LIMITS[dim][store]} |", flush=True)


if __name__ == "__main__":
    main()
