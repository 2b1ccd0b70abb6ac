//! The locks that [`queue`](crate::queue) is written with: the standard library's here, and those of a checker of
//! interleavings in `tests/loom`, which compiles the same file.

pub(crate) use std::sync::{Arc, Condvar, Mutex, MutexGuard};
