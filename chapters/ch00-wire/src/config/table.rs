//! The macro behind the configuration tables.
//!
//! ```text
//! /// What it does, in one or two sentences.
//! field_name: TYPE = "DEFAULT" [, in RANGE] [, of [VALUES]] [, alias "OTHER.NAME"];
//! ```
//!
//! The key is the field's name with dots for underscores, and the default is written as it would stand in the file.

/// A configuration of one chapter, with those of the earlier ones inside.
pub trait Config: Default + Clone + Send + Sync + 'static {
    /// Every key, this chapter's first.
    fn keys() -> Vec<Key>;

    /// Sets a key. `None` if no chapter so far knows it; an error says what is legal.
    fn set(&mut self, key: &str, value: &str) -> Option<Result<(), String>>;

    /// The value of a key, as it would stand in the file.
    fn get(&self, key: &str) -> Option<String>;
}

/// What a key is, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// Kafka's name for it.
    pub name: String,
    /// Another name for the same key.
    pub alias: Option<&'static str>,
    /// Kafka's name for its type, such as `INT` or `LIST`.
    pub kind: &'static str,
    /// The default, as it would stand in the file.
    pub default: &'static str,
    /// What is legal, if not every value of the type is.
    pub legal: String,
    /// What it does.
    pub doc: String,
}

/// Declares a configuration struct; see the module for the notation.
#[macro_export]
macro_rules! config {
    (
        $(#[$doc:meta])*
        pub struct $name:ident $(: $inner:ident: $inner_ty:ty)? {
            $( $(#[doc = $key_doc:literal])+
               $field:ident : $ty:ty = $default:literal $(, in $range:expr)? $(, of $values:expr)? $(, alias $alias:literal)?; )*
        }
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone)]
        pub struct $name {
            $( /// The keys of earlier chapters.
               pub $inner: $inner_ty, )?
            $( $(#[doc = $key_doc])+ pub $field: $ty, )*
        }

        impl Default for $name {
            fn default() -> Self {
                $name {
                    $( $inner: Default::default(), )?
                    $( $field: $crate::config::Value::parse($default).expect(concat!("default of ", stringify!($field))), )*
                }
            }
        }

        impl $crate::config::Config for $name {
            fn keys() -> Vec<$crate::config::Key> {
                #[allow(unused_mut)]
                let mut keys = vec![ $( $crate::config::Key {
                    name: stringify!($field).replace('_', "."),
                    alias: $crate::or!($(Some($alias))?; None),
                    kind: <$ty as $crate::config::Value>::KIND,
                    default: $default,
                    legal: $crate::config::legal($crate::or!($(Some($range))?; None), $crate::or!($(&$values)?; &[])),
                    doc: concat!($($key_doc),+).trim().to_string(),
                } ),* ];
                $( keys.extend(<$inner_ty as $crate::config::Config>::keys()); )?
                keys
            }

            fn set(&mut self, key: &str, value: &str) -> Option<Result<(), String>> {
                $( if $crate::config::is_named(key, stringify!($field)) $( || key == $alias )? {
                    let parsed = $crate::config::parse_checked(
                        value, $crate::or!($(Some($range))?; None), $crate::or!($(&$values)?; &[]));
                    return Some(parsed.map(|value| self.$field = value));
                } )*
                $( return $crate::config::Config::set(&mut self.$inner, key, value); )?
                #[allow(unreachable_code)]
                None
            }

            fn get(&self, key: &str) -> Option<String> {
                $( if $crate::config::is_named(key, stringify!($field)) $( || key == $alias )? {
                    return Some($crate::config::Value::show(&self.$field));
                } )*
                $( return $crate::config::Config::get(&self.$inner, key); )?
                #[allow(unreachable_code)]
                None
            }
        }
    };
}
