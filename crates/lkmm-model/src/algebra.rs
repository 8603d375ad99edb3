//! The language in which memory models are written: relations and sets as expressions, with operators.
//!
//! A model file reads like the published cat definition: `let fr = rf.inverse().then(co);`. The operators do not compute;
//! they build a graph of [`Node`]s, shared where the same expression occurs twice, from which
//! [`plan`](crate::plan) makes, for the program at hand, a short list of steps with everything folded away that `rf` and
//! `co` cannot change. One definition therefore serves the search (which evaluates it millions of times on partial
//! executions), the judging of a single execution, and the explanation of a verdict by named relations.
//!
//! # A model of one's own
//!
//! Release and acquire, much as in C11: whoever reads by an acquire what a release wrote,
//! sees what was before the release.
//!
//! ```
//! use lkmm_model::algebra::{Arena, BaseRelation, BaseSet, id};
//! use lkmm_model::models::Model;
//! use lkmm_model::seq;
//!
//! let m = Arena::default();
//! {
//!     let [po, loc, rf, co] = [BaseRelation::Po, BaseRelation::Loc, BaseRelation::Rf, BaseRelation::Co].map(|r| m.relation(r));
//!     let [release, acquire] = [BaseSet::Release, BaseSet::Acquire].map(|s| m.set(s));
//!     let fr = rf.inverse().then(co).named("fr");
//!     let sw = seq!(id(release), rf, id(acquire)).named("sw");
//!     let hb = (po | sw).plus().named("hb");
//!     m.acyclic((po & loc) | rf | co | fr, "coherence").per_location();
//!     m.irreflexive(hb.then((rf | co | fr).plus().opt()), "happens-before");
//! }
//! let model = Model::new("ra", "Release and acquire", m.finish());
//! assert_eq!(model.definition().axioms.len(), 2);
//! # use lkmm_model::event::{Label, Mode};
//! # use lkmm_model::graph::{Event, Execution};
//! # use lkmm_model::program::Value;
//! #
//! # let event = |label, thread, location, value| Event {
//! #     label, thread, location: Some(location), value: Some(Value::Int(value)), atomic: false, origin: 0,
//! # };
//! // Message passing: the flag (location 1) is seen, the message (location 0) is not.
//! let message_passing = |write: Mode, read: Mode| Execution {
//!     events: vec![
//!         event(Label::Init, None, 0, 0),
//!         event(Label::Init, None, 1, 0),
//!         event(Label::Write(Mode::Once), Some(0), 0, 1),
//!         event(Label::Write(write), Some(0), 1, 1),
//!         event(Label::Read(read), Some(1), 1, 1),
//!         event(Label::Read(Mode::Once), Some(1), 0, 0),
//!     ],
//!     po: vec![(2, 3), (4, 5)],
//!     rf: vec![(0, 5), (3, 4)],
//!     co: vec![(0, 2), (1, 3)],
//!     ..Execution::default()
//! };
//! let forbidden = message_passing(Mode::Release, Mode::Acquire);
//! assert_eq!(model.judge(&forbidden).violated, Some("happens-before"));
//! assert_eq!(model.relation(&forbidden, "sw"), Some(vec![(3, 4)]));
//! let allowed = message_passing(Mode::Release, Mode::Once);
//! assert_eq!(model.judge(&allowed).violated, None);
//! ```
//!
//! Such a model is as good for a search as those in [`models`](crate::models), if it is kept in a `static`.

use std::cell::RefCell;
use std::collections::HashMap;
use std::ops::{BitAnd, BitOr, Not, Sub};

/// Index of a node in [`Definition::nodes`].
pub type NodeId = u32;

/// The sets that an execution comes with. Named as in `linux-kernel.bell` and `lock.cat`, before those redefine them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum BaseSet {
    All,
    R,
    W,
    IW,
    /// Initial writes of observed locations: stand-ins for their final writes (`FW`).
    ObservedInit,
    RMW,
    Plain,
    Acquire,
    Release,
    Noreturn,
    SrcuLock,
    SrcuUnlock,
    SyncSrcu,
    Fence(crate::event::Fence),
    LKR,
    LKW,
    UL,
    LF,
    RL,
    RU,
}

