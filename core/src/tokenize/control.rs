//! Control tokens that a prompt spells out, as text.
//!
//! The tokenizer takes every control token for text. Those of a template go by another name meanwhile, which is a token of
//! its own and which no prompt may have.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;

use tokenizers::AddedToken;
use tokenizers::models::ModelWrapper;
use tokenizers::models::unigram::Unigram;

use super::{TextTokenizer, failed};
use crate::{Error, ErrorKind, Result};

/// Begins and ends the other names of control tokens; a code point that is no character.
const MARK: char = '\u{10ffff}';

/// The control tokens of a tokenizer and their other names.
#[derive(Debug)]
pub(super) struct Controls {
    /// Their texts; longer ones come first.
    texts: Vec<String>,
    /// Which bytes they begin with.
    first: [bool; 256],
    /// From the ids of their other names to their own.
    ids: BTreeMap<u32, u32>,
}

impl Controls {
    /// The id that the model knows.
    pub(super) fn real(&self, id: u32) -> u32 {
        self.ids.get(&id).copied().unwrap_or(id)
    }

    /// The control token at the beginning of `text`.
    fn at(&self, text: &str) -> Option<usize> {
        if !self.first[usize::from(*text.as_bytes().first()?)] {
            return None;
        }
        self.texts.iter().position(|token| text.starts_with(token))
    }
}

/// The other name of the control token number `i` in a template (`t`) or a prompt (`p`).
fn other_name(whose: char, i: usize) -> String {
    format!("{MARK}{whose}{i}{MARK}")
}

/// The control token of a prompt whose other name `text` begins with, and how long that is.
fn hidden(text: &str) -> Option<(usize, usize)> {
    let rest = text.strip_prefix(MARK)?.strip_prefix('p')?;
    let (number, _) = rest.split_once(MARK)?;
    Some((number.parse().ok()?, number.len() + 1 + 2 * MARK.len_utf8()))
}

impl TextTokenizer {
    /// Takes control tokens in texts for text from here on; those of a template, where there is one, only if texts go
    /// through [`hide`](Self::hide) and [`reveal`](Self::reveal). Control tokens are the added tokens that are marked
    /// `special`, and those in brackets that `template`, all that it may write, spells out: `<think>` is seldom marked.
    ///
    /// # Errors
    /// `InvalidModel` if the tokenizer cannot.
    pub(crate) fn controls_as_text(&mut self, template: Option<&str>) -> Result<()> {
        let refused = |error: &dyn std::fmt::Display| {
            Error::invalid_model(format!(
                "the tokenizer cannot take control tokens for text (control_tokens \"text\"): {error}"
            ))
        };
        let added = self.tokenizer.get_added_tokens_decoder();
        let spelled = |token: &str| in_brackets(token) && template.is_some_and(|text| text.contains(token));
        let mut special: Vec<(u32, AddedToken)> = added
            .into_iter()
            .filter(|(_, token)| !token.content.is_empty() && (token.special || spelled(&token.content)))
            .collect();
        special.sort_by(|(a, x), (b, y)| (y.content.len(), *a).cmp(&(x.content.len(), *b)));
        // The tokenizer takes those for text that it knows as special.
        let unmarked: Vec<AddedToken> = special
            .iter_mut()
            .filter(|(_, token)| !token.special)
            .map(|(_, token)| {
                token.special = true;
                token.clone()
            })
            .collect();
        if !unmarked.is_empty() {
            self.tokenizer.add_tokens(unmarked).map_err(|error| refused(&error))?;
        }
        self.tokenizer.set_encode_special_tokens(true);
        if let ModelWrapper::Unigram(model) = self.tokenizer.get_model() {
            let model = without_texts(model, &special).map_err(|error| refused(&error))?;
            self.tokenizer.with_model(ModelWrapper::Unigram(model));
        }
        for (id, token) in &special {
            // What is unknown may be so in the letters too.
            let unknown = token.content.to_lowercase().contains("unk");
            let encoding =
                self.tokenizer.encode_fast(token.content.as_str(), false).map_err(|error| failed(&error))?;
            if !unknown && encoding.get_ids().contains(id) {
                return Err(refused(&format_args!("{:?} is a token of its own model", token.content)));
            }
        }
        if template.is_none() {
            return Ok(());
        }
        let mut controls = Controls { texts: Vec::new(), first: [false; 256], ids: BTreeMap::new() };
        let names = special.iter().enumerate().map(|(i, (_, token))| AddedToken {
            content: other_name('t', i),
            special: false,
            normalized: false,
            single_word: false,
            ..token.clone()
        });
        self.tokenizer.add_tokens(names).map_err(|error| refused(&error))?;
        for (i, (id, token)) in special.into_iter().enumerate() {
            let other =
                self.tokenizer.token_to_id(&other_name('t', i)).ok_or_else(|| refused(&token.content))?;
            controls.ids.insert(other, id);
            controls.first[usize::from(token.content.as_bytes()[0])] = true;
            controls.texts.push(token.content);
        }
        self.controls = Some(controls);
        Ok(())
    }

