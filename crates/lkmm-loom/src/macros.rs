//! A macro with the name of that of `lazy_static`.

/// As `lazy_static::lazy_static!`: each execution has its own.
#[macro_export]
macro_rules! lazy_static {
    ($($(#[$attribute:meta])* $vis:vis static ref $name:ident: $type:ty = $init:expr);* $(;)?) => {
        $($(#[$attribute])*
        #[allow(non_camel_case_types, missing_docs, dead_code)]
        $vis struct $name {
            private: (),
        }
        #[allow(missing_docs)]
        $vis static $name: $name = $name { private: () };

        impl ::core::ops::Deref for $name {
            type Target = $type;

            fn deref(&self) -> &$type {
                fn init() -> $type {
                    $init
                }
                static LAZY: $crate::lazy_static::Lazy<$type> = $crate::lazy_static::Lazy::new(init);
                LAZY.get()
            }
        })*
    };
}
