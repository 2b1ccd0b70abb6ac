//! Adam (Kingma and Ba 2015) with the coupled L2 penalty of `torch.optim.Adam`.

const BETA1: f64 = 0.9;
const BETA2: f64 = 0.999;
const EPSILON: f64 = 1e-8;

/// The optimiser's state for a fixed list of parameter blocks.
#[derive(Debug)]
pub(super) struct Adam {
    learning_rate: f64,
    weight_decay: f64,
    steps: i32,
    moments: Vec<(Vec<f64>, Vec<f64>)>,
}

impl Adam {
    pub(super) fn new(learning_rate: f64, weight_decay: f64) -> Self {
        Self { learning_rate, weight_decay, steps: 0, moments: Vec::new() }
    }

    /// One step on blocks of (parameters, gradient), always the same blocks in the same order.
    pub(super) fn step(&mut self, blocks: &mut [(&mut Vec<f64>, &Vec<f64>)]) {
        if self.moments.is_empty() {
            self.moments = blocks.iter().map(|(p, _)| (vec![0.0; p.len()], vec![0.0; p.len()])).collect();
        }
        self.steps += 1;
        let correction1 = 1.0 - BETA1.powi(self.steps);
        let correction2 = (1.0 - BETA2.powi(self.steps)).sqrt();
        let step = self.learning_rate / correction1;
        for ((parameters, gradient), (first, second)) in blocks.iter_mut().zip(&mut self.moments) {
            let moments = first.iter_mut().zip(second.iter_mut());
            for ((p, g), (m, v)) in parameters.iter_mut().zip(gradient.iter()).zip(moments) {
                let g = g + self.weight_decay * *p;
                *m = BETA1 * *m + (1.0 - BETA1) * g;
                *v = BETA2 * *v + (1.0 - BETA2) * g * g;
                *p -= step * *m / (v.sqrt() / correction2 + EPSILON);
            }
        }
    }
}
