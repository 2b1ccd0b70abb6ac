//! Threads that make the steps of a pass together.
//!
//! Each owns some columns of the latent space (of `W` and `c`) and some models (rows of `P`), with their moments. A step
//! has two meetings: the embeddings of the batch are ready, with what the owners publish of their parameters; then the
//! batch's places in the latent space are. All else a thread computes for itself, and every sum has its order from the
//! data: the result does not depend on how many threads there are.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use super::comparison::Comparison;
use super::kernel::{AdamStep, Block, UNIT, adam, add_product, backward, forward, logit};
use super::noise;
use super::options::FitOptions;
use super::parameters::{Blocks, Shape, State};
use crate::numeric::{fold, parallel_map};
use crate::{CancelToken, Result};

/// Smallest length of a row of `P`.
const EPSILON: f64 = 1e-12;
/// Turns of waiting before a thread lets others run.
const SPINS: u32 = 100;

/// The threads, and what they own.
pub(super) struct Team<'a> {
    /// With whole units of columns.
    shape: Shape,
    /// Columns without those that fill the last unit.
    dim: usize,
    workers: Vec<Worker>,
    options: &'a FitOptions,
    embeddings: &'a [f32],
    steps: u64,
}

/// What one thread owns, and its buffers.
struct Worker {
    number: usize,
    /// Its columns of the latent space.
    columns: Range<usize>,
    /// `text_dim x columns`: the transpose of its rows of `W`.
    w: Block,
    c: Block,
    /// Its models, and their rows of `P`.
    models: Range<usize>,
    p: Block,
    /// The dimensions of the embeddings that it prepares.
    texts: Range<usize>,
    norms: Vec<f64>,
    units: Vec<f32>,
}

/// A part of the embeddings of a batch: some dimensions of all.
#[derive(Default)]
struct Part {
    /// `batch x dimensions`
    rows: Vec<f32>,
    /// `dimensions x batch`
    transposed: Vec<f32>,
}

/// What a thread publishes of its parameters.
#[derive(Default)]
struct Published {
    /// Its models' rows of `P`, of unit length.
    units: Vec<f32>,
    c: Vec<f32>,
}

/// What the threads exchange. Of what is written while others still read the step before, there are two.
struct Board {
    parts: [Vec<RwLock<Part>>; 2],
    published: [Vec<RwLock<Published>>; 2],
    /// `batch x columns` of each thread.
    hidden: Vec<RwLock<Vec<f32>>>,
    meeting: Meeting,
    stopped: AtomicBool,
}

/// A pass over comparisons.
#[derive(Clone, Copy)]
struct Pass<'a> {
    comparisons: &'a [Comparison],
    batch: usize,
    /// Whether it learns; else it only sums the losses, without noise.
    learns: bool,
    options: &'a FitOptions,
    embeddings: &'a [f32],
    shape: Shape,
    steps: u64,
    stop: Option<&'a CancelToken>,
    models_of: &'a [Range<usize>],
}

impl<'a> Team<'a> {
    pub(super) fn new(state: &State, options: &'a FitOptions, embeddings: &'a [f32]) -> Self {
        let dim = state.shape.dim;
        let shape = Shape { dim: dim.next_multiple_of(UNIT), ..state.shape };
        let cores = || std::thread::available_parallelism().map_or(1, usize::from);
        let threads = options.threads.unwrap_or_else(cores).clamp(1, shape.dim / UNIT);
        let workers = (0..threads).map(|number| Worker::new(number, threads, shape, state)).collect();
        Self { shape, dim, workers, options, embeddings, steps: state.steps }
    }

    /// One step for each batch; returns the mean loss before the steps.
    ///
    /// # Errors
    /// `Cancelled`; `ResourceExhausted` if the time is over.
    pub(super) fn learn(&mut self, comparisons: &[Comparison], stop: Option<&CancelToken>) -> Result<f64> {
        let loss = self.pass(comparisons, self.options.batch, true, stop)?;
        self.steps += comparisons.len().div_ceil(self.options.batch) as u64;
        Ok(loss)
    }

    /// The mean loss, without noise.
    ///
    /// # Errors
    /// As [`learn`](Self::learn).
    pub(super) fn loss(&mut self, comparisons: &[Comparison], stop: Option<&CancelToken>) -> Result<f64> {
        self.pass(comparisons, 64, false, stop)
    }

