//! Macros with the names of those of the standard library and of `lazy_static`.

/// As `std::thread_local!`: each thread of each execution has its own.
#[macro_export]
macro_rules! thread_local {
    ($($(#[$attribute:meta])* $vis:vis static $name:ident: $type:ty = $init:expr);* $(;)?) => {
        $($(#[$attribute])* $vis static $name: $crate::thread::LocalKey<$type> = {
            fn init() -> $type {
                $init
            }
            $crate::thread::LocalKey::new(init)
        };)*
    };
}

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
