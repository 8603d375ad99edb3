//! The styles of text for people.

use anstyle::{AnsiColor, Style};

/// The styles that renderings for people use. Whether a terminal gets to see them is for the caller to decide.
#[derive(Clone, Copy, Debug, Default)]
pub struct Palette {
    /// As expected.
    pub good: Style,
    /// Not as expected, or not checked.
    pub bad: Style,
    /// No answer; worth a look.
    pub warning: Style,
    /// What the eye should find first.
    pub strong: Style,
    /// What it may pass over.
    pub faint: Style,
}

impl Palette {
    /// No styles: the text alone.
    pub const fn plain() -> Palette {
        let none = Style::new();
        Palette { good: none, bad: none, warning: none, strong: none, faint: none }
    }

    /// The sixteen colours that every terminal has, so that the user's own theme applies.
    pub const fn colours() -> Palette {
        Palette {
            good: AnsiColor::Green.on_default(),
            bad: AnsiColor::Red.on_default().bold(),
            warning: AnsiColor::Yellow.on_default(),
            strong: Style::new().bold(),
            faint: Style::new().dimmed(),
        }
    }
}
