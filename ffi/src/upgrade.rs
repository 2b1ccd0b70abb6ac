//! Artifacts of an older version.

use std::ffi::c_char;

use routellm_core::artifact::upgrade;

use crate::args::{Out, path};
use crate::error::routellm_error;
use crate::guard::guard;
use crate::status::routellm_status;

/// Rewrites `router.json` of the artifact in a folder in the form of this release; its other files stay as they are.
/// `*upgraded` is 1 if there was anything to do, and 0 if it had that form. Older artifacts open without this; older
/// releases cannot open what it writes.
///
/// Errors as of `routellm_router_open()`; `ROUTELLM_IO` if the file cannot be replaced, which then is the old one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn routellm_upgrade_artifact(
    folder: *const c_char,
    upgraded: *mut i32,
    err: *mut *mut routellm_error,
) -> routellm_status {
    // SAFETY: the rules of the header for `err`, places of results and paths.
    unsafe {
        guard(err, || {
            let out = Out::new(upgraded, "upgraded")?;
            out.set(upgrade(&path(folder, "folder")?)?.into());
            Ok(())
        })
    }
}
