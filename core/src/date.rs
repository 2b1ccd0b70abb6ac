//! Days of the calendar.

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
