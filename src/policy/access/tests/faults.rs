//! What is wrong with policies is said with file and line, and refuses the whole set.

use super::*;

#[test]
fn a_fault_has_its_file_its_line_and_the_validators_words() {
    for (text, expected) in [
        (
            "permit (principal, action, resource);\n\npermit (principal, action, resource)\nwhen {\n  principal.nam == \"x\"\n};",
            "p.cedar:5: for policy `p.cedar#2`, attribute `nam` on entity type `Caller` not found \
             (did you mean `name`?)",
        ),
        (
            "permit (principal, action, resource)\n  when { 1 + };",
            "p.cedar:2: unexpected token `}`",
        ),
        ("permit (principal, action, resource)", "p.cedar:1: unexpected end of input"),
        ("permit (principal == ?principal, action, resource);", "p.cedar:1: "),
        (
            "permit (principal, action, resource) when { context.model == \"m\" };",
            "p.cedar:1: for policy `p.cedar#1`, unable to guarantee safety of access to optional \
             attribute `model`",
        ),
        (
            "permit (principal, action == Action::\"fly\", resource);",
            "p.cedar:1: for policy `p.cedar#1`, unrecognized action `Action::\"fly\"`",
        ),
        (
            "permit (principal, action, resource == Robot::\"x\");",
            "p.cedar:1: for policy `p.cedar#1`, unrecognized entity type `Robot`",
        ),
        (
            "permit (principal, action, resource) when { context.tool == \"x\" };",
            "p.cedar:1: for policy `p.cedar#1`, attribute `tool` ",
        ),
        (
            "@id(\"a\") permit (principal, action, resource);\n@id(\"a\") forbid (principal, action, resource);",
            "p.cedar:2: `a` is the @id of p.cedar:1 already",
        ),
        ("@id(\"\") permit (principal, action, resource);", "p.cedar:1: @id is of 1 to 128"),
        ("// nothing", "policies: there is no policy"),
    ] {
        let report = report(text).to_string();
        assert!(report.starts_with(expected), "{report}\n\n{expected}");
    }
}

#[test]
fn every_fault_is_reported_at_once() {
    let report = report("permit (\n);\nforbid (principal, action, resource);\nnonsense;");
    let lines: Vec<Option<usize>> = report.faults().iter().map(|fault| fault.line).collect();
    assert_eq!(lines, [Some(1), Some(4)], "{report}");
}

#[test]
fn what_can_never_apply_is_a_warning() {
    let access = engine(
        "permit (principal, action, resource);\n\
         permit (principal, action == Action::\"proxy\", resource is Run);",
    );
    let warnings = access.in_force().warnings;
    let first = warnings[0].to_string();
    assert!(
        first.starts_with("p.cedar:2: for policy `p.cedar#2`, policy is impossible"),
        "{first}"
    );
    assert!(warnings.iter().all(|warning| warning.line == Some(2)));
}

#[test]
fn a_folder_is_read_in_the_order_of_names_and_without_what_is_not_a_policy() {
    let permit = "permit (principal, action, resource);";
    let folder = Folder::new(&[
        ("b.cedar", permit),
        ("a.cedar", permit),
        (".hidden.cedar", "nonsense"),
        ("README.md", "nonsense"),
    ]);
    let access = Access::new(folder.source(), &world()).unwrap();
    let who = caller("acme", "who", &[], &[]);
    let verdict = access.decide(&ask(&who, Action::Run, Resource::Agent(SUPPORT)));
    assert_eq!(verdict.policies(), ["a.cedar#1", "b.cedar#1"]);
}

#[test]
fn a_folder_that_cannot_be_taken_says_why() {
    let refused = |source: Source| Access::new(source, &world()).err().unwrap().to_string();
    assert!(refused(Folder::new(&[]).source()).ends_with("there is no *.cedar file in it"));
    assert!(refused(Source::Folder("/nowhere".into())).contains("cannot be read"));
    let many: Vec<(String, String)> =
        (0..513).map(|number| (format!("{number}.cedar"), String::new())).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
    assert!(refused(Folder::new(&many).source()).contains("more than 512 files"));
    let large = "/".repeat(5 << 20);
    let folder = Folder::new(&[("a.cedar", &large), ("b.cedar", &large)]);
    assert!(refused(folder.source()).starts_with("b.cedar: with it the policies are larger"));
    let folder = Folder::new(&[]);
    fs::create_dir(folder.0.path().join("x.cedar")).unwrap();
    assert_eq!(refused(folder.source()), "x.cedar: it is not a file");
    let folder = Folder::new(&[]);
    fs::write(folder.0.path().join("x.cedar"), [0xff]).unwrap();
    assert!(refused(folder.source()).starts_with("x.cedar: it cannot be read"));
    let policy = "permit (principal, action, resource);".repeat(10_001);
    assert!(refused(Folder::new(&[("p.cedar", &policy)]).source()).contains("more than 10000"));
}

#[test]
fn a_policy_that_would_run_out_of_stack_is_refused() {
    let deep = format!("{}true{}", "(".repeat(5_000), ")".repeat(5_000));
    let long = vec!["true"; 5_000].join(" || ");
    for (condition, expected) in [(deep, "p.cedar:2: brackets"), (long, "p.cedar:2: a policy has")]
    {
        let report =
            report(&format!("\npermit (principal, action, resource) when {{ {condition} }};"));
        assert!(report.to_string().starts_with(expected), "{report}");
    }
    // What is just allowed goes through parser, validator and evaluator.
    let condition = vec!["context.hour < 24"; 33].join(" && ");
    let condition = format!("{}{condition}{}", "(".repeat(14), ")".repeat(14));
    let access = engine(&format!("permit (principal, action, resource) when {{ {condition} }};"));
    let who = caller("acme", "who", &[], &[]);
    let explained = access.explain(&ask(&who, Action::Run, Resource::Agent(SUPPORT))).unwrap();
    assert!(explained.allowed, "{:?}", explained.failed);
}
