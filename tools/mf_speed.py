"""The training of factorization beside the same recipe in torch: seconds of an epoch, and losses.

    cargo build --release -p routellm-core --example mf_speed
    python tools/mf_speed.py --example target/release/examples/mf_speed --dim 1536 --dim 384

The recipe is that of `train_matrix_factorization.py` of lm-sys/RouteLLM: 64 models, latent dimension 128, batches of 64
from a shuffled `DataLoader`, noise 0.1 on the embeddings, Adam with step 3e-4 and penalty 1e-5, and after each epoch
the loss on the held-out comparisons (there with noise .05; those that are compared here are without, on both sides).
Data are simulated from a factorization of its own, so that there is something to learn. Runs alternate, since machines
are noisy; what is reported is the ratio of the fastest epochs, of the medians, and of the time of all cores together,
which other work on the machine changes least, to torch with as many threads as serve it best.

Needs numpy and torch.
"""

import argparse
import json
import resource
import statistics
import struct
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset

MODELS, LATENT = 64, 128


class Comparisons(Dataset):
    """(winner, loser, prompt), one by one, as the reference's data set gives them."""

    def __init__(self, rows):
        self.winners = torch.tensor(rows[:, 0].copy(), dtype=torch.int64)
        self.losers = torch.tensor(rows[:, 1].copy(), dtype=torch.int64)
        self.prompts = [int(prompt) for prompt in rows[:, 2]]

    def __len__(self):
        return len(self.prompts)

    def __getitem__(self, at):
        return self.winners[at], self.losers[at], self.prompts[at]


class Factorization(torch.nn.Module):
    """The model of the paper, section 4.2, over fixed embeddings of the prompts."""

    def __init__(self, embeddings):
        super().__init__()
        self.models = torch.nn.Embedding(MODELS, LATENT)
        self.prompts = torch.nn.Embedding(*embeddings.shape).requires_grad_(requires_grad=False)
        self.prompts.weight.data.copy_(torch.from_numpy(embeddings))
        self.project = torch.nn.Linear(embeddings.shape[1], LATENT, bias=False)
        self.classify = torch.nn.Linear(LATENT, 1, bias=False)

    def forward(self, winners, losers, prompts, noise):
        winner = functional.normalize(self.models(winners), p=2, dim=1)
        loser = functional.normalize(self.models(losers), p=2, dim=1)
        embedding = self.prompts(prompts)
        if noise:
            embedding = embedding + torch.randn_like(embedding) * noise
        return self.classify((winner - loser) * self.project(embedding)).squeeze(-1)


def simulate(dim, rows, seed):
    """Comparisons whose winners follow a factorization, and embeddings of unit length."""
    rng = np.random.default_rng(seed)
    prompts = rows // 2
    embeddings = rng.normal(size=(prompts, dim)).astype(np.float32)
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    skill = rng.normal(size=MODELS)
    taste = rng.normal(size=(MODELS, 8))
    hidden = embeddings @ rng.normal(size=(dim, 8)).astype(np.float32)
    prompt = rng.integers(prompts, size=rows)
    one = rng.integers(MODELS, size=rows)
    other = (one + rng.integers(1, MODELS, size=rows)) % MODELS
    logit = skill[one] - skill[other] + ((taste[one] - taste[other]) * hidden[prompt]).sum(1)
    wins = rng.random(rows) < 1 / (1 + np.exp(-logit))
    pairs = np.where(wins, (one, other), (other, one)).T
    return embeddings, np.column_stack([pairs, prompt]).astype(np.int32)


