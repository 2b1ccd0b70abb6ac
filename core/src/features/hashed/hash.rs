//! The stable hash of words and word pairs. Documented, so that anyone can reproduce a bucket.
//!
//! A word's hash is FNV-1a with 64 bits over its UTF-8 bytes. A feature's key is that hash for a single
//! word and `h1 * 0x9E37_79B9_7F4A_7C15 + h2 + 1` (wrapping) for the pair. The bucket is the upper bits of the
//! key behind the 64-bit finaliser of MurmurHash3.

/// FNV-1a, 64 bits.
#[inline]
pub(crate) fn word(bytes: &[u8]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in bytes {
        hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    hash
}

/// The key of two words in a row.
#[inline]
pub(crate) fn pair(first: u64, second: u64) -> u64 {
    first.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(second).wrapping_add(1)
}

/// The bucket of a key among `2^bits`.
#[inline]
pub(crate) fn bucket(mut key: u64, bits: u32) -> u32 {
    key ^= key >> 33;
    key = key.wrapping_mul(0xff51_afd7_ed55_8ccd);
    key ^= key >> 33;
    key = key.wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    key ^= key >> 33;
    (key >> (64 - bits)) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_the_published_ones() {
        // Test vectors of FNV-1a.
        assert_eq!(word(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(word(b"a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(word(b"foobar"), 0x8594_4171_f739_67e8);
        // Frozen: shipped artifacts depend on them.
        assert_eq!(
            bucket(word(b"planet"), 16),
            bucket(word(b"planet"), 14) << 2 | bucket(word(b"planet"), 16) & 3
        );
        assert_ne!(pair(word(b"a"), word(b"b")), pair(word(b"b"), word(b"a")));
    }
}
