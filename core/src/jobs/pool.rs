//! Equal slots and the queue in front of them, in each process that uses them.

use std::sync::atomic::{AtomicBool, Ordering};

use super::{Slot, SlotLease, SlotQueue, closed, closed_meanwhile, slot_queue};
use crate::process::{self, PerProcess};
use crate::queue::Load;
use crate::{Error, ErrorKind, Result};

/// Fills the slots of a forked child, which cannot use those of its parent.
type Refill = Box<dyn Fn() -> Result<Vec<Slot>> + Send + Sync>;

/// Equal slots of which each call of a router needs one.
pub struct Pool {
    size: usize,
    max_waiting: Option<usize>,
    refill: Refill,
    /// A forked child fills its own: the parent's have no threads there, and would wait for ever.
    queue: PerProcess<SlotQueue>,
    closed: AtomicBool,
}

impl std::fmt::Debug for Pool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pool").field("size", &self.size).finish_non_exhaustive()
    }
}

impl Pool {
    /// A pool of `slots`, before which `max_waiting` calls may wait; `refill` fills those of a forked child.
    pub(crate) fn new(
        slots: Vec<Slot>,
        max_waiting: Option<usize>,
        refill: impl Fn() -> Result<Vec<Slot>> + Send + Sync + 'static,
    ) -> Self {
        Self {
            size: slots.len(),
            max_waiting,
            refill: Box::new(refill),
            queue: PerProcess::of(slot_queue(slots, max_waiting)),
            closed: AtomicBool::new(false),
        }
    }

    /// How many calls may run side by side.
    pub fn size(&self) -> usize {
        self.size
    }

    /// A slot that nobody uses, for work before there is a queue of callers: opening and training.
    ///
    /// # Errors
    /// `ResourceExhausted` if every slot is in use; `InvalidArgument` if the pool was closed; in a
    /// forked child what opening reports, `Unsupported` if a call was running at the fork.
    pub fn lease(&self) -> Result<SlotLease> {
        let lease = self.queue()?.lease().map_err(|_| closed())?;
        lease.map(SlotLease::new).ok_or_else(|| {
            Error::new(
                ErrorKind::ResourceExhausted,
                "every session is in use: open a router of its own for this",
            )
        })
    }

    /// The queue of this process.
    ///
    /// # Errors
    /// `InvalidArgument` if the pool was closed; in a forked child what opening reports, `InvalidModel` if a file was
    /// changed, `RuntimeUnavailable` on a GPU, which a child cannot use, and `Unsupported` if a call was running at the
    /// fork.
    pub(crate) fn queue(&self) -> Result<&SlotQueue> {
        process::check()?;
        if self.closed.load(Ordering::Acquire) {
            return Err(closed());
        }
        self.queue.get_or_try_init(|| Ok(slot_queue((self.refill)()?, self.max_waiting)))
    }

    /// How busy the slots are, in this process.
    pub(crate) fn load(&self) -> Load {
        self.queue.get().map_or(Load { busy: 0, waiting: 0 }, SlotQueue::load)
    }

    /// Refuses calls from now on, ends those that wait, and gives back what the slots hold when nothing that has begun
    /// needs them any more.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Release);
        if process::check().is_ok()
            && let Some(queue) = self.queue.get()
        {
            for job in queue.close() {
                job.refuse(closed_meanwhile());
            }
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        // Runners hold the queue: they have to be told.
        self.close();
    }
}
