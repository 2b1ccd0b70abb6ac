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

/// The days from one date to another, both of the form `2026-01-31`; negative if the second is the earlier one. `None` for what
/// is no date.
pub(crate) fn days_since(then: &str, now: &str) -> Option<i64> {
    let number = |text: &str| Day::parse(text).map(Day::number);
    Some(number(now)? - number(then)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_between_dates_are_counted() {
        for (then, now, days) in [
            ("2026-01-31", "2026-01-31", 0),
            ("2024-02-28", "2024-03-01", 2),
            ("2023-03-01", "2024-03-01", 366),
            ("1999-12-31", "2000-01-01", 1),
            ("2026-03-01", "2026-02-01", -28),
        ] {
            assert_eq!(days_since(then, now), Some(days), "{then} {now}");
        }
        assert_eq!(days_since("yesterday", "2026-01-01"), None);
    }

    #[test]
    fn what_is_no_date_is_refused() {
        for wrong in ["", "2026", "2026-1-1", "2026-13-01", "2026-02-29", "2026-00-10", "+026-01-01", "today"]
        {
            assert!(of(Some(wrong)).unwrap_err().to_string().contains("2026-01-31"), "{wrong}");
        }
        assert_eq!(of(Some("2028-02-29")).unwrap(), "2028-02-29");
    }
}
