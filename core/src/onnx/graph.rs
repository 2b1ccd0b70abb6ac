//! What a model file says of itself, read without a runtime: the operators that it uses, the files that its weights
//! are in, and its outputs.
//!
//! The form is the protocol buffer of `onnx.proto`; only the fields on the way to these are followed, and everything
//! else is skipped.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, BufReader, Cursor, Read, Seek};
use std::path::{Component, Path};

use crate::files::unfetched;
use crate::{Error, ErrorKind, Result};

/// Operators, external files and outputs of a model.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Graph {
    operators: BTreeSet<String>,
    external_files: BTreeSet<String>,
    outputs: Vec<Output>,
    /// By what they give, the nodes of the outermost graph that make probabilities or hand on what they get.
    last: BTreeMap<String, Node>,
}

/// A node with one input and one output.
#[derive(Debug, Default, PartialEq, Eq)]
struct Node {
    operator: String,
    input: Option<String>,
    output: Option<String>,
    axis: Option<i64>,
}

/// Makes the probabilities of one row.
const SOFTMAX: &str = "Softmax";
/// Makes the probability of one number.
const SIGMOID: &str = "Sigmoid";
/// Operators that hand on what they get.
const ON: [&str; 2] = ["Identity", "Cast"];

/// How a model makes probabilities of its logits, where it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Probabilities {
    /// Of a row, which sum to 1.
    Softmax,
    /// Of each number.
    Sigmoid,
}

