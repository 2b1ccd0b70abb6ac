//! Where files are made before they take their places: a folder of a random name beside those places, so that a
//! rename never crosses file systems, with a lock that tells a run at work from one that was killed.

use std::fs::{self, File, TryLockError};
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::{Error, Result};

/// What the names of these folders begin with; 16 random digits and the purpose follow.
const PREFIX: &str = ".routellm-";
/// Ending of a folder that has no lock yet.
const UNLOCKED: &str = "new";
/// The file that is locked while the run is at work.
const LOCK: &str = "lock";
/// Where locks fail, what is older than this belongs to no run at work.
const OLD: Duration = Duration::from_hours(24);
/// How often a name that is taken already, or a folder that is removed meanwhile, is tried again.
const ATTEMPTS: usize = 32;

/// A folder of one run. It goes with its value.
#[derive(Debug)]
pub(crate) struct Staging {
    folder: PathBuf,
    /// Held, not read.
    _lock: File,
}

impl Staging {
    /// Makes a folder inside of `parent`, which is made too if it is not there.
    ///
    /// # Errors
    /// `Io`, `NotFound`.
    pub(crate) fn create(parent: &Path, purpose: &str) -> Result<Self> {
        let mut failed = None;
        for _ in 0..ATTEMPTS {
            let name = random_name();
            let unlocked = parent.join(format!("{PREFIX}{name}.{UNLOCKED}"));
            match fs::create_dir(&unlocked) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    fs::create_dir_all(parent).map_err(|error| Error::io(parent, error))?;
                    failed = Some(error);
                    continue;
                }
                Err(error) => return Err(Error::io(parent, error)),
            }
            // Others see the folder under a name that means "locked" only when it is.
            let folder = parent.join(format!("{PREFIX}{name}.{purpose}"));
            let locked = File::create_new(unlocked.join(LOCK)).and_then(|lock| {
                // Where locks fail, age tells.
                let _ = lock.try_lock();
                fs::rename(&unlocked, &folder).map(|()| lock)
            });
            return match locked {
                Ok(lock) => Ok(Self { folder, _lock: lock }),
                Err(error) => {
                    let _ = fs::remove_dir_all(&unlocked);
                    Err(Error::io(&unlocked, error))
                }
            };
        }
        let failed = failed.unwrap_or_else(|| io::ErrorKind::AlreadyExists.into());
        Err(Error::io(parent, failed))
    }

    /// The folder, for files of any name but `lock`.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Gives a file the permissions that one gets which is made in the plain way: some libraries make files that only
    /// their owner can read.
    pub(crate) fn usual_permissions(&self, path: &Path) -> Result<()> {
        let lock = self.folder.join(LOCK);
        let usual = fs::metadata(&lock).map_err(|error| Error::io(&lock, error))?.permissions();
        fs::set_permissions(path, usual).map_err(|error| Error::io(path, error))
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // What cannot be removed now is removed by the next run.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// What a run left behind that was killed. It goes with its value.
#[derive(Debug)]
pub(crate) struct Leftover {
    folder: PathBuf,
    /// Held, so that two runs do not clear the same folder. None where locks fail.
    _lock: Option<File>,
}

impl Leftover {
    /// The leftovers of one purpose in `parent`.
    pub(crate) fn all(parent: &Path, purpose: &str) -> Vec<Self> {
        let entries = fs::read_dir(parent).into_iter().flatten().flatten();
        entries.filter_map(|entry| Self::of(&entry.path(), purpose)).collect()
    }

    fn of(folder: &Path, purpose: &str) -> Option<Self> {
        let (name, ending) = folder.file_name()?.to_str()?.strip_prefix(PREFIX)?.split_once('.')?;
        if !is_random(name) || !fs::symlink_metadata(folder).is_ok_and(|found| found.is_dir()) {
            return None;
        }
        let lock = match ending {
            // A run that was killed between two steps.
            UNLOCKED => is_old(folder).then_some(None),
            _ if ending == purpose => match File::open(folder.join(LOCK)) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => Some(None),
                Err(_) => is_old(folder).then_some(None),
                Ok(lock) => match lock.try_lock() {
                    Ok(()) => Some(Some(lock)),
                    Err(TryLockError::WouldBlock) => None,
                    Err(TryLockError::Error(_)) => is_old(folder).then_some(None),
                },
            },
            _ => None,
        }?;
        Some(Self { folder: folder.to_owned(), _lock: lock })
    }

    /// The folder.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }
}

