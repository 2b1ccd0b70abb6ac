"""Make the models of tests/models again, and expected.json with what torch answers.

    make_fixtures.py OUT --golden ../shared/golden/tiny_models --stories ../shared/models [--only NAME ...]

`--golden` holds the tiny BERT, XLM-R and Llama of the reference (random weights, safetensors), `--stories` the
folders stories260K (safetensors) and stories260K-onnx (its exports). Every other model is made here with random
weights of a fixed seed. OUT is written folder by folder; `--only NAME ...` makes some of them and keeps the rest.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import torch
import transformers
from routellm_rs.finetune import export
from transformers import AutoConfig, AutoModelForSequenceClassification, AutoTokenizer, LlamaConfig, LlamaForCausalLM

SCORE_TOKENS = [f"[[{i}]]" for i in range(1, 6)]
LONG = "The quick brown fox jumps over the lazy dog while 12 clever otters juggle 345 shiny pebbles. " * 40
PROMPTS = {
    "short": "What is 2+2?",
    "empty": "",
    "blank": " \n\t ",
    "unicode": "日本の首都は東京です。 Ünïcödé naïve café 🙂👍🏽 Привет",
    "special": "<s> <pad> </s> <mask> [CLS] [SEP] [PAD] [MASK] <|begin_of_text|> <|eot_id|> <|end_of_text|> end",
    "scores": "Rate it [[1]] or [[3]], not [[5]] or [[6]].",
    "code": "def f(x):\n    return [i ** 2 for i in range(x)]  # squares\n",
    "long": LONG,
}
N_LOGITS = 16
SEED = 13


class Fixture:
    """One folder: how to make it, and the torch model that says what it should answer."""

    def __init__(self, name: str, kind: str, source: str, made_by: str, **options: Any) -> None:
        self.name, self.kind, self.source, self.made_by, self.options = name, kind, source, made_by, options


FIXTURES = [
    Fixture("bert-tiny", "classifier", "bert_tiny", "ts"),
    Fixture("bert-tiny-int8", "classifier", "bert_tiny", "ts", quantize="int8"),
    Fixture("bert-tiny-fp16", "classifier", "bert_tiny", "ts", quantize="fp16"),
    Fixture("xlmr-tiny", "classifier", "xlmr_tiny", "ts"),
    Fixture("distilbert-tiny", "classifier", "random:distilbert", "ts"),
    Fixture("roberta-tiny", "classifier", "random:roberta", "ts"),
    Fixture("deberta-v2-tiny", "classifier", "random:deberta-v2", "ts"),
    Fixture("modernbert-tiny", "classifier", "random:modernbert", "ts"),
    Fixture("llama-tiny", "causal", "llama_tiny", "ts"),
    Fixture("llama-tiny-padded-vocab", "causal", "llama_tiny_padded_vocab", "ts"),
    Fixture("llama-tiny-nopast", "causal", "random:llama", "nopast"),
    Fixture("llama-tiny-merged", "causal", "random:llama", "merged"),
    Fixture("llama-tiny-two-files", "causal", "random:llama", "two-files"),
    Fixture("llama-genai", "causal", "random:llama", "genai", precision="fp32"),
    Fixture("llama-genai-fp16", "causal", "random:llama", "genai", precision="fp16"),
    Fixture("llama-genai-int4", "causal", "random:llama", "genai", precision="int4"),
    Fixture("llama-genai-ts", "causal", "random:llama", "ts"),
    Fixture("stories260k-ts", "causal", "stories260K", "copy", export="ts"),
    Fixture("stories260k-dynamo", "causal", "stories260K", "copy", export="dynamo"),
    Fixture("stories260k-optimum", "causal", "stories260K", "copy", export="optimum"),
]

SMALL = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "initializer_range": 0.2}
CANDIDATES = ["gpt-4", "claude", "mixtral", "llama"]
RANDOM: dict[str, tuple[str, int, dict[str, Any]]] = {
    # architecture: (the golden model whose tokenizer it takes, longest input, configuration)
    "distilbert": (
        "bert_tiny",
        64,
        {
            "dim": 32,
            "n_layers": 2,
            "n_heads": 4,
            "hidden_dim": 64,
            "max_position_embeddings": 64,
            "initializer_range": 0.2,
            "pad_token_id": 0,
            "num_labels": 2,
        },
    ),
    "roberta": (
        "xlmr_tiny",
        64,
        SMALL
        | {
            "intermediate_size": 64,
            # Positions start at pad_token_id + 1, so two of the table's rows are never used.
            "max_position_embeddings": 66,
            "type_vocab_size": 1,
            "pad_token_id": 1,
            "bos_token_id": 0,
            "eos_token_id": 2,
            "num_labels": 1,
            "problem_type": "regression",
        },
    ),
    "deberta-v2": (
        "bert_tiny",
        64,
        SMALL
        | {
            "intermediate_size": 64,
            "max_position_embeddings": 64,
            "relative_attention": True,
            "position_buckets": 16,
            "pos_att_type": ["p2c", "c2p"],
            "norm_rel_ebd": "layer_norm",
            "share_att_key": True,
            "position_biased_input": False,
            "type_vocab_size": 0,
            "pooler_hidden_size": 32,
            "pad_token_id": 0,
            "num_labels": 3,
        },
    ),
    "modernbert": (
        "bert_tiny",
        64,
        SMALL
        | {
            "intermediate_size": 48,
            "max_position_embeddings": 64,
            # The second layer sees 8 tokens, so that the tests notice a mask that is not local.
            "local_attention": 8,
            "global_attn_every_n_layers": 2,
            "initializer_cutoff_factor": 5.0,
            "pad_token_id": 0,
            "bos_token_id": 2,
            "cls_token_id": 2,
            "eos_token_id": 3,
            "sep_token_id": 3,
            "num_labels": 4,
            "id2label": dict(enumerate(CANDIDATES)),
            "label2id": {name: i for i, name in enumerate(CANDIDATES)},
        },
    ),
}


def random_classifier(architecture: str, golden: Path, out: Path) -> None:
    """A classifier of random weights in Hugging Face form, with the tokenizer of a golden model."""
    tokenizer, longest, options = RANDOM[architecture]
    torch.manual_seed(SEED)
    vocabulary = json.loads((golden / tokenizer / "config.json").read_text())["vocab_size"]
    config = AutoConfig.for_model(architecture, vocab_size=vocabulary, **options)
    config._attn_implementation = "eager"
    model = AutoModelForSequenceClassification.from_config(config, dtype=torch.float32).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith("bias"):
                parameter.normal_(std=0.1)
    model.save_pretrained(out)
    shutil.copyfile(golden / tokenizer / "tokenizer.json", out / "tokenizer.json")
    settings = json.loads((golden / tokenizer / "tokenizer_config.json").read_text())
    settings |= {"model_max_length": longest, "model_input_names": ["input_ids", "attention_mask"]}
    (out / "tokenizer_config.json").write_text(json.dumps(settings, indent=2) + "\n")


def random_llama(golden: Path, out: Path) -> None:
    """A Llama of random weights, with the tokenizer and the prompt files of the golden one.

    Its heads have 16 components, the least that GroupQueryAttention takes, and are together wider than the model,
    so that a head size guessed from hidden_size is wrong.
    """
    torch.manual_seed(SEED)
    source = golden / "llama_tiny"
    export.copy_companions(source, out)
    config = LlamaConfig(
        vocab_size=810,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=16,
        max_position_embeddings=1024,
        tie_word_embeddings=True,
        initializer_range=0.2,
        bos_token_id=800,
        eos_token_id=801,
    )
    LlamaForCausalLM(config).eval().save_pretrained(out)
    settings = json.loads((source / "tokenizer_config.json").read_text())
    (out / "tokenizer_config.json").write_text(json.dumps(settings | {"model_max_length": 1024}, indent=2) + "\n")


def source_of(fixture: Fixture, golden: Path, stories: Path, scratch: Path) -> Path:
    """Folder of the checkpoint in Hugging Face form, made when it is a random one."""
    if not fixture.source.startswith("random:"):
        return stories / fixture.source if fixture.source.startswith("stories") else golden / fixture.source
    out = scratch / fixture.source.replace(":", "-")
    if not out.exists():
        out.mkdir()
        architecture = fixture.source.split(":")[1]
        if architecture == "llama":
            random_llama(golden, out)
        else:
            random_classifier(architecture, golden, out)
    return out


def make(fixture: Fixture, source: Path, out: Path, stories: Path, scratch: Path) -> None:
    """Write the folder of one fixture."""
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    if fixture.kind == "classifier":
        export.export_classifier(source, out, fixture.options.get("quantize"))
    elif fixture.made_by == "ts":
        export.export_causal(source, out, "ts")
    elif fixture.made_by == "nopast":
        export.export_causal(source, out, "ts", with_past=False)
    elif fixture.made_by == "two-files":
        two_files(source, out, one_token=True)
    elif fixture.made_by == "merged":
        merged(source, out, scratch)
    elif fixture.made_by == "genai":
        export.export_genai(source, out, fixture.options["precision"])
    else:
        copy_stories(source, stories / "stories260K-onnx" / fixture.options["export"], out)
    for path in out.iterdir():
        path.chmod(0o644)


def two_files(source: Path, out: Path, *, one_token: bool) -> None:
    """decoder_model.onnx without a past in, decoder_with_past_model.onnx with one: the older form of optimum."""
    model = export.load_causal(source)
    export.copy_companions(source, out)
    for name, with_past in (("decoder_model.onnx", False), ("decoder_with_past_model.onnx", True)):
        path = out / name
        export.export_decoder_graph(model, path, "ts", with_past=with_past, one_token=with_past and one_token)
        export.refuse_if_far(path, export.check_causal(path, model, with_past=with_past))


def merged(source: Path, out: Path, scratch: Path) -> None:
    """One file with both decoders behind `use_cache_branch`, put together by optimum's own function."""
    from optimum.onnx.graph_transformations import merge_decoders

    parts = scratch / "merged-parts"
    two_files(source, parts, one_token=False)
    export.copy_companions(source, out)
    merge_decoders(
        parts / "decoder_model.onnx",
        parts / "decoder_with_past_model.onnx",
        save_path=out / "decoder_model_merged.onnx",
    )
    check_merged(out / "decoder_model_merged.onnx", export.load_causal(source))


