// Written by tools/faces/generate.py from core/options.toml: change that.

//! The numbers of names.

/// Mode: the mathematically right one. The default.
pub const ROUTELLM_MODE_EXACT: i32 = 0;
/// Mode: that of lm-sys/RouteLLM, to the digit where that is possible. Routers that know one mode take either.
pub const ROUTELLM_MODE_REFERENCE: i32 = 1;

/// Read: the newest user message that has text.
pub const ROUTELLM_READ_LAST_USER: i32 = 0;
/// Read: every user message that has text, oldest first, joined by newlines.
pub const ROUTELLM_READ_ALL_USER: i32 = 1;
/// Read: every message that has text, whatever its role, oldest first, joined by newlines and without roles.
pub const ROUTELLM_READ_CONVERSATION: i32 = 2;

/// Out of distribution: the win rate decides as for any prompt; the decision says that the prompt is far away. The
/// default.
pub const ROUTELLM_OUT_OF_DISTRIBUTION_IGNORE: i32 = 0;
/// Out of distribution: the strong model.
pub const ROUTELLM_OUT_OF_DISTRIBUTION_STRONG: i32 = 1;
/// Out of distribution: the weak model.
pub const ROUTELLM_OUT_OF_DISTRIBUTION_WEAK: i32 = 2;

/// On error: return the error. The default.
pub const ROUTELLM_ON_ERROR_RAISE: i32 = 0;
/// On error: decide for the strong model, with `fallback` set.
pub const ROUTELLM_ON_ERROR_STRONG: i32 = 1;
/// On error: decide for the weak model, with `fallback` set.
pub const ROUTELLM_ON_ERROR_WEAK: i32 = 2;
