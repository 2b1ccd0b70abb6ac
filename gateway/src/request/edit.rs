//! The changes that a body may get, each at its place.

use std::ops::Range;

use serde_json::value::RawValue;

use super::{Members, Pieces, Request};

const USAGE: &str = "\"include_usage\":true";

impl Request {
    /// The body with another model; with `usage` it also asks for the usage of a stream.
    pub(super) fn edited(&self, name: &str, usage: bool) -> Pieces {
        let model = serde_json::Value::from(name).to_string();
        let mut edits: Vec<(Range<usize>, String)> =
            self.places.iter().map(|place| (place.clone(), model.clone())).collect();
        if usage {
            edits.extend(self.usage());
        }
        edits.sort_by_key(|(place, _)| place.start);
        let mut pieces = Pieces::default();
        let mut at = 0;
        for (place, text) in edits {
            pieces.push(self.bytes.slice(at..place.start));
            pieces.push(text.into());
            at = place.end;
        }
        pieces.push(self.bytes.slice(at..));
        pieces
    }

    /// What makes a stream tell its usage.
    fn usage(&self) -> Option<(Range<usize>, String)> {
        let begin = self.bytes.as_ptr() as usize;
        let at = |value: &RawValue| value.get().as_ptr() as usize - begin;
        let Members(members) = serde_json::from_slice(&self.bytes).ok()?;
        let options = members.iter().rfind(|(key, _)| key == "stream_options");
        let Some((_, options)) = options else {
            let brace = self.bytes.iter().position(|byte| *byte == b'{')? + 1;
            return Some((brace..brace, format!("\"stream_options\":{{{USAGE}}},")));
        };
        let place = at(options)..at(options) + options.get().len();
        let Ok(Members(inner)) = serde_json::from_str(options.get()) else {
            return Some((place, format!("{{{USAGE}}}")));
        };
        if let Some((_, value)) = inner.iter().rfind(|(key, _)| key == "include_usage") {
            return Some((at(value)..at(value) + value.get().len(), "true".to_owned()));
        }
        let inside = place.start + 1;
        let comma = if inner.is_empty() { "" } else { "," };
        Some((inside..inside, format!("{USAGE}{comma}")))
    }
}
