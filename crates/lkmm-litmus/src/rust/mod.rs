//! Processes in Rust: functions over the API of crate `lkmm`, parsed by `syn` and lowered to the tree of [`ast`](crate::ast).
//!
//! That tree is the one of C, so that control paths, dependencies and everything behind them are the same for both languages.
//! What there is in Rust and not in C is resolved here:
//!
//! * `scope`: names, each binding being a register of its own, and whether it has a value;
//! * `types`: which operations there are, and which literals fit;
//! * `learn`: which type a local has that is known only by its uses;
//! * `guard`: what ends where a guard is dropped;
//! * `leave`: `return`, `break` and `continue`;
//! * `branch`, `matching`, `repeat`: `if`, `match` and loops, as statements and as values;
//! * `arithmetic`: what operators make of integers of each width;
//! * `expr`, `operator`, `place`, `method`, `function`, `exchange`: everything that has a value.
//!
//! `limits` bounds what `syn` is given. It runs on a thread of its own: its stack has a known size, and the table of spans
//! that `proc-macro2` keeps for each thread goes away with it.

mod arithmetic;
mod branch;
mod exchange;
mod expr;
mod function;
mod guard;
mod learn;
mod leave;
mod limits;
mod matching;
mod method;
mod operator;
mod place;
mod repeat;
mod scope;
mod stmt;
mod types;

use crate::ast::{Expr, ExprKind, Language, Ordering, Process, Register, Stmt, StmtKind};
use crate::locations::{Content, Declaration};
use crate::processes::Parsed;
use crate::sites::{Access, Gap, Kind, Side, Sites, Spelling, Zero};
use crate::text::quoted;
use lkmm_model::program::Operator;
use lkmm_report::{Origin, Problem};
use proc_macro2::{Span, TokenStream};
use scope::{Binding, BindingId, Scopes, State};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{FnArg, ItemFn, Pat, ReturnType};
use types::{Integer, Type};

/// Tokens that a process may have.
const MAX_TOKENS: usize = 16_384;
/// Statements that it may have, those of unrolled loops included.
const MAX_STATEMENTS: usize = 16_384;
/// How high an expression may be, and how deep statements may stand in one another, as in C.
const MAX_HEIGHT: u32 = 200;
/// How many operands a statement may have, as in C.
const MAX_OPERANDS: u32 = 256;
/// The stack of a thread that reads Rust. What `syn` needs at most is about an eighth of it.
const STACK: usize = 32 << 20;

/// Runs what reads processes in Rust on a stack that is large enough.
pub(crate) fn with_stack<T: Send>(read: impl FnOnce() -> Result<T, Problem> + Send) -> Result<T, Problem> {
    std::thread::scope(|scope| {
        let reader = std::thread::Builder::new().name("lkmm-rust".into()).stack_size(STACK).spawn_scoped(scope, read);
        match reader.map(|reader| reader.join()) {
            Ok(Ok(result)) => result,
            Ok(Err(panic)) => std::panic::resume_unwind(panic),
            Err(error) => Err(Problem::new(format!("no thread to read Rust with: {error}"))),
        }
    })
}

/// Reads a process in Rust behind those that were read before.
pub(crate) fn process(source: &str, text: Range<usize>, parsed: &mut Parsed) -> Result<(), Problem> {
    let base = text.start;
    let at = |span: Span| {
        let range = span.byte_range();
        base + range.start..(base + range.end).min(text.end)
    };
    let tokens: TokenStream =
        source[text.clone()].parse().map_err(|error: proc_macro2::LexError| not_lexed(at(error.span()), &text))?;
    limits::check(tokens.clone(), at)?;
    let function: ItemFn = syn::parse2(tokens).map_err(|error| {
        let span = Some(at(error.span())).filter(|span| !span.is_empty() && span.end <= text.end);
        Problem::at(format!("not Rust: {error}"), span.unwrap_or(text.end.saturating_sub(1)..text.end))
    })?;
    let (number, mut learnt) = (parsed.processes.len(), BTreeMap::new());
    loop {
        let mut front = Front::new(source, base, number, parsed, learnt);
        let process = front.function(&function, number, text.clone());
        learnt = front.learnt;
        if !front.again {
            parsed.origins = front.origins;
            parsed.sites = front.sites;
            parsed.processes.push(process?);
            return Ok(());
        }
    }
}

