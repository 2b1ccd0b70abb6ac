//! Reading parameters without overlooking any.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Reads `value`, and refuses keys that the result does not have: `deny_unknown_fields` lets them pass in the variants
/// without fields of an enum with a tag.
///
/// # Errors
/// What is wrong, as text.
pub(crate) fn from_value<T: DeserializeOwned + Serialize>(value: &Value) -> Result<T, String> {
    let read: T = serde_json::from_value(value.clone()).map_err(|error| error.to_string())?;
    let written = serde_json::to_value(&read).map_err(|error| error.to_string())?;
    match unknown(value, &written) {
        Some(key) => Err(format!("unknown field {key:?}")),
        None => Ok(read),
    }
}

/// A key of `given` that `read` does not have.
fn unknown(given: &Value, read: &Value) -> Option<String> {
    match (given, read) {
        (Value::Object(given), Value::Object(read)) => given.iter().find_map(|(key, value)| {
            match read.get(key) {
                // What is absent may be written as null.
                None => (!value.is_null()).then(|| key.clone()),
                Some(read) => unknown(value, read),
            }
        }),
        _ => None,
    }
}

/// Reads a name, or JSON whose `kind` it is.
///
/// # Errors
/// What is wrong, as text.
pub(crate) fn from_name_or_json<T: DeserializeOwned + Serialize>(text: &str) -> Result<T, String> {
    let value = if text.trim_start().starts_with('{') {
        serde_json::from_str(text).map_err(|error| error.to_string())?
    } else {
        serde_json::json!({ "kind": text })
    };
    from_value(&value)
}
