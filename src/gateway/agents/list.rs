//! Lists agents across platforms: all that are asked answer at the same time, and one that fails,
//! or takes too long, is named beside the agents of the others.
//!
//! Invariant: followed to its end, a list shows every agent that stays where it is once. Where a
//! page ends is said for each platform by the id of the last agent that was shown of it, so that
//! agents which come and go move no other.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::{StreamExt, stream};
use ring::digest::{SHA256, digest};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::manages;
use crate::error::{Error, Kind, Result};
use crate::gateway::{Gateway, Platform};
use crate::model::call::Call;
use crate::model::judge::{Action, Resource};
use crate::model::profile::{Agent, Profile};
use crate::outbound::agents::{Agents, Manages, Page, Wanted};

/// Platforms that are asked at a time.
const AT_A_TIME: usize = 8;
/// Pages of one platform that one page of ours looks at: most of them are hidden, or not what is
/// sought, where it needs more, and the next page goes on from there.
const PAGES: usize = 10;

/// A platform's own filters, each with its value.
type Filters = Vec<(String, String)>;

/// Which agents to list.
#[derive(Clone, Debug, Default)]
pub struct AgentFilter {
    /// On this upstream.
    pub upstream: Option<String>,
    /// That have this in name, description or id.
    pub search: Option<String>,
    /// The upstream's own filters.
    pub native: Vec<(String, String)>,
    /// At most so many; 1 to 100.
    pub limit: usize,
    /// Where the last page ended.
    pub cursor: Option<String>,
}

/// A page of agents.
#[derive(Debug)]
pub struct AgentPage {
    /// The agents.
    pub agents: Vec<Agent>,
    /// Where the next page begins; none on the last.
    pub next_cursor: Option<String>,
    /// What could not be listed.
    pub partial_failures: Vec<PartialFailure>,
}

/// Something that could not be listed.
#[derive(Debug, Serialize, JsonSchema)]
pub struct PartialFailure {
    /// The upstream that failed.
    pub upstream: String,
    /// The agent that is left out; null where it is all of the upstream's.
    pub agent: Option<String>,
    /// The code of the failure.
    pub code: String,
    /// What is said of it.
    pub detail: String,
}

/// Where a list has come to on one upstream.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Place {
    /// The upstream.
    #[serde(rename = "u")]
    upstream: String,
    /// The page of it, in its vendor's words.
    #[serde(rename = "c", default, skip_serializing_if = "Option::is_none")]
    cursor: Option<String>,
    /// The last agent of that page that was looked at.
    #[serde(rename = "a", default, skip_serializing_if = "Option::is_none")]
    after: Option<String>,
}

/// A cursor: what it belongs to, and the places on all upstreams that are not over.
#[derive(Serialize, Deserialize)]
struct Cursor {
    #[serde(rename = "f")]
    filter: String,
    #[serde(rename = "p")]
    places: Vec<Place>,
}

/// What was found on one upstream.
#[derive(Default)]
struct Gathered {
    /// The agents, each with the place after it.
    agents: Vec<(Agent, Place)>,
    /// The place after the last agent that was looked at; none where there are no more.
    rest: Option<Place>,
    failures: Vec<PartialFailure>,
}

