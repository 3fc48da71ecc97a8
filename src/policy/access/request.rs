//! A question in Cedar's words: the request, and the things that policies may look at. Built from
//! structures, without parsing.
//!
//! Invariant: a thing's parents are all of its ancestors, so that none of them need be there.

use std::collections::{HashMap, HashSet};

use cedar_policy::{Context, Entities, Entity, EntityUid, Request, RestrictedExpression};

use super::names::Names;
use super::report::Unspeakable;
use super::uses::{Attribute, Uses};
use super::world::{Prepared, agent_attributes, text, upstream_entity};
use crate::model::judge::{Circumstances, Owned, Question, Resource};
use crate::model::micro::Micro;
use crate::model::principal::Identity;

/// A question in Cedar's words.
pub(super) struct Asked {
    pub(super) request: Request,
    pub(super) entities: Entities,
    /// The principal and all that it is in.
    pub(super) principals: Vec<EntityUid>,
    /// The resource and all that it is in.
    pub(super) resources: Vec<EntityUid>,
    /// The owner of the resource, where it has one and that is not the principal.
    pub(super) owner: Option<EntityUid>,
}

/// What everything is called, and what stands still.
#[derive(Clone, Copy)]
pub(super) struct Words<'a> {
    pub(super) names: &'a Names,
    pub(super) world: &'a Prepared,
}

impl Words<'_> {
    /// Puts a question, as far as it is looked at.
    pub(super) fn put(self, question: &Question<'_>, uses: Uses) -> Result<Asked, Unspeakable> {
        let (principal, groups) = self.principal(question.principal)?;
        let (resource, above) = self.resource(question.resource)?;
        let (caller, thing) = (principal.uid(), resource.uid());
        let mut entities = vec![principal, resource];
        let mut owner = None;
        if let Resource::Run(owned) | Resource::Thread(owned) = question.resource {
            let entity = self.owner(owned)?;
            if entity.uid() != caller {
                owner = Some(entity.uid());
                entities.push(entity);
            }
        }
        let entities = if uses.strangers {
            // The question's own things first: where the world has the same, it says the same.
            self.world.everything.clone().upsert_entities(entities, None)?
        } else {
            Entities::from_entities(entities, None)?
        };
        let action = self.names.action(question.action).ok_or("the action has no name")?;
        let context = context(question, uses)?;
        let request = Request::new(caller.clone(), action, thing.clone(), context, None)?;
        let line = |own: EntityUid, above: HashSet<EntityUid>| {
            std::iter::once(own).chain(above).collect::<Vec<_>>()
        };
        let (principals, resources) = (line(caller, groups), line(thing, above));
        Ok(Asked { request, entities, principals, resources, owner })
    }

    fn principal(self, who: &Identity) -> Result<(Entity, HashSet<EntityUid>), Unspeakable> {
        let mut attributes = HashMap::from([
            ("workspace".to_owned(), text(&who.workspace)),
            ("subject".to_owned(), text(&who.subject)),
            ("name".to_owned(), text(&who.name)),
            ("kind".to_owned(), text(who.kind.name())),
            ("scopes".to_owned(), set(who.scopes.iter().map(|scope| scope.name()))),
            ("groups".to_owned(), set(who.groups.iter().map(String::as_str))),
        ]);
        if let Some(class) = &who.class {
            attributes.insert("class".to_owned(), text(class));
        }
        let mut above: HashSet<EntityUid> =
            who.groups.iter().map(|group| self.names.group(&who.workspace, group)).collect();
        above.insert(self.names.workspace(&who.workspace));
        let uid = self.names.caller(&who.workspace, &who.subject);
        Ok((Entity::new(uid, attributes, above.clone())?, above))
    }

    fn resource(self, resource: Resource<'_>) -> Result<(Entity, HashSet<EntityUid>), Unspeakable> {
        let names = self.names;
        let (uid, attributes, above) = match resource {
            Resource::Agent(agent) => {
                let mut above: HashSet<EntityUid> =
                    self.world.aliases(agent).iter().cloned().collect();
                above.insert(names.upstream(agent.upstream));
                let kind = self.world.kind(agent.upstream);
                (names.agent(agent), agent_attributes(agent, kind), above)
            }
            Resource::Upstream(name) => {
                let entity = upstream_entity(names, name, self.world.kind(name))?;
                return Ok((entity, HashSet::new()));
            }
            Resource::Run(owned) => (names.run(owned.id), self.owned(owned), self.above(owned)),
            Resource::Thread(owned) => {
                (names.thread(owned.id), self.owned(owned), self.above(owned))
            }
            Resource::Gateway => (names.gateway(), HashMap::new(), HashSet::new()),
        };
        Ok((Entity::new(uid, attributes, above.clone())?, above))
    }

    fn owned(self, owned: Owned<'_>) -> HashMap<String, RestrictedExpression> {
        let owner = self.names.caller(owned.workspace, owned.subject);
        HashMap::from([
            ("owner".to_owned(), RestrictedExpression::new_entity_uid(owner)),
            ("workspace".to_owned(), text(owned.workspace)),
        ])
    }

    fn above(self, owned: Owned<'_>) -> HashSet<EntityUid> {
        let mut above: HashSet<EntityUid> =
            self.world.aliases(owned.agent).iter().cloned().collect();
        above.insert(self.names.agent(owned.agent));
        above.insert(self.names.upstream(owned.agent.upstream));
        above.insert(self.names.workspace(owned.workspace));
        above
    }

    /// An owner who is not asking: of whom no more is known than the run says.
    fn owner(self, owned: Owned<'_>) -> Result<Entity, Unspeakable> {
        let attributes = HashMap::from([
            ("workspace".to_owned(), text(owned.workspace)),
            ("subject".to_owned(), text(owned.subject)),
        ]);
        let above = HashSet::from([self.names.workspace(owned.workspace)]);
        Ok(Entity::new(self.names.caller(owned.workspace, owned.subject), attributes, above)?)
    }
}

