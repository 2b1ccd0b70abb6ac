"""The two models that can be a router, as training and verification see them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from routellm_rs.errors import InvalidModelError

from . import _checkpoint, _templates
from ._extra import library
from ._labels import SCORES
from ._targets import score_shares

if TYPE_CHECKING:
    from ._labels import Example
    from ._spec import FinetuneSpec

LABELS = ("strong_wins", "tie", "weak_wins")
SCORE_TOKENS = tuple(f"[[{score}]]" for score in range(1, SCORES + 1))
SCORE_THRESHOLD = 4


class Bert:
    """A sequence classifier: three labels, or one score for the quality gap (section 4.2 of the paper)."""

    def __init__(self, folder: Path, head: Any, max_tokens: int | None, model: Any = None) -> None:
        """Open a checkpoint that was fine-tuned, or take a model that is about to be."""
        self.tokenizer = _checkpoint.tokenizer_of(folder)
        self.model = _checkpoint.load_classifier(folder, None) if model is None else model
        self.head = head
        most = _checkpoint.positions_of(folder, self.model.config, self.tokenizer)
        self.max_tokens = most if max_tokens is None else min(max_tokens, most)

    @classmethod
    def to_train(cls, spec: FinetuneSpec) -> Bert:
        """Return the base model with a new head, whose weights the seed says."""
        labels = LABELS if spec.target == "labels" else ("quality_gap",)
        library("torch").manual_seed(spec.seed)
        model = _checkpoint.load_classifier(
            _checkpoint.folder_of(spec.base),
            None,
            num_labels=len(labels),
            id2label=dict(enumerate(labels)),
            label2id={name: i for i, name in enumerate(labels)},
            problem_type=None if spec.target == "labels" else "regression",
            ignore_mismatched_sizes=True,
        )
        head = "three_labels" if spec.target == "labels" else gap_head()
        return cls(Path(spec.base), head, spec.tokens, model)

    def encode(self, prompt: str) -> list[int]:
        """Return the token ids of a prompt; a longer one is cut at its right."""
        ids: list[int] = self.tokenizer(prompt, truncation=True, max_length=self.max_tokens)["input_ids"]
        return ids

    def inputs(self, rows: list[list[int]]) -> dict[str, Any]:
        """Return a batch, padded at its right."""
        torch = library("torch")
        pad = self.tokenizer.pad_token_id or 0
        longest = max(map(len, rows))
        ids = torch.tensor([row + [pad] * (longest - len(row)) for row in rows])
        mask = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in rows])
        return {"input_ids": ids, "attention_mask": mask}

    def logits(self, model: Any, inputs: dict[str, Any]) -> Any:
        """Return [rows, labels] in float32."""
        return model(**inputs).logits.float()

    def targets(self, examples: list[Example]) -> Any:
        """Return [examples, 3] shares of the outcomes, or [examples, 1] gaps."""
        by_gap = self.model.config.num_labels == 1
        values = [[example.gap] if by_gap else list(example.shares) for example in examples]
        return library("torch").tensor(values, dtype=library("torch").float32)

    def losses(self, logits: Any, wanted: Any) -> Any:
        """Return the loss of each row: squared error of gaps, or cross-entropy with shares."""
        if wanted.shape[1] == 1:
            return (logits - wanted).square()[:, 0]
        return library("torch").nn.functional.cross_entropy(logits, wanted, reduction="none")

    def start_at(self, wanted: Any) -> None:
        """Let the head begin at what is true of the mean prompt."""
        torch = library("torch")
        last = [m for m in self.model.modules() if isinstance(m, torch.nn.Linear)][-1]
        if last.bias is None or last.out_features != wanted.shape[1]:
            return
        mean = wanted.mean(0)
        with torch.no_grad():
            last.bias.copy_(mean if wanted.shape[1] == 1 else mean.clamp(min=1e-3).log())

    def win_rates(self, logits: Any) -> Any:
        """Return the win rates of [rows, labels] in float64, as the library computes them."""
        return bert_win_rates(library("numpy").asarray(logits, dtype="float64"), self.head, self.model.config)

    def options(self) -> dict[str, Any]:
        """Return what ``Router.open`` is told of the model."""
        return {"kind": "bert", "head": self.head, "max_tokens": self.max_tokens}

    def save(self, model: Any, folder: Path) -> None:
        """Write the checkpoint in Hugging Face form."""
        model.save_pretrained(folder)
        self.tokenizer.model_max_length = self.max_tokens
        self.tokenizer.save_pretrained(folder)


class Causal:
    """A language model that says a score, as the next token (section 4.2 of the paper)."""

    def __init__(self, folder: Path, template: Any, max_tokens: int | None, model: Any = None) -> None:
        """Open a checkpoint that was fine-tuned, or take a model that is about to be."""
        self.tokenizer = template.tokenizer
        self.template = template
        # Those that the tokenizer lacks get the next ids, as the published router's code gives them.
        self.tokenizer.add_tokens(list(SCORE_TOKENS), special_tokens=True)
        self.score_ids: list[int] = self.tokenizer.convert_tokens_to_ids(list(SCORE_TOKENS))
        if model is None:
            self.model = _checkpoint.load_causal(folder, None)
            rows = self.model.get_input_embeddings().weight.shape[0]
            if max(self.score_ids) >= rows:
                raise InvalidModelError(
                    f"{folder}: the model has {rows} tokens, and none for the scores [[1]] to [[5]]: it is "
                    "no router yet. "
                    "Fine-tune it first (causal)"
                )
        else:
            self.model = model
        most = _checkpoint.positions_of(folder, self.model.config, self.tokenizer)
        self.max_tokens = most if max_tokens is None else min(max_tokens, most)

    @classmethod
    def to_train(cls, spec: FinetuneSpec) -> Causal:
        """Return the base model with score tokens, which begin as the digits that they name."""
        torch = library("torch")
        folder = _checkpoint.folder_of(spec.base)
        torch.manual_seed(spec.seed)
        tokenizer = _checkpoint.tokenizer_of(folder)
        template = _templates.choose(spec.template, spec.system, spec.user, tokenizer, folder)
        model = _checkpoint.load_causal(folder, None)
        made = cls(folder, template, spec.tokens, model)
        size = model.get_input_embeddings().weight.shape[0]
        if max(made.score_ids) >= size:
            model.resize_token_embeddings(max(made.score_ids) + 1, mean_resizing=False)
            digits = [made.tokenizer.convert_tokens_to_ids(str(score)) for score in range(1, SCORES + 1)]
            unknown = made.tokenizer.unk_token_id
            layers = [model.get_input_embeddings(), model.get_output_embeddings()]
            with torch.no_grad():
                for weight in {id(layer.weight): layer.weight for layer in layers}.values():
                    mean = weight[:size].mean(0)
                    for new, digit in zip(made.score_ids, digits, strict=True):
                        known = digit is not None and digit != unknown and digit < size
                        weight[new] = weight[digit] if known else mean
        return made

    def encode(self, prompt: str) -> list[int]:
        """Return the token ids of a prompt in its template; a longer one is cut at its left."""
        ids: list[int] = self.template.ids(prompt, self.max_tokens)
        return ids

    def inputs(self, rows: list[list[int]]) -> dict[str, Any]:
        """Return a batch, padded at its left, so that the last position is the score's."""
        torch = library("torch")
        pad = self.tokenizer.pad_token_id or 0
        longest = max(map(len, rows))
        ids = torch.tensor([[pad] * (longest - len(row)) + row for row in rows])
        mask = torch.tensor([[0] * (longest - len(row)) + [1] * len(row) for row in rows])
        positions = (mask.cumsum(1) - 1).clamp(min=0)
        return {"input_ids": ids, "attention_mask": mask, "position_ids": positions}

    def logits(self, model: Any, inputs: dict[str, Any]) -> Any:
        """Return [rows, vocabulary] of the next token, in float32."""
        return model(**inputs, use_cache=False, logits_to_keep=1).logits[:, -1].float()

    def targets(self, examples: list[Example], tie_score: int = SCORE_THRESHOLD) -> Any:
        """Return [examples, 5] shares of the scores."""
        shares = [score_shares(example, tie_score) for example in examples]
        return library("torch").tensor(shares, dtype=library("torch").float32)

    def losses(self, logits: Any, wanted: Any) -> Any:
        """Return the cross-entropy of each row's label token, among all tokens."""
        torch = library("torch")
        logs = torch.nn.functional.log_softmax(logits, dim=-1)[:, self.score_ids]
        return -(wanted * logs).sum(-1)

    def start_at(self, wanted: Any) -> None:
        """Leave the model as it is."""

    def win_rates(self, logits: Any) -> Any:
        """Return 1 - P(score >= 4) among the scores, of [rows, vocabulary], in float64."""
        np = library("numpy")
        scores = np.asarray(logits, dtype="float64")[:, self.score_ids]
        shares = np.exp(scores - scores.max(1, keepdims=True))
        return shares[:, : SCORE_THRESHOLD - 1].sum(1) / shares.sum(1)

    def options(self) -> dict[str, Any]:
        """Return what ``Router.open`` is told of the model."""
        return {
            "kind": "causal_llm",
            "template": self.template.spec,
            "score_tokens": list(SCORE_TOKENS),
            "score_threshold": SCORE_THRESHOLD,
            # The score is the next token: that is what was learned.
            "max_new_tokens": 0,
            "max_tokens": self.max_tokens,
        }

    def save(self, model: Any, folder: Path) -> None:
        """Write the checkpoint in Hugging Face form, with the two texts where the template has them."""
        model.save_pretrained(folder)
        self.tokenizer.save_pretrained(folder)
        self.template.write(folder)


