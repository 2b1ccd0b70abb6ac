"""Fine-tuning without torch: specifications, labels, templates, the command, errors without the extra."""

from __future__ import annotations

import json
import math
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from routellm_rs import InvalidArgumentError, NotFoundError
from routellm_rs.finetune import (
    FinetuneSpec,
    Lora,
    Source,
    _cli,
    _extra,
    _labels,
    _ratings,
    _rows,
    _targets,
    _templates,
)
from routellm_rs.finetune._reformat import reformat

RunPython = Callable[..., str]
PAIR = {"base": "base", "out": "out", "strong": "big", "weak": "small"}


def spec(*sources: dict[str, Any], **options: Any) -> FinetuneSpec:
    given = list(sources) or [{"kind": "gold", "rows": []}]
    return FinetuneSpec.from_dict({"kind": "bert", **PAIR, "sources": given, **options})


def examples(
    kind: str, rows: list[dict[str, Any]], *, source: dict[str, Any] | None = None, **options: Any
) -> Any:
    return _labels.read(spec({"kind": kind, "rows": rows, **(source or {})}, **options))


def test_a_specification_survives_json() -> None:
    given = {
        "kind": "causal",
        **PAIR,
        "sources": [{"kind": "votes", "path": "votes.jsonl", "strong": ["a"], "weight": 2.0}],
        "lora": {"rank": 8, "modules": ["q_proj"]},
        "rename": {"x": "big"},
        "epochs": 5,
        "evaluation": {"draws": 10},
    }
    read = FinetuneSpec.from_json(json.dumps(given))
    assert read.to_dict() == {**given, "target": "scores"}
    assert FinetuneSpec.from_dict(read.to_dict()) == read
    assert read.lora == Lora(rank=8, modules=("q_proj",))
    assert read.sources == (Source(kind="votes", path="votes.jsonl", strong=("a",), weight=2.0),)
    assert spec(lora=True).lora == Lora()


def test_the_recipes_are_the_papers() -> None:
    bert = spec()
    assert (bert.target, bert.rate_at_peak, bert.batch_size, bert.max_steps) == ("labels", 1e-5, 16, 2000)
    assert (spec(lora=True).rate_at_peak, spec(rate=1e-3, lora=True).rate_at_peak) == (3e-4, 1e-3)
    causal = spec(kind="causal")
    assert (causal.target, causal.rate_at_peak, causal.batch_size) == ("scores", 1e-6, 8)
    assert spec(out="a/b/").work_folder == "a/b.work"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"epoch": 3}, "no member 'epoch'; there are kind, base"),
        ({"kind": "gpt"}, "kind is 'gpt', expected bert, causal"),
        ({"target": "scores"}, "target of bert is 'scores', expected labels, gap"),
        ({"kind": "causal", "target": "gap"}, "target of causal is 'gap', expected scores"),
        ({"kind": "causal", "quantize": "fp16"}, "quantize of causal is 'fp16', expected none, int8"),
        ({"strong": "small"}, "strong and weak are both 'small'"),
        ({"sources": []}, "name at least one source"),
        ({"sources": {"kind": "gold"}}, "sources is no list"),
        ({"sources": [{"path": "x"}]}, r"sources\[0\] has no kind"),
        ({"sources": [{"kind": "gold"}]}, r"sources\[0\] has no path and rows"),
        ({"sources": [{"kind": "gold", "path": "x", "rows": []}]}, r"sources\[0\] has both path and rows"),
        ({"sources": [{"kind": "gold", "path": "x", "weight": 0}]}, "weight is 0, expected a number above 0"),
        ({"sources": [{"kind": "logs", "path": "x"}]}, r"sources\[0\].kind is 'logs'"),
        ({"sources": [{"kind": "gold", "path": "x", "colour": 1}]}, r"sources\[0\] has no member 'colour'"),
        ({"epochs": 0}, "epochs is 0, expected a whole number at least 1"),
        ({"epochs": 1.5}, "epochs is 1.5, expected a whole number"),
        ({"epochs": True}, "epochs is True, expected a whole number"),
        ({"rate": math.inf}, "rate is inf, expected a number above 0"),
        ({"rate": "1e-5"}, "rate is '1e-5', expected a number above 0"),
        ({"held_out": 1.0}, r"held_out is 1.0, expected a number in \[0, 1\)"),
        ({"tie_score": 6}, r"tie_score is 6, expected a whole number in \[2, 5\]"),
        ({"system": "x"}, "system has no effect on bert"),
        ({"level_to": 0}, "level_to is 0, expected the number of one of the 1 sources"),
        ({"lora": {"rank": 0}}, "lora: rank 0"),
        ({"lora": {"ranks": 1}}, "lora has no member 'ranks'; there are rank, alpha"),
        ({"calibration": {"file": "x"}}, "a member of calibration is 'file'"),
        ({"calibration": {"path": "x", "prompts": ["y"]}}, "calibration has both path and prompts"),
        ({"evaluation": {"drawz": 3}}, "a member of evaluation is 'drawz', expected benchmarks, folder"),
        ({"evaluation": []}, "evaluation is of type list, expected an object"),
        ({"rename": "x"}, "rename is of type str, expected an object"),
        ({"max_steps": 0}, "max_steps is 0, expected a whole number at least 1"),
        ({"base": ""}, "base is missing"),
        ({"keep": "worst"}, "keep is 'worst', expected best, last"),
    ],
)
def test_a_wrong_specification_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidArgumentError, match=message):
        spec(**options)


