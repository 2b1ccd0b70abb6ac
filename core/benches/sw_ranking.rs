//! Speed and agreement of the stores of SW ranking on simulated votes, in one run.
//!
//! ```sh
//! cargo bench -p routellm-core --bench sw_ranking
//! ```
//!
//! Times are CPU times of one thread, but for the columns of two threads, which are wall clock.
//!
//! Environment: `SW_VOTES` and `SW_DIMS` (lists, default `55000,550000` and `384,1536`; what would need more
//! than `SW_MAX_GB` of memory is left out, by name), `SW_EMBEDDINGS` (a safetensors file with an `F32` tensor
//! `embeddings`, `n x d`, of real prompts; synthetic topics without it), `SW_QUERIES` (default 400),
//! `SW_CLUSTERS`, `SW_PROFILES`, `SW_DIRECTIONS` and `SW_OPEN_VOTES` (size of the index), `SW_STRENGTH` (how much
//! the winner depends on the prompt, default 10), `SW_STORES` (names; default all, and `clustered`).

use std::ops::ControlFlow;
use std::time::Instant;

use routellm_core::scorer::sw_ranking::{
    BuildOptions, ClusterOptions, Mode, Probe, ScoreOptions, Scratch, StoreKind, SwModel,
};
use routellm_core::testing::{SimulatedVotes, Simulation, flips, lift, simulate, spearman, synthetic_base};

fn list(name: &str, default: &str) -> Vec<usize> {
    let text = std::env::var(name).unwrap_or_else(|_| default.to_owned());
    text.split(',').filter(|n| !n.is_empty()).map(|n| n.trim().parse().expect(name)).collect()
}

/// Seconds of CPU time of this thread: on a busy machine the wall clock also counts what others do.
fn cpu_seconds() -> f64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is a timespec that the call fills.
    let status = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    assert_eq!(status, 0);
    time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
}

