//! Embeddings: what comes through the buffer protocol as float32 is read in place, other numbers in one pass.

use half::f16;
use pyo3::buffer::PyUntypedBuffer;
use pyo3::exceptions::PyException;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyByteArray, PyBytes, PyFloat, PyInt, PyList, PyMemoryView, PyString, PyTuple};

use crate::error::invalid_argument;
use crate::text::type_name;

/// What is taken, for errors.
const EXPECTED: &str = "expected numbers with 1 or 2 dimensions: a buffer of float32 (read in place), float64 or float16, \
                        or a list or tuple of floats";

/// Numbers of one or many embeddings.
pub(crate) struct Embeddings {
    numbers: Numbers,
    /// Rows and numbers in each, where there are two dimensions.
    shape: Option<(usize, usize)>,
}

enum Numbers {
    /// Somebody else's. It stays exported, so it can be neither freed nor resized meanwhile.
    Borrowed(PyUntypedBuffer),
    Copied(Vec<f32>),
}

impl Embeddings {
    /// The numbers of `value`: a buffer in native byte order, aligned and C-contiguous, of float32 is borrowed; other
    /// floats, in any layout, and lists and tuples are copied.
    pub(crate) fn new(value: &Bound<'_, PyAny>) -> PyResult<Self> {
        if is_sequence(value) {
            return Self::of_sequence(value, true);
        }
        let refuse = |came: String| invalid_argument(value.py(), format!("{came}, {EXPECTED}"));
        let buffer = match PyUntypedBuffer::get(value) {
            Ok(buffer) => buffer,
            // Exporters may leave out what follows from the rest, as ctypes does; a memoryview fills it in.
            Err(_) => match PyMemoryView::from(value) {
                Ok(view) => PyUntypedBuffer::get(&view)
                    .map_err(|_| refuse("the embedding's buffer has 0 dimensions".to_owned()))?,
                Err(_) => return Err(refuse(format!("the embedding is of type {}", type_name(value)))),
            },
        };
        let Some(float) = Float::of(&buffer) else {
            let format = buffer.format().to_string_lossy();
            return Err(refuse(format!("the embedding's buffer has the format {format:?}")));
        };
        let shape = match *buffer.shape() {
            [_] => None,
            [rows, columns] => Some((rows, columns)),
            _ => {
                return Err(refuse(format!("the embedding's buffer has {} dimensions", buffer.dimensions())));
            }
        };
        if buffer.suboffsets().is_some_and(|offsets| offsets.iter().any(|offset| *offset >= 0)) {
            return Err(refuse("the embedding's buffer holds pointers".to_owned()));
        }
        // Where there are no numbers, there may be no proper pointer.
        let aligned =
            buffer.item_count() == 0 || (buffer.buf_ptr() as usize).is_multiple_of(align_of::<f32>());
        let in_place = float == Float::NATIVE && aligned && buffer.is_c_contiguous();
        let numbers =
            if in_place { Numbers::Borrowed(buffer) } else { Numbers::Copied(float.copied(&buffer)) };
        Ok(Self { numbers, shape })
    }

    /// The numbers of a list or tuple: numbers, or rows of them, where those may be.
    fn of_sequence(value: &Bound<'_, PyAny>, rows_may_be: bool) -> PyResult<Self> {
        let mut copied = Vec::with_capacity(value.len()?);
        let mut shape: Option<(usize, usize)> = None;
        for (i, element) in value.try_iter()?.enumerate() {
            let element = element?;
            if i == 0 && rows_may_be && is_row(&element)? {
                shape = Some((0, 0));
            }
            let Some((rows, columns)) = &mut shape else {
                copied.push(number(&element, i)?);
                continue;
            };
            let row =
                if is_sequence(&element) { Self::of_sequence(&element, false) } else { Self::new(&element) };
            let row = row.map_err(|error| {
                invalid_argument(value.py(), format!("row {i}: {}", error.value(value.py())))
            })?;
            let numbers = row.values();
            if row.shape.is_some() || (i > 0 && numbers.len() != *columns) {
                let found = match row.shape {
                    Some(_) => "2 dimensions".to_owned(),
                    None => format!("{} numbers", numbers.len()),
                };
                let message =
                    format!("row {i} of the embeddings has {found}, expected as many numbers as row 0 has");
                return Err(invalid_argument(value.py(), message));
            }
            (*rows, *columns) = (i + 1, numbers.len());
            copied.extend_from_slice(numbers);
        }
        Ok(Self { numbers: Numbers::Copied(copied), shape })
    }

    /// One embedding: one-dimensional, or two-dimensional with one row.
    pub(crate) fn one(value: &Bound<'_, PyAny>) -> PyResult<Self> {
        let this = Self::new(value)?;
        match this.shape {
            None | Some((1, _)) => Ok(this),
            Some((rows, _)) => {
                let message = format!("there are {rows} rows, expected one embedding");
                Err(invalid_argument(value.py(), message))
            }
        }
    }

    /// A matrix, one embedding a row, and how many numbers each has.
    pub(crate) fn matrix(value: &Bound<'_, PyAny>) -> PyResult<(Self, usize)> {
        let this = Self::new(value)?;
        let Some((_, dimension)) = this.shape else {
            let message = "the embeddings are one-dimensional, expected one row for each vote";
            return Err(invalid_argument(value.py(), message));
        };
        Ok((this, dimension))
    }