/// The relations that an execution comes with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum BaseRelation {
    Po,
    Loc,
    Int,
    Ext,
    Rmw,
    Addr,
    Data,
    Ctrl,
    /// Grows during a search.
    Rf,
    /// Grows during a search.
    Co,
    /// Pairs of events whose values differ; known for complete executions only.
    DifferentValues,
}

/// An expression of the algebra. Operands come before the nodes that use them, but for [`Node::Variable`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Node {
    Set(BaseSet),
    SetOr(NodeId, NodeId),
    SetAnd(NodeId, NodeId),
    SetMinus(NodeId, NodeId),
    Domain(NodeId),
    Range(NodeId),
    Relation(BaseRelation),
    /// `[S]`
    Identity(NodeId),
    /// `S * T`
    Cross(NodeId, NodeId),
    Or(NodeId, NodeId),
    And(NodeId, NodeId),
    Minus(NodeId, NodeId),
    /// `a ; b`
    Sequence(NodeId, NodeId),
    /// `[S] ; a`
    Within(NodeId, NodeId),
    /// `a ; [S]`
    Into(NodeId, NodeId),
    Inverse(NodeId),
    /// `a+`
    Closure(NodeId),
    /// Pairs of a first and a second set, matched like brackets along `po`.
    Brackets(NodeId, NodeId),
    /// The variable of the enclosing fixed point with this number.
    Variable(u32),
    /// The least fixed point of the body (a node over the variable of this number).
    Fixpoint(u32, NodeId),
}

/// What an axiom or a flag asks of a relation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Test {
    Acyclic,
    Irreflexive,
    Empty,
}

/// Which executions a search may judge by an axiom.
///
/// A search that adds events one by one may drop a *partial* execution for an axiom if the violation is there for good, and
/// if one that satisfies the axiom can always go on: its next event may read the coherence-last write of its location, or
/// become it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Partial ones.
    Partial,
    /// Partial ones, if there is no grace period of RCU or SRCU among their events; otherwise complete ones only.
    PartialWithoutGracePeriod,
    /// Complete ones only.
    Complete,
}

/// A named requirement: an axiom of the model, or (if it only flags) a reason to doubt the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Requirement {
    /// What is asked.
    pub test: Test,
    /// Of which relation (for [`Test::Empty`], or set).
    pub node: NodeId,
    /// The name it is reported under.
    pub name: &'static str,
    /// Of which executions it speaks. (Flags: of complete ones.)
    pub stage: Stage,
    /// It is sequential consistency per location, `acyclic po-loc | rf | co | fr`: a search that chooses only sources and
    /// places in `co` which are coherent need not check it.
    pub per_location: bool,
}

/// A memory model as data.
#[derive(Clone, Debug, Default)]
pub struct Definition {
    /// All expressions, operands first, and none twice: [`Arena::finish`] yields nothing else. (Of a base relation or a variable
    /// that is listed twice a [`Plan`](crate::plan::Plan) cannot be made: it panics.)
    pub nodes: Vec<Node>,
    /// An execution that violates one of these is not one.
    pub axioms: Vec<Requirement>,
    /// A complete execution that violates one of these is flagged.
    pub flags: Vec<Requirement>,
    /// Relations by name, for reports.
    pub names: Vec<(&'static str, NodeId)>,
    /// Named relations that an [explanation](crate::explain) does not take apart.
    pub atoms: Vec<NodeId>,
}

/// Where the expressions of a definition live while it is written.
#[derive(Default)]
pub struct Arena {
    inner: RefCell<Inner>,
}

#[derive(Default)]
struct Inner {
    definition: Definition,
    known: HashMap<Node, NodeId>,
    variables: u32,
}

/// A relation under construction.
#[derive(Clone, Copy)]
pub struct Rel<'a> {
    arena: &'a Arena,
    id: NodeId,
}

/// A set under construction.
#[derive(Clone, Copy)]
pub struct Set<'a> {
    arena: &'a Arena,
    id: NodeId,
}

impl Arena {
    fn add(&self, node: Node) -> NodeId {
        let inner = &mut *self.inner.borrow_mut();
        *inner.known.entry(node).or_insert_with(|| {
            inner.definition.nodes.push(node);
            (inner.definition.nodes.len() - 1) as NodeId
        })
    }

