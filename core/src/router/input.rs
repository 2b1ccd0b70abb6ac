//! Routing inputs of any form: texts and chats.

use super::Router;
use crate::Result;
use crate::input::{Input, Readable};
use crate::policy::{Decision, RouteOptions};

impl Router {
    /// Decides for one input: a text, or the JSON of a chat, a request body or a message.
    ///
    /// `on_error` covers a chat without text, text that is not Unicode and malformed JSON.
    ///
    /// ```
    /// use routellm_core::{Input, OnError, RouteOptions, Router};
    ///
    /// let router = Router::default_router()?;
    /// let options = RouteOptions { on_error: OnError::Strong, ..RouteOptions::default() };
    /// let body = br#"{"model": "auto", "messages": [{"role": "user", "content": "What is 17 * 23?"}]}"#;
    /// let decision = router.route_input(Input::Messages(body), &options)?;
    /// assert_eq!(decision, router.route("What is 17 * 23?", &options)?);
    /// # Ok::<(), routellm_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`route`](Self::route); `InvalidArgument` for JSON that is no chat, whatever `on_error` says.
    pub fn route_input(&self, input: Input<'_>, options: &RouteOptions) -> Result<Decision> {
        let (threshold, call) = self.begin(options, 1)?;
        let text = input.into_text(self.read(options))?;
        self.inner.decide(threshold, options, &call, text.and_then(|text| self.score(&text, &call)))
    }

    /// As [`route_input`](Self::route_input), without waiting: as [`route_async`](Self::route_async). The input is read at
    /// once.
    ///
    /// # Errors
    /// As [`route_async`](Self::route_async); `InvalidArgument` for JSON that is no chat.
    pub fn route_input_async(
        &self,
        input: Input<'_>,
        options: &RouteOptions,
        done: impl FnOnce(Result<Decision>) + Send + 'static,
    ) -> Result<()> {
        let text = input.into_text(self.read(options))?;
        self.route_async(text.map(std::borrow::Cow::into_owned), options, done)
    }

    /// As [`route_inputs`](Self::route_inputs), without waiting: as [`route_async`](Self::route_async). The inputs are read
    /// at once.
    ///
    /// # Errors
    /// As [`route_async`](Self::route_async); `InvalidArgument` for JSON that is no chat, naming its index.
    pub fn route_inputs_async(
        &self,
        inputs: &[Input<'_>],
        options: &RouteOptions,
        done: impl FnOnce(Result<Vec<Decision>>) + Send + 'static,
    ) -> Result<()> {
        let texts = self.texts_of(inputs, options)?;
        let owned = texts.into_iter().map(|text| text.map(std::borrow::Cow::into_owned)).collect();
        self.route_batch_async(owned, options, done)
    }

    /// Decides for many inputs, with the same bits as one by one. In a batch a message by itself is refused: its
    /// chat is one input, and a list of chats a batch.
    ///
    /// # Errors
    /// As [`route_input`](Self::route_input), for the first input that fails, naming its index.
    pub fn route_inputs(&self, inputs: &[Input<'_>], options: &RouteOptions) -> Result<Vec<Decision>> {
        let texts = self.texts_of(inputs, options)?;
        let texts = texts.iter().map(|text| match text {
            Ok(text) => Ok(&**text),
            Err(error) => Err(error.copy()),
        });
        self.route_many(texts.collect(), options)
    }

    /// The texts of a batch. What is no input fails it before anything is scored.
    fn texts_of<'a>(&self, inputs: &'a [Input<'_>], options: &RouteOptions) -> Result<Vec<Readable<'a>>> {
        let read = self.read(options);
        let one = |(i, input): (usize, &'a Input<'_>)| {
            input.text_in_batch(read).map_err(|error| error.context(format!("prompt {i}")))
        };
        inputs.iter().enumerate().map(one).collect()
    }

    /// What a call reads of chats.
    pub fn read(&self, options: &RouteOptions) -> crate::Read {
        options.read.unwrap_or(self.inner.read)
    }
}