/// See [`Front::learnt`].
type Learnt = BTreeMap<usize, Integer>;

impl<'s> Front<'s> {
    fn new(source: &'s str, base: usize, number: usize, parsed: &Parsed, learnt: Learnt) -> Front<'s> {
        Front {
            source,
            base,
            origins: parsed.origins.clone(),
            sites: parsed.sites.clone(),
            number,
            learnt,
            again: false,
            origin: 0,
            registers: Vec::new(),
            scopes: Scopes::default(),
            used: BTreeSet::new(),
            out: Vec::new(),
            statements: 0,
            operands: 0,
            effects: false,
            unsafe_depth: 0,
            loops: 0,
            targets: Vec::new(),
            labels: 0,
            leaves: None,
            reachable: true,
            depth: 0,
        }
    }
}

fn not_lexed(span: Range<usize>, text: &Range<usize>) -> Problem {
    let span = if span.is_empty() || span.end > text.end { text.start..text.start + 1 } else { span };
    Problem::at("not Rust: a token or a bracket without its counterpart", span)
}

/// A value, what is known of it, and where it is written.
struct Value {
    expr: Expr,
    ty: Type,
    /// See [`Binding::of`].
    of: Option<Expr>,
    span: Range<usize>,
}

/// The lowering of one process.
struct Front<'s> {
    source: &'s str,
    base: usize,
    origins: Vec<Origin>,
    sites: Sites,
    /// The number of the process.
    number: usize,
    /// The types of locals that nothing says where they are bound, by where their names stand. What learns one lowers the process again.
    learnt: Learnt,
    again: bool,
    /// Of the statement that is being lowered.
    origin: u32,
    /// What each register is called.
    registers: Vec<String>,
    scopes: Scopes,
    /// What was used of them.
    used: BTreeSet<Register>,
    /// The statements of the innermost block, so far.
    out: Vec<Stmt>,
    statements: usize,
    /// Of the statement that is being lowered.
    operands: u32,
    /// Does the statement that is being lowered hold something already that must not come after other statements?
    effects: bool,
    unsafe_depth: u32,
    loops: u32,
    /// What can be left here, the innermost last.
    targets: Vec<leave::Target>,
    /// The next label.
    labels: u32,
    /// The outermost that was left since somebody looked.
    leaves: Option<u32>,
    /// Is there a way to here?
    reachable: bool,
    /// How deep in statements.
    depth: u32,
}

