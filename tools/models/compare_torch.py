"""Time transformers and torch on the weights that the exports were made from, one prompt at a time.

    compare_torch.py --classifier CHECKPOINT [EXPORT ...] --causal CHECKPOINT [EXPORT ...] [--threads 1 2]
    compare_torch.py --agree CHECKPOINT EXPORT ... --prompts FILE

The classifier gets prompts of 32 and 256 tokens, the decoder the published prompt around a question of 32 tokens and
`generate(max_new_tokens=6)`, as the reference does. Every case is one JSON line with the median in milliseconds. An
EXPORT of a classifier is timed as tokenizers + onnxruntime in Python; where `routellm_rs` can open it, the library is
timed too. Runs take turns, so that no contender keeps the caches or a quiet moment for itself.

`--agree` compares decoders with torch on real prompts: how often both have the same next token, and how far apart
the win rates of the digits 1 to 5 are (threshold 4).
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import numpy as np
import onnxruntime as ort
import torch
import transformers
from routellm_rs.finetune import export
from tokenizers import Tokenizer
from transformers import AutoTokenizer

WORDS = "which of these small red stones would a careful builder choose for the old bridge and why ".split()
CLASSIFIER_TOKENS = (32, 256)
QUESTION_TOKENS = 32
NEW_TOKENS = 6
MODELS = {"strong": "gpt-4-1106-preview", "weak": "mistralai/Mixtral-8x7B-Instruct-v0.1"}


def text_of(count: Callable[[str], int], tokens: int) -> str:
    """English words that make exactly `tokens` tokens."""
    text = ""
    for i in range(10 * tokens):
        longer = f"{text} {WORDS[i % len(WORDS)]}".strip()
        if count(longer) > tokens:
            break
        text = longer
    while count(text) < tokens:
        text += "."
    if count(text) != tokens:
        raise SystemExit(f"no text of {tokens} tokens found, only of {count(text)}")
    return text


def medians(contenders: dict[str, Callable[[], Any]], seconds: float) -> dict[str, tuple[float, int]]:
    """Median milliseconds and number of runs of each contender, all taking turns for `seconds` at least."""
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for run in contenders.values():
        run()
        run()
    end = time.perf_counter() + seconds * len(contenders)
    while time.perf_counter() < end or any(len(t) < 10 for t in times.values()):
        for name, run in contenders.items():
            start = time.perf_counter()
            run()
            times[name].append(1000 * (time.perf_counter() - start))
    return {name: (statistics.median(t), len(t)) for name, t in times.items()}


def session_options(threads: int) -> ort.SessionOptions:
    """Options with this many threads."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    return options


def onnx_loop(folder: Path, threads: int) -> Callable[[str], np.ndarray]:
    """Tokenizers and onnxruntime by hand."""
    session = ort.InferenceSession(folder / "model.onnx", session_options(threads), providers=["CPUExecutionProvider"])
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(json.loads((folder / "tokenizer_config.json").read_text())["model_max_length"])
    names = {i.name for i in session.get_inputs()}

    def run(prompt: str) -> np.ndarray:
        coded = tokenizer.encode(prompt)
        feed = {"input_ids": coded.ids, "attention_mask": coded.attention_mask, "token_type_ids": coded.type_ids}
        return session.run(["logits"], {n: np.array([v], np.int64) for n, v in feed.items() if n in names})[0]

    return run


def library(folder: Path, threads: int, **options: Any) -> Callable[[str], float] | None:
    """The router of `routellm_rs`, or nothing where the package is absent or does not take such exports."""
    try:
        import routellm_rs
    except ImportError:
        return None
    try:
        router = routellm_rs.Router.open(str(folder), **MODELS, sessions=1, intra_threads=threads, **options)
    except TypeError:
        return None
    return router.win_rate


def classifier_cases(checkpoint: Path, exports: list[Path], threads: int, seconds: float) -> None:
    """Time a classifier at both lengths."""
    torch.set_num_threads(threads)
    tokenizer = AutoTokenizer.from_pretrained(checkpoint)
    model = transformers.AutoModelForSequenceClassification.from_pretrained(checkpoint, dtype=torch.float32).eval()

    def by_torch(prompt: str) -> np.ndarray:
        inputs = tokenizer(prompt, return_tensors="pt", padding=True, truncation=True)
        with torch.no_grad():
            return model(**inputs).logits.numpy()

    runs: dict[str, Callable[[str], Any]] = {"transformers + torch": by_torch}
    for folder in exports:
        runs[f"tokenizers + onnxruntime, {folder.name}"] = onnx_loop(folder, threads)
        routed = library(folder, threads, kind="bert")
        if routed is not None:
            runs[f"routellm_rs, {folder.name}"] = routed
    for tokens in CLASSIFIER_TOKENS:
        prompt = text_of(lambda text: len(tokenizer(text)["input_ids"]), tokens)
        cases = {name: lambda run=run, prompt=prompt: run(prompt) for name, run in runs.items()}
        report(f"classifier, {tokens} tokens", threads, medians(cases, seconds))


def prompt_of(question: str, folder: Path) -> str:
    """The published prompt: it ends after the question, with no header for the answer."""
    system = (folder / "system_ft_v5.txt").read_text(encoding="utf-8").strip()
    user = (folder / "classifier_ft_v5.txt").read_text(encoding="utf-8").format(question=question).strip()
    parts = (("system", system), ("user", user))
    return "".join(f"<|start_header_id|>{role}<|end_header_id|>\n\n{body}<|eot_id|>" for role, body in parts)


