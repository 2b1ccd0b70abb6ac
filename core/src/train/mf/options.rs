//! Parameters of the optimisation.

use serde::{Deserialize, Serialize};

use crate::preference::EmbeddedVotes;
use crate::scorer::mf::MfWeights;
use crate::setters::options_struct;
use crate::{Error, Result};

options_struct! {
    /// Parameters of the optimisation. The defaults are the reference's.
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    pub struct FitOptions {
        /// Dimension of the latent space.
        dim: usize = 128,
        /// Passes over the comparisons.
        epochs: usize = 100,
        /// Comparisons in one step.
        batch: usize = 64,
        /// Adam's step.
        learning_rate: f64 = 3e-4,
        /// L2 penalty, added to the gradient (coupled, as in `torch.optim.Adam`).
        weight_decay: f64 = 1e-5,
        /// Standard deviation of the noise on each prompt embedding in each step.
        noise: f64 = 0.1,
        /// Share of the prompts whose comparisons are held out to choose the best epoch, in [0, 1). A hash of the prompt
        /// decides: rows that join later move none.
        held_out: f64 = 0.05,
        /// Ends the training once the held-out loss has not fallen for this many epochs; `None`: never.
        patience: Option<usize> = None => usize,
        /// Whether each epoch goes over the comparisons in a new order.
        shuffle: bool = true,
        /// Most threads that it runs on, which changes no bit of the result; `None`: as many as the machine has cores. Each
        /// has at least 16 dimensions of the latent space.
        threads: Option<usize> = None => usize,
        /// Seed of start, order, noise and split.
        @[serde(skip)]
        seed: u64 = 42,
    }
}

impl FitOptions {
    /// # Errors
    /// `InvalidArgument` for an option, an embedding or a start that does not fit.
    pub(super) fn check(&self, votes: &EmbeddedVotes<'_>, start: Option<&MfWeights>) -> Result<()> {
        let invalid = |message: String| Err(Error::invalid_argument(message));
        let (embeddings, text_dim) = (votes.embeddings, votes.dim);
        votes.prompts()?;
        if let Some(i) = embeddings.iter().position(|x| !x.is_finite()) {
            return invalid(format!("row {} of the embeddings holds {}", i / text_dim, embeddings[i]));
        }
        if self.dim == 0 || self.epochs == 0 || self.batch == 0 {
            return invalid("dim, epochs and batch must be at least 1".to_owned());
        }
        if self.patience == Some(0) || self.threads == Some(0) {
            return invalid("patience and threads must be at least 1".to_owned());
        }
        if self.patience.is_some() && self.held_out == 0.0 {
            return invalid("patience has no effect without held_out".to_owned());
        }
        let numbers = [
            ("learning_rate", self.learning_rate),
            ("weight_decay", self.weight_decay),
            ("noise", self.noise),
        ];
        for (name, value) in numbers {
            if !(value >= 0.0 && value.is_finite()) {
                return invalid(format!("{name} is {value}, expected a number of at least 0"));
            }
        }
        if !(0.0..1.0).contains(&self.held_out) {
            return invalid(format!("held_out is {}, expected a number in [0, 1)", self.held_out));
        }
        if let Some(start) = start
            && (start.models, start.dim, start.text_dim) != (votes.votes.models().len(), self.dim, text_dim)
        {
            return invalid("the start has other dimensions than the problem".to_owned());
        }
        Ok(())
    }
}