    /// All numbers, row by row.
    pub(crate) fn values(&self) -> &[f32] {
        match &self.numbers {
            Numbers::Copied(values) => values,
            Numbers::Borrowed(buffer) if buffer.item_count() == 0 => &[],
            // SAFETY: `new` checked type, alignment and contiguity, and the export keeps the memory alive. That
            // nobody writes to it during a call is the caller's part, as everywhere the GIL is released.
            Numbers::Borrowed(buffer) => unsafe {
                std::slice::from_raw_parts(buffer.buf_ptr().cast::<f32>(), buffer.item_count())
            },
        }
    }

    /// The number of rows of a router that takes embeddings of `dimension` numbers: as shaped, or for a flat
    /// buffer as many as it holds.
    pub(crate) fn rows(&self, py: Python<'_>, dimension: usize) -> PyResult<usize> {
        let count = self.values().len();
        match self.shape {
            Some((rows, _)) if count == rows * dimension => Ok(rows),
            Some((_, found)) => Err(invalid_argument(
                py,
                format!("the embeddings have {found} dimensions, this router takes {dimension}"),
            )),
            None if count.is_multiple_of(dimension) => Ok(count / dimension),
            None => Err(invalid_argument(
                py,
                format!("a flat buffer of {count} numbers holds no whole embeddings of {dimension}"),
            )),
        }
    }
}

/// A floating-point type of a buffer.
#[derive(Clone, Copy, PartialEq)]
struct Float {
    /// The letter of the module `struct`.
    code: u8,
    big_endian: bool,
}

impl Float {
    /// What is read in place.
    const NATIVE: Self = Self { code: b'f', big_endian: cfg!(target_endian = "big") };

    /// By hand: the typed buffer of pyo3 takes big-endian numbers for native ones.
    fn of(buffer: &PyUntypedBuffer) -> Option<Self> {
        let (order, code) = match *buffer.format().to_bytes() {
            [code] => (b'=', code),
            [order, code] => (order, code),
            _ => return None,
        };
        let big_endian = match order {
            b'@' | b'=' => cfg!(target_endian = "big"),
            b'<' => false,
            b'>' | b'!' => true,
            _ => return None,
        };
        let size = match code {
            b'e' => size_of::<f16>(),
            b'f' => size_of::<f32>(),
            b'd' => size_of::<f64>(),
            _ => return None,
        };
        (buffer.item_size() == size).then_some(Self { code, big_endian })
    }

    /// The numbers of a buffer of one or two dimensions as float32, row by row.
    fn copied(self, buffer: &PyUntypedBuffer) -> Vec<f32> {
        match (self.code, self.big_endian) {
            (b'e', false) => copied(buffer, |bytes| f16::from_le_bytes(bytes).to_f32()),
            (b'e', true) => copied(buffer, |bytes| f16::from_be_bytes(bytes).to_f32()),
            (b'f', false) => copied(buffer, f32::from_le_bytes),
            (b'f', true) => copied(buffer, f32::from_be_bytes),
            (_, false) => copied(buffer, |bytes| f64::from_le_bytes(bytes) as f32),
            (_, true) => copied(buffer, |bytes| f64::from_be_bytes(bytes) as f32),
        }
    }
}

/// The items of `N` bytes, each as `read` makes it of them.
fn copied<const N: usize>(buffer: &PyUntypedBuffer, read: impl Fn([u8; N]) -> f32) -> Vec<f32> {
    let mut out = Vec::with_capacity(buffer.item_count());
    let (rows, columns, step, stride) = match (buffer.shape(), buffer.strides()) {
        (&[columns], &[stride]) => (1, columns, 0, stride),
        (&[rows, columns], &[step, stride]) => (rows, columns, step, stride),
        _ => return out,
    };
    let start = buffer.buf_ptr().cast::<u8>().cast_const();
    for row in 0..rows {
        for column in 0..columns {
            let offset = row as isize * step + column as isize * stride;
            // SAFETY: the exporter promises an item of this size at each index inside the shape, where the strides say,
            // and bytes need no alignment. That nobody writes to it meanwhile is the caller's part, where there is no GIL.
            out.push(read(unsafe { start.offset(offset).cast::<[u8; N]>().read() }));
        }
    }
    out
}

fn is_sequence(value: &Bound<'_, PyAny>) -> bool {
    value.is_instance_of::<PyList>() || value.is_instance_of::<PyTuple>()
}

/// Whether an element of a list is itself a row of numbers.
fn is_row(element: &Bound<'_, PyAny>) -> PyResult<bool> {
    let text = element.is_instance_of::<PyString>()
        || element.is_instance_of::<PyBytes>()
        || element.is_instance_of::<PyByteArray>();
    if text || element.is_instance_of::<PyFloat>() {
        return Ok(false);
    }
    // A number of numpy is a buffer, too, but has no length.
    element.hasattr("__len__")
}

/// A number of a list, as float32.
fn number(element: &Bound<'_, PyAny>, index: usize) -> PyResult<f32> {
    if let Ok(float) = element.cast_exact::<PyFloat>() {
        return Ok(float.value() as f32);
    }
    let py = element.py();
    let refuse = || {
        let found = type_name(element);
        invalid_argument(
            py,
            format!("element {index} of the embedding is of type {found}, expected a number"),
        )
    };
    let is_number = element.is_instance_of::<PyFloat>()
        || element.is_instance_of::<PyInt>()
        || (!element.is_instance_of::<PyString>() && element.hasattr("__float__")?);
    if !is_number || element.is_instance_of::<PyBool>() {
        return Err(refuse());
    }
    match element.extract::<f64>() {
        Ok(number) => Ok(number as f32),
        Err(error) if error.is_instance_of::<PyException>(py) => Err(refuse()),
        Err(error) => Err(error),
    }
}
