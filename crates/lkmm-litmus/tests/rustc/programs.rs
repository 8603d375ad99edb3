//! Programs of one process, made at random: arithmetic and casts between types, comparisons, branches, shadowing, loops, early returns,
//! and atomics that nobody else accesses.

use std::fmt::Write;

/// Integer types: their names, widths in bits, and signs.
pub(crate) const TYPES: [(&str, u32, bool); 8] = [
    ("i8", 8, true),
    ("u8", 8, false),
    ("i16", 16, true),
    ("u16", 16, false),
    ("i32", 32, true),
    ("u32", 32, false),
    ("i64", 64, true),
    ("usize", 64, false),
];
const BOOL: usize = TYPES.len();

/// The locations, which are all of one type per letter: `a: &Atomic<i8>`, `b: &Atomic<u8>` and so on.
pub(crate) const LOCATIONS: [&str; 9] = ["a", "b", "c", "d", "e", "f", "g", "h", "k"];

/// The registers that are asked for, and the type of each.
pub(crate) const REGISTERS: usize = 5;

pub(crate) struct Program {
    /// The parameters of the process.
    pub(crate) parameters: String,
    pub(crate) body: String,
    /// Types of the registers `r0`, `r1`, …
    pub(crate) registers: Vec<usize>,
}

pub(crate) fn name(ty: usize) -> &'static str {
    if ty == BOOL { "bool" } else { TYPES[ty].0 }
}

pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % bound
    }

    fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len())]
    }
}

struct Variable {
    name: String,
    ty: usize,
    mutable: bool,
}

struct Generator<'r> {
    random: &'r mut Random,
    out: String,
    variables: Vec<Variable>,
    names: usize,
    loops: usize,
    /// May a `return` or a shadowing register come?
    returns: bool,
}

pub(crate) fn program(random: &mut Random) -> Program {
    let returns = random.below(2) == 0;
    let mut generator = Generator { random, out: String::new(), variables: Vec::new(), names: 0, loops: 0, returns };
    let mut registers = Vec::new();
    for register in 0..REGISTERS {
        let ty = generator.random.below(BOOL + 1);
        let value = generator.literal(ty);
        let _ = writeln!(generator.out, "let mut r{register}: {} = {value};", name(ty));
        generator.variables.push(Variable { name: format!("r{register}"), ty, mutable: true });
        registers.push(ty);
    }
    generator.block(3, 5);
    for _ in 0..3 {
        let register = generator.random.below(REGISTERS);
        let value = generator.value(registers[register], 3);
        if generator.returns {
            let _ = writeln!(generator.out, "r{register} = {value};");
        } else {
            // Registers are shadowed, too, by values of other types.
            let ty = generator.random.below(BOOL + 1);
            let value = generator.value(ty, 2);
            let _ = writeln!(generator.out, "let mut r{register}: {} = {value};", name(ty));
            registers[register] = ty;
            generator.variables.retain(|variable| variable.name != format!("r{register}"));
            generator.variables.push(Variable { name: format!("r{register}"), ty, mutable: true });
        }
    }
    let parameter = |(ty, location): (usize, &&str)| format!("{location}: &Atomic<{}>", name(ty));
    let parameters: Vec<String> = LOCATIONS.iter().enumerate().map(parameter).collect();
    Program { parameters: parameters.join(", "), body: generator.out, registers }
}

