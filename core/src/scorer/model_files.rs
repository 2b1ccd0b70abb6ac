//! Where exporters put the models of a folder.

/// Names of a classifier's model, in the order in which they are looked for.
pub(crate) const CLASSIFIERS: [&str; 9] = [
    "model.onnx",
    "model_quantized.onnx",
    "model_int8.onnx",
    "model_uint8.onnx",
    "model_fp16.onnx",
    "model_optimized.onnx",
    "model_q4.onnx",
    "model_q4f16.onnx",
    "model_bnb4.onnx",
];

/// Names of a causal language model, in the order in which they are looked for.
pub(crate) const DECODERS: [&str; 12] = [
    "model.onnx",
    "decoder_model_merged.onnx",
    "model_quantized.onnx",
    "decoder_model.onnx",
    "decoder_model_merged_quantized.onnx",
    "model_int8.onnx",
    "model_uint8.onnx",
    "model_fp16.onnx",
    "model_optimized.onnx",
    "model_q4.onnx",
    "model_q4f16.onnx",
    "model_bnb4.onnx",
];

/// The second file of a causal language model in the two-file form, which takes a cache and lies beside the first.
pub(crate) const WITH_PAST: &str = "decoder_with_past_model.onnx";

/// Where a model of one of these names may be, from the folder: all of them in the folder itself, then all of them in
/// `onnx`.
pub(crate) fn places(names: &[&str]) -> impl Iterator<Item = String> {
    ["", "onnx/"].into_iter().flat_map(move |folder| names.iter().map(move |name| format!("{folder}{name}")))
}
