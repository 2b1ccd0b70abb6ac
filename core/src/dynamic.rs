//! Libraries of the system, loaded by name, to ask them who they are.

use std::ffi::{CStr, c_void};
use std::path::{Path, PathBuf};

/// A library that is loaded. It is never unloaded: what begins when one is loaded (threads, handlers at exit) is not known.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Library(*mut c_void);

#[cfg(unix)]
#[allow(unsafe_code, reason = "asks the dynamic loader")]
impl Library {
    /// Loads the library, or takes the one that this process has already.
    ///
    /// # Errors
    /// What the dynamic loader says.
    pub(crate) fn open(path: &Path) -> Result<Self, String> {
        use std::os::unix::ffi::OsStrExt;

        let name = std::ffi::CString::new(path.as_os_str().as_bytes())
            .map_err(|_| "the path holds a NUL".to_owned())?;
        // SAFETY: the name is a C string. That a library may run code when it is loaded is what its user asked for.
        let handle = unsafe { libc::dlopen(name.as_ptr(), libc::RTLD_LAZY | libc::RTLD_LOCAL) };
        if !handle.is_null() {
            return Ok(Self(handle));
        }
        // SAFETY: the text belongs to this thread until its next call of the loader, and is copied.
        let text = unsafe {
            let text = libc::dlerror();
            (!text.is_null()).then(|| CStr::from_ptr(text).to_string_lossy().into_owned())
        };
        Err(text.unwrap_or_else(|| "the system did not say why it cannot be loaded".to_owned()))
    }

    /// The address of a function.
    pub(crate) fn symbol(self, name: &CStr) -> Option<*mut c_void> {
        // SAFETY: the handle is open for ever, and the name a C string.
        let symbol = unsafe { libc::dlsym(self.0, name.as_ptr()) };
        (!symbol.is_null()).then_some(symbol)
    }

    /// The file that holds a function.
    pub(crate) fn file_of(symbol: *mut c_void) -> Option<PathBuf> {
        use std::os::unix::ffi::OsStrExt;

        let mut info = std::mem::MaybeUninit::<libc::Dl_info>::zeroed();
        // SAFETY: `info` is writable.
        let found = unsafe { libc::dladdr(symbol.cast_const(), info.as_mut_ptr()) } != 0;
        // SAFETY: zeroed is a valid value, and dladdr fills it on success.
        let info = unsafe { info.assume_init() };
        if !found || info.dli_fname.is_null() {
            return None;
        }
        // SAFETY: dladdr gave a C string that belongs to the loaded library.
        let name = unsafe { CStr::from_ptr(info.dli_fname) };
        Some(PathBuf::from(std::ffi::OsStr::from_bytes(name.to_bytes())))
    }
}

#[cfg(not(unix))]
impl Library {
    pub(crate) fn open(_path: &Path) -> Result<Self, String> {
        Err("not looked at on this system".to_owned())
    }

    pub(crate) fn symbol(self, _name: &CStr) -> Option<*mut c_void> {
        None
    }

    pub(crate) fn file_of(_symbol: *mut c_void) -> Option<PathBuf> {
        None
    }
}
