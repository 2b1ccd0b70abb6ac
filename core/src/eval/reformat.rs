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
    /// In upper case.
    UpperCase,
    /// Options as `1)` instead of `A.`.
    NumberedOptions,
    /// As a JSON object: `{"question": "..."}`.
    JsonObject,
    /// With `Question:` before it.
    QuestionLabel,
    /// With `Answer:` in a line behind it.
    AnswerLabel,
    /// Below a heading of Markdown.
    Heading,
    /// Between fences of Markdown, as code is.
    Fence,
    /// All in one line.
    OneLine,
    /// With blank lines between its lines, and carriage returns.
    BlankLines,
    /// With the quotes, dashes and ellipses of a typographer.
    Typography,
    /// With a greeting before it.
    Greeting,
}

impl Reformat {
    /// Every way, the plain one first.
    pub const ALL: [Self; 17] = [
        Self::Plain,
        Self::ListWrapper,
        Self::Quotes,
        Self::Politeness,
        Self::OptionMarkers,
        Self::LowerCase,
        Self::UpperCase,
        Self::NumberedOptions,
        Self::JsonObject,
        Self::QuestionLabel,
        Self::AnswerLabel,
        Self::Heading,
        Self::Fence,
        Self::OneLine,
        Self::BlankLines,
        Self::Typography,
        Self::Greeting,
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
            Self::UpperCase => "upper case",
            Self::NumberedOptions => "numbered options",
            Self::JsonObject => "JSON object",
            Self::QuestionLabel => "question label",
            Self::AnswerLabel => "answer label",
            Self::Heading => "heading",
            Self::Fence => "fence",
            Self::OneLine => "one line",
            Self::BlankLines => "blank lines",
            Self::Typography => "typography",
            Self::Greeting => "greeting",
        }
    }

    /// The prompt in these clothes.
    pub fn apply(self, prompt: &str) -> String {
        match self {
            Self::Plain => prompt.to_owned(),
            Self::ListWrapper => serde_json::json!([prompt]).to_string(),
            Self::Quotes => format!("\"{prompt}\""),
            Self::Politeness => format!("Please answer the following question.\n\n{prompt}\n\nThank you!"),
            Self::OptionMarkers => options(prompt, |letter| format!("({})", char::from(letter))),
            Self::LowerCase => prompt.to_lowercase(),
            Self::UpperCase => prompt.to_uppercase(),
            Self::NumberedOptions => options(prompt, |letter| format!("{})", letter - b'A' + 1)),
            Self::JsonObject => serde_json::json!({ "question": prompt }).to_string(),
            Self::QuestionLabel => format!("Question: {prompt}"),
            Self::AnswerLabel if prompt.trim_end().ends_with("Answer:") => prompt.to_owned(),
            Self::AnswerLabel => format!("{prompt}\nAnswer:"),
            Self::Heading => format!("## Question\n\n{prompt}"),
            Self::Fence => format!("```\n{prompt}\n```"),
            Self::OneLine => prompt.split_whitespace().collect::<Vec<_>>().join(" "),
            Self::BlankLines => prompt.lines().collect::<Vec<_>>().join("\r\n\r\n"),
            Self::Typography => typography(prompt),
            Self::Greeting => format!("Hi there! I have a question for you. {prompt}"),
        }
    }
}

/// The lines that begin with `A.` to `J.` with another marker.
fn options(prompt: &str, marker: impl Fn(u8) -> String) -> String {
    let line = |line: &str| match line.as_bytes() {
        [letter @ b'A'..=b'J', b'.', ..] => format!("{}{}", marker(*letter), &line[2..]),
        _ => line.to_owned(),
    };
    prompt.lines().map(line).collect::<Vec<_>>().join("\n")
}

/// Straight quotes become curly ones: one after a letter or a mark closes, any other opens.
fn typography(prompt: &str) -> String {
    let mut out = String::with_capacity(prompt.len() + 16);
    let mut before = ' ';
    for character in prompt.replace("...", "\u{2026}").replace(" - ", " \u{2013} ").chars() {
        let opens = before.is_whitespace() || matches!(before, '(' | '[' | '{');
        out.push(match (character, opens) {
            ('"', true) => '\u{201c}',
            ('"', false) => '\u{201d}',
            ('\'', true) => '\u{2018}',
            ('\'', false) => '\u{2019}',
            (other, _) => other,
        });
        before = character;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clothes() {
        let prompt = "Say \"x\"\nA. 1\nB. 2\nAnswer:";
        let named = |name: &str| {
            let reformat = Reformat::ALL.into_iter().find(|reformat| reformat.name() == name).unwrap();
            reformat.apply(prompt)
        };
        assert_eq!(named("plain"), prompt);
        assert_eq!(named("list wrapper"), r#"["Say \"x\"\nA. 1\nB. 2\nAnswer:"]"#);
        assert_eq!(named("option markers"), "Say \"x\"\n(A) 1\n(B) 2\nAnswer:");
        assert_eq!(named("lower case"), "say \"x\"\na. 1\nb. 2\nanswer:");
        assert_eq!(named("upper case"), "SAY \"X\"\nA. 1\nB. 2\nANSWER:");
        assert_eq!(named("numbered options"), "Say \"x\"\n1) 1\n2) 2\nAnswer:");
        assert_eq!(named("JSON object"), r#"{"question":"Say \"x\"\nA. 1\nB. 2\nAnswer:"}"#);
        assert_eq!(named("answer label"), prompt);
        assert_eq!(Reformat::AnswerLabel.apply("Why?"), "Why?\nAnswer:");
        assert_eq!(named("one line"), "Say \"x\" A. 1 B. 2 Answer:");
        assert_eq!(named("blank lines"), "Say \"x\"\r\n\r\nA. 1\r\n\r\nB. 2\r\n\r\nAnswer:");
        assert_eq!(
            Reformat::Typography.apply("\"It's\" - so..."),
            "\u{201c}It\u{2019}s\u{201d} \u{2013} so\u{2026}"
        );
    }

    #[test]
    fn names_differ_and_no_clothes_lose_a_word() {
        let names: std::collections::HashSet<&str> = Reformat::ALL.iter().map(|r| r.name()).collect();
        assert_eq!(names.len(), Reformat::ALL.len());
        for reformat in Reformat::ALL {
            let dressed = reformat.apply("What is the capital of France?").to_lowercase();
            assert!(dressed.contains("what is the capital of france?"), "{dressed}");
        }
    }
}
