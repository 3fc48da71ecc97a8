//! The source is read again: what is new and whole comes into force, anything else leaves what was.

use super::*;
use crate::policy::access::Reload;

const PERMIT: &str = "@id(\"all\") permit (principal, action, resource);";
const FORBID: &str = "@id(\"none\") forbid (principal, action, resource);";

#[test]
fn a_new_set_comes_into_force_and_what_was_decided_before_is_forgotten() {
    let folder = Folder::new(&[("p.cedar", PERMIT)]);
    let access = Access::new(folder.source(), &world()).unwrap();
    let who = caller("acme", "who", &[], &[]);
    let question = ask(&who, Action::Run, Resource::Agent(SUPPORT));
    let before = access.decide(&question);
    assert!(before.allowed() && access.reload() == Reload::Unchanged);
    folder.write("p.cedar", FORBID);
    let Reload::Changed(now) = access.reload() else { panic!("not taken") };
    assert_eq!((now.policies, &now), (1, &access.in_force()));
    let after = access.decide(&question);
    assert_eq!((after.allowed(), after.version()), (false, &*now.version));
    assert_eq!(access.reload(), Reload::Unchanged);
    folder.write("p.cedar", PERMIT);
    assert!(matches!(access.reload(), Reload::Changed(_)));
    // The same texts are the same version.
    assert_eq!(access.decide(&question), before);
}

#[test]
fn a_broken_set_leaves_the_last_good_one_and_is_news_once() {
    let folder = Folder::new(&[("p.cedar", PERMIT)]);
    let access = Access::new(folder.source(), &world()).unwrap();
    let who = caller("acme", "who", &[], &[]);
    let question = ask(&who, Action::Run, Resource::Agent(SUPPORT));
    let good = access.decide(&question);
    let failed = || {
        let Reload::Failed { report, is_news } = access.reload() else { panic!("taken") };
        (report.to_string(), is_news)
    };
    folder.write("q.cedar", "nonsense;");
    assert!(matches!(failed(), (report, true) if report.starts_with("q.cedar:1: ")));
    assert!(!failed().1);
    folder.write("q.cedar", "more nonsense;");
    assert!(failed().1);
    fs::remove_file(folder.0.path().join("p.cedar")).unwrap();
    fs::remove_file(folder.0.path().join("q.cedar")).unwrap();
    assert!(failed().1);
    assert!(!failed().1);
    assert_eq!(access.decide(&question), good);
    folder.write("p.cedar", PERMIT);
    assert_eq!(access.reload(), Reload::Unchanged);
    folder.write("q.cedar", "nonsense;");
    assert!(matches!(access.reload(), Reload::Failed { is_news: true, .. }));
}

#[test]
fn a_file_that_is_renamed_is_another_version() {
    let folder = Folder::new(&[("p.cedar", "permit (principal, action, resource);")]);
    let access = Access::new(folder.source(), &world()).unwrap();
    fs::rename(folder.0.path().join("p.cedar"), folder.0.path().join("q.cedar")).unwrap();
    assert!(matches!(access.reload(), Reload::Changed(_)));
    let who = caller("acme", "who", &[], &[]);
    let verdict = access.decide(&ask(&who, Action::Run, Resource::Agent(SUPPORT)));
    assert_eq!(verdict.policies(), ["q.cedar#1"]);
}

#[test]
fn decisions_made_while_sets_are_swapped_are_of_one_set() {
    let folder = Folder::new(&[("p.cedar", PERMIT)]);
    let access = Access::new(folder.source(), &world()).unwrap();
    let permit = access.in_force().version;
    let who = caller("acme", "who", &[], &[]);
    let question = ask(&who, Action::Run, Resource::Agent(SUPPORT));
    std::thread::scope(|threads| {
        let asking = threads.spawn(|| {
            for _ in 0..20_000 {
                let verdict = access.decide(&question);
                assert_eq!(verdict.allowed(), verdict.version() == &*permit);
                let policy = if verdict.allowed() { "all" } else { "none" };
                assert_eq!(verdict.policies(), [policy]);
            }
        });
        let mut swaps = 0;
        while !asking.is_finished() {
            folder.write("p.cedar", if swaps % 2 == 0 { FORBID } else { PERMIT });
            swaps += usize::from(matches!(access.reload(), Reload::Changed(_)));
        }
        assert!(swaps > 0);
        asking.join().unwrap();
    });
}