    fn node(&self, id: NodeId) -> Node {
        self.inner.borrow().definition.nodes[id as usize]
    }

    fn rel(&self, node: Node) -> Rel<'_> {
        Rel { arena: self, id: self.add(node) }
    }

    fn set_of(&self, node: Node) -> Set<'_> {
        Set { arena: self, id: self.add(node) }
    }

    /// A base set.
    pub fn set(&self, set: BaseSet) -> Set<'_> {
        self.set_of(Node::Set(set))
    }

    /// A base relation.
    pub fn relation(&self, relation: BaseRelation) -> Rel<'_> {
        self.rel(Node::Relation(relation))
    }

    /// `let rec x = body(x)`, the least fixed point. The body must be monotone in its variable.
    pub fn fixpoint<'a>(&'a self, body: impl FnOnce(Rel<'a>) -> Rel<'a>) -> Rel<'a> {
        let number = {
            let mut inner = self.inner.borrow_mut();
            inner.variables += 1;
            inner.variables - 1
        };
        let body = body(self.rel(Node::Variable(number)));
        self.rel(Node::Fixpoint(number, body.id))
    }

    fn axiom(&self, test: Test, node: NodeId, name: &'static str) -> Axiom<'_> {
        let axioms = &mut self.inner.borrow_mut().definition.axioms;
        axioms.push(Requirement { test, node, name, stage: Stage::Partial, per_location: false });
        Axiom { arena: self, index: axioms.len() - 1 }
    }

    /// Axiom: the relation has no cycle.
    pub fn acyclic(&self, r: Rel<'_>, name: &'static str) -> Axiom<'_> {
        self.axiom(Test::Acyclic, r.id, name)
    }

    /// Axiom: the relation relates no event to itself.
    pub fn irreflexive(&self, r: Rel<'_>, name: &'static str) -> Axiom<'_> {
        self.axiom(Test::Irreflexive, r.id, name)
    }

    /// Axiom: the relation is empty.
    pub fn empty(&self, r: Rel<'_>, name: &'static str) -> Axiom<'_> {
        self.axiom(Test::Empty, r.id, name)
    }

    /// Flag: raised where the relation or set is not empty.
    pub fn flag(&self, r: impl Into<Flagged>, name: &'static str) {
        let node = r.into().0;
        let flag = Requirement { test: Test::Empty, node, name, stage: Stage::Complete, per_location: false };
        self.inner.borrow_mut().definition.flags.push(flag);
    }

    /// The finished definition.
    pub fn finish(self) -> Definition {
        self.inner.into_inner().definition
    }
}

/// An axiom that was just stated, to say more of it.
pub struct Axiom<'a> {
    arena: &'a Arena,
    index: usize,
}

impl Axiom<'_> {
    fn amend(self, amend: impl FnOnce(&mut Requirement)) -> Self {
        amend(&mut self.arena.inner.borrow_mut().definition.axioms[self.index]);
        self
    }

    /// It speaks of these executions only; without this, of all, [partial](Stage::Partial) ones too.
    pub fn of(self, stage: Stage) -> Self {
        self.amend(|axiom| axiom.stage = stage)
    }

    /// It is sequential consistency per location; see [`Requirement::per_location`].
    pub fn per_location(self) -> Self {
        self.amend(|axiom| axiom.per_location = true)
    }
}

/// What a flag looks at: a relation or a set.
pub struct Flagged(NodeId);

impl From<Rel<'_>> for Flagged {
    fn from(r: Rel<'_>) -> Self {
        Flagged(r.id)
    }
}

impl From<Set<'_>> for Flagged {
    fn from(s: Set<'_>) -> Self {
        Flagged(s.id)
    }
}

