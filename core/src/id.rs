//! Ids of decisions.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::io::Read;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use arc_swap::ArcSwapOption;

use crate::{Error, Result, process};

/// The id of a decision: 128 bits in the layout of a UUID of version 7, written as one.
///
/// Ids sort by time, as numbers, as bytes and as texts: those of one process in the order in which they were made, those
/// of several to the millisecond. No two are the same, also not of a process and its forked children.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DecisionId(u128);

/// Ids of one millisecond are counted in as many bits.
const COUNT_BITS: u32 = 12;

/// Milliseconds since 1970 and a count, of the last id that was made. More of them in a millisecond than can be counted
/// borrow from the next one. A clock that goes back is waited for in this way, too.
static LAST: AtomicU64 = AtomicU64::new(0);

/// What tells the ids of this process from those of others.
struct Seed {
    /// The process that it belongs to: a forked child must not go on with its parent's.
    generation: u64,
    keys: RandomState,
    salt: u64,
}

/// Threads that find none at the same time each make one, and either is good. There is no lock that a fork could leave
/// behind.
static SEED: ArcSwapOption<Seed> = ArcSwapOption::const_empty();

impl Seed {
    fn new(generation: u64) -> Self {
        // The keys alone are no use after a fork: a process asks for them once, and its children go on from there.
        let keys = RandomState::new();
        let mut entropy = [0_u8; 16];
        #[cfg(unix)]
        let asked = std::fs::File::open("/dev/urandom").and_then(|mut file| file.read_exact(&mut entropy));
        #[cfg(not(unix))]
        let asked = std::io::empty().read_exact(&mut entropy);
        // Where there is no such file, number and time of the process have to do.
        let time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let salt = keys.hash_one((entropy, asked.is_ok(), std::process::id(), generation, time));
        Self { generation, keys, salt }
    }

    fn mix(&self, ticket: u64) -> u64 {
        self.keys.hash_one((self.salt, ticket))
    }
}

impl DecisionId {
    /// An id that is greater than all that this process made before.
    pub(crate) fn next() -> Self {
        let time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = (time.as_millis() as u64) << COUNT_BITS;
        let after = |last: u64| now.max(last + 1);
        let ticket = LAST
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| Some(after(last)))
            .map_or_else(after, after);
        let generation = process::generation();
        let random = match &*SEED.load() {
            Some(seed) if seed.generation == generation => seed.mix(ticket),
            _ => {
                let seed = Arc::new(Seed::new(generation));
                let random = seed.mix(ticket);
                SEED.store(Some(seed));
                random
            }
        };
        Self::of(ticket, random)
    }

    /// 48 bits of time, the version, 12 of the count, the variant and 62 random ones.
    fn of(ticket: u64, random: u64) -> Self {
        let time = u128::from(ticket >> COUNT_BITS) << 80;
        let count = u128::from(ticket & ((1 << COUNT_BITS) - 1)) << 64;
        Self(time | 7 << 76 | count | 0b10 << 62 | u128::from(random >> 2))
    }

    /// The id as a number.
    pub const fn to_u128(self) -> u128 {
        self.0
    }

    /// The id as 16 bytes, the highest first.
    pub const fn to_bytes(self) -> [u8; 16] {
        self.0.to_be_bytes()
    }

    /// When it was made: milliseconds since 1970.
    pub const fn unix_ms(self) -> u64 {
        (self.0 >> 80) as u64
    }
}

/// 36 characters, as in `019aee5f-7a3c-7001-9f0e-5d1c2b3a4f60`.
impl fmt::Display for DecisionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = |low: u32, bits: u32| (self.0 >> low) & ((1 << bits) - 1);
        let (first, second, third) = (part(96, 32), part(80, 16), part(64, 16));
        write!(f, "{first:08x}-{second:04x}-{third:04x}-{:04x}-{:012x}", part(48, 16), part(0, 48))
    }
}

impl FromStr for DecisionId {
    type Err = Error;

    /// Reads 36 characters as [`Display`](fmt::Display) writes them.
    fn from_str(text: &str) -> Result<Self> {
        let groups: Vec<&str> = text.split('-').collect();
        let hex = |digit: u8| digit.is_ascii_digit() || (b'a'..=b'f').contains(&digit);
        let shaped = groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12])
            && groups.iter().all(|group| group.bytes().all(hex));
        let number = shaped.then(|| u128::from_str_radix(&groups.concat(), 16).ok()).flatten();
        number.map(Self).ok_or_else(|| {
            Error::invalid_argument(format!("{text:?} is no id of a decision: expected a UUID in lower case"))
        })
    }
}

impl fmt::Debug for DecisionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DecisionId({self})")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn the_layout_is_that_of_version_7() {
        let id = DecisionId::of(0x0199_aee5_f7a3 << 12 | 0xdef, u64::MAX);
        assert_eq!(id.to_string(), "0199aee5-f7a3-7def-bfff-ffffffffffff");
        assert_eq!(id.unix_ms(), 0x0199_aee5_f7a3);
        assert_eq!(id.to_string().parse::<DecisionId>().unwrap(), id);
        for wrong in [
            "",
            "0199aee5f7a37defbfffffffffffffff",
            "0199AEE5-f7a3-7def-bfff-ffffffffffff",
            "+199aee5-f7a3-7def-bfff-ffffffffffff",
        ] {
            assert!(wrong.parse::<DecisionId>().is_err(), "{wrong}");
        }
        assert_eq!(DecisionId::of(5 << 12, 0).to_string(), "00000000-0005-7000-8000-000000000000");
        assert_eq!(u128::from_be_bytes(id.to_bytes()), id.to_u128());
    }

    #[test]
    fn ids_ascend_and_never_repeat() {
        let made = || (0..20_000).map(|_| DecisionId::next()).collect::<Vec<_>>();
        let before = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64;
        let of_threads: Vec<Vec<DecisionId>> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(made)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let mut seen = HashSet::new();
        for ids in &of_threads {
            assert!(ids.is_sorted() && ids.iter().all(|id| seen.insert(*id)));
            let texts: Vec<String> = ids.iter().map(ToString::to_string).collect();
            assert!(texts.is_sorted() && texts.iter().all(|text| text.len() == 36));
        }
        assert!(seen.iter().all(|id| id.unix_ms() >= before));
        // The random bits are no function of the rest.
        let random: HashSet<u64> = seen.iter().map(|id| id.to_u128() as u64).collect();
        assert_eq!(random.len(), seen.len());
    }

    #[test]
    fn seeds_of_one_moment_differ() {
        assert_ne!(Seed::new(1).mix(7), Seed::new(1).mix(7));
    }
}
