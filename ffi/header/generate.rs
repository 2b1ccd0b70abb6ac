// Makes the text of include/routellm.h. Included by the build script of the shared library, which writes it
// to the build folder, and by the test that compares it with the committed one.

/// The header, made of the crate in `ffi`, the folder of `routellm-ffi`.
fn generate_header(ffi: &std::path::Path, version: &str) -> Result<String, Box<dyn std::error::Error>> {
    let folder = ffi.join("header");
    let mut config = cbindgen::Config::from_file(folder.join("cbindgen.toml"))?;
    config.header = Some(std::fs::read_to_string(folder.join("opening.h"))?.trim_end().to_owned());
    let macros = std::fs::read_to_string(folder.join("macros.h"))?;
    // The marks of what is generated are for us.
    let macros: Vec<&str> = macros.lines().filter(|line| !line.contains("faces:")).collect();
    let macros = macros.join("\n");
    config.after_includes = Some(format!(
        "\n#include <stddef.h>\n#include <stdint.h>\n\n\
         /**\n * The version of this header. `routellm_version()` is that of the library.\n */\n\
         #define ROUTELLM_VERSION \"{version}\"\n\n{}",
        macros.trim_end()
    ));
    // From the source, and not from the crate: that would ask cargo about every dependency.
    let bindings =
        cbindgen::Builder::new().with_config(config).with_src(ffi.join("src").join("lib.rs")).generate()?;
    let mut text = Vec::new();
    bindings.write(&mut text);
    Ok(String::from_utf8(text)?)
}
