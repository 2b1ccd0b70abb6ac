//! Typed access to a safetensors file.

use std::borrow::Cow;

use safetensors::{Dtype, SafeTensors};

use crate::{Error, Result};

/// A tensor for a file: the type of its numbers, its shape, and its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tensor {
    pub(crate) dtype: Dtype,
    pub(crate) shape: Vec<usize>,
    /// Little-endian, row-major.
    pub(crate) bytes: Vec<u8>,
}

impl Tensor {
    fn new<const N: usize>(dtype: Dtype, shape: &[usize], numbers: impl Iterator<Item = [u8; N]>) -> Self {
        Self { dtype, shape: shape.to_vec(), bytes: numbers.flatten().collect() }
    }
}

/// The tensors of one file, read on demand. Every value is checked to be finite.
#[derive(Debug)]
pub struct Tensors {
    bytes: Cow<'static, [u8]>,
    name: String,
}

impl Tensors {
    /// Parses the header of a safetensors file; `name` is how errors call it.
    ///
    /// # Errors
    /// `InvalidModel` if it is malformed.
    pub fn new(bytes: impl Into<Cow<'static, [u8]>>, name: impl Into<String>) -> Result<Self> {
        let (bytes, name) = (bytes.into(), name.into());
        SafeTensors::deserialize(&bytes).map_err(|error| Error::invalid_model(format!("{name}: {error}")))?;
        Ok(Self { bytes, name })
    }

    /// Names of all tensors.
    ///
    /// # Errors
    /// `InvalidModel` if the file is malformed.
    pub fn names(&self) -> Result<Vec<String>> {
        Ok(self.parse()?.names().into_iter().map(str::to_owned).collect())
    }

    /// Shape of the tensor `key`.
    ///
    /// # Errors
    /// `InvalidModel` if there is none.
    pub fn shape(&self, key: &str) -> Result<Vec<usize>> {
        let tensors = self.parse()?;
        let view = tensors.tensor(key).map_err(|error| self.error(key, &error))?;
        Ok(view.shape().to_vec())
    }

    /// Values of the `f32` tensor `key`, row-major, which must have this shape.
    ///
    /// # Errors
    /// `InvalidModel` if it is missing, has another type or shape, or holds a value that is not finite.
    pub fn f32(&self, key: &str, shape: &[usize]) -> Result<Vec<f32>> {
        let values: Vec<f32> = self.read(key, Dtype::F32, shape, f32::from_le_bytes)?;
        if let Some(i) = values.iter().position(|value| !value.is_finite()) {
            return Err(self.error(key, &format!("element {i} is {}", values[i])));
        }
        Ok(values)
    }

    /// Values of the `f64` tensor `key`, as [`f32`](Self::f32).
    ///
    /// # Errors
    /// As [`f32`](Self::f32).
    pub fn f64(&self, key: &str, shape: &[usize]) -> Result<Vec<f64>> {
        let values: Vec<f64> = self.read(key, Dtype::F64, shape, f64::from_le_bytes)?;
        if let Some(i) = values.iter().position(|value| !value.is_finite()) {
            return Err(self.error(key, &format!("element {i} is {}", values[i])));
        }
        Ok(values)
    }

    /// Values of the `i8` tensor `key`.
    ///
    /// # Errors
    /// As [`f32`](Self::f32).
    pub fn i8(&self, key: &str, shape: &[usize]) -> Result<Vec<i8>> {
        self.read(key, Dtype::I8, shape, i8::from_le_bytes)
    }

    /// Values of the `u64` tensor `key`.
    ///
    /// # Errors
    /// As [`f32`](Self::f32).
    pub fn u64(&self, key: &str, shape: &[usize]) -> Result<Vec<u64>> {
        self.read(key, Dtype::U64, shape, u64::from_le_bytes)
    }

    /// Values of the `u32` tensor `key`.
    ///
    /// # Errors
    /// As [`f32`](Self::f32).
    pub fn u32(&self, key: &str, shape: &[usize]) -> Result<Vec<u32>> {
        self.read(key, Dtype::U32, shape, u32::from_le_bytes)
    }

    fn read<T, const N: usize>(
        &self,
        key: &str,
        dtype: Dtype,
        shape: &[usize],
        convert: impl Fn([u8; N]) -> T,
    ) -> Result<Vec<T>> {
        let tensors = self.parse()?;
        let view = tensors.tensor(key).map_err(|error| self.error(key, &error))?;
        if view.dtype() != dtype || view.shape() != shape {
            return Err(self.error(
                key,
                &format!(
                    "{:?} of shape {:?}, expected {dtype:?} of shape {shape:?}",
                    view.dtype(),
                    view.shape()
                ),
            ));
        }
        Ok(view.data().as_chunks::<N>().0.iter().map(|bytes| convert(*bytes)).collect())
    }

    fn parse(&self) -> Result<SafeTensors<'_>> {
        SafeTensors::deserialize(&self.bytes)
            .map_err(|error| Error::invalid_model(format!("{}: {error}", self.name)))
    }

    fn error(&self, key: &str, reason: &dyn std::fmt::Display) -> Error {
        Error::invalid_model(format!("{}: tensor {key:?}: {reason}", self.name))
    }
}

/// A tensor of `f32` for [`ArtifactWriter::add_tensors`](crate::artifact::ArtifactWriter::add_tensors).
pub fn tensor_f32(shape: &[usize], values: &[f32]) -> Tensor {
    Tensor::new(Dtype::F32, shape, values.iter().map(|value| value.to_le_bytes()))
}

/// A tensor of `f64` for [`ArtifactWriter::add_tensors`](crate::artifact::ArtifactWriter::add_tensors).
pub fn tensor_f64(shape: &[usize], values: &[f64]) -> Tensor {
    Tensor::new(Dtype::F64, shape, values.iter().map(|value| value.to_le_bytes()))
}

/// A tensor of `u32` for [`ArtifactWriter::add_tensors`](crate::artifact::ArtifactWriter::add_tensors).
pub fn tensor_u32(shape: &[usize], values: &[u32]) -> Tensor {
    Tensor::new(Dtype::U32, shape, values.iter().map(|value| value.to_le_bytes()))
}

/// A tensor of `i8` for [`ArtifactWriter::add_tensors`](crate::artifact::ArtifactWriter::add_tensors).
pub fn tensor_i8(shape: &[usize], values: &[i8]) -> Tensor {
    Tensor::new(Dtype::I8, shape, values.iter().map(|value| value.to_le_bytes()))
}
