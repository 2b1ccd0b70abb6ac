//! The options that there are, for languages that list them at run time.

use std::ffi::{CString, c_char};
use std::sync::OnceLock;
use std::{mem, ptr};

use routellm_core::options::{CALL, OPEN, OptionInfo};

use crate::args::invalid;
use crate::error::routellm_error;
use crate::guard::guard;
use crate::status::routellm_status;

/// What is known about an option.
///
/// Set `struct_size` before the call, most easily with `ROUTELLM_OPTION_INIT`. The texts are NUL-terminated, belong to the
/// library and are always valid.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct routellm_option {
    /// `sizeof(routellm_option)`, set by you.
    pub struct_size: usize,
    /// Its name, as in `routellm_open_options_set_json()` or `routellm_route_options_set_json()` and in the name of its
    /// setter.
    pub name: *const c_char,
    /// What it belongs to: `router`, `session`, `votes` or `export` of those of opening; `call`.
    pub group: *const c_char,
    /// The type of its value: `text`, `path`, `name`, `count`, `index`, `bytes`, `number`, `flag`, `clusters`, `spec`,
    /// `tokens`, `labels`, `candidates`, `texts` or `milliseconds`.
    pub value_type: *const c_char,
    /// The values that it takes, in words.
    pub expected: *const c_char,
    /// What counts without it, in words.
    pub default_value: *const c_char,
    /// The version of the library that brought it.
    pub since: *const c_char,
    /// What it does.
    pub documentation: *const c_char,
}

/// Every row: the options of opening, then those of a call.
fn all() -> impl Iterator<Item = &'static OptionInfo> {
    OPEN.iter().chain(CALL)
}

/// The texts of each row, with a NUL.
fn rows() -> &'static [[CString; 7]] {
    static ROWS: OnceLock<Vec<[CString; 7]>> = OnceLock::new();
    ROWS.get_or_init(|| {
        let row = |info: &OptionInfo| {
            [info.name, info.group, info.value.name(), info.expected, info.default, info.since, info.doc]
                .map(|text| CString::new(text).unwrap_or_default())
        };
        all().map(row).collect()
    })
}

/// How many options there are, those of opening first and then those of a call.
#[unsafe(no_mangle)]
pub extern "C" fn routellm_option_count() -> usize {
    OPEN.len() + CALL.len()
}

/// Tells what is known about the option number `index`, from 0.
///
/// Errors: `ROUTELLM_INVALID_ARGUMENT` for an index that is not below `routellm_option_count()`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn routellm_option_at(
    index: usize,
    option: *mut routellm_option,
    err: *mut *mut routellm_error,
) -> routellm_status {
    // SAFETY: the rules of the header for `err` and for structs that say their size.
    unsafe {
        guard(err, || {
            if option.is_null() || !option.is_aligned() {
                return Err(invalid("option is NULL, or not aligned to its type"));
            }
            let size = ptr::addr_of!((*option).struct_size).read();
            if size != mem::size_of::<routellm_option>() {
                return Err(invalid(format!(
                    "option: struct_size is {size}, expected {}: set it to sizeof(routellm_option), and use a library \
                     that is not older than the header",
                    mem::size_of::<routellm_option>()
                )));
            }
            let Some(row) = rows().get(index) else {
                return Err(invalid(format!("index is {index}, and there are {} options", rows().len())));
            };
            let [name, group, value_type, expected, default_value, since, documentation] =
                row.each_ref().map(|text| text.as_ptr());
            option.write(routellm_option {
                struct_size: size,
                name,
                group,
                value_type,
                expected,
                default_value,
                since,
                documentation,
            });
            Ok(())
        })
    }
}
