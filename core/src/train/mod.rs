//! Training: from preference data to an artifact.
//!
//! Every trainer takes a destination, what it learns from ([`Sources`]), its options, of which the common part is
//! [`TrainOptions`], and how it is watched and stopped ([`Control`]):
//!
//! ```no_run
//! use routellm_core::train::{Control, Sources, TrainOptions, linear};
//!
//! let sources = Sources::new().gold_file("gold.jsonl")?;
//! let common = TrainOptions::new().name("mine").pair("big", "small");
//! let options = linear::LinearOptions::new().common(common).folds(5);
//! let report = linear::train("my-router", &sources, &options, Control::new())?;
//! println!("error {:.4} of {:.4}", report.error, report.baseline_error);
//! # Ok::<(), routellm_core::Error>(())
//! ```

mod cache;
mod collect;
pub mod decontaminate;
mod embeddings;
mod encoder;
mod frame;
mod hashing;
pub mod knn;
mod labels;
pub mod linear;
mod linear_logs;
mod link;
pub mod logistic;
mod lsa;
pub mod mf;
mod options;
mod qualities;
mod ridge;
mod run;
mod selection;
mod sources;
mod spec;
mod sw_qualities;
pub mod sw_ranking;
mod ties;
mod weaker;

pub use cache::EmbeddingCache;
pub use encoder::Encoder;
pub use link::fit_link;
pub use options::{OnError, TrainOptions};
pub use ridge::Ridge;
#[cfg(feature = "eval")]
pub(crate) use run::sources;
pub use run::{HeldOut, TrainReport, Trained, run};
pub use selection::Rows;
pub use sources::{DataReport, Labels, Reading, Sources};
pub use spec::{CalibrationSource, EncoderSource, Source, SplitSource, SwParameters, TrainSpec, Trainer};
pub use ties::Ties;

pub use crate::calibrate::Sample;
pub use crate::{Control, Progress, ProgressFn};