def check_merged(path: Path, model: torch.nn.Module) -> None:
    """Prefill through one branch, go on through the other, and compare both with one pass of torch."""
    config = model.config
    layers, heads, head_dim = export.cache_shape(config)
    session = ort.InferenceSession(path, providers=["CPUExecutionProvider"])
    ids = torch.arange(5, 17)[None]
    with torch.no_grad():
        want = model(input_ids=ids).logits.numpy()
    cache = [np.zeros((1, heads, 0, head_dim), np.float32)] * (2 * layers)
    for start, end in ((0, 7), (7, 12)):
        feed = dict(zip(export.decoder_names(config)[3:], cache, strict=True))
        feed |= {"input_ids": ids[:, start:end].numpy(), "attention_mask": np.ones((1, end), np.int64)}
        feed |= {"position_ids": np.arange(start, end)[None], "use_cache_branch": np.array([start > 0])}
        logits, *cache = session.run(export.decoder_outputs(config), feed)
        export.refuse_if_far(path, float(np.abs(want[:, start:end] - logits).max()))


def copy_stories(source: Path, exported: Path, out: Path) -> None:
    """An export of stories260K, completed with what it lacks and freed of the traces of its making."""
    export.copy_companions(source, out)
    for path in exported.iterdir():
        shutil.copyfile(path, out / path.name)
        (out / path.name).chmod(0o644)
    path = out / "model.onnx"
    graph = onnx.load(path, load_external_data=False)
    export.strip_metadata(graph)
    path.write_bytes(graph.SerializeToString())


