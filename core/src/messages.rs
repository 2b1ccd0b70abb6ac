//! Chat messages: the one function from messages to a prompt.

use serde_json::Value;

use crate::{Error, Result};

/// The prompt of a chat: the text of the last user message.
///
/// `messages` is JSON: a list of objects with `role` and `content`. Content is a string, or a list whose
/// parts of type `text` (or plain strings) are kept, in order, one a line; images and other parts are left out.
///
/// ```
/// let messages = r#"[{"role": "system", "content": "Be brief."},
///                    {"role": "user", "content": [{"type": "text", "text": "What is"}, {"type": "text", "text": "2+2?"}]}]"#;
/// assert_eq!(routellm_core::prompt_from_messages(messages)?, "What is\n2+2?");
/// # Ok::<(), routellm_core::Error>(())
/// ```
///
/// # Errors
/// `InvalidArgument` if the JSON is malformed (a lone surrogate included), or has no user message with text.
pub fn prompt_from_messages(messages: &str) -> Result<String> {
    let invalid = |message: String| Error::invalid_argument(format!("messages: {message}"));
    let value: Value = serde_json::from_str(messages).map_err(|error| invalid(error.to_string()))?;
    let list = value.as_array().ok_or_else(|| invalid("expected a list of {role, content}".to_owned()))?;
    let mut last_user = None;
    for (i, message) in list.iter().enumerate() {
        let role = message.get("role").and_then(Value::as_str);
        match role {
            None => return Err(invalid(format!("message {i} has no role"))),
            Some("user") => last_user = Some((i, message)),
            Some(_) => {}
        }
    }
    let (i, message) = last_user.ok_or_else(|| invalid("there is no message of role \"user\"".to_owned()))?;
    match message.get("content") {
        Some(Value::String(text)) => Ok(text.clone()),
        Some(Value::Array(parts)) => {
            let texts: Vec<&str> = parts
                .iter()
                .filter_map(|part| match part {
                    Value::String(text) => Some(text.as_str()),
                    part if part.get("type").and_then(Value::as_str) == Some("text") => {
                        part.get("text").and_then(Value::as_str)
                    }
                    _ => None,
                })
                .collect();
            if texts.is_empty() {
                return Err(invalid(format!("message {i} has no part of type \"text\"")));
            }
            Ok(texts.join("\n"))
        }
        _ => Err(invalid(format!("message {i}: content is neither a string nor a list of parts"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_user_message_counts() {
        let prompt = prompt_from_messages(
            r#"[{"role":"user","content":"first"},{"role":"assistant","content":null},
                {"role":"user","content":["a",{"type":"image_url","image_url":{}},{"type":"text","text":"b"}]},
                {"role":"assistant","content":"x"}]"#,
        );
        assert_eq!(prompt.unwrap(), "a\nb");
    }

    #[test]
    fn what_has_no_prompt_is_an_error() {
        for messages in [
            "",
            "{}",
            "[]",
            "[1]",
            r#"[{"role":"assistant","content":"x"}]"#,
            r#"[{"role":"user"}]"#,
            r#"[{"role":"user","content":null}]"#,
            r#"[{"role":"user","content":[{"type":"image_url"}]}]"#,
            r#"[{"role":"user","content":"\ud800"}]"#,
        ] {
            let error = prompt_from_messages(messages).unwrap_err();
            assert_eq!(error.kind(), crate::ErrorKind::InvalidArgument, "{messages}");
        }
    }
}