impl Gateway {
    /// A page of the agents that a caller may see.
    pub async fn agents(&self, call: &Arc<Call>, filter: &AgentFilter) -> Result<AgentPage> {
        let places = self.places(call, filter)?;
        let within = self.0.catalog.within;
        let gather = |place: Place| async move {
            let gathered = tokio::time::timeout(within, self.gather(call, filter, &place)).await;
            let late = || Error::new(Kind::UpstreamTimeout, "the platform took too long");
            let gathered =
                gathered.unwrap_or_else(|_| Err(late().upstream(&place.upstream, None, None)));
            (place, gathered)
        };
        let all: Vec<_> = stream::iter(places).map(gather).buffered(AT_A_TIME).collect().await;
        let mut page =
            AgentPage { agents: Vec::new(), next_cursor: None, partial_failures: vec![] };
        let (mut open, mut failed) = (Vec::new(), Vec::new());
        for (place, gathered) in all {
            match gathered {
                Ok(gathered) => open.extend(page.take(filter.limit, place, gathered)),
                // Of one platform alone, nothing is partial.
                Err(error) if filter.upstream.is_some() => return Err(error),
                Err(error) => {
                    page.partial_failures.push(PartialFailure::of(&place.upstream, None, &error));
                    failed.push(place);
                }
            }
        }
        if !open.is_empty() {
            // What failed is asked again while there is more to ask; alone it would be asked for ever.
            open.extend(failed);
            page.next_cursor = Some(Cursor { filter: filter.digest(), places: open }.text());
        }
        Ok(page)
    }

    /// Where the page begins on each upstream that the caller may see.
    fn places(&self, call: &Call, filter: &AgentFilter) -> Result<Vec<Place>> {
        if let Some(name) = &filter.upstream {
            let platform = self.0.upstreams.get(name);
            let seen = platform.filter(|platform| self.lists(call, name, platform));
            let platform = seen
                .ok_or_else(|| Error::invalid("upstream", "there is no upstream of this name"))?;
            check_filters(platform, filter)?;
        }
        if let Some(cursor) = &filter.cursor {
            let wrong = || Error::invalid("cursor", "not a cursor of this list");
            let cursor = Cursor::read(cursor).filter(|cursor| cursor.filter == filter.digest());
            let mut places = cursor.ok_or_else(wrong)?.places;
            // What a caller may see may have changed since.
            places.retain(|place| {
                let platform = self.0.upstreams.get(&place.upstream);
                platform.is_some_and(|platform| self.lists(call, &place.upstream, platform))
            });
            return Ok(places);
        }
        let all = self.0.upstreams.iter().filter(|(name, platform)| {
            filter.upstream.as_ref().is_none_or(|wanted| wanted == *name)
                && self.lists(call, name, platform)
        });
        Ok(all.map(|(name, _)| Place { upstream: name.clone(), ..Place::default() }).collect())
    }

    fn lists(&self, call: &Call, name: &str, platform: &Platform) -> bool {
        self.sees_upstream(call.principal(), name, platform)
            && platform.vendor.agents().is_some()
            && self.ask(call, Action::Read, Resource::Upstream(name)).is_ok()
    }

    /// The next agents of one upstream.
    async fn gather(
        &self,
        call: &Arc<Call>,
        filter: &AgentFilter,
        from: &Place,
    ) -> Result<Gathered> {
        let manages = manages(self.platform(&from.upstream)?)?;
        let mut gathered = Gathered::default();
        let mut place = from.clone();
        for _ in 0..PAGES {
            let (page, searched) = match &manages {
                Manages::Platform(agents) => {
                    let page = self.page(call, *agents, filter, &place).await?;
                    (page, agents.searches())
                }
                Manages::Gateway(presets) => {
                    let page = self.kept_page(call, &place.upstream, &place.cursor, *presets);
                    (Arc::new(page.await?), false)
                }
            };
            let mut profiles: Vec<&Profile> = page.agents.iter().collect();
            profiles.sort_by(|a, b| a.reference.native.cmp(&b.reference.native));
            for profile in profiles {
                let id = &profile.reference.native;
                if place.after.as_ref().is_some_and(|after| id <= after) {
                    continue;
                }
                if gathered.agents.len() == filter.limit {
                    gathered.rest = Some(place);
                    return Ok(gathered);
                }
                place.after = Some(id.clone());
                let Some(agent) = self.listed(call, profile) else { continue };
                if !searched && !filter.finds(&agent) {
                    continue;
                }
                match self.cleared(call, &agent) {
                    Ok(agent) => gathered.agents.push((agent, place.clone())),
                    Err(error) => gathered.failures.push(PartialFailure::of(
                        &place.upstream,
                        Some(profile.reference.to_string()),
                        &error,
                    )),
                }
            }
            let Some(next) = &page.next else { return Ok(gathered) };
            place = Place { cursor: Some(next.clone()), after: None, ..place };
        }
        gathered.rest = Some(place);
        Ok(gathered)
    }

