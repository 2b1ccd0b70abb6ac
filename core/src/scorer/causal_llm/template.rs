//! From a question to the text that a causal LM reads.

use std::ops::Range;

use minijinja::value::Value as Jinja;
use minijinja::{Environment, ErrorKind as JinjaError, context};

use super::format::{CLASSIFIER_FILE, Format, SYSTEM_FILE, TemplateSpec};
use crate::preference::filter::strip;
use crate::scorer::checkpoint::Files;
use crate::tokenize::TokenizerConfig;
use crate::{Error, Result};

/// File of a chat template, where it is not in `tokenizer_config.json`.
const CHAT_TEMPLATE_FILE: &str = "chat_template.jinja";

/// Stands for the question while the text around it is found out.
const MARK: &str = "\u{f8ff}question\u{f8ff}";

/// Steps that a chat template may take.
const FUEL: u64 = 200_000;

/// A text with a question in it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rendered {
    /// What the tokenizer is handed.
    pub text: String,
    /// Bytes of it that are the question; `None` if it occurs more than once, or changed on the way.
    pub question: Option<Range<usize>>,
}

/// A template ready for use.
#[derive(Debug)]
pub struct Template {
    form: Form,
    special_tokens: bool,
}

#[derive(Debug)]
enum Form {
    /// `before`, the stripped format, `after`.
    Framed { before: String, format: Format, strip: bool, after: String },
    /// A chat template, and the texts that it puts before and after the question.
    Chat { chat: Box<Chat>, before: String, after: String },
}

impl Template {
    /// The template of `spec` for the model in `files`.
    ///
    /// # Errors
    /// `InvalidModel` if a file is missing or malformed; `Io`.
    pub fn open(spec: &TemplateSpec, files: &Files<'_>, settings: &TokenizerConfig) -> Result<Self> {
        match spec {
            TemplateSpec::Plain { text } => Ok(Self {
                form: Form::Framed {
                    before: String::new(),
                    format: Format::parse(text)?,
                    strip: false,
                    after: String::new(),
                },
                special_tokens: true,
            }),
            TemplateSpec::Routellm => {
                let read = |name: &str| -> Result<String> {
                    let path = files.required(name)?;
                    Ok(files.text(name)?.unwrap_or_else(|| path.display().to_string()))
                };
                let (system, classifier) = (read(SYSTEM_FILE)?, read(CLASSIFIER_FILE)?);
                Self::routellm(&system, &classifier)
                    .map_err(|error| error.context(files.directory().join(CLASSIFIER_FILE).display()))
            }
            TemplateSpec::Chat { system, user, add_generation_prompt } => {
                let source = match files.text(CHAT_TEMPLATE_FILE)? {
                    Some(text) => text,
                    None => settings.chat_template.clone().ok_or_else(|| {
                        Error::invalid_model(format!(
                            "{}: there is no chat template: neither {CHAT_TEMPLATE_FILE} nor chat_template in {}",
                            files.directory().display(),
                            TokenizerConfig::FILE
                        ))
                    })?,
                };
                Self::chat(&source, system.as_deref(), user, *add_generation_prompt, settings)
                    .map_err(|error| error.context(files.directory().display()))
            }
        }
    }

    /// The published router's template from the contents of its two files.
    ///
    /// # Errors
    /// `InvalidModel` if the second one has no place for the question.
    pub fn routellm(system: &str, classifier: &str) -> Result<Self> {
        let header = |role: &str| format!("<|start_header_id|>{role}<|end_header_id|>\n\n");
        // A system message that is empty is left out; one of white space alone stays, stripped.
        let system = if system.is_empty() {
            String::new()
        } else {
            format!("{}{}<|eot_id|>", header("system"), strip(system))
        };
        Ok(Self {
            form: Form::Framed {
                before: format!("{system}{}", header("user")),
                format: Format::parse(classifier)?,
                strip: true,
                after: "<|eot_id|>".to_owned(),
            },
            special_tokens: true,
        })
    }

    /// A chat template (Jinja).
    ///
    /// # Errors
    /// `InvalidModel` if it is malformed, fails, or leaves the question out.
    pub fn chat(
        source: &str,
        system: Option<&str>,
        user: &str,
        add_generation_prompt: bool,
        settings: &TokenizerConfig,
    ) -> Result<Self> {
        let token = |token: &Option<String>| token.clone().unwrap_or_default();
        let chat = Chat {
            environment: environment(source)?,
            system: system.map(str::to_owned),
            user: Format::parse(user)?,
            add_generation_prompt,
            bos_token: token(&settings.bos_token),
            eos_token: token(&settings.eos_token),
            pad_token: token(&settings.pad_token),
        };
        let marked = chat.render(MARK)?;
        let Some((before, after)) = marked.split_once(MARK) else {
            return Err(Error::invalid_model("the chat template leaves the user's message out"));
        };
        let (before, after) = (before.to_owned(), after.to_owned());
        // A chat template writes the special tokens itself.
        Ok(Self { form: Form::Chat { chat: Box::new(chat), before, after }, special_tokens: false })
    }

    /// Whether the tokenizer adds special tokens to the text.
    pub fn special_tokens(&self) -> bool {
        self.special_tokens
    }