impl Front<'_> {
    fn at(&self, span: Span) -> Range<usize> {
        let range = span.byte_range();
        self.base + range.start..(self.base + range.end).min(self.source.len())
    }

    fn range(&self, node: &impl Spanned) -> Range<usize> {
        self.at(node.span())
    }

    fn text(&self, span: &Range<usize>) -> &str {
        self.source.get(span.clone()).unwrap_or("")
    }

    /// Notes where a statement may be put.
    fn note_gap(&mut self, statement: Range<usize>, side: Side) {
        self.sites.gaps.push(Gap { process: self.number, statement, side });
    }

    /// Notes an access whose ordering is an argument; of a store, the value and its type.
    fn note_access(
        &mut self,
        kind: Kind,
        ordering: Ordering,
        argument: Range<usize>,
        span: &Range<usize>,
        value: Option<(Range<usize>, &Type)>,
    ) {
        let zero = match &value {
            Some((_, ty @ Type::Int(Some(_)))) => Zero::Cast(ty.to_string()),
            Some((_, Type::Int(None))) => Zero::Cast("i32".into()),
            _ => Zero::None,
        };
        self.sites.accesses.push(Access {
            process: self.number,
            span: span.clone(),
            kind,
            ordering,
            spelling: Spelling::Argument(argument),
            value: value.map(|(span, _)| span),
            zero,
        });
    }

    /// Begins a statement that stands here.
    fn begin(&mut self, span: Range<usize>) {
        let text = self.text(&span).trim().to_string();
        self.begin_as(span, text);
    }

    fn begin_as(&mut self, span: Range<usize>, text: String) {
        self.origins.push(Origin { span, text });
        self.origin = (self.origins.len() - 1) as u32;
        self.operands = 0;
        self.effects = false;
    }

    /// Adds a statement.
    fn emit(&mut self, kind: StmtKind) -> Result<(), Problem> {
        self.statements += 1;
        if self.statements > MAX_STATEMENTS {
            let span = self.origins[self.origin as usize].span.clone();
            let message = format!("more than {MAX_STATEMENTS} statements, those of unrolled loops included");
            return Err(Problem::at(message, span).with_help("split the test, or turn loops less often"));
        }
        self.out.push(Stmt { kind, origin: self.origin });
        self.operands = 0;
        self.effects = false;
        Ok(())
    }

    /// What is emitted meanwhile: the statements that stand in another one.
    fn collect<T>(&mut self, lower: impl FnOnce(&mut Self) -> Result<T, Problem>) -> Result<(T, Vec<Stmt>), Problem> {
        if self.depth >= MAX_HEIGHT {
            let span = self.origins[self.origin as usize].span.clone();
            return Err(Problem::at(format!("nested more than {MAX_HEIGHT} levels deep"), span));
        }
        self.depth += 1;
        let outer = std::mem::take(&mut self.out);
        let value = lower(self)?;
        self.depth -= 1;
        Ok((value, std::mem::replace(&mut self.out, outer)))
    }

    /// Statements must come before what is being evaluated: nothing of it may have been evaluated yet.
    fn detach(&self, span: &Range<usize>) -> Result<(), Problem> {
        if self.effects {
            return Err(Problem::at("this stands where an operand was evaluated before it", span.clone())
                .with_help("bind it with `let` in a statement of its own first"));
        }
        Ok(())
    }

    fn node(&self, kind: ExprKind, height: u32, span: &Range<usize>) -> Result<Expr, Problem> {
        if height >= MAX_HEIGHT {
            let message = format!("an expression of more than {MAX_HEIGHT} levels");
            return Err(Problem::at(message, span.clone()).with_help("compute parts of it into locals first"));
        }
        Ok(Expr::node(kind, height))
    }

    fn binary(&self, op: Operator, left: Expr, right: Expr, span: &Range<usize>) -> Result<Expr, Problem> {
        let height = left.height.max(right.height);
        self.node(ExprKind::Binary { op, left: Box::new(left), right: Box::new(right) }, height, span)
    }

    fn leaf(&mut self, kind: ExprKind, span: &Range<usize>) -> Result<Expr, Problem> {
        self.operands += 1;
        if self.operands > MAX_OPERANDS {
            let message = format!("a statement with more than {MAX_OPERANDS} operands");
            return Err(Problem::at(message, span.clone()).with_help("compute parts of it into locals first"));
        }
        Ok(Expr::leaf(kind))
    }

    /// A register that no name in the source stands for.
    fn hidden(&mut self, what: &str) -> Register {
        let number = self.registers.len();
        self.registers.push(format!("{what}#{number}"));
        number as Register
    }

    /// Binds a name that stands here.
    fn bind(&mut self, (name, at): (&str, usize), ty: Type, mutable: bool, state: State) -> BindingId {
        let register = self.hidden(name);
        let loops = self.loops;
        self.scopes.bind(Binding { name: name.into(), at, ty, register, mutable, state, loops, of: None })
    }

    fn function(&mut self, function: &ItemFn, number: usize, text: Range<usize>) -> Result<Process, Problem> {
        let signature = &function.sig;
        let name = self.at(signature.ident.span());
        if signature.ident != format!("P{number}") {
            return Err(Problem::at("processes must be P0, P1, … in this order", name)
                .with_label(format!("expected `P{number}`")));
        }
        let help = format!("a process is written `fn P{number}(x: &Atomic<i32>) {{ … }}`");
        let odd = signature.constness.is_some()
            || signature.asyncness.is_some()
            || signature.abi.is_some()
            || signature.variadic.is_some()
            || !signature.generics.params.is_empty()
            || signature.generics.where_clause.is_some();
        if odd {
            let span = self.range(signature);
            return Err(Problem::at("a process is a plain function", span).with_help(help));
        }
        let unit = |ty: &syn::Type| matches!(ty, syn::Type::Tuple(tuple) if tuple.elems.is_empty());
        if let ReturnType::Type(_, ty) = &signature.output {
            if unit(ty) {
                return self.body(function, text);
            }
            let span = self.range(ty);
            return Err(Problem::at("a process yields nothing", span)
                .with_help("bind what is asked for with `let`; the condition names it"));
        }
        self.body(function, text)
    }

    fn body(&mut self, function: &ItemFn, text: Range<usize>) -> Result<Process, Problem> {
        let signature = &function.sig;
        let name = self.at(signature.ident.span());
        let is_unsafe = matches!(signature.safety, syn::Safety::Unsafe(_));
        self.unsafe_depth = u32::from(is_unsafe);
        self.scopes.enter();
        let (mut parameters, mut declared) = (Vec::new(), Vec::new());
        for input in &signature.inputs {
            let (parameter, declaration) = self.parameter(input)?;
            parameters.push(parameter);
            declared.push(declaration);
        }
        // The locals of the body and the parameters share a scope: both are outermost.
        let close = self.at(function.block.brace_token.span.close());
        let mut outermost = Vec::new();
        self.leavable(leave::Target::new(leave::Way::Return, None), |front| {
            front.statements(&function.block.stmts)?;
            outermost = front.scopes.bound_since(0);
            front.drop_all(&outermost, &close)
        })?;
        self.scopes.leave();
        let locals = self.name_registers(outermost, parameters.len());
        // What is not used is no evidence.
        for ((register, _), declaration) in parameters.iter().zip(&mut declared) {
            if !self.used.contains(register) {
                declaration.content = Content::Unknown;
            }
        }
        Ok(Process {
            language: Language::Rust,
            text,
            name,
            registers: std::mem::take(&mut self.registers),
            parameters,
            declared,
            body: std::mem::take(&mut self.out),
            locals,
        })
    }

    fn parameter(&mut self, input: &FnArg) -> Result<((Register, Range<usize>), Declaration), Problem> {
        let FnArg::Typed(typed) = input else {
            return Err(Problem::at("a process has no `self`", self.range(input)));
        };
        let Pat::Ident(ident) = &*typed.pat else {
            return Err(Problem::at("a parameter is a name", self.range(&typed.pat)));
        };
        let (name, span) = (ident.ident.unraw().to_string(), self.at(ident.ident.span()));
        let type_span = self.range(&typed.ty);
        let ty = types::read(&typed.ty).map_err(|error| types::problem(error, type_span.clone()))?;
        match &ty {
            Type::Pointer { .. } => {}
            Type::Reference(to) if matches!(**to, Type::Atomic(_) | Type::Shared(_) | Type::Lock(_) | Type::Domain) => {
            }
            Type::Reference(to) => {
                let message = format!("nothing can write to what a `&{to}` refers to, so it is no shared location");
                return Err(Problem::at(message, type_span).with_help(format!(
                    "take `&Atomic<{to}>` for a location that is accessed atomically, `*mut {to}` for one that is not"
                )));
            }
            Type::Lock(_) | Type::Domain | Type::Atomic(_) | Type::Shared(_) => {
                return Err(Problem::at("a location is shared, so a process has a reference to it", type_span)
                    .with_help(format!("write `{}: &{ty}`", types::shortened(&name))));
            }
            _ => {
                return Err(Problem::at("a parameter must be a shared location", type_span)
                    .with_help("declare a local in the body instead: `let r0 = …;`"));
            }
        }
        if self.scopes.find(&name).is_some() {
            return Err(Problem::at(format!("two parameters are named {}", quoted(&name)), span));
        }
        let declaration = Declaration { content: ty.location(), span: type_span };
        let id = self.bind((&name, span.start), ty, ident.mutability.is_some(), State::Live);
        let register = self.scopes.bindings[id].register;
        self.registers[register as usize] = name;
        Ok(((register, span), declaration))
    }

    /// Gives the last binding of each name its name, so that a condition finds it.
    fn name_registers(&mut self, outermost: Vec<BindingId>, parameters: usize) -> BTreeMap<String, Option<String>> {
        let mut locals = BTreeMap::new();
        for id in outermost {
            let Binding { name, register, ty, state, .. } = &self.scopes.bindings[id];
            if locals.contains_key(name) {
                continue;
            }
            let why = match state {
                _ if !ty.is_value() => Some(format!("{} is no value but a `{ty}`", quoted(name))),
                State::Live => None,
                _ => Some(format!("{} does not have a value on every way to the end of the process", quoted(name))),
            };
            locals.insert(name.clone(), why);
            // Parameters keep theirs, and come first: of two registers of one name, a condition means the later.
            if *register as usize >= parameters {
                self.registers[*register as usize] = name.clone();
            }
        }
        locals
    }
}