fn context(question: &Question<'_>, uses: Uses) -> Result<Context, Unspeakable> {
    let Circumstances { face, mode, model, tools, mcp_servers, max_cost_usd, when, address } =
        question.circumstances;
    let number = |value: u8| RestrictedExpression::new_long(i64::from(value));
    let mut pairs = Vec::new();
    let mut say = |attribute: Attribute, value: &dyn Fn() -> Option<RestrictedExpression>| {
        if uses.has(attribute)
            && let Some(value) = value()
        {
            pairs.push((attribute.name().to_owned(), value));
        }
    };
    say(Attribute::Face, &|| Some(text(face)));
    say(Attribute::Mode, &|| Some(text(mode.name())));
    say(Attribute::Model, &|| model.map(text));
    say(Attribute::Tools, &|| tools.map(|tools| set(tools.iter().map(String::as_str))));
    say(Attribute::McpServers, &|| Some(set(mcp_servers.iter().copied())));
    say(Attribute::MaxCostUsd, &|| {
        max_cost_usd.map(|cost| RestrictedExpression::new_decimal(decimal(cost)))
    });
    say(Attribute::Hour, &|| Some(number(when.hour)));
    say(Attribute::Weekday, &|| Some(number(when.weekday)));
    say(Attribute::Address, &|| {
        Some(RestrictedExpression::new_ip(address.to_canonical().to_string()))
    });
    say(Attribute::Tool, &|| question.action.tool().map(text));
    Ok(Context::from_pairs(pairs)?)
}

fn set<'a>(items: impl Iterator<Item = &'a str>) -> RestrictedExpression {
    RestrictedExpression::new_set(items.map(text))
}

/// Cedar's decimals have four places. Rounded up, so that a limit never lets pass what is a little
/// above it.
fn decimal(cost: Micro) -> String {
    let units = cost.0.div_euclid(100) + i64::from(cost.0.rem_euclid(100) > 0);
    let sign = if units < 0 { "-" } else { "" };
    let units = units.unsigned_abs();
    format!("{sign}{}.{:04}", units / 10_000, units % 10_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cost_is_rounded_up_to_four_places() {
        for (cost, text) in [
            ("0", "0.0000"),
            ("0.5", "0.5000"),
            ("0.50001", "0.5001"),
            ("12.000001", "12.0001"),
            ("-0.50001", "-0.5000"),
            ("-1.5", "-1.5000"),
        ] {
            assert_eq!(decimal(Micro::parse(cost).unwrap()), text);
        }
        for cost in [i64::MAX, i64::MIN] {
            let text = decimal(Micro(cost));
            let pair = ("x".to_owned(), RestrictedExpression::new_decimal(&text));
            Context::from_pairs([pair]).unwrap_or_else(|error| panic!("{text}: {error}"));
        }
    }
}
