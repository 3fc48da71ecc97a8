//! The text of a configuration file, read as YAML 1.2 into a JSON value and the places of its
//! parts. [`super::load`] calls it.
//!
//! Invariant: no text makes it panic, recurse deeply or grow beyond its bounds: size, depth and
//! the nodes that aliases make are capped.

use std::collections::HashMap;
use std::rc::Rc;

use indexmap::IndexMap;
use saphyr::Scalar;
use saphyr_parser::{Event, Parser, Span};
use serde_json::{Map, Number, Value};

use super::places::{Place, Places, below};
use super::report::Report;

/// A configuration is written by people; one that is larger is the wrong file.
const MAX_BYTES: usize = 1024 * 1024;
/// Real ones are six levels deep; presets with JSON Schemas a few more.
const MAX_DEPTH: usize = 64;
/// Aliases that name aliases multiply; far above any real file, far below what hurts.
const MAX_NODES: usize = 100_000;

/// Reads a text; what is wrong with it goes to the report. None where nothing can be read.
pub(super) fn parse(text: &str, report: &mut Report) -> Option<Value> {
    match build(text, report) {
        Ok(root) => {
            let mut flat = Flat { places: Places::default(), nodes: 0 };
            let value = flat.value(&root, String::new(), root.place);
            report.places_are(flat.places);
            value.map_err(|fault| report.add_at(fault.place, &fault.path, fault.message)).ok()
        }
        Err(fault) => {
            report.add_at(fault.place, &fault.path, fault.message);
            None
        }
    }
}

struct Fault {
    place: Place,
    path: String,
    message: String,
}

impl Fault {
    fn new(place: Place, message: impl Into<String>) -> Self {
        Self { place, path: String::new(), message: message.into() }
    }
}

/// A part of the text. Shared, so that an alias costs nothing until it is flattened.
struct Node {
    place: Place,
    height: usize,
    kind: NodeKind,
}

enum NodeKind {
    Scalar(Value),
    List(Vec<Rc<Node>>),
    /// Each key with its place and its value.
    Mapping(IndexMap<String, (Place, Rc<Node>)>),
}

/// A list or mapping whose end has not been read.
struct Open {
    place: Place,
    anchor: usize,
    height: usize,
    /// The key whose value comes next, in a mapping.
    key: Option<(String, Place)>,
    kind: NodeKind,
}

fn build(text: &str, report: &mut Report) -> Result<Rc<Node>, Fault> {
    if text.len() > MAX_BYTES {
        return Err(Fault::new(Place::START, "is larger than 1MiB: this is not a configuration"));
    }
    let mut builder = Builder { open: Vec::new(), anchors: HashMap::new(), root: None, report };
    let mut documents = 0;
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| {
            Fault::new(place(*error.marker()), format!("is not YAML: {}", error.info()))
        })?;
        if let Event::DocumentStart(_) = event {
            documents += 1;
            if documents > 1 {
                return Err(Fault::new(
                    place(span.start),
                    "a second document begins here (a configuration is one document)",
                ));
            }
        }
        builder.event(event, span)?;
    }
    let empty = || Rc::new(Node::scalar(Place::START, Value::Null));
    Ok(builder.root.unwrap_or_else(empty))
}

fn place(marker: saphyr_parser::Marker) -> Place {
    Place { line: marker.line().max(1), column: marker.col() + 1 }
}

impl Node {
    fn scalar(place: Place, value: Value) -> Self {
        Self { place, height: 0, kind: NodeKind::Scalar(value) }
    }
}

struct Builder<'a> {
    open: Vec<Open>,
    anchors: HashMap<usize, Rc<Node>>,
    root: Option<Rc<Node>>,
    report: &'a mut Report,
}

