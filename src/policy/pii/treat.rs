//! Applies a plan to a text that comes in pieces. The layer has one treatment for each channel:
//! the message, the reasoning, each tool call.
//!
//! Invariant: joined, what comes out is the same for every cutting of what went in; a finding is
//! never handed out before its action was applied, and after a failure nothing is.

use std::sync::Arc;

use super::plan::{Action, Direction, Plan, Treated};
use super::scan::{Failure, Scanner, Sink, escape};
use super::token::code;
use super::token::repair::Repairer;
use super::vault::Vault;

/// How often a kind was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Count {
    /// The kind.
    pub entity: Arc<str>,
    /// Which way the text went.
    pub direction: Direction,
    /// What was done.
    pub action: Action,
    /// How many times.
    pub count: u64,
}

/// The treatment of one text.
pub struct Treatment {
    /// Nothing without a vault, whose tokens there may be.
    repairer: Option<Repairer>,
    repaired: String,
    /// Nothing where the plan has nothing to do.
    scanner: Option<Scanner>,
    hands: Hands,
}

/// What the scanner's findings are given to, with the place for treated text apart.
struct Hands {
    plan: Arc<Plan>,
    vault: Option<Arc<Vault>>,
    counts: Vec<u64>,
    /// The rest of an open finding passes.
    passes_rest: bool,
}

impl Treatment {
    /// A treatment at the beginning of a text. Tokens are minted by `vault`; without one, a
    /// finding that should become a token ends the text.
    pub fn new(plan: Arc<Plan>, vault: Option<Arc<Vault>>) -> Self {
        let scanner = (!plan.is_empty()).then(|| Scanner::new(Arc::clone(plan.detectors())));
        // As long as nothing is found, hundreds of zeros for every text would say so.
        let counts = Vec::new();
        let repairer = vault.clone().map(Repairer::new);
        let hands = Hands { plan, vault, counts, passes_rest: false };
        Self { repairer, repaired: String::new(), scanner, hands }
    }

    /// Says what stood before the text: the name of the field whose value it is. Called before
    /// the first piece.
    pub fn after(&mut self, context: &str) {
        if let Some(scanner) = &mut self.scanner {
            scanner.after(context);
        }
    }

    /// Takes the next piece, and adds to `out` what is decided.
    ///
    /// # Errors
    /// [`Failure`]: the caller refuses or ends the run. What was added to `out` in the failed call
    /// must not be used.
    pub fn feed(&mut self, chunk: &str, out: &mut String) -> Result<(), Failure> {
        let chunk = match &mut self.repairer {
            Some(repairer) => {
                self.repaired.clear();
                repairer.feed(chunk, &mut self.repaired);
                &self.repaired
            }
            None => chunk,
        };
        match &mut self.scanner {
            Some(scanner) => scanner.feed(chunk, &mut Writing { hands: &mut self.hands, out }),
            None => {
                out.push_str(chunk);
                Ok(())
            }
        }
    }

    /// The text is over, or was broken off: adds what was held back, treated.
    ///
    /// # Errors
    /// As for [`Treatment::feed`].
    pub fn finish(&mut self, out: &mut String) -> Result<(), Failure> {
        let Self { repairer, repaired, scanner, hands } = self;
        repaired.clear();
        if let Some(repairer) = repairer {
            repairer.finish(repaired);
        }
        match scanner {
            Some(scanner) => {
                let mut writing = Writing { hands, out };
                scanner.feed(repaired, &mut writing)?;
                scanner.finish(&mut writing)
            }
            None => {
                out.push_str(repaired);
                Ok(())
            }
        }
    }

    /// Treats a whole text after another, with the same counts. Adds to `out`.
    ///
    /// # Errors
    /// As for [`Treatment::feed`].
    pub fn whole(&mut self, context: &str, text: &str, out: &mut String) -> Result<(), Failure> {
        if !context.is_empty() {
            self.after(context);
        }
        self.feed(text, out)?;
        self.finish(out)
    }

    /// The findings of a whole text, as byte ranges in it, whatever their action. Values stay
    /// where they are.
    ///
    /// # Errors
    /// As for [`Treatment::feed`].
    pub fn spans(&mut self, text: &str) -> Result<Vec<(Arc<str>, usize, usize)>, Failure> {
        let Some(scanner) = &mut self.scanner else { return Ok(Vec::new()) };
        let kinds = self.hands.plan.kinds();
        let mut spans = Spans { kinds, at: 0, found: Vec::new() };
        scanner.feed(text, &mut spans)?;
        scanner.finish(&mut spans)?;
        Ok(spans.found)
    }

    /// Bytes that wait for more text.
    pub fn held(&self) -> usize {
        let repairing = self.repairer.as_ref().map_or(0, Repairer::held);
        repairing + self.scanner.as_ref().map_or(0, Scanner::held)
    }

