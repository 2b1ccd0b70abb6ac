//! Which language a prompt is in.

/// Bytes of a prompt that are looked at: more tell nothing more.
const LOOKED_AT: usize = 2_000;

/// The language (ISO 639-3), or `unknown` where it cannot be told, as of code or a few words.
pub(crate) fn language(prompt: &str) -> &'static str {
    let looked_at = &prompt[..prompt.floor_char_boundary(LOOKED_AT)];
    match whatlang::detect(looked_at) {
        Some(found) if found.is_reliable() => found.lang().code(),
        _ => "unknown",
    }
}