def test_a_file_that_is_no_specification_is_named(tmp_path: Path) -> None:
    file = tmp_path / "run.json"
    file.write_text("{")
    with pytest.raises(InvalidArgumentError, match=r"run\.json: the specification is not JSON"):
        FinetuneSpec.read(file)
    file.write_text('{"kind": "bert"}')
    with pytest.raises(InvalidArgumentError, match=r"run\.json: the specification has no base"):
        FinetuneSpec.read(file)
    with pytest.raises(NotFoundError, match="there is no such file"):
        FinetuneSpec.read(tmp_path / "none.json")


def vote(winner: Any, a: str = "big", b: str = "small", **more: Any) -> dict[str, Any]:
    return {"prompt": f"{winner} {a} {b} {more}", "model_a": a, "model_b": b, "winner": winner, **more}


def test_votes_become_outcomes_of_the_pair() -> None:
    rows = [vote("model_a"), vote("model_b"), vote("tie"), vote("both_bad"), vote("model_a", "small", "big")]
    rows += [vote(None), vote("model_a", "big", "big"), vote("model_a", "other", "small")]
    found = examples("votes", rows, source={"pairing": "pair"})
    assert [one.shares for one in found.examples] == [(1, 0, 0), (0, 0, 1), (0, 1, 0), (0, 1, 0), (0, 0, 1)]
    assert [one.gap for one in found.examples] == [1, -1, 0, 0, -1]
    assert found.left_out == {
        "no winner is known": 1,
        "a model against itself": 1,
        "a vote between other models": 1,
    }


def test_votes_of_other_models_count_by_strength() -> None:
    rows = [vote("model_a", "best", "mid", i=i) for i in range(6)] + [vote("model_b", "best", "mid")]
    rows += [vote("model_b", "worst", "mid", i=i) for i in range(5)]
    found = examples("votes", rows)
    # `best` stands for the strong model, wherever it stands.
    assert [one.gap for one in found.examples] == [1.0] * 6 + [-1.0] + [1.0] * 5
    far = examples("votes", rows, source={"least_difference": 300.0})
    assert far.left_out == {"models of (nearly) one strength": 7}
    named = examples("votes", rows, source={"strong": ["mid"], "weak": ["worst"]})
    assert [one.gap for one in named.examples] == [1.0] * 5


def test_ratings_are_the_likeliest_ones() -> None:
    battles = [("a", "b", 1.0)] * 300 + [("a", "b", 0.0)] * 100 + [("b", "c", 0.5)] * 400
    rated = _ratings.ratings(battles)
    # Odds of three to one are 400 log10(3) = 191 points; the prior draws a little.
    assert rated["a"] - rated["b"] == pytest.approx(400 * math.log10(3), abs=2)
    assert rated["b"] == pytest.approx(rated["c"], abs=2)
    assert rated == _ratings.ratings(list(reversed(battles)))


def test_a_judge_says_shares() -> None:
    rows = [
        vote("tie", verdicts=["model_a", "tie"]),
        vote("model_a", verdicts=["model_a", None]),
        {**vote(None), "p_model_a": 0.75},
        vote(None, verdicts=[None, None]),
    ]
    found = examples("judge", rows, source={"pairing": "pair"})
    assert [one.shares for one in found.examples] == [(0.5, 0.5, 0), (1, 0, 0), (0.75, 0, 0.25)]
    assert found.left_out == {"no winner is known": 1}


