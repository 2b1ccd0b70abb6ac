//! The same question in other clothes: what a router should not notice.

/// A way to write a prompt differently without changing what it asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reformat {
    /// As it is.
    Plain,
    /// As a printed list of one string: `["..."]`.
    ListWrapper,
    /// Between double quotes.
    Quotes,
    /// With a request before it and thanks behind it.
    Politeness,
    /// Options as `(A)` instead of `A.`.
    OptionMarkers,
    /// In lower case.
    LowerCase,
}

impl Reformat {
    /// Every way, the plain one first.
    pub const ALL: [Self; 6] = [
        Self::Plain,
        Self::ListWrapper,
        Self::Quotes,
        Self::Politeness,
        Self::OptionMarkers,
        Self::LowerCase,
    ];

    /// Name for tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::ListWrapper => "list wrapper",
            Self::Quotes => "quotes",
            Self::Politeness => "politeness",
            Self::OptionMarkers => "option markers",
            Self::LowerCase => "lower case",
        }
    }

    /// The prompt in these clothes.
    pub fn apply(self, prompt: &str) -> String {
        match self {
            Self::Plain => prompt.to_owned(),
            Self::ListWrapper => serde_json::json!([prompt]).to_string(),
            Self::Quotes => format!("\"{prompt}\""),
            Self::Politeness => format!("Please answer the following question.\n\n{prompt}\n\nThank you!"),
            Self::OptionMarkers => prompt
                .lines()
                .map(|line| match line.as_bytes() {
                    [letter @ b'A'..=b'J', b'.', ..] => format!("({}){}", char::from(*letter), &line[2..]),
                    _ => line.to_owned(),
                })
                .collect::<Vec<_>>()
                .join("\n"),
            Self::LowerCase => prompt.to_lowercase(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clothes() {
        let prompt = "Say \"x\"\nA. 1\nB. 2\nAnswer:";
        let all: Vec<String> = Reformat::ALL.iter().map(|reformat| reformat.apply(prompt)).collect();
        assert_eq!(all[1], r#"["Say \"x\"\nA. 1\nB. 2\nAnswer:"]"#);
        assert_eq!(all[4], "Say \"x\"\n(A) 1\n(B) 2\nAnswer:");
        assert_eq!(all[5], "say \"x\"\na. 1\nb. 2\nanswer:");
    }
}