def has_score_tokens(fixture: Fixture) -> bool:
    """Whether the model has rows for [[1]] to [[5]], which its tokenizer.json does not name."""
    return fixture.source in ("llama_tiny", "llama_tiny_padded_vocab", "random:llama")


def ids_of(fixture: Fixture, out: Path, text: str) -> list[int]:
    """Token ids by transformers, cut at the longest input that the tokenizer knows."""
    tokenizer = AutoTokenizer.from_pretrained(out)
    if has_score_tokens(fixture):
        tokenizer.add_tokens(SCORE_TOKENS, special_tokens=True)
    return tokenizer(text, truncation=True)["input_ids"]


def answers(fixture: Fixture, source: Path, out: Path) -> list[dict[str, Any]]:
    """Ids and float32 logits of torch for every prompt."""
    causal = fixture.kind == "causal"
    model = export.load_causal(source) if causal else export.load_classifier(source)
    rows = []
    for name, text in PROMPTS.items():
        ids = ids_of(fixture, out, text)
        with torch.no_grad():
            tokens = torch.tensor([ids])
            logits = model(input_ids=tokens, attention_mask=torch.ones_like(tokens)).logits[0]
        values = (logits[-1] if causal else logits).tolist()
        row: dict[str, Any] = {"prompt": name, "ids": ids}
        if causal:
            row |= {"logits": values[:N_LOGITS], "argmax": int(np.argmax(values)), "max": max(values)}
            if has_score_tokens(fixture):
                row["score_logits"] = values[805:810]
        else:
            row["logits"] = values
        rows.append(row)
    return rows


