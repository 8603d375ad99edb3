//! A [`Diagram`] in the language of Graphviz, for those who want to lay it out, or change it, by themselves.
//!
//! Each thread is a cluster; program order is what ranks the boxes, and the other arrows only follow.

use crate::diagram::{Diagram, Relation};
use std::fmt::Write;

/// Writes a diagram as a digraph.
///
/// ```
/// use lkmm_report::diagram::{Diagram, Node};
///
/// let node = Node { text: "read \"x\"".into(), ..Node::default() };
/// let diagram = Diagram { columns: vec!["thread 0".into()], nodes: vec![node], ..Diagram::default() };
/// assert!(lkmm_report::dot::draw(&diagram).contains(r#"n0 [label="read \"x\""#));
/// ```
pub fn draw(diagram: &Diagram) -> String {
    let mut out = String::new();
    let head: Vec<&str> = std::iter::once(&diagram.title).chain(&diagram.subtitles).map(String::as_str).collect();
    let _ = writeln!(out, "digraph {} {{", quote(&diagram.title));
    let _ = writeln!(out, "  graph [label={}, labelloc=t, labeljust=l, fontname=monospace];", lines(&head));
    let _ = writeln!(out, "  node [shape=box, style=rounded, fontname=monospace];");
    let _ = writeln!(out, "  edge [fontname=monospace];");
    for (column, title) in diagram.columns.iter().enumerate() {
        let _ = writeln!(out, "  subgraph cluster_{column} {{\n    label={}; color=gray;", quote(title));
        let mut above: Option<usize> = None;
        for (number, node) in diagram.nodes.iter().enumerate().filter(|(_, node)| node.column == column) {
            let place = [node.place.as_str(), node.source.as_str()];
            let below = place.iter().filter(|part| !part.is_empty()).copied().collect::<Vec<_>>().join(" · ");
            let marked = if node.is_marked || node.is_ending { ", color=\"#b3261e\"" } else { "" };
            let _ = writeln!(out, "    n{number} [label={}{marked}];", lines(&[&node.text, &below]));
            if let Some(above) = above {
                let _ = writeln!(out, "    n{above} -> n{number} [color=gray, arrowhead=none, weight=10];");
            }
            above = Some(number);
        }
        out.push_str("  }\n");
    }
    for edge in diagram.edges.iter().filter(|edge| !edge.is_extra) {
        let (color, style) = look(edge.relation);
        let width = if edge.is_bold { ", penwidth=3" } else { "" };
        let (name, rule) = (quote(&edge.name), quote(&edge.rule));
        let _ = writeln!(
            out,
            "  n{} -> n{} [label={name}, tooltip={rule}, labeltooltip={rule}, color=\"{color}\", fontcolor=\"{color}\", style={style}, \
             constraint=false{width}];",
            edge.from, edge.to
        );
    }
    for note in &diagram.notes {
        let _ = writeln!(out, "  // {}", one_line(note));
    }
    out.push_str("}\n");
    out
}

/// The colour of a relation, as in SVG, and its kind of line.
fn look(relation: Relation) -> (&'static str, &'static str) {
    match relation {
        Relation::Po => ("#8c959f", "dotted"),
        Relation::Rf => ("#1a7f37", "solid"),
        Relation::Co => ("#7a3fd1", "dashed"),
        Relation::Fr => ("#bc4c00", "dashed"),
        Relation::Dependency => ("#0550ae", "dotted"),
        Relation::Fence => ("#a0116f", "solid"),
        Relation::Derived => ("#0a7069", "dashed"),
        Relation::Wait => ("#b3261e", "dashed"),
    }
}

/// A text in quotes.
fn quote(text: &str) -> String {
    format!("\"{}\"", escape(text))
}

/// Lines in quotes, each from the left.
fn lines(texts: &[&str]) -> String {
    let shown = texts.iter().filter(|text| !text.is_empty());
    format!("\"{}\"", shown.map(|text| format!("{}\\l", escape(text))).collect::<String>())
}

fn escape(text: &str) -> String {
    one_line(text).replace('\\', "\\\\").replace('"', "\\\"")
}

/// A text without line breaks and what else is no letter.
fn one_line(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_and_backslashes_are_escaped() {
        assert_eq!(quote("a\"b\\\nc"), r#""a\"b\\ c""#);
        assert_eq!(lines(&["a", "", "b"]), r#""a\lb\l""#);
    }
}