impl Builder<'_> {
    fn event(&mut self, event: Event<'_>, span: Span) -> Result<(), Fault> {
        let place = place(span.start);
        match event {
            Event::SequenceStart(anchor, tag) => {
                refuse_tag(tag.as_deref(), place)?;
                self.begin(place, anchor, NodeKind::List(Vec::new()))
            }
            Event::MappingStart(anchor, tag) => {
                refuse_tag(tag.as_deref(), place)?;
                self.begin(place, anchor, NodeKind::Mapping(IndexMap::new()))
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let Some(open) = self.open.pop() else { return Ok(()) };
                let node = Node { place: open.place, height: open.height + 1, kind: open.kind };
                self.add(Rc::new(node), open.anchor)
            }
            Event::Scalar(text, style, anchor, tag) => {
                if self.expects_key() {
                    return self.key(&text, place);
                }
                refuse_tag(tag.as_deref(), place)?;
                let scalar = Scalar::parse_from_cow_and_metadata(text, style, tag.as_ref());
                let value = scalar.and_then(json).ok_or_else(|| {
                    Fault::new(place, "is not a value that can be written in JSON")
                })?;
                self.add(Rc::new(Node::scalar(place, value)), anchor)
            }
            Event::Alias(anchor) => match self.anchors.get(&anchor) {
                Some(node) => self.add(Rc::clone(node), 0),
                None => Err(Fault::new(place, "an alias cannot stand inside what it names")),
            },
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd => Ok(()),
        }
    }

    fn expects_key(&self) -> bool {
        self.open
            .last()
            .is_some_and(|open| matches!(open.kind, NodeKind::Mapping(_)) && open.key.is_none())
    }

    fn begin(&mut self, place: Place, anchor: usize, kind: NodeKind) -> Result<(), Fault> {
        if self.expects_key() {
            return Err(Fault::new(place, "a key must be a plain word"));
        }
        if self.open.len() >= MAX_DEPTH {
            return Err(too_deep(place));
        }
        self.open.push(Open { place, anchor, height: 0, key: None, kind });
        Ok(())
    }

    /// A key. One that stands twice is reported, and reading goes on.
    fn key(&mut self, key: &str, place: Place) -> Result<(), Fault> {
        let path =
            self.open.iter().fold(String::new(), |path, open| match (&open.kind, &open.key) {
                (NodeKind::List(items), _) => format!("{path}[{}]", items.len()),
                (_, Some((key, _))) => below(&path, key),
                (_, None) => path,
            });
        let Some(Open { key: next, kind: NodeKind::Mapping(entries), .. }) = self.open.last_mut()
        else {
            return Ok(());
        };
        let path = below(&path, key);
        if key == "<<" {
            let message = "merge keys are not part of YAML 1.2 (write the keys out)";
            self.report.add_at(place, &path, message);
        } else if let Some((first, _)) = entries.get(key) {
            let message = format!("stands here a second time (first on line {})", first.line);
            self.report.add_at(place, &path, message);
        }
        *next = Some((key.to_owned(), place));
        Ok(())
    }

    fn add(&mut self, node: Rc<Node>, anchor: usize) -> Result<(), Fault> {
        if node.height > MAX_DEPTH {
            return Err(too_deep(node.place));
        }
        // Anchor 0 is none.
        if anchor > 0 {
            self.anchors.insert(anchor, Rc::clone(&node));
        }
        let Some(open) = self.open.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        open.height = open.height.max(node.height);
        match &mut open.kind {
            NodeKind::List(items) => items.push(node),
            NodeKind::Mapping(entries) => match open.key.take() {
                Some((key, place)) => {
                    entries.insert(key, (place, node));
                }
                None => return Err(Fault::new(node.place, "a key must be a plain word")),
            },
            NodeKind::Scalar(_) => {}
        }
        Ok(())
    }
}

fn too_deep(place: Place) -> Fault {
    Fault::new(place, format!("is nested more than {MAX_DEPTH} levels deep"))
}

fn refuse_tag(tag: Option<&saphyr_parser::Tag>, place: Place) -> Result<(), Fault> {
    match tag {
        Some(tag) if !tag.is_yaml_core_schema() => {
            Err(Fault::new(place, "tags have no meaning here (remove it)"))
        }
        Some(_) | None => Ok(()),
    }
}

fn json(scalar: Scalar<'_>) -> Option<Value> {
    Some(match scalar {
        Scalar::Null => Value::Null,
        Scalar::Boolean(flag) => Value::Bool(flag),
        Scalar::Integer(number) => Value::from(number),
        Scalar::FloatingPoint(number) => Value::Number(Number::from_f64(*number)?),
        Scalar::String(text) => Value::String(text.into_owned()),
    })
}

/// Turns shared nodes into a value of its own, and writes down where each part stands.
struct Flat {
    places: Places,
    nodes: usize,
}