impl Drop for Leftover {
    fn drop(&mut self) {
        // Another user's cannot be removed, and does no harm.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// 16 hexadecimal digits that no other run comes to, whatever its process id. A name that is taken all the same (by a
/// forked process, which inherits the state of the generator) is tried again by whoever makes it.
fn random_name() -> String {
    format!("{:016x}", RandomState::new().hash_one(std::process::id()))
}

fn is_random(name: &str) -> bool {
    name.len() == 16 && name.bytes().all(|digit| digit.is_ascii_hexdigit())
}

/// Whether something was last changed more than a day ago.
pub(super) fn is_old(path: &Path) -> bool {
    let changed = fs::symlink_metadata(path).and_then(|found| found.modified());
    changed.is_ok_and(|changed| SystemTime::now().duration_since(changed).is_ok_and(|age| age > OLD))
}

/// Writes a file by `write`, which gets another path, and puts it in the place of `path` when it is whole: readers see
/// the old file or the new one. A symbolic link is written through.
///
/// # Errors
/// What `write` reports; `Io`, `NotFound`; `InvalidArgument` for a path without a name.
pub(crate) fn replace_file(path: &Path, write: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    const PURPOSE: &str = "file";
    let path = through_links(path)?;
    let (Some(parent), Some(_)) = (path.parent(), path.file_name()) else {
        return Err(Error::invalid_argument(format!("{} names no file", path.display())));
    };
    let staging = Staging::create(parent, PURPOSE)?;
    let made = staging.folder().join("made");
    write(&made)?;
    staging.usual_permissions(&made)?;
    File::open(&made).and_then(|file| file.sync_all()).map_err(|error| Error::io(&made, error))?;
    fs::rename(&made, &path).map_err(|error| Error::io(&path, error))?;
    sync_folder(parent)?;
    drop(Leftover::all(parent, PURPOSE));
    Ok(())
}

/// The absolute path that a symbolic link stands for, also one to nothing yet; any other path as it is.
///
/// # Errors
/// `Io` for links that go round in a circle.
pub(super) fn through_links(path: &Path) -> Result<PathBuf> {
    let mut found = std::path::absolute(path).map_err(|error| Error::io(path, error))?;
    for _ in 0..ATTEMPTS {
        let is_link = fs::symlink_metadata(&found).is_ok_and(|found| found.file_type().is_symlink());
        if !is_link {
            return Ok(found);
        }
        let target = fs::read_link(&found).map_err(|error| Error::io(&found, error))?;
        found = found.parent().map_or_else(|| target.clone(), |parent| parent.join(&target));
    }
    Err(Error::io(path, io::Error::from_raw_os_error(libc::ELOOP)))
}

/// Makes the names in a folder outlive a loss of power.
///
/// # Errors
/// `Io`.
pub(super) fn sync_folder(folder: &Path) -> Result<()> {
    match File::open(folder).and_then(|folder| folder.sync_all()) {
        Ok(()) => Ok(()),
        // Some file systems cannot do this for folders, and one may write into a folder that one cannot read.
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported | io::ErrorKind::PermissionDenied
            ) =>
        {
            Ok(())
        }
        Err(error) => Err(Error::io(folder, error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn age(path: &Path) {
        let long_ago = SystemTime::now() - 2 * OLD;
        File::open(path).unwrap().set_modified(long_ago).unwrap();
    }

    #[test]
    fn only_what_nobody_works_on_is_left_over() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let alive = Staging::create(folder.path(), "test").unwrap();
        age(alive.folder());
        // Killed with its lock, killed before it had one (just now, and long ago), another purpose, and strangers.
        for name in
            ["0000000000000001.test", "0000000000000002.new", "0000000000000003.new", "0000000000000004.else"]
        {
            fs::create_dir(at(&format!("{PREFIX}{name}"))).unwrap();
        }
        fs::write(at(".routellm-0000000000000001.test/lock"), "").unwrap();
        age(&at(".routellm-0000000000000003.new"));
        fs::create_dir(at(".routellm-mine.test")).unwrap();
        fs::write(at(".routellm-0000000000000005.test"), "a file").unwrap();
        let found: Vec<_> = Leftover::all(folder.path(), "test");
        let mut paths: Vec<_> = found.iter().map(|one| one.folder().to_owned()).collect();
        paths.sort();
        assert_eq!(paths, [at(".routellm-0000000000000001.test"), at(".routellm-0000000000000003.new")]);
        drop(found);
        assert_eq!(names(folder.path()).len(), 5);
        assert!(alive.folder().exists());
    }

    #[test]
    fn a_file_is_replaced_through_links_and_leaves_nothing_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        // A file that has the name which a fixed name for temporary files would have.
        fs::write(at("real.tmp"), "mine").unwrap();
        let put = |to: &str, text: &str| {
            replace_file(&at(to), |path| fs::write(path, text).map_err(|error| Error::io(path, error)))
        };
        put("real.txt", "one").unwrap();
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink("real.txt", at("link")).unwrap();
            std::os::unix::fs::symlink("later.txt", at("dangling")).unwrap();
            put("link", "two").unwrap();
            put("dangling", "three").unwrap();
            assert!(fs::symlink_metadata(at("link")).unwrap().is_symlink());
            assert_eq!(fs::read_to_string(at("real.txt")).unwrap(), "two");
            assert_eq!(fs::read_to_string(at("later.txt")).unwrap(), "three");
            std::os::unix::fs::symlink("circle", at("circle")).unwrap();
            assert_eq!(put("circle", "").unwrap_err().kind(), crate::ErrorKind::Io);
            fs::remove_file(at("circle")).unwrap();
        }
        let failed = replace_file(&at("real.txt"), |_| Err(Error::invalid_argument("no")));
        assert!(failed.is_err() && at("real.txt").exists());
        assert_eq!(fs::read_to_string(at("real.tmp")).unwrap(), "mine");
        assert!(
            names(folder.path()).iter().all(|name| !name.starts_with(PREFIX)),
            "{:?}",
            names(folder.path())
        );
    }
}
