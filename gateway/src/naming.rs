//! What the member `model` of a request means.
//!
//! `router-NAME-THRESHOLD` is the form of the reference implementation. Names may have dashes: the longest configured name
//! that fits wins, so that `router-mf-minilm-0.5` is router `mf-minilm`, and never router `mf` with a wrong threshold.

use crate::config::Policy;

/// What names of routers begin with.
pub(crate) const PREFIX: &str = "router-";

/// The threshold that sends nothing to the strong model: the next double above 1.
const NOTHING: f64 = 1.0 + f64::EPSILON;

/// What a name means.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Named<'a> {
    /// A router, and the policy if the name says one.
    Router(&'a str, Option<Policy>),
    /// A model.
    Model(&'a str),
}

/// Why a name means nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Misnamed {
    /// No router has it.
    Unknown(String),
    /// What follows the router's name is no policy.
    Policy(String),
}

/// What `name` means where these routers are configured.
///
/// # Errors
/// Why it means nothing, and what to write.
pub(crate) fn read<'a>(
    name: &'a str,
    mut routers: impl Iterator<Item = &'a str>,
) -> Result<Named<'a>, Misnamed> {
    let Some(rest) = name.strip_prefix(PREFIX) else { return Ok(Named::Model(name)) };
    let fits = |router: &&str| {
        rest.strip_prefix(*router).is_some_and(|after| after.is_empty() || after.starts_with('-'))
    };
    let longest = routers.by_ref().filter(fits).max_by_key(|router| router.len());
    let Some(router) = longest else {
        return Err(Misnamed::Unknown(format!(
            "no router of this gateway fits {name:?}: expected {PREFIX}NAME, {PREFIX}NAME-THRESHOLD or \
             {PREFIX}NAME-share-SHARE; GET /v1/models lists the routers"
        )));
    };
    let suffix = rest[router.len()..].strip_prefix('-');
    let policy = match suffix {
        None => None,
        Some(text) => Some(match text.strip_prefix("share-") {
            Some(share) => Policy::StrongShare(number(share, "share", 1.0)?),
            None => Policy::Threshold(number(text, "threshold", NOTHING)?),
        }),
    };
    Ok(Named::Router(router, policy))
}

fn number(text: &str, what: &str, most: f64) -> Result<f64, Misnamed> {
    // Rust reads `inf` and `nan`, too.
    let plain = text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E' | b'-'));
    match text.parse::<f64>() {
        Ok(value) if plain && (0.0..=most).contains(&value) && (value <= 1.0 || value == NOTHING) => {
            Ok(value)
        }
        _ => Err(Misnamed::Policy(format!("the {what} {text:?} is no number in [0, 1], such as 0.5"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROUTERS: [&str; 3] = ["mf", "mf-minilm", "random"];

    fn read_name(name: &str) -> Result<Named<'_>, Misnamed> {
        read(name, ROUTERS.into_iter())
    }

    #[test]
    fn the_longest_name_wins() {
        let threshold = |value| Some(Policy::Threshold(value));
        for (name, meant) in [
            ("router-mf-0.5", Named::Router("mf", threshold(0.5))),
            ("router-mf-minilm-0.5", Named::Router("mf-minilm", threshold(0.5))),
            ("router-mf-minilm", Named::Router("mf-minilm", None)),
            ("router-mf", Named::Router("mf", None)),
            ("router-random-1e-3", Named::Router("random", threshold(0.001))),
            ("router-random-0", Named::Router("random", threshold(0.0))),
            ("router-random-1.0000000000000002", Named::Router("random", threshold(NOTHING))),
            ("router-mf-share-0.25", Named::Router("mf", Some(Policy::StrongShare(0.25)))),
            ("gpt-4", Named::Model("gpt-4")),
            ("routerish", Named::Model("routerish")),
        ] {
            assert_eq!(read_name(name), Ok(meant), "{name}");
        }
    }

    #[test]
    fn everything_else_is_one_clear_error() {
        for name in [
            "router-mf-2",
            "router-mf--0.1",
            "router-mf-nan",
            "router-mf-inf",
            "router-mf-+0.5",
            "router-mf- 0.5",
            "router-mf-0_1",
            "router-mf-",
            "router-mf-share-",
            "router-mf-share-1.0000000000000002",
            "router-mf-share-0.5-0.5",
        ] {
            assert!(matches!(read_name(name), Err(Misnamed::Policy(_))), "{name}");
        }
        for name in ["router-", "router-bert-0.5", "router-mfx-0.5"] {
            assert!(matches!(read_name(name), Err(Misnamed::Unknown(_))), "{name}");
        }
    }
}
