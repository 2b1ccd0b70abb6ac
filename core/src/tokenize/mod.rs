//! Tokenizers as they lie beside a model: `tokenizer.json` and `tokenizer_config.json`.

mod config;
mod control;

use std::path::Path;

use tokenizers::utils::truncation::{TruncationDirection, TruncationParams};
use tokenizers::{AddedToken, Encoding, PostProcessor, Tokenizer};

pub use config::TokenizerConfig;

use crate::files::{tolerant_json, unfetched};
use crate::input::CapSide;
use crate::{Error, ErrorKind, Result};
use control::Controls;

/// File of the tokenizer.
pub const TOKENIZER_FILE: &str = "tokenizer.json";

/// A tokenizer without padding, which truncates only if it is told to: what `tokenizer.json` says of both belongs to
/// whoever saved it last.
#[derive(Debug)]
pub struct TextTokenizer {
    tokenizer: Tokenizer,
    /// What `tokenizer.json` says of truncation.
    saved: Option<(usize, CapSide)>,
    pad_id: Option<u32>,
    window: Option<Window>,
    /// One more than the largest id that the model knows.
    limit: Option<usize>,
    /// How control tokens of a template are told from those that a prompt spells out, where these are text.
    controls: Option<Controls>,
}

/// How a long text is cut.
#[derive(Debug, Clone, Copy)]
struct Window {
    /// Tokens of the text in one window, special ones left out.
    room: usize,
    side: CapSide,
    overlap: usize,
}

/// For each token, the bytes of the text that it stands for.
pub type Offsets = Vec<(usize, usize)>;

/// Token ids of a text, with their types (segments).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tokens {
    /// Token ids with special tokens.
    pub ids: Vec<i64>,
    /// Their segment.
    pub type_ids: Vec<i64>,
}

impl TextTokenizer {
    /// Reads the file at `path`.
    ///
    /// # Errors
    /// `NotFound`, `Io`; `InvalidModel` if it is malformed.
    pub fn open(path: &Path) -> Result<Self> {
        let bytes = std::fs::read(path).map_err(|error| Error::io(path, error))?;
        let mut tokenizer = Tokenizer::from_bytes(tolerant_json(&bytes)).map_err(|error| {
            unfetched(path).unwrap_or_else(|| {
                Error::invalid_model(format!("{}: not a tokenizer: {error}", path.display()))
            })
        })?;
        let saved = tokenizer.get_truncation().map(|saved| {
            let side = match saved.direction {
                TruncationDirection::Left => CapSide::Tail,
                TruncationDirection::Right => CapSide::Head,
            };
            (saved.max_length, side)
        });
        let pad_id = tokenizer.get_padding().map(|padding| padding.pad_id);
        tokenizer
            .with_padding(None)
            .with_truncation(None)
            .map_err(|error| Error::invalid_model(format!("{}: {error}", path.display())))?;
        Ok(Self { tokenizer, saved, pad_id, window: None, limit: None, controls: None })
    }

    /// Keeps `max_tokens` of a text, special tokens included; the rest is read in windows that share `overlap` tokens,
    /// or dropped if that is `None`.
    ///
    /// # Errors
    /// `InvalidModel` if `max_tokens` leaves no room beside the special tokens.
    pub fn truncate(&mut self, max_tokens: usize, side: CapSide, overlap: Option<usize>) -> Result<()> {
        let special = self.tokenizer.get_post_processor().map_or(0, |post| post.added_tokens(false));
        let shared = overlap.unwrap_or(0);
        if max_tokens < special + shared + 2 {
            return Err(Error::invalid_model(format!(
                "max_tokens is {max_tokens}, expected at least {} ({special} special tokens, an overlap of {shared} and \
                 two of the text)",
                special + shared + 2
            )));
        }
        let room = max_tokens - special;
        self.window = Some(Window { room, side, overlap: shared });
        // The tokenizer stops soon after as many tokens as it is told; one more than is kept tells that there was a
        // rest. It does so with windows too, which need all of the text.
        let truncation = overlap.is_none().then(|| TruncationParams {
            max_length: room + 1,
            direction: direction(side),
            ..TruncationParams::default()
        });
        self.tokenizer
            .with_truncation(truncation)
            .map(|_| ())
            .map_err(|error| Error::invalid_model(format!("max_tokens {max_tokens}: {error}")))
    }

    /// What `tokenizer.json` says of truncation: how many tokens are kept, and of which end.
    pub fn saved_truncation(&self) -> Option<(usize, CapSide)> {
        self.saved
    }

