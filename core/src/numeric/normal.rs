//! The normal distribution.

/// The value that a standard normal variable stays below with `probability`, in (0, 1).
pub(crate) fn normal_quantile(probability: f64) -> f64 {
    let below = |x: f64| 0.5 * libm::erfc(-x / std::f64::consts::SQRT_2);
    let (mut low, mut high) = (-40.0, 40.0);
    // Until no double lies between.
    loop {
        let middle = f64::midpoint(low, high);
        if middle <= low || middle >= high {
            return middle;
        }
        if below(middle) < probability { low = middle } else { high = middle }
    }
}

#[cfg(test)]
mod tests {
    use super::normal_quantile;

    #[test]
    fn quantiles_are_those_of_tables() {
        for (probability, want) in [(0.5, 0.0), (0.8, 0.841_621_233_572_914), (0.975, 1.959_963_984_540_054)]
        {
            assert!((normal_quantile(probability) - want).abs() < 1e-12);
        }
        assert!((normal_quantile(0.025) + normal_quantile(0.975)).abs() < 1e-12);
    }
}