def test_flags_are_read_as_for_other_trainers() -> None:
    row = {"prompt": '["Prove it.", "Shorter."]', "model_a": "big", "model_b": "small"}
    flags = {"winner_model_a": 0, "winner_model_b": "1", "winner_tie": 0}
    (one,) = examples("votes", [{**row, **flags}], source={"pairing": "pair"}).examples
    assert (one.prompt, one.gap) == ("Prove it.", -1.0)
    with pytest.raises(InvalidArgumentError, match="line 1: the flags of the winner contradict each other"):
        examples("votes", [{**row, **flags, "winner_tie": 1}])
    with pytest.raises(InvalidArgumentError, match="the winner is 'gpt-4', expected one of model_a"):
        examples("votes", [vote("gpt-4")])
    with pytest.raises(InvalidArgumentError, match="model_b is None, expected the name of a model"):
        examples("votes", [{"prompt": "x", "model_a": "big", "winner": "tie"}])


def test_gold_rows_say_a_gap() -> None:
    rows = [
        {"prompt": "a", "big": True, "small": False},
        {"prompt": "b", "big": 0.5, "small": "0.75"},
        {"prompt": "c", "big": "True", "small": 1},
    ]
    found = examples("gold", rows)
    assert [one.gap for one in found.examples] == [1.0, -0.25, 0.0]
    assert [one.shares for one in found.examples] == [(1, 0, 0), (0, 0.75, 0.25), (0, 1, 0)]
    renamed = examples("gold", [{"prompt": "a", "org/big": 1, "small": 0}], rename={"org/big": "big"})
    assert renamed.examples[0].gap == 1.0
    with pytest.raises(InvalidArgumentError, match=r"line 1: no column 'big'; there are prompt, large"):
        examples("gold", [{"prompt": "a", "large": 1, "small": 0}])
    with pytest.raises(
        InvalidArgumentError, match=r"line 1: big is 2, expected true, false or a number in \[0, 1\]"
    ):
        examples("gold", [{"prompt": "a", "big": 2, "small": 0}])


def test_scores_of_the_weak_answer_become_five_bins() -> None:
    pair = {"model_a": "small", "model_b": "big"}
    rows = [
        {"prompt": "a", **pair, "scores": [[9, 10], [6, None]]},
        {"prompt": "b", "model": "small", "score": 2},
        {"prompt": "c", "model": "big", "score": 9},
        {"prompt": "d", **pair, "scores": [[None, 3]]},
    ]
    found = examples("scores", rows)
    assert [one.scores for one in found.examples] == [(0, 0, 0.5, 0, 0.5), (1, 0, 0, 0, 0)]
    assert [one.shares for one in found.examples] == [(1, 0, 0), (1, 0, 0)]
    assert found.examples[0].gap == pytest.approx(1 / 9)
    assert found.left_out == {"scores of other models than the weak one": 1, "no score of the weak answer": 1}
    with pytest.raises(InvalidArgumentError, match=r"a score is 11, expected a number in \[1, 10\]"):
        examples("scores", [{"prompt": "a", "model": "small", "score": 11}])
    with pytest.raises(InvalidArgumentError, match="scores is 7, expected pairs"):
        examples("scores", [{"prompt": "a", **pair, "scores": 7}])


def test_scores_that_are_learned() -> None:
    (win, tie, loss) = examples(
        "votes", [vote("model_a"), vote("tie"), vote("model_b")], source={"pairing": "pair"}
    ).examples
    assert [_targets.score_shares(one, 4) for one in (win, tie, loss)] == [
        (1, 0, 0, 0, 0),
        (0, 0, 0, 1, 0),
        (0, 0, 0, 0, 1),
    ]
    assert _targets.score_shares(tie, 3) == (0, 0, 1, 0, 0)


def test_rows_of_a_prompt_are_one_example() -> None:
    rows = [{"prompt": "a", "big": 1, "small": 0}, {"prompt": "a", "big": 0, "small": 0}]
    (one,) = examples("gold", rows, source={"weight": 3.0}).examples
    assert (one.gap, one.shares, one.weight) == (0.5, (0.5, 0.5, 0), 6.0)