impl Generator<'_> {
    fn literal(&mut self, ty: usize) -> String {
        if ty == BOOL {
            return self.random.one(&["true", "false"]).into();
        }
        let (_, bits, signed) = TYPES[ty];
        let bits = bits.min(32);
        let largest = (1i64 << (bits - 1)) - 1;
        let value = match self.random.below(6) {
            0 => largest,
            1 if signed => -largest - 1,
            1 | 2 => self.random.below(256) as i64 & largest,
            _ => self.random.below(5) as i64,
        };
        let value = if TYPES[ty].1 == 64 { value & 0xff } else { value };
        if signed && self.random.below(4) == 0 && value >= 0 { format!("-{value}") } else { value.to_string() }
    }

    fn variable(&mut self, ty: usize) -> Option<String> {
        let found: Vec<&str> = self.variables.iter().filter(|v| v.ty == ty).map(|v| v.name.as_str()).collect();
        // Of two variables of one name, the later hides the other.
        let visible = |name: &&&str| self.variables.iter().rfind(|v| v.name == **name).is_some_and(|v| v.ty == ty);
        let found: Vec<&&str> = found.iter().filter(visible).collect();
        (!found.is_empty()).then(|| found[self.random.below(found.len())].to_string())
    }

    /// An expression of a type, of so many levels at most.
    fn value(&mut self, ty: usize, height: usize) -> String {
        if height == 0 || self.random.below(6) == 0 {
            if self.random.below(3) != 0 {
                if let Some(name) = self.variable(ty) {
                    return name;
                }
            }
            let literal = self.literal(ty);
            return match ty {
                BOOL => literal,
                _ => format!("({literal}{})", name(ty)),
            };
        }
        if ty == BOOL { self.condition(height) } else { self.number(ty, height) }
    }

    fn condition(&mut self, height: usize) -> String {
        match self.random.below(6) {
            0 => {
                let op = self.random.one(&["&&", "||", "&", "|", "^", "==", "!="]);
                format!("({} {op} {})", self.value(BOOL, height - 1), self.value(BOOL, height - 1))
            }
            1 => format!("(!{})", self.value(BOOL, height - 1)),
            2 => self.branch(BOOL, height),
            _ => {
                let (ty, op) = (self.random.below(BOOL), self.random.one(&["<", "<=", ">", ">=", "==", "!="]));
                format!("({} {op} {})", self.value(ty, height - 1), self.value(ty, height - 1))
            }
        }
    }

    fn number(&mut self, ty: usize, height: usize) -> String {
        let (name, bits, signed) = TYPES[ty];
        let value = match self.random.below(14) {
            0 | 1 => {
                let op = self.random.one(&["+", "-", "*"]);
                format!("({} {op} {})", self.value(ty, height - 1), self.value(ty, height - 1))
            }
            2 | 3 => {
                let op = self.random.one(&["&", "|", "^"]);
                format!("({} {op} {})", self.value(ty, height - 1), self.value(ty, height - 1))
            }
            4 => {
                let op = self.random.one(&["/", "%"]);
                // A `u32` is divided by powers of two only.
                let divisor = if ty == 5 { 1 << self.random.below(20) } else { 1 + self.random.below(20) };
                format!("({} {op} {divisor})", self.value(ty, height - 1))
            }
            5 => {
                let op = self.random.one(&["<<", ">>"]);
                let by = self.random.below(if bits == 64 { 8 } else { bits as usize });
                format!("({} {op} {by})", self.value(ty, height - 1))
            }
            6 => {
                let op = self.random.one(&["wrapping_add", "wrapping_sub", "wrapping_mul"]);
                format!("({}).{op}({})", self.value(ty, height - 1), self.value(ty, height - 1))
            }
            7 if signed => format!("(-{})", self.value(ty, height - 1)),
            7 | 8 => format!("(!{})", self.value(ty, height - 1)),
            9 => format!("({} as {name})", self.value(BOOL, height - 1)),
            10 => self.branch(ty, height),
            _ => {
                let from = self.random.below(BOOL);
                format!("({} as {name})", self.value(from, height - 1))
            }
        };
        // Numbers of 64 bits are kept small: beyond 32 bits the model has none.
        if bits == 64 { format!("({value} & 0xff)") } else { value }
    }

    /// An `if` or a `match` as a value.
    fn branch(&mut self, ty: usize, height: usize) -> String {
        if self.random.below(2) == 0 {
            let condition = self.value(BOOL, height - 1);
            return format!(
                "(if {condition} {{ {} }} else {{ {} }})",
                self.value(ty, height - 1),
                self.value(ty, height - 1)
            );
        }
        let on = self.random.below(BOOL);
        let of = self.value(on, height - 1);
        let (one, more, rest) = (self.value(ty, height - 1), self.value(ty, height - 1), self.value(ty, height - 1));
        format!("(match {of} {{ 0 => {one}, 1 | 2 | 5..=9 | 100.. => {more}, _ => {rest} }})")
    }

    fn block(&mut self, depth: usize, length: usize) {
        let known = self.variables.len();
        for _ in 0..1 + self.random.below(length) {
            self.statement(depth);
        }
        if depth < 3 {
            self.variables.truncate(known);
        }
    }

    fn fresh(&mut self) -> String {
        // Sometimes a name that is there already.
        if self.names > 0 && self.random.below(3) == 0 {
            return format!("v{}", self.random.below(self.names));
        }
        self.names += 1;
        format!("v{}", self.names - 1)
    }

    fn statement(&mut self, depth: usize) {
        match self.random.below(if depth == 0 { 6 } else { 14 }) {
            0 | 1 => {
                let (ty, mutable) = (self.random.below(BOOL + 1), self.random.below(2) == 0);
                let value = self.value(ty, 3);
                let name = self.fresh();
                let annotated = if self.random.below(2) == 0 { format!(": {}", self::name(ty)) } else { String::new() };
                let word = if mutable { "mut " } else { "" };
                let _ = writeln!(self.out, "let {word}{name}{annotated} = {value};");
                self.variables.push(Variable { name, ty, mutable });
            }
            2 | 3 => self.assignment(),
            4 | 5 => self.access(),
            6 | 7 => {
                let condition = self.value(BOOL, 2);
                let _ = writeln!(self.out, "if {condition} {{");
                self.block(depth - 1, 3);
                if self.random.below(2) == 0 {
                    let _ = writeln!(self.out, "}} else {{");
                    self.block(depth - 1, 3);
                }
                let _ = writeln!(self.out, "}}");
            }
            8 => {
                let ty = self.random.below(BOOL);
                let value = self.value(ty, 2);
                let _ = writeln!(self.out, "match {value} {{ 0..=3 => {{");
                self.block(depth - 1, 2);
                let _ = writeln!(self.out, "}} other => {{ let w = other;");
                self.block(depth - 1, 2);
                let _ = writeln!(self.out, "}} }}");
            }
            9 => {
                let _ = writeln!(self.out, "{{");
                self.block(depth - 1, 3);
                let _ = writeln!(self.out, "}}");
            }
            10 | 11 => self.repeat(depth),
            12 if self.returns => {
                let condition = self.value(BOOL, 2);
                let _ = writeln!(self.out, "if {condition} {{ return; }}");
            }
            _ => {
                let ty = self.random.below(BOOL + 1);
                let label = self.fresh();
                let condition = self.value(BOOL, 2);
                let (early, late) = (self.value(ty, 2), self.value(ty, 2));
                let _ = writeln!(
                    self.out,
                    "let {label}: {} = 'b: {{ if {condition} {{ break 'b {early}; }} {late} }};",
                    name(ty)
                );
                self.variables.push(Variable { name: label, ty, mutable: false });
            }
        }
    }

    fn assignment(&mut self) {
        let visible: Vec<usize> = (0..self.variables.len())
            .filter(|&n| {
                let last = self.variables.iter().rposition(|v| v.name == self.variables[n].name);
                self.variables[n].mutable && last == Some(n)
            })
            .collect();
        if visible.is_empty() {
            return;
        }
        let chosen = visible[self.random.below(visible.len())];
        let (name, ty) = (self.variables[chosen].name.clone(), self.variables[chosen].ty);
        let value = self.value(ty, 3);
        let op = match ty {
            BOOL => self.random.one(&["=", "&=", "|=", "^="]),
            _ if TYPES[ty].1 == 64 => "=",
            _ => self.random.one(&["=", "=", "+=", "-=", "*=", "&=", "|=", "^="]),
        };
        let _ = writeln!(self.out, "{name} {op} {value};");
    }

    /// An access of a location.
    fn access(&mut self) {
        let ty = self.random.below(BOOL + 1);
        let location = LOCATIONS[ty];
        let value = self.value(ty, 2);
        let adds = ty != BOOL && TYPES[ty].1 == 32;
        let name = self.fresh();
        let (statement, of) = match self.random.below(if adds { 9 } else { 6 }) {
            0 | 1 => (format!("{location}.store({value}, Release);"), None),
            2 => (format!("let {name} = {location}.load(Acquire);"), Some(ty)),
            3 => (format!("let {name} = {location}.xchg({value}, Full);"), Some(ty)),
            4 => {
                let old = self.value(ty, 1);
                let _ = writeln!(self.out, "let old = {old};");
                (format!("let {name} = {location}.cmpxchg(old, {value}, Relaxed).unwrap_or_else(|old| old);"), Some(ty))
            }
            5 => {
                let old = self.value(ty, 1);
                let _ = writeln!(self.out, "let old = {old};");
                (format!("let {name} = {location}.cmpxchg(old, {value}, Acquire).is_ok();"), Some(BOOL))
            }
            6 => (format!("let {name} = {location}.fetch_add({value}, Full);"), Some(ty)),
            7 => (format!("let {name} = {location}.fetch_sub({value}, Release);"), Some(ty)),
            _ => (format!("let {name} = {location}.add_unless({value}, 0, Full);"), Some(BOOL)),
        };
        let _ = writeln!(self.out, "{statement}");
        if let Some(ty) = of {
            self.variables.push(Variable { name, ty, mutable: false });
        }
    }

    fn repeat(&mut self, depth: usize) {
        self.loops += 1;
        let counter = format!("n{}", self.loops);
        let turns = 1 + self.random.below(3);
        match self.random.below(3) {
            0 => {
                let _ = writeln!(self.out, "for {counter} in 0..{turns}i32 {{");
                self.variables.push(Variable { name: counter, ty: 4, mutable: false });
                self.inside(depth);
                self.variables.pop();
                let _ = writeln!(self.out, "}}");
            }
            1 => {
                let _ = writeln!(self.out, "let mut {counter} = 0;\nwhile {counter} < {turns} {{\n{counter} += 1;");
                self.inside(depth);
                let _ = writeln!(self.out, "}}");
            }
            _ => {
                let ty = self.random.below(BOOL + 1);
                let (value, name) = (self.value(ty, 1), self.fresh());
                let _ = writeln!(self.out, "let mut {counter} = 0u8;\nlet {name}: {} = loop {{", self::name(ty));
                let _ = writeln!(self.out, "{counter} += 1;\nif {counter} > {turns} {{ break {value}; }}");
                self.inside(depth);
                let _ = writeln!(self.out, "}};");
                self.variables.push(Variable { name, ty, mutable: false });
            }
        }
    }

    /// The body of a loop.
    fn inside(&mut self, depth: usize) {
        let known = self.variables.len();
        let condition = self.value(BOOL, 1);
        // The counter has advanced by then.
        if self.random.below(4) == 0 {
            let _ = writeln!(self.out, "if {condition} {{ continue; }}");
        }
        self.block(depth - 1, 3);
        self.variables.truncate(known);
    }
}
