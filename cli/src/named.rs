//! Arguments of the form NAME=VALUE.

use serde_json::Value;

/// A name and a value. What reads as a number, `true` or `false`, a list or an object of JSON is that; anything else is a
/// text.
pub(crate) fn named(text: &str) -> Result<(String, Value), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => match serde_json::from_str(value) {
            Ok(json) => Ok((name.to_owned(), json)),
            Err(_) => Ok((name.to_owned(), value.into())),
        },
        _ => Err("expected NAME=VALUE".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_json_or_texts() {
        let value = |text: &str| named(text).map(|(_, value)| value);
        assert_eq!(value("sessions=2"), Ok(json!(2)));
        assert_eq!(value("min_similarity=.5"), Ok(json!(".5")));
        assert_eq!(value("min_similarity=0.5"), Ok(json!(0.5)));
        assert_eq!(value("tf32=true"), Ok(json!(true)));
        assert_eq!(value("strong=gpt-4"), Ok(json!("gpt-4")));
        assert_eq!(value("template=a=b"), Ok(json!("a=b")));
        assert_eq!(value(r#"names={"strong": "gpt-5"}"#), Ok(json!({"strong": "gpt-5"})));
        assert!(value("sessions").is_err() && value("=2").is_err());
    }
}