    /// Bytes that were looked at, repeated looks counted: what the bench proves linear.
    pub fn work(&self) -> u64 {
        self.scanner.as_ref().map_or(0, Scanner::work)
    }

    /// What was found so far, by kind.
    pub fn counts(&self) -> Vec<Count> {
        let Hands { plan, counts, .. } = &self.hands;
        let found = plan.kinds().iter().zip(counts).filter(|(_, count)| **count > 0);
        found
            .map(|(kind, count)| Count {
                entity: Arc::clone(&kind.name),
                direction: plan.direction(),
                action: kind.action,
                count: *count,
            })
            .collect()
    }
}

struct Writing<'a> {
    hands: &'a mut Hands,
    out: &'a mut String,
}

impl Sink for Writing<'_> {
    fn clean(&mut self, text: &str) -> Result<(), Failure> {
        self.out.push_str(text);
        Ok(())
    }

    fn found(&mut self, kind: u16, _: u8, text: &str, is_open: bool) -> Result<(), Failure> {
        let place = usize::from(kind);
        let Hands { plan, vault, counts, passes_rest } = &mut *self.hands;
        let treated = plan.kinds().get(place).ok_or(Failure::Internal)?;
        let passes = matches!(treated.action, Action::Allow | Action::Report);
        if treated.action != Action::Allow {
            if counts.is_empty() {
                counts.resize(plan.kinds().len(), 0);
            }
            *counts.get_mut(place).ok_or(Failure::Internal)? += 1;
        }
        *passes_rest = passes;
        match treated.action {
            Action::Allow | Action::Report => self.out.push_str(text),
            Action::Block => {
                let (entity, rule) = (Arc::clone(&treated.name), Arc::clone(&treated.rule));
                return Err(Failure::Blocked { entity, rule });
            }
            // Of an open finding the whole value is never seen.
            Action::Mask | Action::Hash | Action::Tokenize if is_open => redact(treated, self.out),
            Action::Redact => redact(treated, self.out),
            Action::Mask => mask(treated, text, self.out),
            Action::Hash => hash(plan, treated, text, self.out),
            Action::Tokenize => {
                let vault = vault.as_ref().ok_or(Failure::Internal)?;
                vault.mint(&treated.label, text, treated.in_arguments, self.out)?;
            }
        }
        Ok(())
    }

    fn more(&mut self, text: &str) -> Result<(), Failure> {
        if self.hands.passes_rest {
            self.out.push_str(text);
        }
        Ok(())
    }
}

/// Notes where findings are.
struct Spans<'a> {
    kinds: &'a [Treated],
    at: usize,
    found: Vec<(Arc<str>, usize, usize)>,
}

impl Sink for Spans<'_> {
    fn clean(&mut self, text: &str) -> Result<(), Failure> {
        self.at += text.len();
        Ok(())
    }

    fn found(&mut self, kind: u16, _: u8, text: &str, _: bool) -> Result<(), Failure> {
        let kind = self.kinds.get(usize::from(kind)).ok_or(Failure::Internal)?;
        self.found.push((Arc::clone(&kind.name), self.at, self.at + text.len()));
        self.at += text.len();
        Ok(())
    }

    fn more(&mut self, text: &str) -> Result<(), Failure> {
        self.at += text.len();
        if let Some((_, _, end)) = self.found.last_mut() {
            *end = self.at;
        }
        Ok(())
    }
}

fn redact(kind: &Treated, out: &mut String) {
    out.push('[');
    out.push_str(&kind.label);
    out.push(']');
}

/// Keeps the shape and the last letters or digits that the kind allows, never half of them or
/// more.
fn mask(kind: &Treated, text: &str, out: &mut String) {
    let is_shape = |character: char| !character.is_alphanumeric();
    let total = escape::characters(text).filter(|(character, _)| !is_shape(*character)).count();
    let shown = if kind.mask * 2 < total { kind.mask } else { 0 };
    let mut hidden = total - shown;
    out.extend(escape::characters(text).map(|(character, written)| {
        if is_shape(character) || hidden == 0 {
            return written;
        }
        hidden -= 1;
        "*"
    }));
}

/// `[EMAIL#2J7QK0ZB9M]`: 50 bits, enough to tell the values of a log apart, too few to be a
/// fingerprint beyond the tenant's key.
fn hash(plan: &Plan, kind: &Treated, text: &str, out: &mut String) {
    // A value that is written with escapes is the same value.
    let tag = plan.key().sign(&escape::plain(text));
    let bits = tag.as_ref().iter().take(8).fold(0, |bits, byte| bits << 8 | u64::from(*byte));
    out.push('[');
    out.push_str(&kind.label);
    out.push('#');
    (0..10).for_each(|place| out.push(code::digit(bits >> (5 * place))));
    out.push(']');
}

