//! What is asked about.

use std::ffi::{c_char, c_void};

use routellm_core::{Input, Result};

use crate::args::{bytes, handle, invalid, slice};

/// Kind of input: a text in UTF-8. No kind is 0, so that a struct of zeros is no input.
pub const ROUTELLM_INPUT_TEXT: i32 = 1;
/// Kind of input: a chat in JSON, as `routellm_prompt_from_messages()` takes it.
pub const ROUTELLM_INPUT_MESSAGES: i32 = 2;
/// Kind of input: an embedding that you computed, `routellm_router_embedding_dimension()` numbers of type `float`.
pub const ROUTELLM_INPUT_EMBEDDING: i32 = 3;

/// What is asked about: a text, a chat or an embedding. `ROUTELLM_TEXT()`, `ROUTELLM_MESSAGES()` and `ROUTELLM_EMBEDDING()`
/// are initializers of it.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct routellm_input {
    /// The bytes, or the numbers of an embedding. May be `NULL` if `len` is 0.
    pub data: *const c_void,
    /// Their number.
    pub len: usize,
    /// `ROUTELLM_INPUT_TEXT`, `ROUTELLM_INPUT_MESSAGES` or `ROUTELLM_INPUT_EMBEDDING`.
    pub kind: i32,
}

impl routellm_input {
    /// # Safety
    /// The data keeps to [`slice`].
    unsafe fn get<'a>(&self) -> Result<Input<'a>> {
        // SAFETY: promised by the caller.
        unsafe {
            match self.kind {
                ROUTELLM_INPUT_TEXT => Ok(Input::Utf8(bytes(self.data.cast::<c_char>(), self.len, "input")?)),
                ROUTELLM_INPUT_MESSAGES => {
                    Ok(Input::Messages(bytes(self.data.cast::<c_char>(), self.len, "input")?))
                }
                ROUTELLM_INPUT_EMBEDDING => {
                    Ok(Input::Embedding(slice(self.data.cast::<f32>(), self.len, "input")?))
                }
                kind => Err(invalid(format!(
                    "the kind of an input is {kind}, expected 1 (text), 2 (messages) or 3 (embedding)"
                ))),
            }
        }
    }
}

/// The one input behind a pointer.
///
/// # Safety
/// It is `NULL`, or an input whose data keep to [`slice`].
pub(crate) unsafe fn input<'a>(input: *const routellm_input) -> Result<Input<'a>> {
    // SAFETY: promised by the caller.
    unsafe { handle(input.as_ref(), "input")?.get() }
}

/// The inputs of a batch.
///
/// # Safety
/// `inputs` is `NULL` or holds `count` of them, each as for [`input`].
pub(crate) unsafe fn inputs<'a>(inputs: *const routellm_input, count: usize) -> Result<Vec<Input<'a>>> {
    // SAFETY: promised by the caller.
    let inputs = unsafe { slice(inputs, count, "inputs") }?;
    let one = |(i, input): (usize, &routellm_input)| {
        // SAFETY: promised by the caller.
        unsafe { input.get() }.map_err(|error| error.context(format!("input {i}")))
    };
    inputs.iter().enumerate().map(one).collect()
}
