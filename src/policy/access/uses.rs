//! Which of the circumstances a set of policies looks at. Only those are part of the key under
//! which a decision is kept, and only those are put before the policies.
//!
//! Invariant: in doubt everything is looked at. A policy that gets hold of the whole context by
//! any other way than naming an attribute of it counts as looking at all.

use serde_json::{Map, Value};

macro_rules! attributes {
    ($($attribute:ident = $name:literal;)*) => {
        /// An attribute of the context.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Attribute { $($attribute,)* }

        impl Attribute {
            /// Its name in policies.
            pub(super) const fn name(self) -> &'static str {
                match self { $(Self::$attribute => $name,)* }
            }

            fn named(name: &str) -> Option<Self> {
                match name { $($name => Some(Self::$attribute),)* _ => None }
            }
        }
    };
}

attributes! {
    Face = "face";
    Mode = "mode";
    Model = "model";
    Tools = "tools";
    McpServers = "mcp_servers";
    MaxCostUsd = "max_cost_usd";
    Hour = "hour";
    Weekday = "weekday";
    Address = "address";
    Tool = "tool";
}

/// What is looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Uses {
    context: u16,
    /// Attributes of things that the policy names itself, rather than the question.
    pub(super) strangers: bool,
}

impl Uses {
    /// Everything.
    pub(super) const ALL: Self = Self { context: u16::MAX, strangers: true };

    pub(super) const fn has(self, attribute: Attribute) -> bool {
        self.context & (1 << attribute as u16) != 0
    }

    /// What either looks at.
    pub(super) const fn and(self, other: Self) -> Self {
        Self { context: self.context | other.context, strangers: self.strangers || other.strangers }
    }

    /// What one policy looks at, from its JSON form
    /// (<https://docs.cedarpolicy.com/policies/json-format.html>).
    pub(super) fn of(policy: &Value) -> Self {
        let mut uses = Self::default();
        uses.walk(policy);
        uses
    }

    fn walk(&mut self, value: &Value) {
        match value {
            Value::Object(object) if is_context(object) => self.context = Self::ALL.context,
            Value::Object(object) => {
                if !self.reads_attribute(object) {
                    object.values().for_each(|value| self.walk(value));
                }
            }
            Value::Array(items) => items.iter().for_each(|item| self.walk(item)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    /// `{".": {"left": …, "attr": …}}` and the same with `has`. True where it is one of the
    /// context's, and all is said.
    fn reads_attribute(&mut self, object: &Map<String, Value>) -> bool {
        let read = [".", "has"].iter().find_map(|operator| object.get(*operator)?.as_object());
        let Some(read) = read else {
            // `in` of a thing that the policy names asks for that thing's parents; tags and
            // whatever is to come may ask for more.
            self.strangers |= object.keys().any(|key| is_about_entity(key)) && !asks_own(object);
            return false;
        };
        let Some(left) = read.get("left").and_then(Value::as_object) else {
            *self = Self::ALL;
            return true;
        };
        if !is_context(left) {
            self.strangers |= !is_own(left);
            return false;
        }
        match read.get("attr").and_then(Value::as_str).and_then(Attribute::named) {
            Some(attribute) => self.context |= 1 << attribute as u16,
            None => self.context = Self::ALL.context,
        }
        true
    }
}

fn is_context(object: &Map<String, Value>) -> bool {
    object.get("Var").and_then(Value::as_str) == Some("context")
}

fn is_about_entity(operator: &str) -> bool {
    matches!(operator, "in" | "is" | "getTag" | "hasTag")
}

/// Whether an operator with a left side has one of the question's own there.
fn asks_own(object: &Map<String, Value>) -> bool {
    object.values().all(|of| of.get("left").and_then(Value::as_object).is_some_and(is_own))
}

/// A variable, or what is reached from one attribute by attribute.
fn is_own(left: &Map<String, Value>) -> bool {
    if left.contains_key("Var") {
        return true;
    }
    let inner = left.get(".").and_then(|read| read.get("left")).and_then(Value::as_object);
    inner.is_some_and(is_own)
}

#[cfg(test)]
mod tests {
    use super::*;
    use cedar_policy::Policy;

    fn uses(condition: &str) -> Uses {
        let text = format!("permit(principal, action, resource) when {{ {condition} }};");
        Uses::of(&Policy::parse(None, text).unwrap().to_json().unwrap())
    }

    fn only(attributes: &[Attribute]) -> Uses {
        let context = attributes.iter().fold(0, |set, attribute| set | 1 << *attribute as u16);
        Uses { context, strangers: false }
    }

    #[test]
    fn an_attribute_is_looked_at_where_it_is_named() {
        assert_eq!(uses("true"), only(&[]));
        assert_eq!(uses("context.hour < 3"), only(&[Attribute::Hour]));
        assert_eq!(uses(r#"context["hour"] < 3"#), only(&[Attribute::Hour]));
        assert_eq!(
            uses(r#"if context has model then context.address.isIpv4() else "context" == "hour""#),
            only(&[Attribute::Model, Attribute::Address])
        );
        assert_eq!(
            uses("principal.groups.contains(context.tool) && resource.owner.name == \"x\""),
            only(&[Attribute::Tool])
        );
    }

    #[test]
    fn whoever_holds_the_whole_context_looks_at_everything() {
        for condition in [
            "context == context",
            "(if true then context else context).hour < 3",
            "{a: context}.a.hour < 3",
            "[context].contains({})",
            "context.unheard_of",
        ] {
            assert_eq!(uses(condition).context, Uses::ALL.context, "{condition}");
        }
    }

    #[test]
    fn things_that_the_policy_names_itself_are_told_from_the_questions_own() {
        for (condition, strangers) in [
            ("principal.class == \"gold\"", false),
            ("resource.owner in Group::\"a/b\"", false),
            ("resource == Agent::\"x\"", false),
            ("Agent::\"x\".kind == \"make\"", true),
            ("(if true then Agent::\"x\" else Agent::\"y\").kind == \"make\"", true),
            ("Agent::\"x\" in Upstream::\"u\"", true),
            ("Agent::\"x\" has kind", true),
            ("{a: resource}.a.kind == \"make\"", true),
        ] {
            assert_eq!(uses(condition).strangers, strangers, "{condition}");
        }
    }
}
