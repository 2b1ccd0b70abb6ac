"""Route real prompts through real exported models, from Python, Node and C, and compare the win rates to the bit.

    real_models.py PROMPTS.jsonl --classifier DIR ... --causal DIR ...

Needs the library of this checkout for all three languages (`make setup`) and ROUTELLM_ORT_PATH, so that all three use
one ONNX Runtime. PROMPTS has a JSON object with `prompt` on each line. Prints one line for each model and language.
"""

from __future__ import annotations

import argparse
import json
import os
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from routellm_rs import Router

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "c"))
import cases  # noqa: E402

PROMPTS = 24
RATE = "How much expertise does it take to answer this well, from 1 (none) to 5 (an expert's)?"

NODE = """
const { Router } = require(process.argv[1]);
const { cases } = JSON.parse(require('node:fs').readFileSync(process.argv[2], 'utf8'));
const camel = (name) => name.replace(/_(\\w)/g, (_, letter) => letter.toUpperCase());
const out = {};
for (const { name, router, open, prompts, threshold } of cases) {
  const options = Object.fromEntries(Object.entries(open).map(([key, value]) => [camel(key), value]));
  const opened = Router.open(router, options);
  out[name] = opened.routeBatchSync(prompts, { threshold }).map((decision) => {
    const view = new DataView(new ArrayBuffer(8));
    view.setFloat64(0, decision.winRate);
    return view.getBigUint64(0).toString(16).padStart(16, '0');
  });
}
console.log(JSON.stringify(out));
"""


def bits(value: float) -> str:
    """The bits of a float64, as 16 hexadecimal digits."""
    return struct.pack(">d", value).hex()


def by_python(case: dict[str, Any]) -> list[dict[str, Any]]:
    """Decisions of a case, which the other languages have to give too."""
    router = Router.open(case["router"], **case["open"])
    start = time.perf_counter()
    decisions = [router.route(prompt, threshold=case["threshold"]) for prompt in case["prompts"]]
    took = (time.perf_counter() - start) / len(decisions)
    rates = [decision.win_rate for decision in decisions]
    print(
        f"{case['name']}: python, {len(rates)} prompts, {1e3 * took:.1f} ms each, "
        f"win rates {min(rates):.3f} to {max(rates):.3f}"
    )
    return [
        {"win_rate": d.win_rate, "side": d.side, "truncated": d.truncated, "no_score": d.no_score} for d in decisions
    ]


def by_c(source: Path, work: Path) -> dict[str, list[str]]:
    """Bits of the win rates by the C program of the tests."""
    flat, out, program = work / "cases.txt", work / "c.json", work / "exports"
    cases.exports(source, flat, ROOT)
    library = ROOT / "target" / "release"
    subprocess.run(
        [
            "cc",
            "-std=c11",
            "-O1",
            f"-I{ROOT}/include",
            f"-I{ROOT}/tests/c",
            str(ROOT / "tests/c/exports.c"),
            "-o",
            str(program),
        ]
        + [f"-L{library}", f"-Wl,-rpath,{library}", f"-Wl,-rpath,{work}", "-l:libroutellm.so", "-lm", "-lpthread"],
        check=True,
    )
    (work / "libroutellm.so.0").symlink_to(library / "libroutellm.so")
    done = subprocess.run([str(program), str(flat), str(out)], check=False, capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"c: {done.stdout}{done.stderr}")
    return json.loads(out.read_text(encoding="utf-8"))


def main() -> int:
    """Run every model in every language."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("prompts", type=Path)
    parser.add_argument("--classifier", type=Path, nargs="*", default=[])
    parser.add_argument("--causal", type=Path, nargs="*", default=[])
    parser.add_argument("--head", default="three_labels", help="the head of the classifiers")
    arguments = parser.parse_args()
    lines = arguments.prompts.read_text(encoding="utf-8").splitlines()
    prompts = [json.loads(line)["prompt"] for line in lines[:: max(1, len(lines) // PROMPTS)]][:PROMPTS]
    pair = {"strong": "gpt-4-1106-preview", "weak": "mixtral-8x7b-instruct-v0.1", "intra_threads": 1}
    chat = json.dumps({"kind": "chat", "system": RATE, "user": "{question}"})
    scores = {"template": chat, "score_tokens": ["1", "2", "3", "4", "5"], "max_new_tokens": 0, "max_tokens": 512}
    models = [(path, {"kind": "bert", "head": arguments.head}) for path in arguments.classifier]
    models += [(path, {"kind": "causal_llm", **scores}) for path in arguments.causal]
    data: list[dict[str, Any]] = [
        {
            "name": path.name,
            "router": str(path.resolve()),
            "open": {**pair, **options},
            "threshold": 0.5,
            "tolerance": 0.0,
            "prompts": prompts,
        }
        for path, options in models
    ]
    for case in data:
        case["expected"] = by_python(case)
    expected = {case["name"]: [bits(row["win_rate"]) for row in case["expected"]] for case in data}
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        source = work / "cases.json"
        source.write_text(json.dumps({"cases": data}), encoding="utf-8")
        node = subprocess.run(
            ["node", "-e", NODE, str(ROOT / "node"), str(source)],
            check=True,
            capture_output=True,
            text=True,
            env=os.environ,
        )
        for language, found in (("node", json.loads(node.stdout)), ("c", by_c(source, work))):
            for name, rates in expected.items():
                differ = sum(a != b for a, b in zip(rates, found[name], strict=True))
                failed += differ
                print(f"{name}: {language}, {len(rates)} prompts, {differ} differ")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