    /// The id that `tokenizer.json` pads with, if it says.
    pub fn pad_id(&self) -> Option<u32> {
        self.pad_id
    }

    /// The windows of `text`, each with special tokens: one, unless the text is longer than is kept. Where the rest is
    /// dropped, more than one says only that there was a rest.
    ///
    /// # Errors
    /// `Tokenize`.
    pub fn windows(&self, text: &str) -> Result<Vec<Tokens>> {
        let mut first = self.tokenizer.encode_fast(text, false).map_err(|error| failed(&error))?;
        if let Some(window) = self.window {
            first.truncate(window.room, window.overlap, direction(window.side));
        }
        let rest = first.take_overflowing();
        std::iter::once(first).chain(rest).map(|encoding| self.finish(encoding)).collect()
    }

    /// Adds the special tokens.
    fn finish(&self, encoding: Encoding) -> Result<Tokens> {
        let encoding = match self.tokenizer.get_post_processor() {
            Some(post) => post.process(encoding, None, true).map_err(|error| failed(&error))?,
            None => encoding,
        };
        self.tokens(&encoding)
    }

    /// # Errors
    /// `Tokenize` if the model does not know a token.
    fn tokens(&self, encoding: &Encoding) -> Result<Tokens> {
        let controls = self.controls.as_ref();
        let real = |id: &u32| controls.map_or(*id, |controls| controls.real(*id));
        let ids: Vec<u32> = encoding.get_ids().iter().map(real).collect();
        let unknown = |id: &u32| self.limit.is_some_and(|limit| *id as usize >= limit);
        if let Some(id) = ids.iter().copied().find(unknown) {
            return Err(Error::new(
                ErrorKind::Tokenize,
                format!(
                    "the text has the token {:?} (id {id}), which was added to the tokenizer and which the model does not \
                     know: its vocabulary is {}",
                    self.tokenizer.id_to_token(id).unwrap_or_default(),
                    self.limit.unwrap_or_default()
                ),
            ));
        }
        Ok(Tokens {
            ids: ids.into_iter().map(i64::from).collect(),
            type_ids: encoding.get_type_ids().iter().map(|id| i64::from(*id)).collect(),
        })
    }

    /// The token ids of `text`, and for each token the bytes of `text` that it stands for.
    ///
    /// # Errors
    /// `Tokenize`.
    pub fn with_offsets(&self, text: &str, special: bool) -> Result<(Vec<i64>, Offsets)> {
        let encoding = self.tokenizer.encode(text, special).map_err(|error| failed(&error))?;
        Ok((self.tokens(&encoding)?.ids, encoding.get_offsets().to_vec()))
    }

    /// The token ids of `text`.
    ///
    /// # Errors
    /// `Tokenize`.
    pub fn ids(&self, text: &str, special: bool) -> Result<Vec<i64>> {
        let encoding = self.tokenizer.encode_fast(text, special).map_err(|error| failed(&error))?;
        Ok(self.tokens(&encoding)?.ids)
    }

    /// The id of a token of the vocabulary.
    pub fn id_of(&self, token: &str) -> Option<u32> {
        self.tokenizer.token_to_id(token)
    }

    /// Adds special tokens that the vocabulary lacks, with the next ids.
    ///
    /// # Errors
    /// `InvalidModel` if the tokenizer refuses them.
    pub fn add_special(&mut self, tokens: &[&str]) -> Result<()> {
        self.tokenizer
            .add_special_tokens(tokens.iter().map(|token| AddedToken::from(*token, true)))
            .map(|_| ())
            .map_err(|error| Error::invalid_model(format!("the tokenizer takes no special tokens: {error}")))
    }

    /// Refuses texts with a token whose id is `size` or more from here on.
    pub(crate) fn limit(&mut self, size: usize) {
        self.limit = Some(size);
    }

    /// One more than the largest id of the vocabulary without added tokens.
    pub(crate) fn own_vocabulary_end(&self) -> usize {
        self.tokenizer.get_vocab(false).values().max().map_or(0, |id| *id as usize + 1)
    }

    /// One more than the largest id of the vocabulary, added tokens included.
    pub fn vocabulary_end(&self) -> usize {
        self.tokenizer.get_vocab(true).values().max().map_or(0, |id| *id as usize + 1)
    }
}

fn direction(side: CapSide) -> TruncationDirection {
    match side {
        CapSide::Head => TruncationDirection::Right,
        CapSide::Tail => TruncationDirection::Left,
    }
}

fn failed(error: &tokenizers::Error) -> Error {
    Error::new(ErrorKind::Tokenize, format!("the tokenizer failed: {error}"))
}
