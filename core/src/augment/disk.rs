//! The journal on the disk, the only place here that touches it. Every program keeps one of this form.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind as IoErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::{Error, ErrorKind, Result};

/// A file that only grows, and that one process at a time writes.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: File,
}

fn path_in(folder: &Path) -> PathBuf {
    folder.join("journal.jsonl")
}

impl Journal {
    /// What the journal of a folder says, without opening it for writing; nothing if there is none.
    ///
    /// # Errors
    /// `Io`.
    pub fn peek(folder: &Path) -> Result<Vec<u8>> {
        let path = path_in(folder);
        match fs::read(&path) {
            Err(error) if error.kind() == IoErrorKind::NotFound => Ok(Vec::new()),
            other => other.map_err(|error| Error::io(&path, error)),
        }
    }

    /// Opens the journal of a folder, which is made if there is none, and gives what it says.
    ///
    /// # Errors
    /// `Io`, and `ResourceExhausted` while another process has it open.
    pub fn open(folder: &Path) -> Result<(Self, Vec<u8>)> {
        fs::create_dir_all(folder).map_err(|error| Error::io(folder, error))?;
        let path = path_in(folder);
        let failed = |error| Error::io(&path, error);
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(failed)?;
        file.try_lock().map_err(|error| match error {
            fs::TryLockError::WouldBlock => Error::new(
                ErrorKind::ResourceExhausted,
                format!(
                    "{}: another program is using it; wait for that one, or name another folder for the cache",
                    path.display()
                ),
            ),
            fs::TryLockError::Error(error) => failed(error),
        })?;
        let mut known = Vec::new();
        file.read_to_end(&mut known).map_err(failed)?;
        // The name of a new file has to be on the disk as its lines have.
        #[cfg(unix)]
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)?;
        Ok((Self { path, file }, known))
    }

    /// Cuts off what follows the last whole line, which ends after so many bytes.
    ///
    /// # Errors
    /// `Io`.
    pub fn cut(&mut self, bytes: usize) -> Result<()> {
        let cut =
            self.file.set_len(bytes as u64).and_then(|()| self.file.seek(SeekFrom::Start(bytes as u64)));
        cut.map(|_| ()).map_err(|error| Error::io(&self.path, error))
    }

    /// Writes lines and waits until they are on the disk.
    ///
    /// # Errors
    /// `Io`, as when the disk is full.
    pub fn append(&mut self, lines: &str) -> Result<()> {
        let written = self.file.write_all(lines.as_bytes()).and_then(|()| self.file.sync_data());
        written.map_err(|error| Error::io(&self.path, error))
    }
}