def gap_head() -> dict[str, Any]:
    """Return the head of a quality gap: the win rate is (1 + gap) / 2, within [0, 1]."""
    return {"kind": "regression", "scale": 0.5, "offset": 0.5}


def bert_win_rates(logits: Any, head: Any, config: Any) -> Any:
    """Return the win rates of [rows, labels] in float64 for a head as ``Router.open`` takes it."""
    np = library("numpy")
    given = {"kind": head} if isinstance(head, str) else dict(head)
    if given["kind"] == "regression":
        line = given.get("scale", 1.0) * logits[:, 0] + given.get("offset", 0.0)
        return 1 / (1 + np.exp(-line)) if given.get("link") == "sigmoid" else line.clip(0, 1)
    if logits.shape[1] == 1:
        sign = 1 if given.get("strong_label", 1) == 1 else -1
        return 1 / (1 + np.exp(-sign * logits[:, 0]))
    shares = np.exp(logits - logits.max(1, keepdims=True))
    shares /= shares.sum(1, keepdims=True)
    if given["kind"] == "binary":
        return shares[:, given.get("strong_label", 1)]
    names = getattr(config, "id2label", None) or {}
    strong = [int(i) for i, name in names.items() if str(name).lower().startswith("strong")]
    return shares[:, strong[0] if len(strong) == 1 else 0]
