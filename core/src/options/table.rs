//! What is known about an option.

/// A row of the table of options.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct OptionInfo {
    /// Its name, in snake case.
    pub name: &'static str,
    /// What it belongs to: `call`, or of those of opening `router`, `session`, `votes` or `export`. A router on which a group
    /// has no effect refuses its options.
    pub group: &'static str,
    /// The type of its value.
    pub value: OptionType,
    /// The names that it takes, in the order of their numbers; none if it takes something else.
    pub names: &'static [&'static str],
    /// The values that it takes, in words: `a whole number from 1 to 256`.
    pub expected: &'static str,
    /// What counts without it, in words.
    pub default: &'static str,
    /// The version that brought it.
    pub since: &'static str,
    /// What it does.
    pub doc: &'static str,
}

/// The type of an option's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum OptionType {
    /// A text.
    Text,
    /// A path.
    Path,
    /// One of a few texts.
    Name,
    /// A whole number.
    Count,
    /// The number of a thing, from 0.
    Index,
    /// A number of bytes.
    Bytes,
    /// A number.
    Number,
    /// `true` or `false`.
    Flag,
    /// A number of clusters, or `all`.
    Clusters,
    /// A text, or an object with parameters.
    Spec,
    /// A list of texts and ids of tokens.
    Tokens,
    /// A number of milliseconds.
    Milliseconds,
    /// Texts by name.
    Labels,
    /// Some texts.
    Texts,
    /// Objects with what is known about candidates.
    Candidates,
}

impl OptionType {
    /// Its name: `count`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Path => "path",
            Self::Name => "name",
            Self::Count => "count",
            Self::Index => "index",
            Self::Bytes => "bytes",
            Self::Number => "number",
            Self::Flag => "flag",
            Self::Clusters => "clusters",
            Self::Spec => "spec",
            Self::Tokens => "tokens",
            Self::Milliseconds => "milliseconds",
            Self::Labels => "labels",
            Self::Texts => "texts",
            Self::Candidates => "candidates",
        }
    }
}