def write(path, embeddings, comparisons):
    """A safetensors file, written by hand so that the package is not needed."""
    header, data = {}, b""
    for name, array, dtype in (("embeddings", embeddings, "F32"), ("comparisons", comparisons, "I32")):
        end = len(data) + array.nbytes
        header[name] = {"dtype": dtype, "shape": array.shape, "data_offsets": [len(data), end]}
        data += array.tobytes()
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def torch_run(embeddings, comparisons, epochs, seed, threads):
    """Seconds of each epoch, and the losses after it: of its steps, and on what is held out, without noise."""
    torch.set_num_threads(threads)
    torch.manual_seed(seed)
    order = np.random.default_rng(seed).permutation(len(comparisons))
    cut = int(len(order) * 0.95)
    train = DataLoader(Comparisons(comparisons[order[:cut]]), 64, shuffle=True)
    held_out = DataLoader(Comparisons(comparisons[order[cut:]]), 1024)
    net = Factorization(embeddings)
    trained = [p for p in net.parameters() if p.requires_grad]
    adam = torch.optim.Adam(trained, lr=3e-4, weight_decay=1e-5)
    mean = torch.nn.BCEWithLogitsLoss()
    found = {"seconds": [], "train": [], "held_out": []}
    before = time.process_time()
    for _ in range(epochs):
        since = time.perf_counter()
        total = count = 0
        for winners, losers, prompts in train:
            output = net(winners, losers, prompts, 0.1)
            loss = mean(output, torch.ones_like(output))
            adam.zero_grad()
            loss.backward()
            adam.step()
            total += loss.item() * len(winners)
            count += len(winners)
        with torch.no_grad():
            left = sum(functional.softplus(-net(*batch, 0.0)).sum().item() for batch in held_out) / (len(order) - cut)
        found["seconds"].append(time.perf_counter() - since)
        found["train"].append(total / count)
        found["held_out"].append(left)
    found["cpu"] = (time.process_time() - before) / epochs
    return found


def our_run(command, epochs):
    """The same of the example, which reads its data in that time, too."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    found = json.loads(subprocess.check_output(command))
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    found["cpu"] = (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) / epochs
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--example", required=True, help="the built example mf_speed")
    parser.add_argument("--dim", type=int, action="append", required=True)
    parser.add_argument("--rows", type=int, default=8192)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2], help="numbers of torch's threads")
    parser.add_argument("--runs", type=int, default=4, help="runs of each, with a seed each")
    args = parser.parse_args()
    for dim in args.dim:
        embeddings, comparisons = simulate(dim, args.rows, seed=1)
        with tempfile.TemporaryDirectory() as folder:
            data = Path(folder) / "data.safetensors"
            write(data, embeddings, comparisons)
            runs = {f"torch, {threads} threads": [] for threads in args.threads} | {"routellm": []}
            for seed in range(args.runs):
                for threads in args.threads:
                    made = torch_run(embeddings, comparisons, args.epochs, seed, threads)
                    runs[f"torch, {threads} threads"].append(made)
                command = [args.example, str(data), str(args.epochs), str(seed)]
                runs["routellm"].append(our_run(command, args.epochs))
        report(dim, args.rows, runs)


def report(dim, rows, runs):
    """Print what the runs took and what they came to."""
    print(f"{dim} dimensions, {rows} comparisons, torch {torch.__version__}")
    fastest, median, cpu = {}, {}, {}
    for name, made in runs.items():
        seconds = [s for run in made for s in run["seconds"]]
        fastest[name], median[name] = min(seconds), statistics.median(seconds)
        cpu[name] = statistics.median(run["cpu"] for run in made)
        line = f"  {name}: fastest epoch {fastest[name] * 1e3:.1f} ms, median {median[name] * 1e3:.1f} ms"
        line += f", of all cores {cpu[name] * 1e3:.1f} ms"
        for losses in ("train", "held_out"):
            last = [run[losses][-1] for run in made]
            line += f"; {losses} loss {statistics.mean(last):.4f} ({min(last):.4f} to {max(last):.4f})"
        print(line)
    for name, of in (("fastest", fastest), ("median", median), ("cores'", cpu)):
        torch_best = min(seconds for which, seconds in of.items() if which != "routellm")
        print(f"  {name} epochs: {torch_best / of['routellm']:.1f} times faster", flush=True)


if __name__ == "__main__":
    main()
