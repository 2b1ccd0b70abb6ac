"""Candidates with prices: qualities, and every policy against a plain model of what it says."""

from __future__ import annotations

import asyncio
import json
import math
import os
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from routellm_rs import Decision, InvalidArgumentError, Router, UnsupportedError, train

ROOT = Path(__file__).resolve().parents[2]
SHARED = Path(os.environ.get("ROUTELLM_SHARED", ROOT.parent / "shared")) / "data" / "nway"
OUTPUT_TOKENS = 150.0

Costs = dict[str, float]


# The policies as described, over names: qualities in [0, 1], costs in USD per 1,000 requests


def by_cost_weight(names: list[str], quality: Costs, cost: Costs, weight: float) -> str:
    # The first of the largest, and of equal ones the cheaper.
    return max(names, key=lambda name: (quality[name] - weight * cost[name], -cost[name], -names.index(name)))


def by_min_quality(names: list[str], quality: Costs, cost: Costs, least: float) -> str:
    reaching = [name for name in names if quality[name] >= least]
    if reaching:
        return min(reaching, key=lambda name: (cost[name], names.index(name)))
    return max(names, key=lambda name: (quality[name], -cost[name], -names.index(name)))


def thousand(price: dict[str, float], tokens: int) -> float:
    return (price["input"] * float(tokens) + price["output"] * OUTPUT_TOKENS) / 1e3


def tokens_of(prompt: str) -> int:
    return max(1, math.ceil(len(prompt.encode()) / 4))


class Plain:
    """A router and what a program of a few lines makes of its qualities."""

    def __init__(self, router: Router, prices: dict[str, Any], prompts: list[str]) -> None:
        self.router, self.prices, self.prompts = router, prices, prompts
        self.qualities = router.qualities_batch(prompts)

    def costs(self, prompt: str) -> Costs:
        return {name: thousand(price, tokens_of(prompt)) for name, price in self.prices.items()}

    def check(
        self, choose: Callable[[list[str], Costs, Costs], str], names: Iterable[str], **policy: Any
    ) -> float:
        """Compare all decisions of a policy, and return what they cost on average."""
        names = list(names)
        decisions = self.router.route_batch(self.prompts, candidates=names, **policy)
        total = 0.0
        for prompt, quality, decision in zip(self.prompts, self.qualities, decisions, strict=True):
            cost = self.costs(prompt)
            chosen = choose(names, quality, cost)
            assert decision.model == chosen, (policy, quality, cost)
            assert decision.candidate == self.router.models.index(chosen)
            assert decision.quality == quality[chosen]
            assert decision.expected_cost == pytest.approx(cost[chosen] / 1e3, rel=1e-12)
            assert (decision.side, decision.win_rate, decision.threshold) == (None, None, None)
            total += cost[chosen]
        return total / len(decisions)

    def check_all(self, names: list[str]) -> None:
        for weight in (0.0, 0.001, 0.01, 0.05, 0.2, 1.0, 100.0):
            self.check(partial(by_cost_weight, weight=weight), names, cost_weight=weight)
        for least in (0.0, 0.2, 0.35, 0.5, 0.65, 0.8, 1.0):
            self.check(partial(by_min_quality, least=least), names, min_quality=least)

    def check_budgets(self, names: list[str]) -> None:
        """On the calibration sample, which these prompts are, a budget is met, and by the smallest weight."""
        most, least = self.mean(names, 0.0), self.mean(names, 1e100)
        for part in (0.0, 0.1, 0.35, 0.6, 0.9, 1.0):
            budget = least + (most - least) * part
            weight = self.weight(names, budget)
            spent = self.check(partial(by_cost_weight, weight=weight), names, budget=budget)
            assert spent <= budget * (1 + 1e-12)
        with pytest.raises(InvalidArgumentError, match="even the cheapest"):
            self.router.route(self.prompts[0], candidates=names, budget=least * 0.99)

    def mean(self, names: list[str], weight: float) -> float:
        total = 0.0
        for prompt, quality in zip(self.prompts, self.qualities, strict=True):
            cost = self.costs(prompt)
            total += cost[by_cost_weight(names, quality, cost, weight)]
        return total / len(self.prompts)

    def weight(self, names: list[str], budget: float) -> float:
        """The smallest weight of all doubles, by halving."""
        low, high = 0.0, 1e100
        if self.mean(names, low) <= budget:
            return low
        while True:
            middle = _between(low, high)
            if middle in (low, high):
                return high
            if self.mean(names, middle) <= budget:
                high = middle
            else:
                low = middle


