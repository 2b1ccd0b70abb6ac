//! Ranges of numbers.

use crate::{Error, Result};

/// # Errors
/// `InvalidArgument` if a whole number is below `least` or above `most`.
pub(crate) fn whole(
    name: impl std::fmt::Display,
    value: Option<impl TryInto<u64> + Copy>,
    (least, most): (u64, Option<u64>),
    expected: &str,
) -> Result<()> {
    let Some(value) = value else { return Ok(()) };
    let value = value.try_into().unwrap_or(u64::MAX);
    if value >= least && most.is_none_or(|most| value <= most) {
        return Ok(());
    }
    Err(Error::invalid_argument(format!("{name} is {value}, expected {expected}")))
}

/// # Errors
/// `InvalidArgument` if a number is outside an interval, whose lower end is not in it if `open` says so.
pub(crate) fn number(
    name: impl std::fmt::Display,
    value: Option<f64>,
    (low, high, open): (f64, f64, bool),
    expected: &str,
) -> Result<()> {
    match value {
        Some(value) if !(low..=high).contains(&value) || (open && value == low) => {
            Err(Error::invalid_argument(format!("{name} is {value}, expected {expected}")))
        }
        _ => Ok(()),
    }
}