    /// A prompt as a template may have it: its control tokens go by other names, if they are to be text.
    ///
    /// # Errors
    /// `Tokenize` if it has the code point that begins those names.
    pub(crate) fn hide<'t>(&self, prompt: &'t str) -> Result<Cow<'t, str>> {
        let Some(controls) = &self.controls else { return Ok(Cow::Borrowed(prompt)) };
        if prompt.contains(MARK) {
            return Err(Error::new(
                ErrorKind::Tokenize,
                "the prompt has U+10FFFF, which is no character and stands for control tokens here",
            ));
        }
        let mut shown = String::new();
        let (mut from, mut at) = (0, 0);
        while at < prompt.len() {
            if !prompt.is_char_boundary(at) {
                at += 1;
            } else if let Some(i) = controls.at(&prompt[at..]) {
                shown.push_str(&prompt[from..at]);
                shown.push_str(&other_name('p', i));
                at += controls.texts[i].len();
                from = at;
            } else {
                at += 1;
            }
        }
        if from == 0 {
            return Ok(Cow::Borrowed(prompt));
        }
        shown.push_str(&prompt[from..]);
        Ok(Cow::Owned(shown))
    }

    /// A text that a template made around a prompt from [`hide`](Self::hide), as this tokenizer wants it, and where the
    /// prompt is in it, which was at `place`.
    pub(crate) fn reveal(&self, text: String, place: Option<Range<usize>>) -> (String, Option<Range<usize>>) {
        let Some(controls) = &self.controls else { return (text, place) };
        let outside =
            |at: usize, end: usize| place.as_ref().is_none_or(|place| end <= place.start || at >= place.end);
        let mut shown = String::with_capacity(text.len());
        let (mut start, mut end) = (0, 0);
        let (mut from, mut at) = (0, 0);
        while at <= text.len() {
            if let Some(place) = &place {
                if at == place.start {
                    start = shown.len() + at - from;
                }
                if at == place.end {
                    end = shown.len() + at - from;
                }
            }
            let replaced = if !text.is_char_boundary(at) {
                None
            } else if let Some((i, length)) = hidden(&text[at..]) {
                controls.texts.get(i).map(|token| (token.clone(), length))
            } else {
                controls
                    .at(&text[at..])
                    .map(|i| (other_name('t', i), controls.texts[i].len()))
                    .filter(|(_, length)| outside(at, at + length))
            };
            match replaced {
                Some((name, length)) => {
                    shown.push_str(&text[from..at]);
                    shown.push_str(&name);
                    at += length;
                    from = at;
                }
                None => at += 1,
            }
        }
        shown.push_str(&text[from..]);
        (shown, place.map(|_| start..end))
    }
}

/// Whether a token looks like a control token: `<think>`, `[INST]`. Words and runs of blanks, which are added to read
/// common text in fewer tokens, do not.
fn in_brackets(token: &str) -> bool {
    [("<", ">"), ("[", "]"), ("{", "}")]
        .iter()
        .any(|(open, close)| token.len() > 2 && token.starts_with(open) && token.ends_with(close))
}

/// A model that has pieces for control tokens, which it would find in a text, with other names for those.
fn without_texts(model: &Unigram, special: &[(u32, AddedToken)]) -> tokenizers::Result<Unigram> {
    let mut pieces: Vec<(String, f64)> = model.iter().cloned().collect();
    for (id, token) in special {
        if let Some((piece, _)) = pieces.get_mut(*id as usize).filter(|(piece, _)| *piece == token.content) {
            *piece = other_name('m', *id as usize);
        }
    }
    // The model does not tell it otherwise.
    let unknown = serde_json::to_value(model)?.get("unk_id").and_then(serde_json::Value::as_u64);
    Unigram::from(pieces, unknown.map(|id| id as usize), model.byte_fallback())
}
