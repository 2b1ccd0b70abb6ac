//! Dates of samples.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::date::{Day, days_of};
use crate::{Error, Result};

const SECONDS_A_DAY: u64 = 86_400;

/// The date of a sample: the one given, or today's in UTC. `SOURCE_DATE_EPOCH` (seconds since 1970, as builds that
/// can be repeated set it) stands for today.
///
/// # Errors
/// `InvalidArgument` for a date that is not `YYYY-MM-DD`.
pub(super) fn of(given: Option<&str>) -> Result<String> {
    if let Some(date) = given {
        return check(date).map(|()| date.to_owned());
    }
    let fixed = std::env::var("SOURCE_DATE_EPOCH").ok().and_then(|text| text.parse::<u64>().ok());
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
    Ok(text(fixed.unwrap_or_else(now) / SECONDS_A_DAY))
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

/// The date of a day, counted from the first of January 1970.
fn text(mut day: u64) -> String {
    let mut year = 1970;
    loop {
        let length: u64 = (1..=12).map(|month| days_of(year, month)).sum();
        if day < length {
            break;
        }
        day -= length;
        year += 1;
    }
    let mut month = 1;
    while day >= days_of(year, month) {
        day -= days_of(year, month);
        month += 1;
    }
    format!("{year:04}-{month:02}-{:02}", day + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_have_their_dates() {
        for (day, date) in
            [(0, "1970-01-01"), (58, "1970-02-28"), (789, "1972-02-29"), (20_000, "2024-10-04")]
        {
            assert_eq!(text(day), date);
            check(date).unwrap();
        }
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
