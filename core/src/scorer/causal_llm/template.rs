//! From a question to the text that a causal LM reads.

use std::ops::Range;

use minijinja::value::Value as Jinja;
use minijinja::{Environment, context};

use super::format::{CLASSIFIER_FILE, Format, SYSTEM_FILE, TemplateSpec};
use super::jinja::environment;
use crate::preference::filter::strip;
use crate::scorer::checkpoint::Files;
use crate::tokenize::TokenizerConfig;
use crate::{Error, Result};

/// File of a chat template, where it is not in `tokenizer_config.json`.
const CHAT_TEMPLATE_FILE: &str = "chat_template.jinja";

/// Folder of the chat templates that have a name, each in a file `NAME.jinja`.
const NAMED_TEMPLATES_FOLDER: &str = "additional_chat_templates";

/// Stands for the question while the text around it is found out.
const MARK: &str = "\u{f8ff}question\u{f8ff}";

/// Stands for the system text likewise.
const SYSTEM_MARK: &str = "\u{f8ff}system\u{f8ff}";

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
    Chat { chat: Box<Chat>, source: String, before: String, after: String },
}

impl Template {
    /// The template of `spec` for the model in `files`; `date` is what a chat template gets where it asks for the day.
    ///
    /// # Errors
    /// `InvalidModel` if a file is missing or malformed, or a chat template cannot be used; `Io`.
    pub fn open(
        spec: &TemplateSpec,
        files: &Files<'_>,
        settings: &TokenizerConfig,
        date: Option<&str>,
    ) -> Result<Self> {
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
            TemplateSpec::Chat { system, user, add_generation_prompt, name } => {
                let source = chat_source(name.as_deref(), files, settings)?;
                Self::chat(&source, system.as_deref(), user, *add_generation_prompt, date, settings)
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

    /// A chat template (Jinja); `date` is the day that it may ask for, `2026-01-31`.
    ///
    /// # Errors
    /// `InvalidModel` if it is malformed, fails, asks for a date where there is none, or leaves the system text or the
    /// question out.
    pub fn chat(
        source: &str,
        system: Option<&str>,
        user: &str,
        add_generation_prompt: bool,
        date: Option<&str>,
        settings: &TokenizerConfig,
    ) -> Result<Self> {
        let token = |token: &Option<String>| token.clone().unwrap_or_default();
        let chat = Chat {
            environment: environment(source, date)?,
            system: system.map(str::to_owned),
            user: Format::parse(user)?,
            add_generation_prompt,
            bos_token: token(&settings.bos_token),
            eos_token: token(&settings.eos_token),
            pad_token: token(&settings.pad_token),
        };
        if chat.system.as_ref().is_some_and(|text| !text.trim().is_empty())
            && !chat.render_with(Some(SYSTEM_MARK), MARK)?.contains(SYSTEM_MARK)
        {
            return Err(Error::invalid_model("the chat template leaves the system text out"));
        }
        let marked = chat.render(MARK)?;
        let Some((before, after)) = marked.split_once(MARK) else {
            return Err(Error::invalid_model("the chat template leaves the user's message out"));
        };
        let (before, after) = (before.to_owned(), after.to_owned());
        // A chat template writes the special tokens itself.
        Ok(Self {
            form: Form::Chat { chat: Box::new(chat), source: source.to_owned(), before, after },
            special_tokens: false,
        })
    }

    /// Whether the tokenizer adds special tokens to the text.
    pub fn special_tokens(&self) -> bool {
        self.special_tokens
    }

    /// What it writes around the question, and may write.
    pub(crate) fn spelled(&self) -> String {
        match &self.form {
            Form::Framed { before, format, after, .. } => [before, &*format.texts(), after].concat(),
            // What it puts together from parts is not in its source, and other branches of it are not in its text.
            Form::Chat { source, before, after, chat } => {
                [source, before, &*chat.user.texts(), after].join("\n")
            }
        }
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
            Form::Chat { chat, before, after, .. } => {
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

/// Name in the folder of a model of the file that has the chat template of this name; none for the default one.
pub(crate) fn template_file(name: &str) -> Option<String> {
    let outside = name.is_empty() || name.contains(['/', '\\', '\0']);
    (!outside && name != "default").then(|| format!("{NAMED_TEMPLATES_FOLDER}/{name}.jinja"))
}

/// The chat template of this name: in a file of its own, or in the tokenizer's settings.
fn chat_source(name: Option<&str>, files: &Files<'_>, settings: &TokenizerConfig) -> Result<String> {
    let named = &settings.named_templates;
    if let Some(name) = name.filter(|name| *name != "default") {
        let file = template_file(name).map(|file| files.text(&file)).transpose()?.flatten();
        if let Some(source) = file {
            return Ok(source);
        }
        if let Some((_, source)) = named.iter().find(|(known, _)| known == name) {
            return Ok(source.clone());
        }
    } else if let Some(source) = files.text(CHAT_TEMPLATE_FILE)?.or_else(|| settings.chat_template.clone()) {
        return Ok(source);
    }
    let mut names = files.stems(NAMED_TEMPLATES_FOLDER, "jinja");
    names.extend(named.iter().map(|(name, _)| name.clone()));
    names.sort_unstable();
    names.dedup();
    let known = match names.as_slice() {
        [] => String::new(),
        names => format!("; those by name are {}", names.join(", ")),
    };
    Err(Error::invalid_model(format!(
        "{}: there is no chat template{}: neither {CHAT_TEMPLATE_FILE} nor chat_template in {}{known}",
        files.directory().display(),
        name.map_or_else(String::new, |name| format!(" {name:?}")),
        TokenizerConfig::FILE
    )))
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
        self.render_with(self.system.as_deref(), question)
    }

    fn render_with(&self, system: Option<&str>, question: &str) -> Result<String> {
        let (user, _) = self.user.render(question);
        let message = |role: &str, content: &str| context! { role, content };
        let mut messages: Vec<Jinja> = system.iter().map(|text| message("system", text)).collect();
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

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &str) -> Result<Template> {
        let spec: TemplateSpec = text.parse()?;
        Template::open(&spec, &Files::bare(std::path::Path::new(".")), &TokenizerConfig::default(), None)
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
        let template = Template::chat(source, Some(" s "), "Q {question}", true, None, &settings).unwrap();
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
            let error = Template::chat(source, None, "{question}", true, None, &settings).unwrap_err();
            assert_eq!(error.kind(), crate::ErrorKind::InvalidModel, "{source}");
        }
    }

    #[test]
    fn the_system_text_may_be_merged_and_not_left_out() {
        let settings = TokenizerConfig::default();
        let chat = |source, system| Template::chat(source, system, "{question}", true, None, &settings);
        let merged = "{% for m in messages %}{% if m.role == 'system' %}{% set ns = m.content %}{% endif %}{% endfor %}\
                      [{{ messages[0].content }} {{ messages[-1].content }}]";
        assert_eq!(chat(merged, Some("be strict")).unwrap().render("why").unwrap().text, "[be strict why]");
        let users = "{% for m in messages if m.role == 'user' %}[{{ m.content }}]{% endfor %}";
        let error = chat(users, Some("be strict")).unwrap_err();
        assert!(error.message().contains("leaves the system text out"), "{error}");
        assert_eq!(chat(users, None).unwrap().render("why").unwrap().text, "[why]");
        let error = chat("{{ messages[0].content }}", Some("be strict")).unwrap_err();
        assert!(error.message().contains("leaves the user's message out"), "{error}");
    }
}
