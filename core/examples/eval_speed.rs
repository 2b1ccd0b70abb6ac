//! Times the report of a pair: `eval_speed [ROWS] [DRAWS]`, 14,000 simulated rows and 1,000 draws by default.

use std::time::Instant;

use routellm_core::Result;
use routellm_core::eval::{EvalOptions, Graded, PairReport, Prices};
use routellm_core::numeric::Rng;

fn main() -> Result<()> {
    let mut numbers = std::env::args().skip(1).map(|text| text.parse().unwrap_or(0));
    let (rows, draws) = (numbers.next().unwrap_or(14_000), numbers.next().unwrap_or(1000));
    let mut rng = Rng::new(1);
    let (scores, graded): (Vec<f64>, Vec<Graded>) = (0..rows)
        .map(|_| {
            let hard = rng.uniform();
            let right = |rng: &mut Rng, chance: f64| f64::from(u8::from(rng.uniform() < chance));
            (hard, Graded::new(right(&mut rng, 0.85), right(&mut rng, 0.9 - 0.5 * hard)))
        })
        .unzip();
    let options = EvalOptions::new().draws(draws).prices(Prices::new(0.01, 0.0002));
    for threads in [1, 2] {
        let since = Instant::now();
        let report = PairReport::new(&scores, &graded, &options.clone().threads(threads))?;
        let apgr = report.router.apgr.map_or(f64::NAN, |apgr| apgr.value);
        println!(
            "{rows} rows, {draws} draws, {threads} threads: {:.3} s (APGR {apgr:.4})",
            since.elapsed().as_secs_f64()
        );
    }
    Ok(())
}
