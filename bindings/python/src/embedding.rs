//! Embeddings that come through the buffer protocol: numpy, `array.array`, `memoryview`, without a copy.

use pyo3::buffer::PyUntypedBuffer;
use pyo3::prelude::*;
use pyo3::types::PyMemoryView;

use crate::error::invalid_argument;
use crate::text::type_name;

/// Numbers of somebody else's buffer. It stays exported, so it can be neither freed nor resized meanwhile.
pub(crate) struct Embeddings {
    buffer: PyUntypedBuffer,
    rows: Option<usize>,
}

impl Embeddings {
    /// The buffer of `value`: float32 in native byte order, C-contiguous, one- or two-dimensional.
    pub(crate) fn new(value: &Bound<'_, PyAny>) -> PyResult<Self> {
        let refuse = |came: String| {
            let message = format!("{came}, expected a C-contiguous buffer of float32 with 1 or 2 dimensions");
            invalid_argument(value.py(), message)
        };
        let buffer = match PyUntypedBuffer::get(value) {
            Ok(buffer) => buffer,
            // Exporters may leave out what follows from the rest, as ctypes does; a memoryview fills it in.
            Err(_) => match PyMemoryView::from(value) {
                Ok(view) => PyUntypedBuffer::get(&view)
                    .map_err(|_| refuse("the embedding's buffer has 0 dimensions".to_owned()))?,
                Err(_) => return Err(refuse(format!("the embedding is of type {}", type_name(value)))),
            },
        };
        // By hand: the typed buffer of pyo3 takes big-endian numbers for native ones.
        let format = buffer.format().to_string_lossy().into_owned();
        let native = if cfg!(target_endian = "little") { "<f" } else { ">f" };
        if !["f", "@f", "=f", native].contains(&format.as_str()) || buffer.item_size() != size_of::<f32>() {
            return Err(refuse(format!("the embedding's buffer has the format {format:?}")));
        }
        if !(1..=2).contains(&buffer.dimensions()) {
            return Err(refuse(format!("the embedding's buffer has {} dimensions", buffer.dimensions())));
        }
        if !buffer.is_c_contiguous() {
            return Err(refuse("the embedding's buffer is not contiguous".to_owned()));
        }
        // Where there are no numbers, there may be no proper pointer.
        if buffer.item_count() > 0 && !(buffer.buf_ptr() as usize).is_multiple_of(align_of::<f32>()) {
            return Err(refuse("the embedding's buffer is not aligned".to_owned()));
        }
        let rows = (buffer.dimensions() == 2).then(|| buffer.shape()[0]);
        Ok(Self { buffer, rows })
    }

    /// One embedding: one-dimensional, or two-dimensional with one row.
    pub(crate) fn one(value: &Bound<'_, PyAny>) -> PyResult<Self> {
        let this = Self::new(value)?;
        match this.rows {
            None | Some(1) => Ok(this),
            Some(rows) => {
                let message = format!("the buffer has {rows} rows, expected one embedding");
                Err(invalid_argument(value.py(), message))
            }
        }
    }

    /// A matrix, one embedding a row, and how many numbers each has.
    pub(crate) fn matrix(value: &Bound<'_, PyAny>) -> PyResult<(Self, usize)> {
        let this = Self::new(value)?;
        if this.rows.is_none() {
            let message = "the embeddings are one-dimensional, expected one row for each vote";
            return Err(invalid_argument(value.py(), message));
        }
        let dimension = this.buffer.shape()[1];
        Ok((this, dimension))
    }

    /// All numbers, row by row.
    pub(crate) fn values(&self) -> &[f32] {
        let count = self.buffer.item_count();
        if count == 0 {
            return &[];
        }
        // SAFETY: `new` checked type, alignment and contiguity, and the export keeps the memory alive. That
        // nobody writes to it during a call is the caller's part, as everywhere the GIL is released.
        unsafe { std::slice::from_raw_parts(self.buffer.buf_ptr().cast::<f32>(), count) }
    }

    /// The number of rows of a router that takes embeddings of `dimension` numbers: as shaped, or for a flat
    /// buffer as many as it holds.
    pub(crate) fn rows(&self, py: Python<'_>, dimension: usize) -> PyResult<usize> {
        let count = self.buffer.item_count();
        match self.rows {
            Some(rows) if count == rows * dimension => Ok(rows),
            Some(_) => Err(invalid_argument(
                py,
                format!(
                    "the embeddings have {} dimensions, this router takes {dimension}",
                    self.buffer.shape()[1]
                ),
            )),
            None if count.is_multiple_of(dimension) => Ok(count / dimension),
            None => Err(invalid_argument(
                py,
                format!("a flat buffer of {count} numbers holds no whole embeddings of {dimension}"),
            )),
        }
    }
}