    fn pass(
        &mut self,
        comparisons: &[Comparison],
        batch: usize,
        learns: bool,
        stop: Option<&CancelToken>,
    ) -> Result<f64> {
        let models_of: Vec<Range<usize>> = self.workers.iter().map(|worker| worker.models.clone()).collect();
        let pass = Pass {
            comparisons,
            batch,
            learns,
            options: self.options,
            embeddings: self.embeddings,
            shape: self.shape,
            steps: self.steps,
            stop,
            models_of: &models_of,
        };
        let board = Board::new(self.workers.len());
        let sums = parallel_map(self.workers.iter_mut(), |worker| {
            let _leaver = Leaver(&board.meeting);
            worker.run(&pass, &board)
        });
        if let Some(stop) = stop {
            stop.check()?;
        }
        let weight: f64 = comparisons.iter().map(|comparison| comparison.weight).sum();
        Ok(sums[0] / weight)
    }

    /// The parameters and their moments, as one piece again.
    pub(super) fn state(&self) -> State {
        let shape = Shape { dim: self.dim, ..self.shape };
        let gather = |of: fn(&Block) -> &[f32]| {
            let mut blocks = Blocks::zeros(shape);
            for worker in &self.workers {
                worker.give(shape, self.shape.dim, of, &mut blocks);
            }
            blocks
        };
        State {
            shape,
            values: gather(|block| &block.values),
            first: gather(|block| &block.first),
            second: gather(|block| &block.second),
            steps: self.steps,
        }
    }
}

/// A share of `total` for one of several, in whole `units`.
fn share(number: usize, of: usize, total: usize, unit: usize) -> Range<usize> {
    let units = total.div_ceil(unit);
    let at = |number: usize| (units * number / of * unit).min(total);
    at(number)..at(number + 1)
}

impl Worker {
    fn new(number: usize, threads: usize, shape: Shape, state: &State) -> Self {
        let columns = share(number, threads, shape.dim, UNIT);
        let models = share(number, threads, shape.models, 1);
        let Shape { dim, text_dim, .. } = state.shape;
        let width = columns.len();
        let take = |blocks: &Blocks| {
            let (mut w, mut c) = (vec![0.0; text_dim * width], vec![0.0; width]);
            for (at, k) in columns.clone().enumerate().filter(|(_, k)| *k < dim) {
                c[at] = blocks.c[k];
                for (j, value) in blocks.w[k * text_dim..][..text_dim].iter().enumerate() {
                    w[j * width + at] = *value;
                }
            }
            let mut p = vec![0.0; models.len() * shape.dim];
            for (row, model) in p.chunks_exact_mut(shape.dim).zip(models.clone()) {
                row[..dim].copy_from_slice(&blocks.p[model * dim..][..dim]);
            }
            [w, c, p]
        };
        let [values, first, second] = [&state.values, &state.first, &state.second].map(take);
        let mut blocks = values.into_iter().zip(first).zip(second).map(|((values, first), second)| Block {
            values,
            first,
            second,
        });
        let mut next = || blocks.next().unwrap_or_else(|| Block::new(Vec::new()));
        let (w, c, p) = (next(), next(), next());
        let texts = share(number, threads, text_dim, noise::TOGETHER);
        let (norms, units) = (vec![0.0; models.len()], vec![0.0; p.values.len()]);
        Self { number, columns, w, c, models, p, texts, norms, units }
    }

    /// Puts what it owns where it belongs.
    fn give(&self, shape: Shape, padded: usize, of: fn(&Block) -> &[f32], blocks: &mut Blocks) {
        let Shape { dim, text_dim, .. } = shape;
        let width = self.columns.len();
        for (at, k) in self.columns.clone().enumerate().filter(|(_, k)| *k < dim) {
            blocks.c[k] = of(&self.c)[at];
            for (j, value) in blocks.w[k * text_dim..][..text_dim].iter_mut().enumerate() {
                *value = of(&self.w)[j * width + at];
            }
        }
        for (row, model) in of(&self.p).chunks_exact(padded).zip(self.models.clone()) {
            blocks.p[model * dim..][..dim].copy_from_slice(&row[..dim]);
        }
    }

    /// Its part of a pass; returns the sum of the losses.
    fn run(&mut self, pass: &Pass<'_>, board: &Board) -> f64 {
        let mut sum = 0.0;
        let mut hidden = Vec::new();
        self.scale_units(pass.shape.dim);
        for (number, batch) in pass.comparisons.chunks(pass.batch).enumerate() {
            let turn = number % 2;
            self.prepare(
                pass,
                batch,
                pass.steps + number as u64,
                &mut write(&board.parts[turn][self.number]),
            );
            {
                let mut published = write(&board.published[turn][self.number]);
                published.units.clone_from(&self.units);
                published.c.clone_from(&self.c.values);
            }
            if self.number == 0 && pass.stop.is_some_and(|stop| stop.check().is_err()) {
                board.stopped.store(true, Ordering::Release);
            }
            board.meeting.wait();
            if board.stopped.load(Ordering::Acquire) {
                return sum;
            }
            let parts: Vec<_> = board.parts[turn].iter().map(read).collect();
            self.project(batch.len(), &parts, &mut write(&board.hidden[self.number]));
            board.meeting.wait();
            let published: Vec<_> = board.published[turn].iter().map(read).collect();
            let places: Vec<_> = board.hidden.iter().map(read).collect();
            let view = View { pass, batch, published: &published, hidden: &places };
            let logits = view.logits();
            sum += batch.iter().zip(&logits).map(|(comparison, logit)| comparison.loss(*logit)).sum::<f64>();
            if pass.learns {
                let step = pass.steps + number as u64 + 1;
                let step = AdamStep::new(pass.options.learning_rate, pass.options.weight_decay, step);
                self.update(step, &view, &logits, &parts, &mut hidden);
                self.scale_units(pass.shape.dim);
            }
        }
        sum
    }

