//! How much of a text is looked at.

use serde::{Deserialize, Serialize};

/// Which end of a text that is too long is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CapSide {
    /// The beginning is kept.
    Head,
    /// The end is kept.
    Tail,
}

/// Cap on the bytes of a prompt that are looked at, applied before any other work on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct TextCap {
    /// Largest number of UTF-8 bytes that is kept.
    pub max_bytes: usize,
    /// Which end is kept.
    pub side: CapSide,
}

impl TextCap {
    /// At most `max_bytes` of UTF-8, at this end of the text.
    pub const fn new(max_bytes: usize, side: CapSide) -> Self {
        Self { max_bytes, side }
    }

    /// A part of `text` from which [`apply`](Self::apply) gives what it gives of the whole, with little more.
    pub(crate) fn enough(self, text: &str) -> &str {
        // One byte more than is kept tells that there was more.
        match text.len().checked_sub(self.max_bytes + 1) {
            None | Some(0) => text,
            Some(excess) => match self.side {
                CapSide::Head => &text[..text.ceil_char_boundary(self.max_bytes + 1)],
                CapSide::Tail => &text[text.floor_char_boundary(excess)..],
            },
        }
    }

    /// The kept part of `text`, cut at a character boundary, and whether anything was cut.
    pub fn apply(self, text: &str) -> (&str, bool) {
        if text.len() <= self.max_bytes {
            return (text, false);
        }
        let kept = match self.side {
            CapSide::Head => &text[..text.floor_char_boundary(self.max_bytes)],
            CapSide::Tail => &text[text.ceil_char_boundary(text.len() - self.max_bytes)..],
        };
        (kept, true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_enough_for_a_cap() {
        let text = "aébcdé\u{1f600}xyz\u{1f600}";
        for side in [CapSide::Head, CapSide::Tail] {
            for max_bytes in 1..text.len() + 2 {
                let cap = TextCap { max_bytes, side };
                assert_eq!(cap.apply(cap.enough(text)), cap.apply(text), "{side:?} {max_bytes}");
                assert!(cap.enough(text).len() <= max_bytes + 4);
            }
        }
    }

    #[test]
    fn a_cap_cuts_at_characters() {
        let cap = |side| TextCap { max_bytes: 4, side };
        assert_eq!(cap(CapSide::Head).apply("abcd"), ("abcd", false));
        assert_eq!(cap(CapSide::Head).apply("abcéf"), ("abc", true));
        assert_eq!(cap(CapSide::Tail).apply("aébcdé"), ("cdé", true));
        assert_eq!(cap(CapSide::Tail).apply("éé\u{1f600}x"), ("x", true));
    }
}
