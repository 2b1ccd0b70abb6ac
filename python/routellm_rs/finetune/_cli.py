"""The command ``python -m routellm_rs.finetune``."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import time
import warnings
from typing import TYPE_CHECKING, Any

from routellm_rs.errors import CancelledError, InvalidArgumentError, RouteLLMError

from . import KINDS, convert, run
from ._extra import MissingExtraError
from ._spec import FinetuneSpec
from ._templates import text_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

DESCRIPTION = """Fine-tune the paper's BERT or causal-LLM router, or convert a published one.

    bert      a sequence classifier: three labels, or a score for the quality gap
    causal    a language model that says a score, [[1]] to [[5]]
    convert   a published router in Hugging Face form to a verified artifact

A run that was killed goes on where it was: give the same command again. The packages that it needs are those
of the extra `train`: pip install routellm-rs[train]"""

EXAMPLES = {
    "bert": "  %(prog)s --base MiniLM --out my-router --strong gpt-4 --weak mixtral --gold gold.jsonl\n"
    "  %(prog)s run.json --epochs 5",
    "causal": "  %(prog)s --base SmolLM2 --out my-router --strong gpt-4 --weak mixtral \\\n"
    "      --votes votes.jsonl --lora 16 --quantize int8\n"
    "  %(prog)s run.json --device cuda --precision bf16",
    "convert": "  %(prog)s bert_gpt4_augmented my-router --strong gpt-4 --weak mixtral --prompts mine.jsonl",
}
# Options that are a member of the specification: name, type or choices, and what it says.
OPTIONS: tuple[tuple[str, Any, str], ...] = (
    ("base", str, "folder of the model to start from, in Hugging Face form"),
    ("out", str, "folder of the artifact"),
    ("strong", str, "the strong model"),
    ("weak", str, "the weak model"),
    ("target", ("labels", "gap"), "bert: the paper's three labels (default), or the quality gap"),
    ("tie-score", int, "causal: the score of a prompt on which both are equal (4)"),
    ("smooth", float, "how far labels are moved to the mean of their group (0)"),
    ("max-tokens", int, "tokens that are read (512, or 2048 for causal)"),
    ("epochs", int, "passes over the examples (3)"),
    ("max-steps", int, "steps at most (2000)"),
    ("batch", int, "prompts in one step (16, or 8 for causal)"),
    ("accumulate", int, "pieces that a step is taken in, where memory is short (1)"),
    ("rate", float, "peak learning rate (1e-5, 1e-6 for causal; with LoRA 3e-4, 2e-4)"),
    ("head-rate", float, "how much faster the new head learns (1)"),
    ("weight-decay", float, "of AdamW (0.01)"),
    ("warmup", float, "share of the steps in which the rate rises (0.1)"),
    ("seed", int, "of everything that is left to chance (42)"),
    ("keep", ("best", "last"), "which epoch is kept (best, by its held-out loss)"),
    ("held-out", float, "share of the prompts that nothing is learned from (0.1)"),
    ("device", str, "cpu, cuda or auto (auto: a GPU where there is one)"),
    ("precision", ("fp32", "bf16"), "what a GPU computes in (fp32)"),
    ("threads", int, "threads on the CPU"),
    ("save-every", int, "steps between two states to go on from (200)"),
    ("work", str, "folder of these states and of the model in Hugging Face form and ONNX (OUT.work)"),
    ("quantize", ("int8", "fp16"), "a smaller form; causal takes int8 alone"),
    ("verify", int, "prompts to compare the artifact and torch on (200)"),
)
FOR_CAUSAL = ("tie-score",)
FOR_BERT = ("target",)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status: 0, 1 for an error, 130 if it was stopped."""
    parser = build()
    given = parser.parse_args(arguments)
    # What packages of the extra tell each other about their next releases is not for who runs this.
    warnings.filterwarnings("ignore", category=FutureWarning, module=r"transformers|peft")
    try:
        if given.command == "convert":
            _convert(given)
        else:
            _finetune(given)
    except (RouteLLMError, MissingExtraError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 130 if isinstance(error, CancelledError) else 1
    except KeyboardInterrupt:
        print("error: stopped; the same command goes on from the last state", file=sys.stderr)
        return 130
    return 0


def build() -> argparse.ArgumentParser:
    """Return the parser of the command."""
    parser = argparse.ArgumentParser(
        prog="python -m routellm_rs.finetune",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="{bert,causal,convert}")
    for kind in ("bert", "causal"):
        _of_training(_command(commands, kind), kind)
    _of_conversion(_command(commands, "convert"))
    return parser


def _command(commands: Any, name: str) -> argparse.ArgumentParser:
    line = {"bert": "fine-tune a classifier", "causal": "fine-tune a language model"}
    command: argparse.ArgumentParser = commands.add_parser(
        name,
        help=line.get(name, "make an artifact of a published router"),
        epilog="examples:\n" + EXAMPLES[name],
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    return command


def _of_training(parser: argparse.ArgumentParser, kind: str) -> None:
    parser.add_argument(
        "spec", nargs="?", help="a file of JSON with the whole run; options below count before it"
    )
    data = parser.add_argument_group("data (each may be given several times)")
    for name, what in zip(
        KINDS,
        (
            "votes of people",
            "gold rows: prompt, and what each answer was worth",
            "votes of a model that judges",
            "scores of a model that judges (routellm judge --mode score)",
        ),
        strict=True,
    ):
        data.add_argument(f"--{name}", action="append", metavar="FILE", help=what)
    data.add_argument(
        "--rename", action="append", metavar="NAME=OTHER", help="another name for a model of the rows"
    )
    data.add_argument("--calibration", metavar="FILE", help="prompts to calibrate on (those held out)")
    data.add_argument(
        "--reformat", action="store_const", const=True, help="show prompts in other clothes now and then"
    )
    options = parser.add_argument_group("options")
    for name, of, what in OPTIONS:
        if (kind == "bert" and name in FOR_CAUSAL) or (kind == "causal" and name in FOR_BERT):
            continue
        if isinstance(of, tuple):
            options.add_argument(f"--{name}", choices=of, help=what)
        else:
            options.add_argument(f"--{name}", type=of, metavar=of.__name__.upper(), help=what)
    if kind == "causal":
        _of_prompt(options)
    options.add_argument(
        "--lora", type=int, metavar="RANK", help="adapters of this rank instead of all weights"
    )
    options.add_argument("--checkpointing", action="store_const", const=True, help="less memory, more time")
    options.add_argument("--restart", action="store_true", help="forget what an earlier run kept")
    _of_output(parser)


def _of_prompt(options: Any) -> None:
    options.add_argument(
        "--template", help="routellm, chat, a text with {question}, or JSON as Router.open takes it"
    )
    options.add_argument("--system", metavar="FILE", help="the instruction (system_ft_v5.txt)")
    options.add_argument(
        "--user", metavar="FILE", help="the text with {question} in it (classifier_ft_v5.txt)"
    )


def _of_conversion(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "source", help="folder with config.json, tokenizer.json, safetensors and the prompt texts"
    )
    parser.add_argument("out", help="folder of the artifact")
    parser.add_argument("--strong", required=True, help="the strong model")
    parser.add_argument("--weak", required=True, help="the weak model")
    parser.add_argument("--kind", choices=("bert", "causal"), help="what config.json says by default")
    parser.add_argument("--head", help="three_labels, binary, regression, or JSON as Router.open takes it")
    _of_prompt(parser)
    parser.add_argument(
        "--max-new-tokens", type=int, default=6, help="causal: a score is looked for in so many (6)"
    )
    parser.add_argument("--max-tokens", type=int, help="tokens that are read")
    parser.add_argument(
        "--quantize", choices=("int8", "fp16"), help="a smaller form; causal takes int8 alone"
    )
    parser.add_argument("--prompts", metavar="FILE", help="real prompts to compare on, and to calibrate with")
    parser.add_argument("--verify", type=int, default=200, help="how many of them to compare on (200)")
    parser.add_argument("--calibration", metavar="FILE", help="other prompts to calibrate with")
    parser.add_argument("--threads", type=int, help="threads on the CPU")
    _of_output(parser)


def _of_output(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    parser.add_argument("--quiet", action="store_true", help="show no progress")


def specification(given: argparse.Namespace) -> FinetuneSpec:
    """Return the run that the arguments say: those of the file, and over them those of the command line.

    Raises:
        NotFoundError, InvalidArgumentError: as :meth:`FinetuneSpec.read`.
    """
    whole = FinetuneSpec.read(given.spec).to_dict() if given.spec is not None else {}
    if whole.get("kind", given.command) != given.command:
        raise InvalidArgumentError(f"{given.spec} is a run of kind {whole['kind']}: give it to that command")
    whole["kind"] = given.command
    sources = [{"kind": kind, "path": path} for kind in KINDS for path in getattr(given, kind) or ()]
    if sources:
        whole["sources"] = sources
    for name in [name.replace("-", "_") for name, _, _ in OPTIONS] + [
        "reformat",
        "checkpointing",
        "template",
    ]:
        value = getattr(given, name, None)
        if value is not None:
            whole[name] = value
    for name in ("system", "user"):
        if getattr(given, name, None) is not None:
            whole[name] = text_of(getattr(given, name))
    if given.lora is not None:
        whole["lora"] = {**(whole.get("lora") or {}), "rank": given.lora}
    if given.calibration is not None:
        whole["calibration"] = {"path": given.calibration}
    for pair in given.rename or ():
        name, equals, other = pair.partition("=")
        if not (name and equals and other):
            raise InvalidArgumentError(f"--rename {pair}: expected NAME=OTHER")
        whole["rename"] = {**whole.get("rename", {}), name: other}
    for name in ("base", "out", "strong", "weak", "sources"):
        if not whole.get(name):
            option = "--votes, --gold, --judge or --scores" if name == "sources" else f"--{name}"
            raise InvalidArgumentError(f"{name} is missing: pass {option}, or a specification that has it")
    return FinetuneSpec.from_dict(whole)


def _finetune(given: argparse.Namespace) -> None:
    spec = specification(given)
    shown = Shown(given.quiet)
    with Stopping(shown):
        done = run(spec, progress=shown, restart=given.restart)
    shown.end()
    if given.json:
        print(json.dumps(done.report, ensure_ascii=False, default=str))
        return
    for entry in done.report["training"]["history"]:
        held_out = f", held-out {entry['held_out_loss']:.4f}" if "held_out_loss" in entry else ""
        kept = "  <- kept" if entry["epoch"] == done.report["training"]["kept_epoch"] else ""
        print(f"epoch {entry['epoch']}: loss {entry['loss']:.4f}{held_out}, {entry['seconds']:.0f} s{kept}")
    _tell(done.report["verification"], spec.out)
    if done.evaluation is not None:
        print(done.evaluation)


def _convert(given: argparse.Namespace) -> None:
    shown = Shown(given.quiet)
    head = json.loads(given.head) if given.head is not None and given.head.startswith("{") else given.head
    done = convert(
        given.source,
        given.out,
        strong=given.strong,
        weak=given.weak,
        kind=given.kind,
        head=head,
        template=given.template,
        system=None if given.system is None else text_of(given.system),
        user=None if given.user is None else text_of(given.user),
        max_new_tokens=given.max_new_tokens,
        max_tokens=given.max_tokens,
        quantize=given.quantize,
        prompts=given.prompts,
        verify_on=given.verify,
        calibration=None if given.calibration is None else {"path": given.calibration},
        threads=given.threads,
        progress=shown,
    )
    shown.end()
    if given.json:
        print(json.dumps(done.report, ensure_ascii=False, default=str))
    else:
        _tell(done.report["verification"], given.out)


def _tell(checked: dict[str, Any], out: str) -> None:
    print(
        f"{out}: win rates of {checked['prompts']} real prompts are at most "
        f"{checked['max_difference']:.1e} from torch ({checked['mean_difference']:.1e} on average)"
    )


class Shown:
    """Progress on standard error: written over on a terminal, and a line now and then elsewhere."""

    def __init__(self, quiet: bool) -> None:
        self.quiet, self.stopped = quiet, False
        self.stage, self.started, self.last, self.first = "", 0.0, 0.0, 0
        self.over = sys.stderr.isatty()

    def __call__(self, stage: str, done: int, total: int) -> bool:
        """Show where a stage is; False once the run shall stop."""
        now = time.monotonic()
        if stage != self.stage:
            self.stage, self.started, self.last, self.first = stage, now, 0.0, done
        wait = 0.2 if self.over else 30.0
        if not self.quiet and (now - self.last >= wait or done == total):
            self.last = now
            left = ""
            if done > self.first and done < total:
                seconds = (now - self.started) / (done - self.first) * (total - done)
                left = f", {_minutes(seconds)} left"
            text = f"{stage} {done}/{total}{left}"
            print(
                f"\r\033[K{text}" if self.over else text,
                end="" if self.over else "\n",
                file=sys.stderr,
                flush=True,
            )
        return not self.stopped

    def end(self) -> None:
        """Leave the line."""
        if self.over and not self.quiet:
            print("\r\033[K", end="", file=sys.stderr, flush=True)


def _minutes(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"


class Stopping:
    """Within this, Ctrl-C and SIGTERM end the run after the step that it is in, with its state saved."""

    def __init__(self, shown: Shown) -> None:
        self.shown = shown
        self.before: dict[int, Any] = {}

    def __enter__(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            self.before[number] = signal.signal(number, self._stop)

    def _stop(self, number: int, frame: object) -> None:
        if self.shown.stopped:
            raise KeyboardInterrupt
        self.shown.stopped = True

    def __exit__(self, *error: object) -> None:
        restore: Callable[..., Any] = signal.signal
        for number, handler in self.before.items():
            restore(number, handler)
