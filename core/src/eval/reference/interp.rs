//! `numpy.interp`, with its search that begins at a guess: on values that do not rise it finds another place than plain
//! bisection, and the published CPT come from it.

/// `numpy.interp(x, xp, fp)` (numpy 1.26) for one number: what `fp` has between the values of `xp`, which should rise.
///
/// # Panics
/// If `xp` is empty or `fp` is shorter.
pub fn interp(x: f64, xp: &[f64], fp: &[f64]) -> f64 {
    if x.is_nan() {
        return x;
    }
    let last = xp.len() - 1;
    if last == 0 {
        return fp[0];
    }
    match place(x, xp) {
        None => fp[0],
        Some(j) if j >= last => fp[last],
        Some(j) if xp[j] == x => fp[j],
        Some(j) => {
            let slope = (fp[j + 1] - fp[j]) / (xp[j + 1] - xp[j]);
            let value = slope * (x - xp[j]) + fp[j];
            if !value.is_nan() {
                return value;
            }
            // As numpy: from the other end, which helps where one is infinite.
            let value = slope * (x - xp[j + 1]) + fp[j + 1];
            if value.is_nan() && fp[j] == fp[j + 1] { fp[j] } else { value }
        }
    }
}

/// numpy's `binary_search_with_guess` at its first guess: the place before `key`. `None` before the first value.
fn place(key: f64, xp: &[f64]) -> Option<usize> {
    /// What numpy takes to lie in the cache around the guess, which is 1 here.
    const NEAR: usize = 8;
    let len = xp.len();
    if key > xp[len - 1] {
        return Some(len);
    }
    if key < xp[0] {
        return None;
    }
    if len <= 4 {
        let at = (1..len).find(|i| key < xp[*i]).unwrap_or(len);
        return Some(at - 1);
    }
    let guess = 1;
    let (mut low, mut high) = (0, len);
    if key < xp[guess] {
        // `key` is not below the first value, which is the one before the guess.
        return Some(guess - 1);
    } else if key < xp[guess + 1] {
        return Some(guess);
    } else if key < xp[guess + 2] {
        return Some(guess + 1);
    }
    low += guess + 2;
    if guess + NEAR + 1 < len && key < xp[guess + NEAR] {
        high = guess + NEAR;
    }
    while low < high {
        let middle = low + ((high - low) >> 1);
        if key >= xp[middle] {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    Some(low - 1)
}

#[cfg(test)]
mod tests {
    use super::interp;

    #[test]
    fn rising_values_are_interpolated() {
        let (xp, fp) = ([0.0, 1.0, 2.0, 4.0, 8.0, 9.0], [0.0, 10.0, 20.0, 30.0, 40.0, 50.0]);
        for (x, want) in
            [(-1.0, 0.0), (0.0, 0.0), (0.5, 5.0), (3.0, 25.0), (8.5, 45.0), (9.0, 50.0), (10.0, 50.0)]
        {
            assert_eq!(interp(x, &xp, &fp), want);
        }
        assert!(interp(f64::NAN, &xp, &fp).is_nan());
    }
}
