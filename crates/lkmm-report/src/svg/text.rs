//! Texts in pictures: how wide they are, and what of them fits.

/// The width of a letter as a part of its size: that of the widest of the usual fonts.
const LETTER: f64 = 0.605;
/// The most letters of a text in a box.
const LONGEST: usize = 48;

/// The width of a text in letters of a size.
pub(super) fn width(text: &str, size: f64) -> f64 {
    text.chars().count() as f64 * size * LETTER
}

/// How many letters of a size fit into a width.
pub(super) fn fitting(width: f64, size: f64) -> usize {
    (width / (size * LETTER)) as usize
}

/// What is shown of a text in a box.
pub(super) fn cut(text: &str) -> String {
    if text.chars().count() <= LONGEST {
        return text.to_string();
    }
    let start: String = text.chars().take(LONGEST - 1).collect();
    format!("{}…", start.trim_end())
}

/// A text in lines of at most so many letters, if its words allow it.
pub(super) fn wrap(text: &str, letters: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let fits = |line: &String| line.is_empty() || line.chars().count() + 1 + word.chars().count() <= letters;
        match lines.last_mut().filter(|line| fits(line)) {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) => line.extend([" ", word]),
            None => lines.push(word.to_string()),
        }
    }
    lines
}

/// A text as XML and HTML have it, between tags or in quotes.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            // What XML does not have at all.
            '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            letter if letter.is_control() && !letter.is_whitespace() => escaped.push('\u{fffd}'),
            '\u{b}' | '\u{c}' => escaped.push(' '),
            letter => escaped.push(letter),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_xml_does_not_have_is_replaced() {
        assert_eq!(escape("a<b & \"c\"\u{1}\u{b}\u{ffff}"), "a&lt;b &amp; &quot;c&quot;\u{fffd} \u{fffd}");
    }

    #[test]
    fn lines_keep_to_their_width() {
        assert_eq!(wrap("one two  three", 7), ["one two", "three"]);
        assert_eq!(cut(&"x".repeat(60)).chars().count(), LONGEST);
    }
}