def _between(low: float, high: float) -> float:
    import struct

    bits = [int.from_bytes(struct.pack(">d", value), "big") for value in (low, high)]
    return float(struct.unpack(">d", (sum(bits) // 2).to_bytes(8, "big"))[0])


def data(name: str) -> Path:
    path = SHARED / name
    if not path.exists():
        pytest.skip(f"{path} is not there")
    return path


def prices_of(names: Iterable[str]) -> dict[str, Any]:
    """Prices of any kind: some alike, so that ties are met."""
    return {
        name: {"input": 0.1 * (1 + i * 7 % 11), "output": 0.25 * (1 + i * 5 % 7)}
        for i, name in enumerate(names)
    }


def trained(folder: Path, gold: Path, sample: int, models: list[str] | None = None) -> Plain:
    """A linear router with weights for each candidate, calibrated on some of the prompts."""
    if gold.suffix == ".csv":
        import csv

        with gold.open(newline="", encoding="utf-8") as file:
            prompts = [row["prompt"] for row in csv.DictReader(file)]
    else:
        prompts = [json.loads(line)["prompt"] for line in gold.read_text(encoding="utf-8").splitlines()]
    some = list(dict.fromkeys(prompts))[:: max(1, len(prompts) // sample)][:sample]
    out = folder / "router"
    train.linear(
        out,
        gold=gold,
        models=models,
        strong=None if models is None else models[0],
        weak=None if models is None else models[1],
        calibration=some,
        per_candidate=True,
        lambdas=[4.0],
        lexical_scales=[0.1],
        folds=3,
        bits=14,
    )
    names = Router.open(out).models
    prices = prices_of(names)
    router = Router.open(
        out,
        candidates=[{"name": name, "price": price} for name, price in prices.items()],
        mean_output_tokens=OUTPUT_TOKENS,
    )
    return Plain(router, prices, some)


def columns(path: Path) -> list[str]:
    """Return the names of the models, in order."""
    with path.open(encoding="utf-8") as file:
        first = file.readline()
    if path.suffix == ".csv":
        return [name for name in first.strip().split(",") if name not in ("prompt", "category")]
    return [name for name, value in json.loads(first).items() if isinstance(value, (int, float))]


def compared(folder: Path, kind: str, path: Path, models: list[str]) -> Plain:
    """A router of a kind that only compares candidates: every two models of a row are a vote."""
    train.linear(
        folder / "encoder",
        gold=path,
        models=models[:2],
        strong=models[0],
        weak=models[1],
        projection=16,
        lambdas=[4.0],
        lexical_scales=[0.1],
        folds=2,
        bits=12,
    )
    rows = rows_of(path)[::12]
    some = list(dict.fromkeys(row["prompt"] for row in rows))[:80]
    prices = prices_of(models)
    out = folder / "router"
    report = train.run(
        {
            "trainer": {"kind": "mf", "dim": 8, "epochs": 4, "held_out": 0.3, "noise": 0.01}
            if kind == "mf"
            else {"kind": "sw_ranking", "tiers": 5, "store": "f32"},
            "sources": [{"kind": "gold", "rows": rows}],
            "encoder": str(folder / "encoder"),
            "candidates": [{"name": name, "price": price} for name, price in prices.items()],
            "mean_output_tokens": OUTPUT_TOKENS,
            **({"calibration": {"prompts": some}} if kind == "mf" else {}),
            "out": str(out),
        }
    )
    assert sorted(report["models"]["names"]) == sorted(models)
    return Plain(Router.open(out), prices, some)


def rows_of(path: Path) -> list[dict[str, Any]]:
    if path.suffix == ".csv":
        import csv

        with path.open(newline="", encoding="utf-8") as file:
            read = list(csv.DictReader(file))
        return [
            {key: value if key in ("prompt", "category") else float(value) for key, value in row.items()}
            for row in read
        ]
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("kind", ["mf", "sw_ranking"])
@pytest.mark.parametrize(("name", "models"), [("mmlu_pro.csv", 26), ("llmrouter_tasks.jsonl", 9)])
def test_policies_of_routers_that_compare(tmp_path: Path, kind: str, name: str, models: int) -> None:
    path = data(name)
    plain = compared(tmp_path, kind, path, columns(path))
    names = plain.router.models
    assert len(names) == models
    assert {one["quality"] for one in plain.router.info()["candidates"]} == {"platt"}
    plain.check_all(names)
    plain.check_all(names[::3])
    if kind == "mf":  # The sample of a ranking is prompts of its votes.
        plain.check_budgets(names)
        plain.check_budgets(names[1::4])


@pytest.mark.parametrize(("name", "models"), [("mmlu_pro.csv", 26), ("llmrouter_tasks.jsonl", 9)])
def test_policies_are_right_against_a_plain_model(tmp_path: Path, name: str, models: int) -> None:
    path = data(name)
    plain = trained(tmp_path, path, 120, columns(path))
    names = plain.router.models
    assert len(names) == models
    info = plain.router.info()["candidates"]
    assert {one["quality"] for one in info} == {"isotonic"}
    plain.check_all(names)
    plain.check_all(names[::3])
    plain.check_budgets(names)
    plain.check_budgets(names[1::4])
    for quality in plain.qualities:
        assert all(0.0 <= value <= 1.0 for value in quality.values())


@pytest.fixture(scope="module")
def router(tmp_path_factory: pytest.TempPathFactory) -> Router:
    folder = tmp_path_factory.mktemp("candidates")
    rows = [
        {
            "prompt": f"integral number {i} of x" if i % 3 == 0 else f"greet person {i}",
            "large": True,
            "middle": i % 3 != 0 or i % 2 == 0,
            "small": i % 3 != 0,
        }
        for i in range(120)
    ]
    train.linear(folder / "r", gold=rows, strong="large", weak="small", per_candidate=True, folds=4, bits=10)
    candidates: list[Any] = [
        {"name": "large", "price": {"input": 10, "output": 30}, "capabilities": ["text", "vision"]},
        {
            "name": "middle",
            "price": {"input": 1, "output": 4, "date": "2026-01-31"},
            "capabilities": ["text", "vision"],
        },
        {"name": "small", "price": {"input": 0.1, "output": 0.2}, "context_length": 100},
    ]
    return Router.open(folder / "r", candidates=candidates, mean_output_tokens=200)


HARD = "integral number 7 of x"


def test_info_says_what_is_known(router: Router) -> None:
    info = router.info()
    assert info["mean_output_tokens"] == 200.0
    assert info["candidates"][1] == {
        "name": "middle",
        "price": {"input": 1.0, "output": 4.0, "date": "2026-01-31"},
        "context_length": None,
        "capabilities": ["text", "vision"],
        "quality": "platt",
    }
    assert info["candidates"][2]["context_length"] == 100
    assert all(one["quality"] is None for one in Router.default().info()["candidates"])


def test_qualities_of_one_of_many_and_later(router: Router) -> None:
    one = router.qualities(HARD)
    assert list(one) == router.models
    assert one["large"] > one["small"]
    assert router.qualities_batch([HARD, "x"]) == [one, router.qualities("x")]
    assert asyncio.run(router.aqualities(HARD)) == one
    assert asyncio.run(router.aqualities_batch([HARD])) == [one]
    assert all(math.isnan(value) for value in router.qualities("\ud800", on_error="small").values())
    with pytest.raises(UnsupportedError, match="pair only"):
        Router.default().qualities(HARD)
    with pytest.raises(UnsupportedError, match="pair only"):
        Router.default().route(HARD, cost_weight=0)


def test_decisions_are_data(router: Router) -> None:
    decision = router.route(HARD, cost_weight=0)
    assert decision.candidate == 0
    assert decision.side is None
    assert Decision(**decision) == decision
    assert json.loads(json.dumps(decision.as_dict()))["threshold"] is None
    assert "side=None" in repr(decision)
    assert "candidate=0" in repr(decision)
    pair = router.route(HARD, threshold=0.5)
    assert pair.side == "strong"
    assert pair.quality is None
    assert pair.expected_cost is not None
    assert asyncio.run(router.aroute(HARD, cost_weight=0, candidates=iter(["large"]))) == decision
    assert asyncio.run(router.aroute_batch([HARD], cost_weight=0)) == [decision]
    seen: list[Any] = []
    router.on_decision(seen.append)
    router.route(HARD, cost_weight=0)
    router.on_decision(None)
    assert (seen[0].candidate, seen[0].side, seen[0].threshold) == (0, None, None)
    assert seen[0].quality == decision.quality
    assert seen[0].expected_cost == decision.expected_cost


def test_who_is_left(router: Router) -> None:
    cheap: dict[str, Any] = {"cost_weight": 1000.0}
    assert router.route(HARD, **cheap).model == "small"
    assert router.route("x" * 401, **cheap).model == "middle"
    assert router.route(HARD, input_tokens=101, **cheap).model == "middle"
    assert router.route(HARD, requires=["vision"], **cheap).model == "middle"
    assert router.route(HARD, threshold=0.0, candidates=["middle", "small"]).model == "small"
    for options, part in (
        (
            {"requires": ["audio"]},
            '"large" has no audio; "middle" has no audio; "small" has no known capabilities',
        ),
        ({"candidates": ["small"], "input_tokens": 101}, '"small" reads 100 tokens, and the request has 101'),
        ({"candidates": ["Small"]}, 'did you mean "small"'),
        ({"candidates": []}, "candidates is empty"),
        ({"candidates": "small"}, "candidates is of type str, expected a list of strings"),
        ({"requires": [1]}, r"requires\[0\] is 1, expected a string"),
        ({"input_tokens": -1}, "input_tokens is -1, expected a whole number from 0 on"),
        ({"budget": 1.0}, "cost_weight and budget"),
    ):
        with pytest.raises(InvalidArgumentError, match=part.replace("(", r"\(")):
            router.route(HARD, **cheap, **options)
    with pytest.raises(InvalidArgumentError, match="no candidate is left"):
        router.route(HARD, threshold=0.5, candidates=["middle"])


def test_what_cannot_be_scored_goes_to_a_candidate(router: Router) -> None:
    decision = router.route("\ud800", on_error="middle")
    assert (decision.model, decision.side, decision.fallback) == ("middle", None, True)
    with pytest.raises(
        InvalidArgumentError, match='on_error is "nobody", expected "raise", "strong", "weak" or one of'
    ):
        router.route(HARD, on_error="nobody")


def test_prices_are_needed_by_name(router: Router, tmp_path: Path) -> None:
    path = router.info()["path"]
    assert path is not None
    plain = Router.open(path)
    with pytest.raises(InvalidArgumentError, match='none of "large", "middle", "small"'):
        plain.route(HARD, min_quality=0.5)
    for wrong, part in (
        ([{"name": "x"}], "does not know"),
        ([{"price": {"input": 1, "output": 1}}], "name"),
        ("large", "candidates is of type str, expected a list"),
    ):
        given: Any = wrong
        with pytest.raises(InvalidArgumentError, match=part):
            Router.open(path, candidates=given)
