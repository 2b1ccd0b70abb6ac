//! Python's random numbers: MT19937 (Matsumoto and Nishimura, 1998), seeded by an array as `random.seed` does.

const N: usize = 624;
const M: usize = 397;

/// The generator behind Python's `random.random()`.
#[derive(Debug, Clone)]
pub struct Mersenne {
    state: [u32; N],
    next: usize,
}

impl Mersenne {
    /// The generator after `random.seed(seed)`.
    pub fn new(seed: u32) -> Self {
        let mut state = [0_u32; N];
        state[0] = 19_650_218;
        for i in 1..N {
            let last = state[i - 1];
            state[i] = 1_812_433_253_u32.wrapping_mul(last ^ (last >> 30)).wrapping_add(i as u32);
        }
        // `init_by_array` with the one key.
        let mut i = 1;
        for _ in 0..N {
            let last = state[i - 1];
            state[i] = (state[i] ^ (last ^ (last >> 30)).wrapping_mul(1_664_525)).wrapping_add(seed);
            i += 1;
            if i == N {
                state[0] = state[N - 1];
                i = 1;
            }
        }
        for _ in 0..N - 1 {
            let last = state[i - 1];
            state[i] = (state[i] ^ (last ^ (last >> 30)).wrapping_mul(1_566_083_941)).wrapping_sub(i as u32);
            i += 1;
            if i == N {
                state[0] = state[N - 1];
                i = 1;
            }
        }
        state[0] = 0x8000_0000;
        Self { state, next: N }
    }

    fn next_u32(&mut self) -> u32 {
        if self.next == N {
            for i in 0..N {
                let y = (self.state[i] & 0x8000_0000) | (self.state[(i + 1) % N] & 0x7fff_ffff);
                let odd = if y & 1 == 1 { 0x9908_b0df } else { 0 };
                self.state[i] = self.state[(i + M) % N] ^ (y >> 1) ^ odd;
            }
            self.next = 0;
        }
        let mut y = self.state[self.next];
        self.next += 1;
        y ^= y >> 11;
        y ^= (y << 7) & 0x9d2c_5680;
        y ^= (y << 15) & 0xefc6_0000;
        y ^ (y >> 18)
    }

    /// `random.random()`: uniform in [0, 1), 53 bits.
    pub fn random(&mut self) -> f64 {
        let (a, b) = (self.next_u32() >> 5, self.next_u32() >> 6);
        (f64::from(a) * 67_108_864.0 + f64::from(b)) / 9_007_199_254_740_992.0
    }
}

#[cfg(test)]
mod tests {
    use super::Mersenne;

    #[test]
    fn numbers_are_those_of_python() {
        let mut random = Mersenne::new(0);
        let first: [f64; 3] = std::array::from_fn(|_| random.random());
        assert_eq!(first, [0.844_421_851_525_048_1, 0.757_954_402_940_302_5, 0.420_571_580_830_845]);
    }
}