    /// Its dimensions of the embeddings of a batch, with noise.
    fn prepare(&self, pass: &Pass<'_>, batch: &[Comparison], step: u64, part: &mut Part) {
        let (width, text_dim) = (self.texts.len(), pass.shape.text_dim);
        part.rows.clear();
        for comparison in batch {
            part.rows.extend_from_slice(&pass.embeddings[comparison.prompt * text_dim..][self.texts.clone()]);
        }
        if width == 0 {
            part.transposed.clear();
            return;
        }
        if pass.learns && pass.options.noise > 0.0 {
            let key = noise::key(pass.options.seed, step);
            let stride = text_dim.next_multiple_of(noise::TOGETHER);
            for (i, row) in part.rows.chunks_exact_mut(width).enumerate() {
                noise::add(row, key, (i * stride + self.texts.start) as u32, pass.options.noise as f32);
            }
        }
        part.transposed.resize(part.rows.len(), 0.0);
        let batch = batch.len();
        // In tiles, whose rows lie in the cache.
        for (tile, out) in part.transposed.chunks_mut(UNIT * batch).enumerate() {
            let (from, many) = (tile * UNIT, out.len() / batch);
            for (i, row) in part.rows.chunks_exact(width).enumerate() {
                for (l, x) in row[from..from + many].iter().enumerate() {
                    out[l * batch + i] = *x;
                }
            }
        }
    }

    /// The batch's places in its columns of the latent space.
    fn project(&self, batch: usize, parts: &[RwLockReadGuard<'_, Part>], hidden: &mut Vec<f32>) {
        let width = self.columns.len();
        hidden.clear();
        hidden.resize(batch * width, 0.0);
        let mut from = 0;
        for part in parts {
            let to = from + part.rows.len() / batch;
            if to > from {
                forward(&part.rows, &self.w.values[from * width..to * width], width, hidden);
            }
            from = to;
        }
    }

    /// A step of all that it owns.
    fn update(
        &mut self,
        step: AdamStep,
        view: &View<'_>,
        logits: &[f64],
        parts: &[RwLockReadGuard<'_, Part>],
        g: &mut Vec<f32>,
    ) {
        let batch = view.batch.len();
        let slopes: Vec<f32> = view
            .batch
            .iter()
            .zip(logits)
            .map(|(comparison, logit)| (comparison.slope(*logit) / batch as f64) as f32)
            .collect();
        let models = self.of_models(view, &slopes);
        let width = self.columns.len();
        let hidden = &view.hidden[self.number];
        let mut of_c = vec![0.0; width];
        g.clear();
        for ((comparison, slope), hidden) in view.batch.iter().zip(&slopes).zip(hidden.chunks_exact(width)) {
            let winner = &view.unit(comparison.first)[self.columns.clone()];
            let loser = &view.unit(comparison.second)[self.columns.clone()];
            let difference = winner.iter().zip(loser).map(|(winner, loser)| winner - loser);
            for (k, difference) in difference.enumerate() {
                of_c[k] = (slope * difference).mul_add(hidden[k], of_c[k]);
                g.push(slope * self.c.values[k] * difference);
            }
        }
        let mut from = 0;
        for part in parts {
            let rows = part.transposed.len() / batch;
            if rows > 0 {
                backward(step, &part.transposed, g, (from, width), &mut self.w);
            }
            from += rows;
        }
        adam(step, &of_c, &mut self.c);
        adam(step, &models, &mut self.p);
    }

    /// The gradient of its models' rows of `P`.
    fn of_models(&self, view: &View<'_>, slopes: &[f32]) -> Vec<f32> {
        let dim = view.pass.shape.dim;
        let mut gradient = vec![0.0; self.p.values.len()];
        for (i, (comparison, slope)) in view.batch.iter().zip(slopes).enumerate() {
            for (model, sign) in [(comparison.first, 1.0), (comparison.second, -1.0)] {
                if !self.models.contains(&model) {
                    continue;
                }
                let row = &mut gradient[(model - self.models.start) * dim..][..dim];
                let mut at = 0;
                for (published, hidden) in view.published.iter().zip(view.hidden) {
                    let width = published.c.len();
                    let sum = &mut row[at..at + width];
                    add_product(sum, sign * slope, &published.c, &hidden[i * width..][..width]);
                    at += width;
                }
            }
        }
        // A row of unit length moves only sideways.
        let rows = gradient.chunks_exact_mut(dim).zip(self.units.chunks_exact(dim)).zip(&self.norms);
        for ((gradient, unit), norm) in rows {
            let along: f64 = gradient.iter().zip(unit).map(|(g, u)| f64::from(*g) * f64::from(*u)).sum();
            for (g, u) in gradient.iter_mut().zip(unit) {
                *g = ((f64::from(*g) - along * f64::from(*u)) / norm) as f32;
            }
        }
        gradient
    }

    /// Its models' rows of unit length, and the norms of the rows.
    fn scale_units(&mut self, dim: usize) {
        let rows = self.p.values.chunks_exact(dim).zip(self.units.chunks_exact_mut(dim));
        for ((row, unit), norm) in rows.zip(&mut self.norms) {
            let mut lanes = [0.0; UNIT];
            for row in row.chunks_exact(UNIT) {
                for (lane, x) in lanes.iter_mut().zip(row) {
                    *lane += f64::from(*x) * f64::from(*x);
                }
            }
            *norm = fold(lanes).sqrt().max(EPSILON);
            for (unit, x) in unit.iter_mut().zip(row) {
                *unit = (f64::from(*x) / *norm) as f32;
            }
        }
    }
}

/// What every thread sees of a step.
struct View<'a> {
    pass: &'a Pass<'a>,
    batch: &'a [Comparison],
    published: &'a [RwLockReadGuard<'a, Published>],
    hidden: &'a [RwLockReadGuard<'a, Vec<f32>>],
}

