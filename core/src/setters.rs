//! Structs of options in one style.

/// A struct of options: fields with their defaults, `new`, and for each field a method of its name that sets it; that of an
/// optional field, `= None => type`, takes the value itself. `@[attribute]` before a field is an attribute of the field
/// alone. Other fields can join it, because only its own crate can name all of them.
macro_rules! options_struct {
    (
        $(#[$meta:meta])*
        pub struct $name:ident {
            $($(#[$doc:meta])* $(@[$own:meta])* $field:ident: $type:ty = $default:expr $(=> $inner:ty)?,)*
        }
    ) => {
        $(#[$meta])*
        #[non_exhaustive]
        pub struct $name {
            $($(#[$doc])* $(#[$own])* pub $field: $type,)*
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $($field: $default,)* }
            }
        }

        impl $name {
            /// The defaults.
            pub fn new() -> Self {
                Self::default()
            }

            $(options_struct!(@setter [$(#[$doc])*] $field: $type $(=> $inner)?);)*
        }
    };
    (@setter [$(#[$doc:meta])*] $field:ident: $type:ty) => {
        $(#[$doc])*
        #[must_use]
        pub fn $field(mut self, $field: $type) -> Self {
            self.$field = $field;
            self
        }
    };
    (@setter [$(#[$doc:meta])*] $field:ident: $type:ty => $inner:ty) => {
        $(#[$doc])*
        #[must_use]
        pub fn $field(mut self, $field: $inner) -> Self {
            self.$field = Some($field);
            self
        }
    };
}

pub(crate) use options_struct;