def run_graph(fixture: Fixture, out: Path, ids: list[int]) -> np.ndarray:
    """Logits of the exported graph for one prompt: all labels, or the last position's."""
    path = next(
        p for n in ("model.onnx", "decoder_model_merged.onnx", "decoder_model.onnx") if (p := out / n).is_file()
    )
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    x = np.array([ids], np.int64)
    known = {
        "input_ids": x,
        "attention_mask": np.ones_like(x),
        "token_type_ids": np.zeros_like(x),
        "position_ids": np.arange(x.shape[1])[None],
        "use_cache_branch": np.array([False]),
    }
    _, heads, head_dim = export.cache_shape(AutoConfig.from_pretrained(out)) if fixture.kind == "causal" else (0, 0, 0)
    feed = {}
    for i in session.get_inputs():
        if i.name in known:
            feed[i.name] = known[i.name]
        else:
            kind = np.float16 if i.type == "tensor(float16)" else np.float32
            feed[i.name] = np.zeros((1, heads, 0, head_dim), kind)
    logits = session.run(["logits"], feed)[0].astype(np.float32)
    return logits[0, -1] if fixture.kind == "causal" else logits[0]


def measured(fixture: Fixture, out: Path, rows: list[dict[str, Any]]) -> float:
    """Largest difference between the graph and the written logits."""
    worst = 0.0
    for row in rows:
        got = run_graph(fixture, out, row["ids"])
        worst = max(worst, float(np.abs(got[: len(row["logits"])] - np.array(row["logits"], np.float32)).max()))
    return worst


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--golden", type=Path, required=True)
    parser.add_argument("--stories", type=Path, required=True)
    parser.add_argument("--only", nargs="*")
    args = parser.parse_args()
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    expected_path = args.out / "expected.json"
    old = json.loads(expected_path.read_text())["models"] if args.only and expected_path.is_file() else {}
    models = {}
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        for fixture in FIXTURES:
            if args.only and fixture.name not in args.only:
                if fixture.name in old:
                    models[fixture.name] = old[fixture.name]
                continue
            source = source_of(fixture, args.golden, args.stories, scratch)
            out = args.out / fixture.name
            make(fixture, source, out, args.stories, scratch)
            rows = answers(fixture, source, out)
            entry = {
                "kind": fixture.kind,
                "made_by": fixture.made_by,
                "added_tokens": SCORE_TOKENS if has_score_tokens(fixture) else [],
                "measured_difference": float(f"{measured(fixture, out, rows):.2e}"),
                "rows": rows,
            }
            models[fixture.name] = entry
            size = sum(f.stat().st_size for f in out.iterdir())
            print(json.dumps({"name": fixture.name, "bytes": size, "difference": entry["measured_difference"]}))
    note = (
        "torch in float32 on the weights before any quantisation; ids by transformers with truncation=True, the "
        f"added_tokens added as special ones; of a decoder the first {N_LOGITS} logits of the last position, their "
        "largest value over the whole vocabulary and its id; measured_difference: the exported graph in ONNX Runtime "
        "on the machine that made it"
    )
    text = json.dumps({"note": note, "prompts": PROMPTS, "models": models}, ensure_ascii=False)
    expected_path.write_text(compact(text) + "\n")


def compact(text: str) -> str:
    """One row a line, so that a change reads well."""
    return text.replace('{"prompt"', '\n{"prompt"').replace('"kind"', '\n"kind"')


if __name__ == "__main__":
    # Exporters walk over sets of names: with another seed of hashes, nodes change places.
    if os.environ.get("PYTHONHASHSEED") != "0":
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], os.environ | {"PYTHONHASHSEED": "0"})
    main()
