//! A file that begins anew at a size: `decisions.jsonl`, and before it `decisions.jsonl.1`, `.2` and so on.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// A file of lines.
#[derive(Debug)]
pub(super) struct Rotated {
    path: PathBuf,
    max_bytes: u64,
    keep: u32,
    /// The open file and its size.
    file: Option<(File, u64)>,
}

impl Rotated {
    pub(super) fn new(path: &Path, max_bytes: u64, keep: u32) -> Self {
        Self { path: path.to_path_buf(), max_bytes, keep, file: None }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Adds a line, in one write.
    pub(super) fn line(&mut self, text: &str) -> io::Result<()> {
        let line = format!("{text}\n");
        let size = match &self.file {
            Some((_, size)) => *size,
            None => self.open()?,
        };
        if size > 0 && size.saturating_add(line.len() as u64) > self.max_bytes {
            self.rotate()?;
            self.open()?;
        }
        if let Some((file, size)) = &mut self.file {
            file.write_all(line.as_bytes())?;
            *size += line.len() as u64;
        }
        Ok(())
    }

    fn open(&mut self) -> io::Result<u64> {
        let mut options = OpenOptions::new();
        options.create(true).append(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&self.path)?;
        let size = file.metadata()?.len();
        self.file = Some((file, size));
        Ok(size)
    }

    fn rotate(&mut self) -> io::Result<()> {
        self.file = None;
        let numbered = |number: u32| {
            let mut name = self.path.as_os_str().to_owned();
            name.push(format!(".{number}"));
            PathBuf::from(name)
        };
        if self.keep == 0 {
            return std::fs::remove_file(&self.path);
        }
        for number in (1..self.keep).rev() {
            if numbered(number).exists() {
                std::fs::rename(numbered(number), numbered(number + 1))?;
            }
        }
        std::fs::rename(&self.path, numbered(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_files_move_on_and_the_oldest_goes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("d.jsonl");
        let mut file = Rotated::new(&path, 10, 2);
        for line in ["aaaa", "bbbb", "cccc", "dddd", "eeee", "ffff", "gggg"] {
            file.line(line).unwrap();
        }
        let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).ok();
        assert_eq!(read("d.jsonl").as_deref(), Some("gggg\n"));
        assert_eq!(read("d.jsonl.1").as_deref(), Some("eeee\nffff\n"));
        assert_eq!(read("d.jsonl.2").as_deref(), Some("cccc\ndddd\n"));
        assert_eq!(read("d.jsonl.3"), None);
        // A file that is there is gone on with.
        Rotated::new(&path, 10, 2).line("hhhh").unwrap();
        assert_eq!(read("d.jsonl").as_deref(), Some("gggg\nhhhh\n"));
    }
}
