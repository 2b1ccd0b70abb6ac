//! Independent pieces of work on several threads.

/// What `work` makes of each item, in the order of the items, each on a thread of its own but the last, which runs on
/// the caller's. It is for a few large pieces: make as many as there are threads to use.
pub(crate) fn parallel_map<T: Send, R: Send>(
    items: impl IntoIterator<Item = T>,
    work: impl Fn(T) -> R + Sync,
) -> Vec<R> {
    let mut items: Vec<T> = items.into_iter().collect();
    let Some(last) = items.pop() else {
        return Vec::new();
    };
    let work = &work;
    std::thread::scope(|scope| {
        let running: Vec<_> = items.into_iter().map(|item| scope.spawn(move || work(item))).collect();
        let last = work(last);
        let ended = running.into_iter().map(|thread| match thread.join() {
            Ok(result) => result,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        ended.chain([last]).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::parallel_map;

    #[test]
    fn results_are_in_the_order_of_the_items() {
        assert_eq!(parallel_map(0..5, |i| i * i), [0, 1, 4, 9, 16]);
        assert!(parallel_map(std::iter::empty::<u8>(), |i| i).is_empty());
    }

    #[test]
    fn a_panic_reaches_the_caller() {
        let panicked = std::panic::catch_unwind(|| parallel_map(0..2, |i| assert!(i != 0, "zero")));
        assert!(panicked.is_err());
    }
}