    /// An agent of a list as its caller names it, if it may see it.
    fn listed(&self, call: &Call, profile: &Profile) -> Option<Agent> {
        if profile.agent.read_only {
            // It is known by its alias alone.
            let known = self.visible(call.principal(), &profile.agent.id).is_ok();
            let may = known && self.may_see(call, &profile.reference);
            return may.then(|| profile.agent.clone());
        }
        self.named(call, profile.agent.clone(), &profile.reference)
    }

    /// A page of a platform; it is asked where nobody has lately.
    async fn page(
        &self,
        call: &Arc<Call>,
        agents: &dyn Agents,
        filter: &AgentFilter,
        place: &Place,
    ) -> Result<Arc<Page>> {
        let search = filter.search.clone().filter(|_| agents.searches());
        let (search, filters) = self.sought(call, &place.upstream, search, &filter.native)?;
        let wanted = Wanted { cursor: place.cursor.clone(), search, filters };
        let turn = agents.list(&wanted)?;
        let catalog = &self.0.catalog;
        let read = catalog.dispatcher.inquire(call, &place.upstream, turn);
        catalog.cache.page(&place.upstream, &wanted, read).await.map_err(|error| {
            // A list that is not there is no missing agent.
            if error.kind() == Kind::AgentNotFound {
                let said = "the platform's agents are not at base_url";
                return Error::new(Kind::UpstreamMisconfigured, said).upstream(
                    &place.upstream,
                    error.upstream_fault().and_then(|fault| fault.status),
                    None,
                );
            }
            error
        })
    }
}

impl Gateway {
    /// What a platform is to look for, without what must not leave.
    fn sought(
        &self,
        call: &Call,
        upstream: &str,
        search: Option<String>,
        filters: &[(String, String)],
    ) -> Result<(Option<String>, Filters)> {
        let names = filters.iter().enumerate().map(|(at, (name, _))| (at, name));
        let texts = filters.iter().map(|(_, text)| Value::from(text.as_str()));
        // Numbered, since a filter may be there several times.
        let keys = names.map(|(at, name)| format!("native.{name}[{at}]"));
        let mut fields: Map<String, Value> = keys.zip(texts).collect();
        fields.extend(search.map(|text| ("search".to_owned(), Value::from(text))));
        if fields.is_empty() {
            return Ok((None, Vec::new()));
        }
        self.0.catalog.screen.outgoing(call, upstream, &format!("{upstream}:*"), &mut fields)?;
        let text = |value: Value| value.as_str().map(str::to_owned);
        let search = fields.shift_remove("search").and_then(text);
        let treated = fields.into_iter().filter_map(|(_, value)| text(value));
        let filters = filters.iter().map(|(name, _)| name.clone()).zip(treated);
        Ok((search, filters.collect()))
    }
}

impl AgentPage {
    /// Takes what there is room for; where the next page begins on this upstream, if it has one.
    fn take(&mut self, limit: usize, from: Place, gathered: Gathered) -> Option<Place> {
        let Gathered { agents, rest, failures } = gathered;
        let room = limit.saturating_sub(self.agents.len());
        let is_all = agents.len() <= room;
        let mut last = from;
        for (agent, after) in agents.into_iter().take(room) {
            self.agents.push(agent);
            last = after;
        }
        // Told with the page that its agent would have stood on, or with the next one again.
        self.partial_failures.extend(failures);
        if is_all { rest } else { Some(last) }
    }
}

