//! Money in whole numbers: sums that come out the same in any order, and a budget that holds to the last digit.

use std::fmt;
use std::iter::Sum;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::candidates::Price;
use crate::{Error, Result};

/// Units in one US dollar: a price of 1 USD per million tokens is 1,000,000 of them a token.
const UNITS: u64 = 1_000_000_000_000;

/// An amount of US dollars, in units of 1e-12 USD.
///
/// ```
/// use routellm_core::augment::Usd;
/// let amount: Usd = "0.25".parse()?;
/// assert_eq!((amount.to_string(), amount.as_f64()), ("0.25".to_owned(), 0.25));
/// # Ok::<(), routellm_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Usd(u64);

impl Usd {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// The amount, rounded down to 1e-12 USD.
    ///
    /// # Errors
    /// `InvalidArgument` for an amount that is negative, no number or above 1,000,000.
    pub fn new(usd: f64) -> Result<Self> {
        if !(0.0..=1e6).contains(&usd) {
            return Err(Error::invalid_argument(format!("{usd} USD; an amount is from 0 to 1000000")));
        }
        Ok(Self((usd * UNITS as f64) as u64))
    }

    /// The amount as a float.
    pub fn as_f64(self) -> f64 {
        self.0 as f64 / UNITS as f64
    }

    /// What tokens cost, each kind of token rounded up to 1e-12 USD.
    pub fn of_tokens(price: &Price, input: u64, output: u64) -> Self {
        // USD per million tokens are millionths of a dollar a token; dollars have twelve digits here.
        let unit = |usd: f64| (usd * 1e6).ceil().max(0.0) as u64;
        Self(
            unit(price.input).saturating_mul(input).saturating_add(unit(price.output).saturating_mul(output)),
        )
    }

    /// The sum, at most what the type holds.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// The difference, and nothing where it would be negative.
    #[must_use]
    pub const fn minus(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl Sum for Usd {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Self::plus)
    }
}

impl fmt::Display for Usd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = format!("{:012}", self.0 % UNITS);
        let digits = digits.trim_end_matches('0');
        let whole = self.0 / UNITS;
        if digits.is_empty() { write!(f, "{whole}") } else { write!(f, "{whole}.{digits}") }
    }
}

impl FromStr for Usd {
    type Err = Error;

    /// # Errors
    /// `InvalidArgument` for text that is no decimal number from 0 to 1,000,000 with at most twelve digits after its point.
    fn from_str(text: &str) -> Result<Self> {
        let wrong =
            || Error::invalid_argument(format!("{text:?} is no amount; write US dollars as in 5 or 0.25"));
        let (whole, digits) = text.split_once('.').unwrap_or((text, ""));
        let plain = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if !plain(whole)
            || !plain(digits)
            || digits.len() > 12
            || whole.len() > 7
            || text.len() < 2 && !plain(text)
        {
            return Err(wrong());
        }
        if whole.is_empty() && digits.is_empty() {
            return Err(wrong());
        }
        let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().map_err(|_| wrong())? };
        let digits: u64 = format!("{digits:0<12}").parse().map_err(|_| wrong())?;
        if whole > 1_000_000 { Err(wrong()) } else { Ok(Self(whole * UNITS + digits)) }
    }
}

impl TryFrom<String> for Usd {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl From<Usd> for String {
    fn from(amount: Usd) -> Self {
        amount.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_written_and_read_without_loss() {
        for (text, units) in [("0", 0), ("1", UNITS), ("0.000000000001", 1), ("12.5", 12 * UNITS + UNITS / 2)]
        {
            let amount: Usd = text.parse().unwrap();
            assert_eq!((amount, amount.to_string()), (Usd(units), text.to_owned()));
        }
        for text in ["", ".", "-1", "1e3", "0.0000000000001", "1000001", "x", "1.2.3"] {
            assert!(text.parse::<Usd>().is_err(), "{text}");
        }
        assert!(Usd::new(-0.1).is_err() && Usd::new(f64::NAN).is_err());
    }

    #[test]
    fn tokens_cost_what_the_price_says() {
        let price = Price::new(2.5, 10.0);
        assert_eq!(Usd::of_tokens(&price, 1000, 200).to_string(), "0.0045");
        assert_eq!(Usd::of_tokens(&Price::new(0.0, 0.0), 1000, 200), Usd::ZERO);
    }
}
