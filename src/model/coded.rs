//! Enums that ledgers store by number and reports show by name.

/// Declares such an enum: each variant with its number, which no later version may reuse, and its
/// name, which scripts rely on.
macro_rules! coded {
    (
        $(#[$about:meta])*
        $enum:ident {
            $($(#[$doc:meta])* $variant:ident = $code:literal => $name:literal,)+
        }
    ) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum $enum {
            $($(#[$doc])* $variant = $code,)+
        }

        impl $enum {
            /// Every variant.
            pub const ALL: [Self; [$($code),+].len()] = [$(Self::$variant),+];

            /// Returns the name in reports.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }

            /// Returns the variant that a number stands for in a ledger.
            pub const fn from_code(code: u8) -> Option<Self> {
                match code {
                    $($code => Some(Self::$variant),)+
                    _ => None,
                }
            }
        }
    };
}
