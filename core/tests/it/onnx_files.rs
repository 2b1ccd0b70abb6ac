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