def test_nothing_about_the_pair_says_what_to_do() -> None:
    with pytest.raises(InvalidArgumentError, match=r"1 rows: a vote between other models.*\(rename\)"):
        examples("votes", [vote("tie", "x", "y")], source={"pairing": "pair"})
    with pytest.raises(InvalidArgumentError, match="the sources are empty"):
        examples("gold", [])


def test_labels_are_smoothed_by_group_and_levelled_by_source() -> None:
    rows = [{"prompt": f"{i}", "big": int(i < 5), "small": 0, "s": "x" if i < 10 else "y"} for i in range(20)]
    found = examples("gold", rows, source={"group": "s"}).examples
    moved = _targets.smoothed(found, 0.5)
    # Five of ten in x, none of ten in y, and ten rows of the mean, a quarter, beside each.
    assert moved[0].gap == pytest.approx(0.5 * 1 + 0.5 * (5 + 2.5) / 20)
    assert moved[19].gap == pytest.approx(0.5 * 2.5 / 20)
    assert all(sum(one.shares) == pytest.approx(1) for one in moved)
    assert _targets.smoothed(found, 0.0) == found
    two = spec({"kind": "gold", "rows": rows}, {"kind": "gold", "rows": [{**rows[0], "prompt": "z"}]})
    flat = _targets.levelled(_labels.read(two).examples, 0)
    assert flat[-1].gap == pytest.approx(0.25)
    assert flat[0].gap == pytest.approx(1.0)


def test_the_same_prompts_are_held_out_as_by_the_command() -> None:
    prompts = [f"question {i}" for i in range(2000)]
    for seed in (0, 7):
        share = sum(_targets.held_out(prompt, 0.2, seed) for prompt in prompts) / len(prompts)
        assert share == pytest.approx(0.2, abs=0.03)
    # `routellm data split --share 0.5 --seed 0` of these five rows.
    assert [text for text in "abcde" if _targets.held_out(text, 0.5, 0)] == ["b", "c"]


def test_what_is_evaluated_differs_by_the_gap() -> None:
    found = examples("gold", [{"prompt": "a", "big": 1, "small": 0.5}])
    (row,) = _targets.table(spec(), found.examples)
    assert row == {"prompt": "a", "big": 0.75, "small": 0.25}


def test_files_of_rows(tmp_path: Path) -> None:
    lines = '\ufeff{"q": "a\u2028b", "big": 1, "small": 0}\n\n{"q": "c", "big": 0, "small": 0}\n'
    (tmp_path / "gold.jsonl").write_text(lines, encoding="utf-8")
    source = {"kind": "gold", "path": str(tmp_path / "gold.jsonl"), "columns": {"prompt": "q"}}
    assert [one.prompt for one in _labels.read(spec(source)).examples] == ["a\u2028b", "c"]
    (tmp_path / "gold.csv").write_text("prompt,big,small\nx,True,False\n", encoding="utf-8")
    csv = {"kind": "gold", "path": str(tmp_path / "gold.csv")}
    assert _labels.read(spec(csv)).examples[0].gap == 1.0
    for name, text, message in (
        ("bad.jsonl", "{", "line 1: not JSON"),
        ("list.jsonl", "[1]", "line 1: list, expected an object"),
        ("no.jsonl", '{"big": 1, "small": 0}', "line 1: no prompt and no conversation_a"),
        ("half.jsonl", '{"prompt": "\\ud800", "big": 1, "small": 0}', "half of an emoji"),
        ("gold.txt", "", "rows are read from .jsonl"),
    ):
        (tmp_path / name).write_text(text)
        with pytest.raises(InvalidArgumentError, match=message):
            _labels.read(spec({"kind": "gold", "path": str(tmp_path / name)}))
    with pytest.raises(NotFoundError, match="there is no such file"):
        _labels.read(spec({"kind": "gold", "path": str(tmp_path / "none.jsonl")}))
    with pytest.raises(InvalidArgumentError, match="no column 'question'; there are big, q, small"):
        _labels.read(spec({**source, "columns": {"prompt": "question"}}))


