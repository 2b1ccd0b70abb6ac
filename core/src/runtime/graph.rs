//! What a model file says of itself, read without a runtime: the operators that it uses and the files that its
//! weights are in.
//!
//! The form is the protocol buffer of `onnx.proto`; only the fields on the way to those two are followed, and
//! everything else is skipped.

use std::collections::BTreeSet;
use std::path::{Component, Path};

use crate::{Error, Result};

/// Operators and external files of a model.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Graph {
    operators: BTreeSet<String>,
    external_files: BTreeSet<String>,
}

/// Operators that quantise activations by the range that they happen to have.
const DYNAMIC: [&str; 4] =
    ["DynamicQuantizeLinear", "DynamicQuantizeMatMul", "DynamicQuantizeLSTM", "MatMulIntegerToFloat"];

/// Graphs inside graphs (branches and loops) deeper than this are refused.
const MAX_DEPTH: usize = 32;

impl Graph {
    /// Reads the model at `path`.
    ///
    /// # Errors
    /// `NotFound` or `Io`; `InvalidModel` if the file is cut short or no ONNX model.
    pub fn read(path: &Path) -> Result<Self> {
        let file = std::fs::File::open(path).map_err(|error| Error::io(path, error))?;
        #[allow(unsafe_code, reason = "maps a file, so that gigabytes of weights need not be read")]
        // SAFETY: the mapping is read once, here; a file that shrinks meanwhile is a fault of whoever does that.
        let bytes = unsafe { memmap2::Mmap::map(&file) }.map_err(|error| Error::io(path, error))?;
        Self::parse(&bytes).map_err(|error| error.context(path.display()))
    }

