//! Training of the `mf` router: matrix factorization by Adam, the reference's recipe
//! (`train_matrix_factorization.py`).

mod fit;
mod router;

pub use fit::{Comparison, MfFit, MfOptions, fit};
pub use router::{MfTraining, train};