def test_prompts_of_chats() -> None:
    chat = [{"role": "system", "content": "x"}, {"role": "user", "content": [{"text": "a"}, {"text": "b"}]}]
    for row, prompt in (
        ({"prompt": ["first", "second"]}, "first"),
        ({"conversation_a": chat}, "a\nb"),
        ({"prompt": "[1, 2] is a list"}, "[1, 2] is a list"),
        ({"prompt": '["a", "b"]'}, "a"),
        ({"prompt": "[1, 2]"}, "[1, 2]"),
    ):
        assert _rows.prompt_of(row, "here") == prompt


class Words:
    """A tokenizer with a token for each character."""

    chat_template = "yes"

    def __call__(self, text: str, **_: Any) -> dict[str, Any]:
        return {"input_ids": [ord(c) for c in text], "offset_mapping": [(i, i + 1) for i in range(len(text))]}

    def apply_chat_template(self, messages: list[dict[str, str]], **_: Any) -> str:
        return "".join(f"<{m['role']}>{m['content']}" for m in messages) + "<assistant>"

    def get_added_vocab(self) -> dict[str, int]:
        return {"<user>": 1}

    def get_vocab(self) -> dict[str, int]:
        return dict.fromkeys(_templates.MARKERS, 0)


def read(template: Any, question: str, most: int = 1000, **texts: str | None) -> str:
    made = _templates.choose(template, texts.get("system"), texts.get("user"), Words(), Path("/nowhere"))
    return "".join(map(chr, made.ids(question, most)))


def test_templates_write_what_the_library_reads() -> None:
    published = read("routellm", " why? ", system=" be strict\n", user="[Q]\n{question}\n\nA:\n")
    header = "<|start_header_id|>{}<|end_header_id|>\n\n"
    assert published == (
        header.format("system")
        + "be strict<|eot_id|>"
        + header.format("user")
        + "[Q]\n why? \n\nA:<|eot_id|>"
    )
    assert read("routellm", " why? ", system="s", user="{question}").endswith("\n\nwhy?<|eot_id|>")
    assert read("chat", "why?", system="s", user="Q {question}") == "<system>s<user>Q why?<assistant>"
    assert read("Q {{x}}: {question}\nA:", "why {y}?") == "Q {x}: why {y}?\nA:"
    # The published markers are in the vocabulary, so that this is the template by itself.
    assert read(None, "x", system="s", user="{question}") == read(
        "routellm", "x", system="s", user="{question}"
    )
    assert read('{"kind": "chat", "user": "Q {question}"}', "why?") == "<user>Q why?<assistant>"


def test_a_long_question_loses_its_left() -> None:
    assert read("Q: {question}!", "abcdef", 7) == "Q: def!"
    with pytest.raises(InvalidArgumentError, match="comes to 10 tokens with its instruction, and only 6"):
        read("Q: {question}!", "abcdef", 3)
    with pytest.raises(InvalidArgumentError, match=r"expected a text with \{question\} in it, once"):
        read("Q: {question} {question}", "abcdef")


def test_control_tokens_in_prompts_are_found() -> None:
    chat = _templates.choose("chat", "s", "{question}", Words(), Path("/nowhere"))
    assert chat.spelled_out("say <user> now")
    assert not chat.spelled_out("say user now")
    plain = _templates.choose("{question}", None, None, Words(), Path("/nowhere"))
    assert not plain.spelled_out("say <user> now")


def test_clothes_change_nothing_but_the_form() -> None:
    prompt = "Which?\nA. one\nB. two"
    worn = {reformat(prompt, 1, 0, row) for row in range(100)}
    assert prompt in worn
    assert len(worn) == 5
    assert reformat(prompt, 1, 2, 3) == reformat(prompt, 1, 2, 3)