impl std::fmt::Debug for Treatment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Treatment(holds {} bytes)", self.held())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::vault::TokenVault;
    use crate::policy::pii::testing;

    fn plan(action: &str) -> Arc<Plan> {
        testing::plan(action, Direction::ToUpstream)
    }

    fn treated(action: &str, text: &str) -> Result<String, Failure> {
        let vault = testing::vault();
        let mut treatment = Treatment::new(plan(action), Some(vault));
        let mut out = String::new();
        treatment.whole("", text, &mut out)?;
        Ok(out)
    }

    const TEXT: &str = "Card 4111 1111 1111 1111, mail jane@example.com.";

    #[test]
    fn each_action_does_what_it_says() {
        assert_eq!(treated("redact", TEXT).unwrap(), "Card [CREDIT_CARD], mail [EMAIL].");
        let masked = treated("mask", TEXT).unwrap();
        assert_eq!(masked, "Card **** **** **** 1111, mail ****@*******.***.");
        assert_eq!(treated("report", TEXT).unwrap(), TEXT);
        assert_eq!(treated("allow", TEXT).unwrap(), TEXT);
        let hashed = treated("hash", TEXT).unwrap();
        assert!(hashed.contains("[EMAIL#") && !hashed.contains("jane"));
        assert_eq!(hashed, treated("hash", TEXT).unwrap());
        let escaped = r"Card \u0034111 1111\u00201111 1111, mail jane\u0040example.c\u006fm.";
        let masked = treated("mask", escaped).unwrap();
        assert_eq!(masked, r"Card **** ****\u0020**** 1111, mail ****\u0040*******.***.");
        assert_eq!(treated("hash", escaped).unwrap(), hashed);
    }

    #[test]
    fn a_block_names_the_kind_and_not_the_value_and_ends_the_text() {
        let mut treatment = Treatment::new(plan("block"), None);
        let mut out = String::new();
        let failure = treatment.feed(&TEXT[..40], &mut out).unwrap_err();
        let (entity, rule) = ("credit_card".into(), "pii.rules[0]".into());
        assert_eq!(failure, Failure::Blocked { entity, rule });
        assert!(!format!("{failure} {failure:?} {treatment:?}").contains("1111"));
        assert_eq!(treatment.feed("more", &mut out), Err(Failure::Ended));
        assert_eq!(treatment.finish(&mut out), Err(Failure::Ended));
    }

    #[test]
    fn tokens_come_back_to_whom_they_were_minted_for_and_are_not_treated_again() {
        let vault = testing::vault();
        let treat = |text: &str| {
            let mut treatment = Treatment::new(plan("tokenize"), Some(Arc::clone(&vault)));
            let mut out = String::new();
            treatment.whole("", text, &mut out).unwrap();
            out
        };
        let tokens = treat(TEXT);
        assert!(!tokens.contains("1111") && !tokens.contains("jane"), "{tokens}");
        assert_eq!(treat(&tokens), tokens);
        assert_eq!(vault.restore(&tokens).unwrap(), TEXT);
        // What a model made of a token is a token again.
        let mended = treat(&tokens.to_lowercase());
        assert_eq!(vault.restore(&mended).unwrap(), TEXT.to_lowercase());
    }

    #[test]
    fn what_only_looks_like_a_token_hides_nothing() {
        // The code of no value at all, whose check anybody can work out.
        let code = "000000005QV9";
        for text in [
            format!("4111111111111111:{code}]"),
            format!("[4111111111111111:{code}]"),
            format!("[EMAIL 4111111111111111:{code}]"),
            format!("DE89370400440532013000:{code}]"),
            format!("password: hunter2hunter2:{code}]"),
        ] {
            assert!(treated("block", &text).is_err(), "{text}");
        }
        let token = format!("[EMAIL:{code}]");
        assert_eq!(treated("redact", &token).unwrap(), token);
    }

    #[test]
    fn findings_are_counted_by_kind_and_an_idle_plan_passes_everything() {
        let mut treatment = Treatment::new(plan("report"), None);
        treatment.whole("", &[TEXT, TEXT].join(" "), &mut String::new()).unwrap();
        let counts = treatment.counts();
        assert_eq!(counts.iter().map(|count| count.count).collect::<Vec<_>>(), [2, 2]);
        assert!(plan("allow").is_empty());
    }

    #[test]
    fn without_a_vault_a_token_is_refused() {
        let mut treatment = Treatment::new(plan("tokenize"), None);
        assert!(treatment.whole("", TEXT, &mut String::new()).is_err());
    }

    #[test]
    fn the_name_of_a_field_is_context_for_its_value() {
        let found = |name: &str| {
            let mut treatment = Treatment::new(plan("report"), None);
            treatment.whole(name, "12/03/1990", &mut String::new()).unwrap();
            treatment.counts().len()
        };
        let names = ["date_of_birth", "dateOfBirth", "date-of-birth", "due"];
        assert_eq!(names.map(found), [1, 1, 1, 0]);
    }
}
