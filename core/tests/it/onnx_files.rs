//! Models in the form of `onnx.proto`, as far as tests need it.

fn varint(mut value: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

pub(crate) fn number(field: usize, value: usize) -> Vec<u8> {
    [varint(field << 3), varint(value)].concat()
}

pub(crate) fn bytes(field: usize, content: &[u8]) -> Vec<u8> {
    [varint(field << 3 | 2), varint(content.len()), content.to_vec()].concat()
}

pub(crate) fn node(operator: &str, inputs: &[&str], output: &str, attributes: &[Vec<u8>]) -> Vec<u8> {
    let inputs = inputs.iter().map(|input| bytes(1, input.as_bytes()));
    let attributes = attributes.iter().map(|attribute| bytes(5, attribute));
    let rest = [bytes(2, output.as_bytes()), bytes(4, operator.as_bytes())];
    bytes(1, &inputs.chain(rest).chain(attributes).collect::<Vec<_>>().concat())
}

/// A value of the graph; `dims` are sizes, or names of sizes, or not told.
pub(crate) fn value(field: usize, name: &str, element: usize, dims: Option<&[&str]>) -> Vec<u8> {
    let shape = dims.map(|dims| {
        let dim = |dim: &&str| match dim.parse() {
            Ok(size) => bytes(1, &number(1, size)),
            Err(_) => bytes(1, &bytes(2, dim.as_bytes())),
        };
        bytes(2, &dims.iter().map(dim).collect::<Vec<_>>().concat())
    });
    let tensor = [number(1, element), shape.unwrap_or_default()].concat();
    bytes(field, &[bytes(1, name.as_bytes()), bytes(2, &bytes(1, &tensor))].concat())
}

/// The number that begins `bytes`, and the rest.
fn read_varint(bytes: &[u8]) -> (usize, &[u8]) {
    let end = 1 + bytes.iter().position(|byte| *byte < 0x80).unwrap();
    let number = bytes[..end].iter().rev().fold(0, |number, byte| number << 7 | usize::from(byte & 0x7f));
    (number, &bytes[end..])
}

/// The fields of a message: number, what it is as a whole, and its content if that is bytes.
fn fields(mut message: &[u8]) -> Vec<(usize, &[u8], &[u8])> {
    let mut all = Vec::new();
    while !message.is_empty() {
        let (tag, rest) = read_varint(message);
        let (content, rest) = match tag & 7 {
            0 => (&rest[..0], read_varint(rest).1),
            1 => (&rest[..0], &rest[8..]),
            2 => {
                let (length, rest) = read_varint(rest);
                rest.split_at(length)
            }
            _ => (&rest[..0], &rest[4..]),
        };
        all.push((tag >> 3, &message[..message.len() - rest.len()], content));
        message = rest;
    }
    all
}

/// Lets the model in a file give its output `name` with elements of another type and these dimensions.
pub(crate) fn cast_output(path: &std::path::Path, name: &str, element: usize, dims: &[&str]) {
    let model = std::fs::read(path).unwrap();
    let inner = format!("{name} before the cast");
    let is_named = |content: &[u8]| {
        fields(content).iter().any(|(field, _, text)| *field == 1 && *text == name.as_bytes())
    };
    let graph = |graph: &[u8]| {
        let mut changed = Vec::new();
        for (field, whole, content) in fields(graph) {
            match field {
                // A node that gives the output, or reads what it gives.
                1 => {
                    let parts = fields(content).into_iter().map(|(field, whole, text)| match field {
                        1 | 2 if text == name.as_bytes() => bytes(field, inner.as_bytes()),
                        _ => whole.to_vec(),
                    });
                    changed.extend(bytes(1, &parts.collect::<Vec<_>>().concat()));
                }
                12 if is_named(content) => changed.extend(value(12, name, element, Some(dims))),
                _ => changed.extend(whole),
            }
        }
        let to = [bytes(1, b"to"), number(3, element), number(20, 2)].concat();
        changed.extend(node("Cast", &[&inner], name, &[to]));
        changed
    };
    let changed = fields(&model).into_iter().map(|(field, whole, content)| match field {
        7 => bytes(7, &graph(content)),
        _ => whole.to_vec(),
    });
    std::fs::write(path, changed.collect::<Vec<_>>().concat()).unwrap();
}