/// Median seconds of wall clock of `work`, for work on several threads.
fn wall(mut work: impl FnMut()) -> f64 {
    work();
    let mut times: Vec<f64> = (0..15)
        .map(|_| {
            let begin = Instant::now();
            work();
            begin.elapsed().as_secs_f64()
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

/// Median CPU seconds of `work` on this thread, over at least 5 runs and a third of a second.
fn time(mut work: impl FnMut()) -> f64 {
    work();
    let mut times = Vec::new();
    let start = Instant::now();
    while times.len() < 5 || start.elapsed().as_secs_f64() < 0.35 {
        let begin = cpu_seconds();
        work();
        times.push(cpu_seconds() - begin);
        if times.len() >= 2000 {
            break;
        }
    }
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

/// Reads every byte once, as wide as the CPU can: the speed that a scan cannot exceed.
fn read(bytes: &[u8]) -> u64 {
    #[cfg(target_arch = "x86_64")]
    {
        #[target_feature(enable = "avx512f")]
        fn wide(bytes: &[u8]) -> u64 {
            read_body(bytes)
        }
        if std::arch::is_x86_feature_detected!("avx512f") {
            // SAFETY: the CPU has AVX-512F.
            return unsafe { wide(bytes) };
        }
    }
    read_body(bytes)
}

#[inline(always)]
#[allow(clippy::inline_always, reason = "must be compiled anew inside the wide function")]
fn read_body(bytes: &[u8]) -> u64 {
    let mut sums = [0_u64; 32];
    for chunk in bytes.chunks_exact(256) {
        for (sum, eight) in sums.iter_mut().zip(chunk.chunks_exact(8)) {
            *sum ^= u64::from_le_bytes(eight.try_into().unwrap());
        }
    }
    sums.iter().fold(0, |a, b| a ^ b)
}

/// [`read`] with `threads` threads on equal parts.
fn read_threads(bytes: &[u8], threads: usize) {
    std::thread::scope(|scope| {
        for part in bytes.chunks(bytes.len().div_ceil(threads)) {
            scope.spawn(move || std::hint::black_box(read(part)));
        }
    });
}

/// Anonymous resident memory of this process: what is not a mapped file. NaN where the system does not tell.
fn anonymous_mb() -> f64 {
    // What a build freed would hide what an open model takes.
    #[cfg(target_env = "gnu")]
    // SAFETY: the call has no precondition.
    unsafe {
        libc::malloc_trim(0);
    }
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<f64>().ok())
        .map_or(f64::NAN, |kb| kb / 1e3)
}

fn base_vectors() -> (Vec<f32>, usize, &'static str) {
    let Ok(path) = std::env::var("SW_EMBEDDINGS") else {
        return (synthetic_base(19_000, 384, 1500, 11), 384, "synthetic topics");
    };
    let bytes = std::fs::read(&path).expect("SW_EMBEDDINGS");
    let file = safetensors::SafeTensors::deserialize(&bytes).expect("a safetensors file");
    let tensor = file.tensor("embeddings").expect("a tensor `embeddings`");
    assert_eq!(tensor.dtype(), safetensors::Dtype::F32);
    let floats = tensor.data().chunks_exact(4).map(|c| f32::from_le_bytes(c.try_into().unwrap())).collect();
    (floats, tensor.shape()[1], "the given embeddings")
}

struct Subject<'a> {
    votes: &'a SimulatedVotes,
    queries: &'a [f32],
    dim: usize,
}

impl Subject<'_> {
    /// The model as it is used, mapped from a file, and the anonymous memory of the process before it was opened.
    fn build(&self, store: StoreKind, clusters: Option<ClusterOptions>) -> (SwModel, f64) {
        let mut options = BuildOptions::new().store(store).threads(2);
        options.clusters = clusters;
        let model =
            SwModel::build(&self.votes.input(), &options, &mut |_| ControlFlow::Continue(())).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.safetensors");
        model.write(&path).unwrap();
        drop(model);
        let before = anonymous_mb();
        (SwModel::open(&path).unwrap(), before)
    }

    /// Megabytes beyond the mapped store that an open model and the buffers of a batch of 32 hold.
    fn memory(&self, model: &SwModel, before: f64) -> f64 {
        let mut scratch = Scratch::default();
        let batch: Vec<f32> = (0..32).flat_map(|i| self.query(i).to_vec()).collect();
        std::hint::black_box(model.score_batch(&batch, &ScoreOptions::default(), &mut scratch).unwrap());
        std::hint::black_box(model.score(self.query(1), &ScoreOptions::default(), &mut scratch).unwrap());
        anonymous_mb() - before
    }

    /// Win rates of the two models whose abilities are furthest apart.
    fn win_rates(&self, model: &SwModel, options: &ScoreOptions) -> Vec<f64> {
        let mut scratch = Scratch::default();
        let last = model.meta().tiers.iter().enumerate().max_by_key(|(_, t)| **t).unwrap().0;
        let first = model.meta().tiers.iter().enumerate().min_by_key(|(_, t)| **t).unwrap().0;
        let scores = model.score_batch(self.queries, options, &mut scratch).unwrap();
        scores.iter().map(|s| s.win_rate(first, last).unwrap()).collect()
    }

    fn query(&self, i: usize) -> &[f32] {
        let n = self.queries.len() / self.dim;
        &self.queries[i % n * self.dim..(i % n + 1) * self.dim]
    }

    /// Median seconds of a whole query.
    fn query_time(&self, model: &SwModel, options: &ScoreOptions) -> f64 {
        let mut scratch = Scratch::default();
        let mut i = 0;
        time(|| {
            i += 1;
            std::hint::black_box(model.score(self.query(i), options, &mut scratch).unwrap());
        })
    }
}

#[allow(clippy::too_many_lines, reason = "one table, printed from top to bottom")]
fn table(subject: &Subject) {
    let exact = ScoreOptions::default();
    let two = exact.threads(2);
    let mut truth = Vec::new();
    let mut f32_times = (0.0, 0.0);
    println!(
        "store          MB  scan ms  GB/s  of read   x f32 | query ms  x f32  2 threads | batch 32, scan ms/query  x single | Spearman  flips % | MB beyond"
    );
    let stores = std::env::var("SW_STORES").unwrap_or_else(|_| "f32,f16,int8,int4,int2,clustered".to_owned());
    let wanted = |name: &str| stores.split(',').any(|store| store.trim() == name);
    // Everything is measured against f32.
    for kind in StoreKind::ALL.into_iter().filter(|kind| *kind == StoreKind::F32 || wanted(kind.name())) {
        let (model, before) = subject.build(kind, None);
        let memory = subject.memory(&model, before);
        let n = model.meta().votes;
        let bytes = model.vectors();
        let size = bytes.len() as f64;
        let bandwidth = size
            / time(|| {
                std::hint::black_box(read(bytes));
            });
        let mut out = vec![0.0; n * 32];
        let mut i = 0;
        let scan = time(|| {
            i += 1;
            model.scan(subject.query(i), 1, &mut out[..n]).unwrap();
        });
        let query = subject.query_time(&model, &exact);
        let mut scratch = Scratch::default();
        let query_two = wall(|| {
            std::hint::black_box(model.score(subject.query(1), &two, &mut scratch).unwrap());
        });
        let batch: Vec<f32> = (0..32).flat_map(|i| subject.query(i).to_vec()).collect();
        // As a batch runs it: tiles of queries whose similarities fit the allowed memory.
        let tile = ((17 << 20) / (4 * n)).clamp(1, 32);
        let tile = if tile >= 4 { tile / 4 * 4 } else { tile };
        let batched = time(|| {
            for part in batch.chunks(tile * subject.dim) {
                let count = part.len() / subject.dim;
                model.scan(part, 1, &mut out[..n * count]).unwrap();
            }
        }) / 32.0;
        let rates = subject.win_rates(&model, &two);
        if kind == StoreKind::F32 {
            f32_times = (scan, query);
            let similarities = out[..n].to_vec();
            let sums = model.sums(&similarities, Mode::Exact).unwrap();
            let group_time =
                time(|| drop(std::hint::black_box(model.sums(&similarities, Mode::Exact).unwrap())));
            let solve_time = time(|| drop(std::hint::black_box(model.solve(&sums, Mode::Exact).unwrap())));
            let both = size / wall(|| read_threads(bytes, 2));
            println!(
                "  group sums {:.3} ms, solve {:.1} us, read bandwidth {:.1} GB/s with one thread, {:.1} with two",
                group_time * 1e3,
                solve_time * 1e6,
                bandwidth / 1e9,
                both / 1e9
            );
            truth.clone_from(&rates);
            let mean = rates.iter().sum::<f64>() / rates.len() as f64;
            let variance = rates.iter().map(|r| (r - mean).powi(2)).sum::<f64>() / rates.len() as f64;
            println!("  win rates: mean {mean:.4}, standard deviation {:.4}", variance.sqrt());
        }
        println!(
            "{:<10} {:>7.1} {:>8.3} {:>5.1} {:>7.0}% {:>7.2} | {:>8.3} {:>6.2} {:>10.3} | {:>24.3} {:>9.1} | {:>8.5} {:>8.2} | {memory:>9.1}",
            kind.name(),
            size / 1e6,
            scan * 1e3,
            size / scan / 1e9,
            size / scan / bandwidth * 100.0,
            f32_times.0 / scan,
            query * 1e3,
            f32_times.1 / query,
            query_two * 1e3,
            batched * 1e3,
            scan / batched,
            spearman(&rates, &truth),
            flips(&rates, &truth) * 100.0,
        );
    }
    if !wanted("clustered") {
        return;
    }
    let start = Instant::now();
    let default = ClusterOptions::default();
    let mut clusters = default
        .clusters(list("SW_CLUSTERS", &default.clusters.to_string())[0])
        .profiles(list("SW_PROFILES", &default.profiles.to_string())[0]);
    clusters.directions = list("SW_DIRECTIONS", "").first().copied();
    clusters.open_votes = list("SW_OPEN_VOTES", "").first().copied();
    let (model, before) = subject.build(StoreKind::Int8, Some(clusters));
    let built = start.elapsed().as_secs_f64();
    let memory = subject.memory(&model, before);
    println!(
        "clustered (int8 rows, built in {built:.1} s, {memory:.1} MB beyond)   us a query  x f32 | Spearman  flips %  votes read  estimated / real error"
    );
    for (name, probe) in [
        ("default", Probe::Default),
        ("1 cluster", Probe::Clusters(1)),
        ("16 clusters", Probe::Clusters(16)),
        ("96 clusters", Probe::Clusters(96)),
        ("everything", Probe::All),
    ] {
        let options = exact.probe(probe);
        let seconds = subject.query_time(&model, &options);
        let rates = subject.win_rates(&model, &options);
        let estimated = options.estimate_error(true);
        let reach =
            model.score(subject.query(0), &estimated, &mut Scratch::default()).unwrap().reach().unwrap();
        let mean = |v: &[f64]| v.iter().sum::<f64>() / v.len() as f64;
        let (m, t) = (mean(&rates), mean(&truth));
        let error = rates.iter().zip(&truth).map(|(r, w)| (r - m - (w - t)).powi(2)).sum::<f64>()
            / rates.len() as f64;
        println!(
            "  {name:<42} {:>9.1} {:>6.1} | {:>8.5} {:>8.2} {:>11} {:>12.2e} / {:.2e}",
            seconds * 1e6,
            f32_times.1 / seconds,
            spearman(&rates, &truth),
            flips(&rates, &truth) * 100.0,
            reach.probed_votes,
            reach.error.unwrap_or(0.0),
            error.sqrt(),
        );
    }
}

fn main() {
    if std::env::args().any(|a| a == "--list") {
        return;
    }
    let (base, base_dim, what) = base_vectors();
    let queries = list("SW_QUERIES", "400")[0];
    let max_gb = list("SW_MAX_GB", "8")[0];
    let all = base.len() / base_dim;
    // Queries are prompts that no vote is drawn from.
    let (votes_base, query_base) = base.split_at((all - queries) * base_dim);
    println!("{all} base vectors of {base_dim} dimensions ({what}), {queries} queries");
    let abilities: Vec<f64> = (0..20_i32).map(|m| 1.2 - 0.12 * f64::from(m)).collect();
    for dim in list("SW_DIMS", "384,1536") {
        for votes in list("SW_VOTES", "55000,550000") {
            // The votes, a copy at unit length, and the store.
            if 12 * dim * votes > max_gb << 30 {
                println!(
                    "\nskipped: {votes} votes of {dim} dimensions need more than {max_gb} GB (SW_MAX_GB)"
                );
                continue;
            }
            let simulation = Simulation {
                base: votes_base,
                base_dim,
                dim,
                votes,
                abilities: &abilities,
                strength: list("SW_STRENGTH", "10")[0] as f64,
                ties: 0.3,
                seed: 5,
            };
            let simulated = simulate(&simulation);
            let lifted = if dim > base_dim {
                lift(query_base, base_dim, dim, simulation.seed)
            } else {
                query_base.to_vec()
            };
            println!("\n== {votes} votes, {dim} dimensions");
            table(&Subject { votes: &simulated, queries: &lifted, dim });
        }
    }
}