/// An output as a model declares it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Output {
    pub(crate) name: String,
    /// Its dimensions, `None` for one of no fixed size; `None` if the model does not tell them.
    pub(crate) dims: Option<Vec<Option<u64>>>,
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
        let file = File::open(path).map_err(|error| Error::io(path, error))?;
        let length = file.metadata().map_err(|error| Error::io(path, error))?.len();
        Self::from_source(file, length)
            .map_err(|error| unfetched(path).unwrap_or_else(|| error.context(path.display())))
    }

    /// Reads the bytes of a model.
    ///
    /// # Errors
    /// `InvalidModel` if they are cut short or no ONNX model.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        Self::from_source(Cursor::new(bytes), bytes.len() as u64)
    }

    fn from_source(source: impl Read + Seek, length: u64) -> Result<Self> {
        let mut graph = Self::default();
        let mut found = false;
        let mut fields = Fields { source: BufReader::new(source), at: 0 };
        fields.each(length, &mut |fields, number, end| {
            // ModelProto.graph
            if number == 7 {
                found = true;
                graph.graph(fields, end, 0)?;
            }
            Ok(())
        })?;
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

    /// What the model gives, in its order.
    pub(crate) fn outputs(&self) -> &[Output] {
        &self.outputs
    }

    /// How the output `name` comes to be probabilities, if a node at its end makes them of rows `[rows, outputs]`.
    pub(crate) fn probabilities(&self, name: &str) -> Option<Probabilities> {
        let mut name = name;
        // A graph may be malformed and hold a circle.
        for _ in 0..=self.last.len() {
            let node = self.last.get(name)?;
            match node.operator.as_str() {
                SIGMOID => return Some(Probabilities::Sigmoid),
                SOFTMAX => {
                    return matches!(node.axis, None | Some(-1 | 1)).then_some(Probabilities::Softmax);
                }
                _ => name = node.input.as_deref()?,
            }
        }
        None
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

    fn graph<R: Read + Seek>(&mut self, fields: &mut Fields<R>, end: u64, depth: usize) -> Result<()> {
        if depth > MAX_DEPTH {
            return Err(malformed("graphs are nested too deep"));
        }
        fields.each(end, &mut |fields, number, end| match number {
            // GraphProto.node, .initializer, .sparse_initializer.values and .indices
            1 => self.node(fields, end, depth),
            5 => self.tensor(fields, end),
            15 => fields.each(end, &mut |fields, number, end| match number {
                1 | 2 => self.tensor(fields, end),
                _ => Ok(()),
            }),
            // .output
            12 if depth == 0 => {
                self.outputs.push(output(fields, end)?);
                Ok(())
            }
            _ => Ok(()),
        })
    }

    fn node<R: Read + Seek>(&mut self, fields: &mut Fields<R>, end: u64, depth: usize) -> Result<()> {
        let mut node = Node::default();
        fields.each_with_numbers(end, &mut |fields, number, field| {
            let Field::Bytes(end) = field else { return Ok(()) };
            match number {
                // NodeProto.input, .output
                1 => {
                    node.input.get_or_insert(fields.text(end)?);
                }
                2 => {
                    node.output.get_or_insert(fields.text(end)?);
                }
                // .op_type
                4 => {
                    node.operator = fields.text(end)?;
                    self.operators.insert(node.operator.clone());
                }
                // .attribute: AttributeProto.name, .i, .t, .g, .tensors, .graphs
                5 => {
                    let (mut name, mut value) = (String::new(), None);
                    fields.each_with_numbers(end, &mut |fields, number, field| match (number, field) {
                        (1, Field::Bytes(end)) => {
                            name = fields.text(end)?;
                            Ok(())
                        }
                        (3, Field::Number(number)) => {
                            value = Some(number.cast_signed());
                            Ok(())
                        }
                        (5 | 10, Field::Bytes(end)) => self.tensor(fields, end),
                        (6 | 11, Field::Bytes(end)) => self.graph(fields, end, depth + 1),
                        _ => Ok(()),
                    })?;
                    if name == "axis" {
                        node.axis = value;
                    }
                }
                _ => {}
            }
            Ok(())
        })?;
        let kept = [SOFTMAX, SIGMOID].iter().chain(&ON).any(|operator| *operator == node.operator);
        if let Some(output) = node.output.clone().filter(|_| depth == 0 && kept) {
            self.last.insert(output, node);
        }
        Ok(())
    }

    fn tensor<R: Read + Seek>(&mut self, fields: &mut Fields<R>, end: u64) -> Result<()> {
        fields.each(end, &mut |fields, number, end| {
            // TensorProto.external_data: StringStringEntryProto
            if number != 13 {
                return Ok(());
            }
            let (mut key, mut value) = (String::new(), String::new());
            fields.each(end, &mut |fields, number, end| {
                match number {
                    1 => key = fields.text(end)?,
                    2 => value = fields.text(end)?,
                    _ => {}
                }
                Ok(())
            })?;
            if key == "location" {
                self.external_files.insert(value);
            }
            Ok(())
        })
    }
}

/// A `ValueInfoProto`.
fn output<R: Read + Seek>(fields: &mut Fields<R>, end: u64) -> Result<Output> {
    let mut output = Output::default();
    fields.each(end, &mut |fields, number, end| match number {
        1 => {
            output.name = fields.text(end)?;
            Ok(())
        }
        // .type: TypeProto.tensor_type, .shape, .dim
        2 => fields.each(end, &mut |fields, number, end| match number {
            1 => fields.each(end, &mut |fields, number, end| {
                if number != 2 {
                    return Ok(());
                }
                let dims = output.dims.get_or_insert_default();
                fields.each(end, &mut |fields, number, end| {
                    if number == 1 {
                        dims.push(fields.size(end)?);
                    }
                    Ok(())
                })
            }),
            _ => Ok(()),
        }),
        _ => Ok(()),
    })?;
    Ok(output)
}

fn malformed(what: &str) -> Error {
    Error::invalid_model(format!("not a whole ONNX model: {what}"))
}

/// Longest name of an operator or a file.
const MAX_TEXT: u64 = 1 << 16;

/// The fields of messages, read one after the other: what does not matter is skipped, so that gigabytes of weights need
/// not be read.
struct Fields<R> {
    source: BufReader<R>,
    at: u64,
}

/// What is done with a field that holds bytes: its number, and where it ends.
type Visit<'a, R> = dyn FnMut(&mut Fields<R>, u64, u64) -> Result<()> + 'a;

/// What a field holds: bytes up to a place, or a number.
#[derive(Debug, Clone, Copy)]
enum Field {
    Bytes(u64),
    Number(u64),
}

/// What is done with a field: its number, and what it holds.
type VisitAll<'a, R> = dyn FnMut(&mut Fields<R>, u64, Field) -> Result<()> + 'a;

impl<R: Read + Seek> Fields<R> {
    /// Visits the fields of a message that ends at `end` and that hold bytes. What a visit leaves of a field is skipped.
    fn each(&mut self, end: u64, visit: &mut Visit<'_, R>) -> Result<()> {
        self.each_with_numbers(end, &mut |fields, number, field| match field {
            Field::Bytes(end) => visit(fields, number, end),
            Field::Number(_) => Ok(()),
        })
    }

    /// As [`each`](Self::each), with fields that hold a number of any length.
    fn each_with_numbers(&mut self, end: u64, visit: &mut VisitAll<'_, R>) -> Result<()> {
        while self.at < end {
            let key = self.varint(end)?;
            let length = match key & 7 {
                0 => {
                    let number = self.varint(end)?;
                    visit(self, key >> 3, Field::Number(number))?;
                    continue;
                }
                1 => 8,
                2 => self.varint(end)?,
                5 => 4,
                _ => return Err(malformed("a field has an unknown type")),
            };
            let stop = self.at.checked_add(length).filter(|stop| *stop <= end).ok_or_else(cut)?;
            if key & 7 == 2 {
                visit(self, key >> 3, Field::Bytes(stop))?;
            }
            let rest = i64::try_from(stop - self.at).map_err(|_| cut())?;
            self.source.seek_relative(rest).map_err(failed)?;
            self.at = stop;
        }
        Ok(())
    }

    fn varint(&mut self, end: u64) -> Result<u64> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            if self.at >= end {
                return Err(cut());
            }
            let mut byte = [0];
            self.source.read_exact(&mut byte).map_err(failed)?;
            self.at += 1;
            value |= u64::from(byte[0] & 0x7f) << shift;
            if byte[0] < 0x80 {
                return Ok(value);
            }
        }
        Err(malformed("a number is too long"))
    }

    /// The number of a dimension that ends at `end`, if it has one and not a name.
    fn size(&mut self, end: u64) -> Result<Option<u64>> {
        // Dimension.dim_value
        if self.at < end && self.varint(end)? == 1 << 3 { self.varint(end).map(Some) } else { Ok(None) }
    }

    /// The text up to `end`.
    fn text(&mut self, end: u64) -> Result<String> {
        let length = end - self.at;
        if length > MAX_TEXT {
            return Err(malformed("a name is too long"));
        }
        let mut bytes = vec![0; length as usize];
        self.source.read_exact(&mut bytes).map_err(failed)?;
        self.at = end;
        String::from_utf8(bytes).map_err(|_| malformed("a name is not UTF-8"))
    }
}