impl<'a> Rel<'a> {
    /// `self ; next`. Identities are folded into restrictions, and options are distributed.
    pub fn then(self, next: Rel<'a>) -> Rel<'a> {
        let arena = self.arena;
        let identity = Node::Identity(arena.set(BaseSet::All).id);
        match (arena.node(self.id), arena.node(next.id)) {
            (Node::Or(i, a), _) if arena.node(i) == identity => next | Rel { arena, id: a }.then(next),
            (_, Node::Or(i, b)) if arena.node(i) == identity => self | self.then(Rel { arena, id: b }),
            (Node::Identity(s), _) => arena.rel(Node::Within(s, next.id)),
            (_, Node::Identity(s)) => arena.rel(Node::Into(self.id, s)),
            _ => arena.rel(Node::Sequence(self.id, next.id)),
        }
    }

    /// `self^-1`
    pub fn inverse(self) -> Rel<'a> {
        self.arena.rel(Node::Inverse(self.id))
    }

    /// `self+`
    pub fn plus(self) -> Rel<'a> {
        self.arena.rel(Node::Closure(self.id))
    }

    /// `self?`
    pub fn opt(self) -> Rel<'a> {
        id(self.arena.set(BaseSet::All)) | self
    }

    /// `self*`
    pub fn star(self) -> Rel<'a> {
        self.plus().opt()
    }

    /// The events that have a successor.
    pub fn domain(self) -> Set<'a> {
        self.arena.set_of(Node::Domain(self.id))
    }

    /// The events that are a successor.
    pub fn range(self) -> Set<'a> {
        self.arena.set_of(Node::Range(self.id))
    }

    /// Names the relation, for reports, and returns it.
    pub fn named(self, name: &'static str) -> Rel<'a> {
        self.arena.inner.borrow_mut().definition.names.push((name, self.id));
        self
    }

    /// Says that the relation needs no reasons: an [explanation](crate::explain) calls its pairs by its name, and goes no further.
    pub fn atom(self) -> Rel<'a> {
        self.arena.inner.borrow_mut().definition.atoms.push(self.id);
        self
    }
}

impl<'a> Set<'a> {
    /// `self * other`
    pub fn cross(self, other: Set<'a>) -> Rel<'a> {
        self.arena.rel(Node::Cross(self.id, other.id))
    }

    /// Pairs of this and another set, matched like brackets along `po`, thread by thread.
    pub fn brackets(self, close: Set<'a>) -> Rel<'a> {
        self.arena.rel(Node::Brackets(self.id, close.id))
    }
}

/// `[set]`, the identity on a set.
pub fn id(set: Set<'_>) -> Rel<'_> {
    set.arena.rel(Node::Identity(set.id))
}

/// `a ; b ; c …`, associated to the right, so that options and identities at the front cost nothing.
///
/// ```
/// use lkmm_model::algebra::{Arena, BaseRelation, BaseSet, id};
/// use lkmm_model::seq;
///
/// let m = Arena::default();
/// let (po, writes) = (m.relation(BaseRelation::Po), m.set(BaseSet::W));
/// seq!(id(writes), po, id(writes)).named("ww"); // [W] ; po ; [W]
/// assert_eq!(m.finish().names[0].0, "ww");
/// ```
#[macro_export]
macro_rules! seq {
    ($last:expr $(,)?) => { $last };
    ($first:expr, $($next:expr),+ $(,)?) => { $first.then($crate::seq!($($next),+)) };
}

macro_rules! operators {
    ($type:ident, $or:ident, $and:ident, $minus:ident) => {
        impl BitOr for $type<'_> {
            type Output = Self;
            fn bitor(self, other: Self) -> Self {
                $type { arena: self.arena, id: self.arena.add(Node::$or(self.id, other.id)) }
            }
        }
        impl BitAnd for $type<'_> {
            type Output = Self;
            fn bitand(self, other: Self) -> Self {
                $type { arena: self.arena, id: self.arena.add(Node::$and(self.id, other.id)) }
            }
        }
        impl Sub for $type<'_> {
            type Output = Self;
            fn sub(self, other: Self) -> Self {
                $type { arena: self.arena, id: self.arena.add(Node::$minus(self.id, other.id)) }
            }
        }
    };
}
operators!(Rel, Or, And, Minus);
operators!(Set, SetOr, SetAnd, SetMinus);

impl<'a> Not for Set<'a> {
    type Output = Set<'a>;
    /// The complement.
    fn not(self) -> Set<'a> {
        self.arena.set(BaseSet::All) - self
    }
}