def test_the_command_makes_a_specification(tmp_path: Path) -> None:
    (tmp_path / "system.txt").write_text("Rate it.")
    words = [
        "causal",
        "--base",
        "b",
        "--out",
        "o",
        "--strong",
        "big",
        "--weak",
        "small",
        "--votes",
        "v.jsonl",
        "--gold",
        "g.jsonl",
        "--lora",
        "8",
    ]
    words += ["--system", str(tmp_path / "system.txt"), "--rename", "x=big", "--max-tokens", "64"]
    made = _cli.specification(_cli.build().parse_args(words))
    assert made.to_dict() == {
        "kind": "causal",
        "base": "b",
        "out": "o",
        "strong": "big",
        "weak": "small",
        "sources": [{"kind": "votes", "path": "v.jsonl"}, {"kind": "gold", "path": "g.jsonl"}],
        "lora": {"rank": 8},
        "system": "Rate it.",
        "rename": {"x": "big"},
        "max_tokens": 64,
        "target": "scores",
    }
    (tmp_path / "run.json").write_text(json.dumps({**made.to_dict(), "epochs": 2}))
    again = _cli.specification(_cli.build().parse_args(["causal", str(tmp_path / "run.json"), "--seed", "5"]))
    assert (again.epochs, again.seed, again.lora) == (2, 5, Lora(rank=8))
    with pytest.raises(InvalidArgumentError, match="is a run of kind causal"):
        _cli.specification(_cli.build().parse_args(["bert", str(tmp_path / "run.json")]))
    with pytest.raises(InvalidArgumentError, match="sources is missing: pass --votes, --gold"):
        _cli.specification(_cli.build().parse_args(words[:9]))


def command(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-P", "-m", "routellm_rs.finetune", *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_help_needs_nothing() -> None:
    for words, expected in (
        ((), ["bert", "causal", "convert"]),
        (("bert",), ["--target", "--gold FILE", "--quantize {int8,fp16}", "examples:"]),
        (("causal",), ["--score", "--template", "--lora RANK"]),
        (("convert",), ["--max-new-tokens", "--prompts FILE", "source"]),
    ):
        shown = command(*words, "--help")
        assert shown.returncode == 0, shown.stderr
        assert all(word in shown.stdout for word in expected), shown.stdout


def test_importing_it_imports_nothing_large(run_python: RunPython) -> None:
    code = """
import sys
import routellm_rs
assert "routellm_rs.finetune" not in sys.modules
from routellm_rs import finetune
from routellm_rs.finetune import export
print(*({"torch", "transformers", "onnx", "onnxruntime", "peft", "numpy"} & set(sys.modules)))
"""
    assert run_python(code).split() == []


def test_without_the_extra_it_is_named(run_python: RunPython, tmp_path: Path) -> None:
    code = """
import sys
class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "torch":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Blocker())
sys.modules["torch"] = None
from routellm_rs import finetune
rows = [{"prompt": "x", "big": 1, "small": 0}]
calls = (
    lambda: finetune.bert(base="b", out="o", strong="big", weak="small", gold=rows),
    lambda: finetune.causal(base="b", out="o", strong="big", weak="small", gold=rows),
    lambda: finetune.convert("b", "o", strong="big", weak="small"),
)
for call in calls:
    try:
        call()
    except finetune.MissingExtraError as error:
        assert isinstance(error, ImportError)
        print("pip install routellm-rs[train]" in str(error))
"""
    assert run_python(code).split() == ["True"] * 3
    if not missing():
        pytest.skip("every package of the extra is installed here")
    words = ["--base", "b", "--out", str(tmp_path / "o"), "--strong", "a", "--weak", "b", "--gold", "g.jsonl"]
    failed = command("bert", *words)
    assert failed.returncode == 1
    assert "pip install routellm-rs[train]" in failed.stderr
    assert "Traceback" not in failed.stderr


def missing() -> bool:
    from importlib.util import find_spec

    return any(find_spec(name) is None for name in _extra.NEEDED)


def test_committed_specifications_can_be_read(root: Path) -> None:
    files = sorted((root / "benchmarks" / "finetune").glob("*.json"))
    assert files
    for file in files:
        assert Path(FinetuneSpec.read(file).out).name == file.stem


def test_the_manual_says_what_is_taken(root: Path) -> None:
    page = (root / "docs" / "finetuning.md").read_text(encoding="utf-8")
    (run,) = re.findall(r"```json\n(.*?)```", page, re.DOTALL)
    assert [source.kind for source in FinetuneSpec.from_json(run).sources] == [
        "gold",
        "judge",
        "votes",
        "scores",
    ]
    shells = "".join(re.findall(r"```sh\n(.*?)```", page, re.DOTALL)).replace("\\\n", " ")
    lines = [shlex.split(line)[3:] for line in shells.splitlines() if "routellm_rs.finetune " in line]
    assert [line[0] for line in lines] == ["bert", "causal", "convert", "convert"]
    for line in lines:
        given = _cli.build().parse_args(line)
        if line[0] != "convert":
            assert _cli.specification(given).out == "my-router"
    (code,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    compile(code, "finetuning.md", "exec")