fn cut() -> Error {
    malformed("it ends in the middle of a field")
}

fn failed(error: io::Error) -> Error {
    if error.kind() == io::ErrorKind::UnexpectedEof {
        // The file became shorter while it was read.
        return cut();
    }
    Error::new(ErrorKind::Io, error.to_string()).with_source(error)
}

/// The name in an artifact of a file that is named by the model `model`, relative to it.
pub(crate) fn beside(model: &str, file: &str) -> String {
    match model.rsplit_once('/') {
        Some((folder, _)) => format!("{folder}/{file}"),
        None => file.to_owned(),
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
        let dims = [field(1, &field(2, b"batch")), field(1, &[1 << 3, 3])].concat();
        let shaped = [field(1, b"logits"), field(2, &field(1, &field(2, &dims)))].concat();
        let shapeless = field(1, b"other");
        field(7, &[field(1, &node), field(5, &tensor), field(12, &shaped), field(12, &shapeless)].concat())
    }

    #[test]
    fn operators_and_files_are_found_in_inner_graphs_too() {
        let graph = Graph::parse(&model("model.onnx.data")).unwrap();
        assert!(graph.dynamically_quantized());
        assert_eq!(graph.external_files().collect::<Vec<_>>(), ["model.onnx.data"]);
    }

    #[test]
    fn outputs_have_the_dimensions_that_the_model_tells() {
        let graph = Graph::parse(&model("weights")).unwrap();
        let outputs: Vec<_> =
            graph.outputs().iter().map(|output| (output.name.as_str(), output.dims.clone())).collect();
        assert_eq!(outputs, [("logits", Some(vec![None, Some(3)])), ("other", None)]);
    }

    #[test]
    fn probabilities_are_seen_behind_nodes_that_hand_on() {
        let axis = |value: u8| field(5, &[field(1, b"axis"), vec![3 << 3, value]].concat());
        let node = |operator: &str, input: &str, output: &str, rest: Vec<u8>| {
            let fields = [(1, input), (2, output), (4, operator)];
            let fields = fields.iter().flat_map(|(number, text)| field(*number, text.as_bytes()));
            field(1, &fields.chain(rest).collect::<Vec<_>>())
        };
        let nodes = [
            node("Softmax", "x", "p", Vec::new()),
            node("Cast", "p", "q", Vec::new()),
            node("Identity", "q", "r", Vec::new()),
            node("Softmax", "x", "columns", axis(0)),
            node("Softmax", "x", "rows", axis(1)),
            node("Sigmoid", "x", "s", Vec::new()),
            node("Identity", "circle", "circle", Vec::new()),
            node("MatMul", "p", "m", Vec::new()),
        ];
        let graph = Graph::parse(&field(7, &nodes.concat())).unwrap();
        for (name, found) in [
            ("p", Some(Probabilities::Softmax)),
            ("r", Some(Probabilities::Softmax)),
            ("rows", Some(Probabilities::Softmax)),
            ("s", Some(Probabilities::Sigmoid)),
            ("columns", None),
            ("circle", None),
            ("m", None),
            ("x", None),
        ] {
            assert_eq!(graph.probabilities(name), found, "{name}");
        }
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
