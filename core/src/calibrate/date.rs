//! Dates of samples.

use crate::date::{self, Day};
use crate::{Error, Result};

/// The date of a sample: the one given, or [today's](date::today).
///
/// # Errors
/// `InvalidArgument` for a date that is not `YYYY-MM-DD`.
pub(super) fn of(given: Option<&str>) -> Result<String> {
    if let Some(date) = given {
        return check(date).map(|()| date.to_owned());
    }
    Ok(date::today())
}

/// # Errors
/// `InvalidArgument` for what is no date of the form `YYYY-MM-DD`.
pub(crate) fn check(date: &str) -> Result<()> {
    let refused = || {
        Error::invalid_argument(format!(
            "the date of a calibration is {date:?}, expected the form 2026-01-31"
        ))
    };
    Day::parse(date).map(|_| ()).ok_or_else(refused)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_date_is_refused() {
        for wrong in ["", "2026", "2026-1-1", "2026-13-01", "2026-02-29", "2026-00-10", "+026-01-01", "today"]
        {
            assert!(of(Some(wrong)).unwrap_err().to_string().contains("2026-01-31"), "{wrong}");
        }
        assert_eq!(of(Some("2028-02-29")).unwrap(), "2028-02-29");
    }
}