    /// Reads the bytes of a model.
    ///
    /// # Errors
    /// `InvalidModel` if they are cut short or no ONNX model.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        let mut graph = Self::default();
        let mut found = false;
        for field in Fields(bytes) {
            // ModelProto.graph
            if let (7, Field::Bytes(inner)) = field? {
                found = true;
                graph.graph(inner, 0)?;
            }
        }
        if !found {
            return Err(malformed("there is no graph in it"));
        }
        Ok(graph)
    }

    /// Whether an operator quantises activations by the range that they happen to have.
    pub fn dynamically_quantized(&self) -> bool {
        DYNAMIC.iter().any(|operator| self.operators.contains(*operator))
    }

    /// Names of the files beside the model that hold weights.
    pub fn external_files(&self) -> impl Iterator<Item = &str> {
        self.external_files.iter().map(String::as_str)
    }

    /// Refuses weights outside the folder of the model at `path`, and weights that are not there.
    ///
    /// # Errors
    /// `InvalidModel` naming the file.
    pub fn check_external_files(&self, path: &Path) -> Result<()> {
        let folder = path.parent().unwrap_or(Path::new("."));
        for name in &self.external_files {
            let refused = |what: &str| {
                Err(Error::invalid_model(format!(
                    "{}: its weights are in {name:?}, {what}; expected a file in the model's own folder",
                    path.display()
                )))
            };
            let inside = Path::new(name).components().all(|part| matches!(part, Component::Normal(_)));
            if name.is_empty() || !inside {
                return refused("which is outside of the folder");
            }
            if !folder.join(name).is_file() {
                return refused("which does not exist");
            }
        }
        Ok(())
    }

    fn graph(&mut self, bytes: &[u8], depth: usize) -> Result<()> {
        if depth > MAX_DEPTH {
            return Err(malformed("graphs are nested too deep"));
        }
        for field in Fields(bytes) {
            match field? {
                // GraphProto.node, .initializer, .sparse_initializer.values
                (1, Field::Bytes(node)) => self.node(node, depth)?,
                (5, Field::Bytes(tensor)) => self.tensor(tensor)?,
                (15, Field::Bytes(sparse)) => {
                    for field in Fields(sparse) {
                        if let (1 | 2, Field::Bytes(tensor)) = field? {
                            self.tensor(tensor)?;
                        }
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn node(&mut self, bytes: &[u8], depth: usize) -> Result<()> {
        for field in Fields(bytes) {
            match field? {
                // NodeProto.op_type
                (4, Field::Bytes(name)) => {
                    let name = text(name)?;
                    if !self.operators.contains(name) {
                        self.operators.insert(name.to_owned());
                    }
                }
                // NodeProto.attribute: AttributeProto.t, .g, .tensors, .graphs
                (5, Field::Bytes(attribute)) => {
                    for field in Fields(attribute) {
                        match field? {
                            (5 | 10, Field::Bytes(tensor)) => self.tensor(tensor)?,
                            (6 | 11, Field::Bytes(graph)) => self.graph(graph, depth + 1)?,
                            _ => {}
                        }
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn tensor(&mut self, bytes: &[u8]) -> Result<()> {
        for field in Fields(bytes) {
            // TensorProto.external_data: StringStringEntryProto
            let (13, Field::Bytes(entry)) = field? else { continue };
            let (mut key, mut value) = ("", "");
            for field in Fields(entry) {
                match field? {
                    (1, Field::Bytes(bytes)) => key = text(bytes)?,
                    (2, Field::Bytes(bytes)) => value = text(bytes)?,
                    _ => {}
                }
            }
            if key == "location" && !self.external_files.contains(value) {
                self.external_files.insert(value.to_owned());
            }
        }
        Ok(())
    }
}

fn malformed(what: &str) -> Error {
    Error::invalid_model(format!("not a whole ONNX model: {what}"))
}

fn text(bytes: &[u8]) -> Result<&str> {
    std::str::from_utf8(bytes).map_err(|_| malformed("a name is not UTF-8"))
}

/// A field's content, as far as it matters here.
enum Field<'a> {
    Bytes(&'a [u8]),
    Other,
}

/// The fields of a message, with their numbers.
struct Fields<'a>(&'a [u8]);

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u64, Field<'a>)>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_err() {
            self.0 = &[];
        }
        Some(field)
    }
}

impl<'a> Fields<'a> {
    fn field(&mut self) -> Result<(u64, Field<'a>)> {
        let key = self.varint()?;
        let field = match key & 7 {
            0 => {
                self.varint()?;
                Field::Other
            }
            1 => {
                self.take(8)?;
                Field::Other
            }
            2 => {
                let length = self.varint()?;
                Field::Bytes(self.take(usize::try_from(length).unwrap_or(usize::MAX))?)
            }
            5 => {
                self.take(4)?;
                Field::Other
            }
            _ => return Err(malformed("a field has an unknown type")),
        };
        Ok((key >> 3, field))
    }

    fn varint(&mut self) -> Result<u64> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.take(1)?[0];
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(malformed("a number is too long"))
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8]> {
        if count > self.0.len() {
            return Err(malformed("it ends in the middle of a field"));
        }
        let (taken, rest) = self.0.split_at(count);
        self.0 = rest;
        Ok(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(number: u64, content: &[u8]) -> Vec<u8> {
        let mut bytes = vec![(number << 3 | 2) as u8];
        let mut length = content.len();
        while length >= 0x80 {
            bytes.push(length as u8 | 0x80);
            length >>= 7;
        }
        bytes.push(length as u8);
        bytes.extend_from_slice(content);
        bytes
    }

    fn model(location: &str) -> Vec<u8> {
        let entry = [field(1, b"location"), field(2, location.as_bytes())].concat();
        let tensor = field(13, &entry);
        let inner = field(1, &field(4, b"DynamicQuantizeLinear"));
        let node = [field(4, b"If"), field(5, &field(6, &inner))].concat();
        field(7, &[field(1, &node), field(5, &tensor)].concat())
    }

    #[test]
    fn operators_and_files_are_found_in_inner_graphs_too() {
        let graph = Graph::parse(&model("model.onnx.data")).unwrap();
        assert!(graph.dynamically_quantized());
        assert_eq!(graph.external_files().collect::<Vec<_>>(), ["model.onnx.data"]);
    }

    #[test]
    fn a_model_that_is_cut_is_refused() {
        let whole = model("weights");
        for length in 0..whole.len() {
            assert!(Graph::parse(&whole[..length]).is_err(), "{length} bytes");
        }
    }

    #[test]
    fn files_outside_the_folder_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("there"), b"x").unwrap();
        let path = folder.path().join("model.onnx");
        for name in ["../there", "/etc/passwd", "", "a/../../b", "absent"] {
            let error = Graph::parse(&model(name)).unwrap().check_external_files(&path).unwrap_err();
            assert_eq!(error.kind(), crate::ErrorKind::InvalidModel, "{name}");
        }
        Graph::parse(&model("there")).unwrap().check_external_files(&path).unwrap();
    }
}
