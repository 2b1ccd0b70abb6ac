//! What goes into a model and comes out of it.

use std::borrow::Cow;
use std::ops::Range;

use half::{bf16, f16};
use ort::session::{SessionInputValue, SessionOutputs};
use ort::value::{DynTensor, DynValue, Outlet, Shape, Tensor, TensorElementType, TensorRef, ValueType};

use crate::{Error, ErrorKind, Result};

/// Name, element type and dimensions of an input or output, as the model declares them.
#[derive(Debug, Clone)]
pub(crate) struct TensorSpec {
    /// Its name.
    pub(crate) name: String,
    /// Type of its elements; `None` if it is no tensor.
    pub(super) element: Option<TensorElementType>,
    /// Its dimensions.
    pub(crate) dims: Vec<Dim>,
}

/// One dimension of an input or output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Dim {
    /// A fixed number.
    Fixed(usize),
    /// Any number, with the name that the exporter gave it (possibly empty).
    Any(String),
}

impl TensorSpec {
    pub(super) fn of(outlet: &Outlet) -> Self {
        let name = outlet.name().to_owned();
        let ValueType::Tensor { ty, shape, dimension_symbols } = outlet.dtype() else {
            return Self { name, element: None, dims: Vec::new() };
        };
        let dims = shape
            .iter()
            .zip(dimension_symbols.iter())
            .map(|(&size, symbol)| {
                usize::try_from(size).map_or_else(|_| Dim::Any(symbol.clone()), Dim::Fixed)
            })
            .collect();
        Self { name, element: Some(*ty), dims }
    }

    #[cfg(test)]
    pub(crate) fn named(name: &str, dims: Vec<Dim>) -> Self {
        Self { name: name.to_owned(), element: Some(TensorElementType::Float32), dims }
    }

    /// Element type and shape, for messages: `float32[batch, 3]`.
    pub(crate) fn describe(&self) -> String {
        let dims: Vec<String> = self
            .dims
            .iter()
            .map(|dim| match dim {
                Dim::Fixed(size) => size.to_string(),
                Dim::Any(symbol) if symbol.is_empty() => "?".to_owned(),
                Dim::Any(symbol) => symbol.clone(),
            })
            .collect();
        let element = self.element.map_or_else(|| "not a tensor".to_owned(), |element| element.to_string());
        format!("{element}[{}]", dims.join(", "))
    }

    /// Whether its elements are floating-point numbers that can be read.
    pub(crate) fn is_float(&self) -> bool {
        use TensorElementType::{Bfloat16, Float16, Float32, Float64};
        matches!(self.element, Some(Float32 | Float16 | Bfloat16 | Float64))
    }
}

/// A value for one input.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Input<'a> {
    /// Integers (token ids, masks, positions, flags), converted to the element type that the model declares.
    Integers(&'a [i64], &'a [usize]),
    /// An output of an earlier run.
    Value(&'a Value),
}

/// An output that is kept for later runs, for example a key/value cache. It may be read by many runs at once.
#[derive(Debug)]
pub(crate) struct Value(pub(super) DynValue);

impl Value {
    /// A tensor with no elements of the type that `spec` declares; `shape` has a zero in it.
    ///
    /// # Errors
    /// `InvalidModel` if `spec` is no tensor; `Inference` if the runtime refuses.
    pub(crate) fn empty(spec: &TensorSpec, shape: &[usize]) -> Result<Self> {
        let element = spec.element.ok_or_else(|| {
            Error::invalid_model(format!("the input {:?} is {}", spec.name, spec.describe()))
        })?;
        let shape = Shape::new(shape.iter().map(|&size| size as i64));
        let tensor = DynTensor::new(&ort::memory::Allocator::default(), element, shape)
            .map_err(|error| inference(&error))?;
        Ok(Self(tensor.into_dyn()))
    }
}

