//! Days of the calendar.

use std::time::{SystemTime, UNIX_EPOCH};

const SECONDS_A_DAY: u64 = 86_400;

/// A day, `2026-01-31`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Day {
    pub(crate) year: u64,
    /// From 1.
    pub(crate) month: u64,
    /// From 1.
    pub(crate) of_month: u64,
}

impl Day {
    /// The day of the form `YYYY-MM-DD`, if it is one.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let parts: Vec<&str> = text.split('-').collect();
        let [year, month, day] = parts[..] else { return None };
        let number = |text: &str, digits: usize| {
            let plain = text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit());
            text.parse::<u64>().ok().filter(|_| plain)
        };
        let day = Self { year: number(year, 4)?, month: number(month, 2)?, of_month: number(day, 2)? };
        let fits =
            (1..=12).contains(&day.month) && (1..=days_of(day.year, day.month)).contains(&day.of_month);
        fits.then_some(day)
    }

    /// The number of the day, of which only differences mean something: the calendar without its reforms.
    pub(crate) fn number(self) -> i64 {
        let years = self.year as i64;
        // Leap days before this year.
        let before = years - 1;
        let leaps = before.div_euclid(4) - before.div_euclid(100) + before.div_euclid(400);
        let months: u64 = (1..self.month).map(|month| days_of(self.year, month)).sum();
        years * 365 + leaps + (months + self.of_month) as i64
    }
}

/// Days of a month.
pub(crate) fn days_of(year: u64, month: u64) -> u64 {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        2 => 28 + u64::from(leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Whether a text is a day of the form `YYYY-MM-DD`.
pub(crate) fn is_day(text: &str) -> bool {
    Day::parse(text).is_some()
}

/// Today's date in UTC. `SOURCE_DATE_EPOCH` (seconds since 1970, as builds that can be repeated set it) stands for today.
pub(crate) fn today() -> String {
    let fixed = std::env::var("SOURCE_DATE_EPOCH").ok().and_then(|text| text.parse::<u64>().ok());
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
    text(fixed.unwrap_or_else(now) / SECONDS_A_DAY)
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
            assert!(is_day(date));
        }
    }
}
