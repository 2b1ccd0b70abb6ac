//! Training of the `mf` router: matrix factorization by Adam, the reference's recipe
//! (`train_matrix_factorization.py`), on all cores.

mod checkpoint;
mod comparison;
mod fit;
mod kernel;
mod noise;
mod options;
mod parameters;
mod router;
mod team;

pub use fit::{MfFit, fit};
pub use options::FitOptions;
pub use router::{MfOptions, MfReport, train};
