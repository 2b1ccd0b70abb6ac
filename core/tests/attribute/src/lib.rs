//! `#[test]` for test programs with a `main` of their own.
//!
//! The one of the standard library knows no test that finds out while it runs that it cannot. This one hands the
//! function to `crate::harness`, which does. A program that begins with `#[macro_use] extern crate routellm_test`
//! has it in every module, in place of the other.

use proc_macro::{TokenStream, TokenTree};

/// A test: a function without arguments and result.
///
/// # Panics
/// Never: what is added to the function is Rust.
#[proc_macro_attribute]
pub fn test(_: TokenStream, item: TokenStream) -> TokenStream {
    let mut added = String::new();
    let mut tokens = item.clone().into_iter();
    while let Some(token) = tokens.next() {
        match token {
            // What stands in `#[...]`, before the function.
            TokenTree::Group(group) => {
                let inside = group.stream().to_string();
                if inside.starts_with("ignore") || inside.starts_with("should_panic") {
                    added =
                        format!("::std::compile_error!(\"`{inside}` has no effect on this kind of test\");");
                    break;
                }
            }
            TokenTree::Ident(word) if word.to_string() == "fn" => {
                let name = tokens.next().map(|name| name.to_string()).unwrap_or_default();
                added = format!(
                    "::inventory::submit! {{ crate::harness::Test {{ name: ::std::concat!(::std::module_path!(), \
                     \"::\", ::std::stringify!({name})), run: {name} }} }}"
                );
                break;
            }
            _ => {}
        }
    }
    let added: TokenStream = added.parse().expect("a submission or an error is Rust");
    item.into_iter().chain(added).collect()
}