impl View<'_> {
    fn unit(&self, model: usize) -> &[f32] {
        let dim = self.pass.shape.dim;
        let owner = self.pass.models_of.partition_point(|models| models.end <= model);
        &self.published[owner].units[(model - self.pass.models_of[owner].start) * dim..][..dim]
    }

    fn logits(&self) -> Vec<f64> {
        let of = |(i, comparison): (usize, &Comparison)| {
            let (winner, loser) = (self.unit(comparison.first), self.unit(comparison.second));
            let mut lanes = [0.0; UNIT];
            let mut at = 0;
            for (published, hidden) in self.published.iter().zip(self.hidden) {
                let width = published.c.len();
                let columns = at..at + width;
                let hidden = &hidden[i * width..][..width];
                logit(&published.c, &winner[columns.clone()], &loser[columns], hidden, &mut lanes);
                at += width;
            }
            fold(lanes)
        };
        self.batch.iter().enumerate().map(of).collect()
    }
}

impl Board {
    fn new(threads: usize) -> Self {
        fn each<T: Default>(threads: usize) -> Vec<RwLock<T>> {
            (0..threads).map(|_| RwLock::default()).collect()
        }
        Self {
            parts: [each(threads), each(threads)],
            published: [each(threads), each(threads)],
            hidden: each(threads),
            meeting: Meeting { size: threads, ..Meeting::default() },
            stopped: AtomicBool::new(false),
        }
    }
}

/// A poisoned lock belongs to a thread that panicked, which the meeting tells of.
fn read<T>(lock: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

fn write<T>(lock: &RwLock<T>) -> std::sync::RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}

/// Where threads wait for each other. Steps take fractions of a millisecond, in which sleeping and waking would be most of
/// the time: it turns, and after a while lets other threads run.
#[derive(Default)]
struct Meeting {
    size: usize,
    here: AtomicUsize,
    round: AtomicUsize,
    left: AtomicBool,
}

impl Meeting {
    fn wait(&self) {
        let round = self.round.load(Ordering::Acquire);
        if self.here.fetch_add(1, Ordering::AcqRel) + 1 == self.size {
            self.here.store(0, Ordering::Release);
            self.round.store(round + 1, Ordering::Release);
            return;
        }
        let mut turns = 0;
        while self.round.load(Ordering::Acquire) == round {
            assert!(!self.left.load(Ordering::Acquire), "another thread of the training panicked");
            turns += 1;
            if turns < SPINS { std::hint::spin_loop() } else { std::thread::yield_now() }
        }
    }
}

/// Tells a meeting that a thread will not come any more because it panicked.
struct Leaver<'a>(&'a Meeting);

impl Drop for Leaver<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.left.store(true, Ordering::Release);
        }
    }
}