impl AgentFilter {
    /// What a cursor belongs to.
    fn digest(&self) -> String {
        let text = format!("{:?}", (&self.upstream, &self.search, &self.native));
        let digest = digest(&SHA256, text.as_bytes());
        URL_SAFE_NO_PAD.encode(digest.as_ref().get(..9).unwrap_or_default())
    }

    /// Whether an agent is what is sought.
    fn finds(&self, agent: &Agent) -> bool {
        let Some(sought) = &self.search else { return true };
        let sought = sought.to_lowercase();
        let description = agent.description.iter().map(|text| text.as_str());
        let names = [agent.id.as_str(), agent.name.as_str()].into_iter().chain(description);
        let mut texts = names.chain(agent.aliases.iter().map(String::as_str));
        texts.any(|text| text.to_lowercase().contains(&sought))
    }
}

/// Refuses filters that a platform's own list does not take.
fn check_filters(platform: &Platform, filter: &AgentFilter) -> Result<()> {
    let taken = match manages(platform)? {
        Manages::Platform(agents) => agents.filters(),
        Manages::Gateway(_) => &[],
    };
    let Some((name, _)) = filter.native.iter().find(|(name, _)| !taken.contains(&name.as_str()))
    else {
        return Ok(());
    };
    let expected: Vec<String> = taken.iter().map(|name| format!("native.{name}")).collect();
    let said = match expected.as_slice() {
        [] => "this upstream's list takes no filters".to_owned(),
        all => format!("this upstream's list takes {}", all.join(", ")),
    };
    Err(Error::invalid(format!("native.{name}"), said))
}

impl PartialFailure {
    fn of(upstream: &str, agent: Option<String>, error: &Error) -> Self {
        let (code, detail) = (error.kind().code().to_owned(), error.message().to_owned());
        Self { upstream: upstream.to_owned(), agent, code, detail }
    }
}

impl Cursor {
    fn text(&self) -> String {
        // It is made of strings: it always has a text.
        URL_SAFE_NO_PAD.encode(serde_json::to_vec(self).unwrap_or_default())
    }

    fn read(text: &str) -> Option<Self> {
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).ok()?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::agent::AgentRef;

    fn place(upstream: &str, after: Option<&str>) -> Place {
        let after = after.map(str::to_owned);
        Place { upstream: upstream.to_owned(), cursor: None, after }
    }

    fn gathered(upstream: &str, ids: &[&str], rest: Option<Place>) -> Gathered {
        let agent = |id: &&str| {
            let native = (*id).to_owned();
            let agent = Agent::new(&AgentRef { upstream: upstream.to_owned(), native }, "fake");
            (agent, place(upstream, Some(id)))
        };
        Gathered { agents: ids.iter().map(agent).collect(), rest, failures: Vec::new() }
    }

    #[test]
    fn a_page_takes_what_there_is_room_for_and_goes_on_where_it_has_ended() {
        let mut page = AgentPage { agents: vec![], next_cursor: None, partial_failures: vec![] };
        let (a, b, c) = (place("a", None), place("b", None), place("c", None));
        assert_eq!(page.take(3, a, gathered("a", &["1", "2"], None)), None);
        let rest = page.take(3, b, gathered("b", &["3", "4"], None));
        assert_eq!(rest, Some(place("b", Some("3"))));
        assert_eq!(page.take(3, c.clone(), gathered("c", &["5"], None)), Some(c));
        assert_eq!(page.agents.len(), 3);
    }

    #[test]
    fn a_cursor_is_read_back_and_belongs_to_its_filter() {
        let filter = AgentFilter { search: Some("x".to_owned()), ..AgentFilter::default() };
        assert_ne!(filter.digest(), AgentFilter::default().digest());
        let places = vec![place("a", Some("1"))];
        let cursor = Cursor { filter: filter.digest(), places: places.clone() };
        assert_eq!(Cursor::read(&cursor.text()).unwrap().places, places);
        for wrong in ["", "x", "e30", "🦀"] {
            assert!(Cursor::read(wrong).is_none(), "{wrong}");
        }
    }
}