    /// The text for `question`.
    ///
    /// # Errors
    /// `InvalidArgument` if a chat template refuses it.
    pub fn render(&self, question: &str) -> Result<Rendered> {
        match &self.form {
            Form::Framed { before, format, strip: stripped, after } => {
                let (content, place) = format.render(question);
                let kept = if *stripped { strip(&content) } else { &content };
                let skipped = kept.as_ptr() as usize - content.as_ptr() as usize;
                let shift = |at: usize| before.len() + at.saturating_sub(skipped).min(kept.len());
                Ok(Rendered {
                    text: [before, kept, after].concat(),
                    question: place.map(|place| shift(place.start)..shift(place.end)),
                })
            }
            Form::Chat { chat, before, after } => {
                let text = chat
                    .render(question)
                    .map_err(|error| Error::invalid_argument(format!("the prompt: {}", error.message())))?;
                let whole = text.len() >= before.len() + after.len()
                    && text.starts_with(before)
                    && text.ends_with(after);
                let question = whole.then(|| before.len()..text.len() - after.len());
                Ok(Rendered { text, question })
            }
        }
    }
}

/// A chat template with everything but the question.
#[derive(Debug)]
struct Chat {
    environment: Environment<'static>,
    system: Option<String>,
    user: Format,
    add_generation_prompt: bool,
    bos_token: String,
    eos_token: String,
    pad_token: String,
}

impl Chat {
    fn render(&self, question: &str) -> Result<String> {
        let (user, _) = self.user.render(question);
        let message = |role: &str, content: &str| context! { role, content };
        let mut messages: Vec<Jinja> = self.system.iter().map(|text| message("system", text)).collect();
        messages.push(message("user", &user));
        self.environment
            .get_template("chat")
            .and_then(|template| {
                template.render(context! {
                    messages,
                    add_generation_prompt => self.add_generation_prompt,
                    bos_token => self.bos_token,
                    eos_token => self.eos_token,
                    pad_token => self.pad_token,
                })
            })
            .map_err(|error| Error::invalid_model(format!("the chat template failed: {error:#}")))
    }
}

/// Jinja as Hugging Face's tokenizers set it up, with bounded work.
fn environment(source: &str) -> Result<Environment<'static>> {
    let mut environment = Environment::new();
    environment.set_trim_blocks(true);
    environment.set_lstrip_blocks(true);
    environment.set_fuel(Some(FUEL));
    environment.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
    environment.add_function("raise_exception", |message: String| -> Result<String, minijinja::Error> {
        Err(minijinja::Error::new(JinjaError::InvalidOperation, message))
    });
    environment
        .add_template_owned("chat", source.to_owned())
        .map_err(|error| Error::invalid_model(format!("the chat template is malformed: {error:#}")))?;
    Ok(environment)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &str) -> Result<Template> {
        let spec: TemplateSpec = text.parse()?;
        Template::open(&spec, &Files::bare(std::path::Path::new(".")), &TokenizerConfig::default())
    }

    #[test]
    fn the_question_is_found_again() {
        let rendered = plain("Q {{x}}: {question}\nA:").unwrap().render("why {y}?").unwrap();
        assert_eq!(rendered.text, "Q {x}: why {y}?\nA:");
        assert_eq!(&rendered.text[rendered.question.unwrap()], "why {y}?");
        let twice = plain("{prompt}|{question}").unwrap().render("a").unwrap();
        assert_eq!((twice.text.as_str(), twice.question), ("a|a", None));
    }

    #[test]
    fn what_the_frame_strips_is_no_question() {
        let template = Template::routellm("  be strict \n", "{question}\n").unwrap();
        let rendered = template.render("  hi  ").unwrap();
        assert_eq!(&rendered.text[rendered.question.clone().unwrap()], "hi");
        assert!(rendered.text.contains("be strict<|eot_id|>"), "{}", rendered.text);
        let empty = template.render("   ").unwrap();
        assert_eq!(empty.question.unwrap().len(), 0);
    }

    #[test]
    fn chat_templates_run_as_in_python() {
        let settings = TokenizerConfig { bos_token: Some("<s>".to_owned()), ..TokenizerConfig::default() };
        let source = "{{ bos_token }}{% for m in messages %}\n    {% if m['role'] == 'system' %}\n[{{ m.content.strip() }}]\n    {%- else %}\n<{{ m['content'] | trim }}>\n    {%- endif %}\n{% endfor %}{% if add_generation_prompt %}A:{% endif %}";
        let template = Template::chat(source, Some(" s "), "Q {question}", true, &settings).unwrap();
        let rendered = template.render("why? ").unwrap();
        assert_eq!(rendered.text, "<s>[s]<Q why?>A:");
        assert_eq!(&rendered.text[rendered.question.unwrap()], "why?");
        assert!(!template.special_tokens());
    }

    #[test]
    fn chat_templates_that_fail_are_refused() {
        let settings = TokenizerConfig::default();
        for source in [
            "{% for %}",
            "nothing of it",
            "{{ raise_exception('no') }}",
            "{% for i in range(100000000) %}{% endfor %}",
            "{{ messages[0].content.unknown() }}",
        ] {
            let error = Template::chat(source, None, "{question}", true, &settings).unwrap_err();
            assert_eq!(error.kind(), crate::ErrorKind::InvalidModel, "{source}");
        }
    }
}