def causal_cases(
    checkpoint: Path, exports: list[Path], prompts: Path, threads: int, seconds: float, score_tokens: list[str]
) -> None:
    """Time `generate` on the published prompt."""
    torch.set_num_threads(threads)
    tokenizer = AutoTokenizer.from_pretrained(checkpoint)
    model = transformers.AutoModelForCausalLM.from_pretrained(checkpoint, dtype=torch.float32).eval()
    question = text_of(lambda text: len(tokenizer(text, add_special_tokens=False)["input_ids"]), QUESTION_TOKENS)
    made: list[int] = []

    def by_torch() -> None:
        inputs = tokenizer(prompt_of(question, prompts), return_tensors="pt")
        with torch.no_grad():
            out = model.generate(
                **inputs,
                max_new_tokens=NEW_TOKENS,
                do_sample=False,
                output_scores=True,
                return_dict_in_generate=True,
                pad_token_id=tokenizer.eos_token_id,
            )
        made[:] = [inputs["input_ids"].shape[1], out.sequences.shape[1] - inputs["input_ids"].shape[1]]

    cases: dict[str, Callable[[], Any]] = {"transformers + torch, generate": by_torch}
    for folder in exports:
        # A fine-tuned router gives its score as the first token, which is one pass; these models were not tuned, and
        # looking for a score takes them as many steps as `generate`.
        for steps, what in ((0, "first token scored"), (NEW_TOKENS, f"{NEW_TOKENS} greedy steps")):
            routed = library(folder, threads, kind="causal_llm", score_tokens=score_tokens, max_new_tokens=steps)
            if routed is not None:
                cases[f"routellm_rs, {folder.name}, {what}"] = lambda routed=routed: routed(question)
    result = medians(cases, seconds)
    report(f"causal, question of {QUESTION_TOKENS} tokens", threads, result, prompt_tokens=made[0], new_tokens=made[1])


def report(case: str, threads: int, result: dict[str, tuple[float, int]], **more: Any) -> None:
    """One JSON line for each contender."""
    for name, (p50, runs) in result.items():
        line = {"case": case, "threads": threads, "path": name, "p50_ms": round(p50, 3), "runs": runs}
        print(json.dumps(line | more), flush=True)


def agree(checkpoint: Path, exports: list[Path], prompts: Path) -> None:
    """Compare decoders with torch on the first 60 prompts of a file of JSON lines, in the model's chat template."""
    torch.set_num_threads(1)
    model = export.load_causal(checkpoint)
    tokenizer = AutoTokenizer.from_pretrained(checkpoint)
    layers, heads, head_dim = export.cache_shape(model.config)
    digits = [tokenizer.convert_tokens_to_ids(str(i)) for i in range(1, 6)]
    with prompts.open(encoding="utf-8") as lines:
        texts = [json.loads(line)["prompt"][:600] for line in lines][:60]
    asked, want = [], []
    for text in texts:
        message = [{"role": "user", "content": text}]
        chat = tokenizer.apply_chat_template(message, tokenize=False, add_generation_prompt=True)
        asked.append(tokenizer(chat, return_tensors="pt")["input_ids"][:, -200:])
        with torch.no_grad():
            want.append(model(input_ids=asked[-1]).logits[0, -1].numpy())

    def win_rate(logits: np.ndarray) -> float:
        shares = np.exp(logits[digits] - logits[digits].max())
        return float(1 - shares[3:].sum() / shares.sum())

    for folder in exports:
        session = ort.InferenceSession(folder / "model.onnx", session_options(1), providers=["CPUExecutionProvider"])
        names = {i.name for i in session.get_inputs()}
        same, apart, logit = 0, [], 0.0
        for ids, wanted in zip(asked, want, strict=True):
            x = ids.numpy()
            feed = {"input_ids": x, "attention_mask": np.ones_like(x), "position_ids": np.arange(x.shape[1])[None]}
            cache = np.zeros((1, heads, 0, head_dim), np.float32)
            feed |= {f"past_key_values.{i}.{k}": cache for i in range(layers) for k in ("key", "value")}
            got = session.run(["logits"], {n: v for n, v in feed.items() if n in names})[0][0, -1]
            same += int(got.argmax() == wanted.argmax())
            apart.append(abs(win_rate(got) - win_rate(wanted)))
            logit = max(logit, float(np.abs(got - wanted).max()))
        line = {"export": folder.name, "prompts": len(texts), "same_next_token": same, "max_logit_difference": logit}
        line |= {"win_rate_difference": {"max": max(apart), "mean": statistics.mean(apart)}}
        print(json.dumps(line), flush=True)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--classifier", type=Path, nargs="+", default=[])
    parser.add_argument("--causal", type=Path, nargs="+", default=[])
    parser.add_argument("--agree", type=Path, nargs="+", default=[])
    parser.add_argument("--prompts", type=Path, help="a file for --agree; the folder of the prompt files for --causal")
    parser.add_argument("--score-tokens", nargs="+", default=["1", "2", "3", "4", "5"])
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--seconds", type=float, default=5.0)
    args = parser.parse_args()
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    versions = {"torch": torch.__version__, "transformers": transformers.__version__, "onnxruntime": ort.__version__}
    print(json.dumps({"machine": platform.processor() or platform.machine(), "cores": os.cpu_count()} | versions))
    if args.agree:
        agree(args.agree[0], args.agree[1:], args.prompts)
        return
    for threads in args.threads:
        if args.classifier:
            classifier_cases(args.classifier[0], args.classifier[1:], threads, args.seconds)
        if args.causal:
            where = args.prompts or args.causal[0]
            causal_cases(args.causal[0], args.causal[1:], where, threads, args.seconds, args.score_tokens)


if __name__ == "__main__":
    main()
