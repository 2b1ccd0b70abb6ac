//! Training of the `mf` router: matrix factorization by Adam, the reference's recipe
//! (`train_matrix_factorization.py`).

mod fit;
mod router;

pub use fit::{FitOptions, MfFit, fit};
pub use router::{MfOptions, MfReport, train};