impl Flat {
    fn value(&mut self, node: &Node, path: String, key: Place) -> Result<Value, Fault> {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            return Err(Fault::new(key, format!("aliases make more than {MAX_NODES} values")));
        }
        let value = match &node.kind {
            NodeKind::Scalar(value) => {
                self.places.set(path, key, node.place);
                return Ok(value.clone());
            }
            NodeKind::List(items) => {
                let mut list = Vec::with_capacity(items.len());
                for (index, item) in items.iter().enumerate() {
                    list.push(self.value(item, format!("{path}[{index}]"), item.place)?);
                }
                Value::Array(list)
            }
            NodeKind::Mapping(entries) => {
                let mut map = Map::new();
                for (name, (place, item)) in entries {
                    let path = below(&path, name);
                    map.insert(name.clone(), self.value(item, path, *place)?);
                }
                Value::Object(map)
            }
        };
        // What is wrong with a whole list or mapping is best shown at its key.
        self.places.set(path, key, key);
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parsed(text: &str) -> (Option<Value>, Report) {
        let mut report = Report::new("f");
        let value = parse(text, &mut report);
        (value, report)
    }

    fn report(text: &str) -> String {
        parsed(text).1.to_string()
    }

    #[test]
    fn scalars_have_the_types_of_yaml_1_2() {
        let (value, report) =
            parsed("{a: 1, b: -2.5, c: true, d: ~, e: no, f: '1', g: 0x10, 8: x, h: !!str 5}");
        assert!(report.is_empty(), "{report}");
        let expected = json!({
            "a": 1, "b": -2.5, "c": true, "d": null, "e": "no", "f": "1", "g": 16, "8": "x",
            "h": "5"
        });
        assert_eq!(value, Some(expected));
        assert_eq!(parsed("").0, Some(Value::Null));
    }

    #[test]
    fn keys_and_values_have_their_places() {
        let (_, report) = parsed("a:\n  b: 1\n  c:\n    - x\n    - {d: y}\n");
        let places = report.places();
        assert_eq!(places.key("a.b"), Place { line: 2, column: 3 });
        assert_eq!(places.value("a.b"), Place { line: 2, column: 6 });
        assert_eq!(places.value("a.c"), Place { line: 3, column: 3 });
        assert_eq!(places.value("a.c[0]"), Place { line: 4, column: 7 });
        assert_eq!(places.value("a.c[1].d"), Place { line: 5, column: 11 });
    }

    #[test]
    fn what_is_no_yaml_is_said_with_its_place() {
        for (text, start) in [
            ("a: [1\nb: 2\n", "f:2:"),
            ("a:\n\tb: 1\n", "f:2:"),
            ("a: *x\n", "f:1:4: is not YAML"),
            ("a: 1\n---\nb: 2\n", "f:2:1: a second document"),
            ("a: !secret x\n", "f:1:"),
            ("a: .nan\n", "f:1:4: is not a value"),
            ("? [1]\n: 2\n", "f:1:3: a key must be"),
            ("a: &b [*b]\n", "f:1:8: an alias cannot"),
        ] {
            let report = report(text);
            assert!(report.starts_with(start), "{text:?}: {report}");
            assert_eq!(report.lines().count(), 1, "{report}");
        }
    }

    #[test]
    fn keys_that_stand_twice_are_all_said() {
        assert_eq!(
            report("a: {b: 1, b: 2}\nc: [{d: 1, d: 2}]\na: 3\n<<: {}\n"),
            "f:1:11: a.b: stands here a second time (first on line 1)\n\
             f:2:12: c[0].d: stands here a second time (first on line 2)\n\
             f:3:1: a: stands here a second time (first on line 1)\n\
             f:4:1: <<: merge keys are not part of YAML 1.2 (write the keys out)\n"
        );
    }

    #[test]
    fn an_alias_stands_for_what_it_names() {
        let (value, report) = parsed("a: &x {b: 1}\nc: *x\n");
        assert!(report.is_empty(), "{report}");
        assert_eq!(value, Some(json!({"a": {"b": 1}, "c": {"b": 1}})));
        assert_eq!(report.places().value("c.b"), Place { line: 1, column: 11 });
    }

    #[test]
    fn aliases_of_aliases_are_bounded() {
        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..10 {
            let names = vec![format!("*a{}", level - 1); 10].join(", ");
            bomb.push_str(&format!("a{level}: &a{level} [{names}]\n"));
        }
        assert!(report(&bomb).contains("aliases make more than 100000 values"));
        let mut chain = "a0: &a0 [x]\n".to_owned();
        for level in 1..1000 {
            chain.push_str(&format!("a{level}: &a{level} [*a{}]\n", level - 1));
        }
        assert!(report(&chain).contains("nested more than 64 levels deep"));
    }

    #[test]
    fn depth_and_size_are_bounded() {
        assert!(report(&"- ".repeat(200_000)).contains("nested more than 64 levels deep"));
        assert!(report(&"[".repeat(200_000)).contains("f:1:"));
        assert!(report(&"a".repeat(MAX_BYTES + 1)).contains("is larger than 1MiB"));
    }
}