impl Input<'_> {
    /// The value that the runtime is handed for the input `spec`.
    pub(super) fn to_session<'v>(self, spec: &TensorSpec) -> Result<SessionInputValue<'v>>
    where
        Self: 'v,
    {
        let (data, shape) = match self {
            Input::Value(value) => return Ok(SessionInputValue::from(&value.0)),
            Input::Integers(data, shape) => (data, shape),
        };
        macro_rules! converted {
            ($convert:expr) => {
                Tensor::from_array((shape, data.iter().map($convert).collect::<Vec<_>>()))
                    .map(SessionInputValue::from)
                    .map_err(|error| inference(&error))
            };
        }
        match spec.element {
            // The usual type is handed over without a copy.
            Some(TensorElementType::Int64) => TensorRef::from_array_view((shape, data))
                .map(SessionInputValue::from)
                .map_err(|error| inference(&error)),
            Some(TensorElementType::Int32) => converted!(|&x| x as i32),
            Some(TensorElementType::Float32) => converted!(|&x| x as f32),
            Some(TensorElementType::Float64) => converted!(|&x| x as f64),
            Some(TensorElementType::Float16) => converted!(|&x| f16::from_f32(x as f32)),
            Some(TensorElementType::Bfloat16) => converted!(|&x| bf16::from_f32(x as f32)),
            Some(TensorElementType::Bool) => converted!(|&x| x != 0),
            _ => Err(Error::invalid_model(format!(
                "the input {:?} is {}, expected integers, floats or booleans",
                spec.name,
                spec.describe()
            ))),
        }
    }
}

/// The outputs of one run.
#[derive(Debug)]
pub(crate) struct Outputs<'a, 'r> {
    pub(super) values: &'a mut SessionOutputs<'r>,
}

impl Outputs<'_, '_> {
    /// Shape of a floating-point output, and those of its elements that `range` names for the shape, in single
    /// precision.
    ///
    /// # Errors
    /// `InvalidModel` if there is no such output, it holds other elements, or fewer than `range` wants.
    pub(crate) fn floats(
        &self,
        name: &str,
        range: impl FnOnce(&[usize]) -> Range<usize>,
    ) -> Result<(Vec<usize>, Cow<'_, [f32]>)> {
        let value =
            self.values.get(name).ok_or_else(|| Error::invalid_model(format!("no output {name:?}")))?;
        let sizes = |shape: &Shape| -> Vec<usize> {
            shape.iter().map(|&size| usize::try_from(size).unwrap_or(0)).collect()
        };
        let missing = |shape: &[usize]| {
            Error::invalid_model(format!("the output {name:?} has shape {shape:?}, with too few elements"))
        };
        if let Ok((shape, data)) = value.try_extract_tensor::<f32>() {
            let shape = sizes(shape);
            let kept = data.get(range(&shape)).ok_or_else(|| missing(&shape))?;
            return Ok((shape, Cow::Borrowed(kept)));
        }
        macro_rules! converted {
            ($element:ty, $convert:expr) => {
                if let Ok((shape, data)) = value.try_extract_tensor::<$element>() {
                    let shape = sizes(shape);
                    let kept = data.get(range(&shape)).ok_or_else(|| missing(&shape))?;
                    return Ok((shape, Cow::Owned(kept.iter().copied().map($convert).collect())));
                }
            };
        }
        converted!(f16, f16::to_f32);
        converted!(bf16, bf16::to_f32);
        converted!(f64, |x| x as f32);
        Err(Error::invalid_model(format!("the output {name:?} holds no floats but {}", value.dtype())))
    }

    /// Takes an output out, to be kept.
    ///
    /// # Errors
    /// `InvalidModel` if there is no such output.
    pub(crate) fn take(&mut self, name: &str) -> Result<Value> {
        self.values
            .remove(name)
            .map(Value)
            .ok_or_else(|| Error::invalid_model(format!("the model gave no output {name:?}")))
    }
}

pub(super) fn inference(error: &ort::Error) -> Error {
    Error::new(ErrorKind::Inference, format!("ONNX Runtime failed: {error}"))
}
