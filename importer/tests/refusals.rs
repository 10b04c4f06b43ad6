//! What a conversion says of a model that it can convert in part.

use std::path::PathBuf;

use savedmodel_import::inspect::inspect;
use savedmodel_import::{Convert, Framework, Result, SavedModel, render};

fn model() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/refused/one_signature")
}

fn convert(framework: Framework, folder: &str) -> (Convert, PathBuf) {
    let out = std::env::temp_dir().join(format!("{folder}-{framework}-{}", std::process::id()));
    let convert = Convert::new(model()).framework(framework).name("m");
    (convert.out_dir(&out), out)
}

#[test]
fn a_signature_that_is_refused_names_those_that_are_not() {
    let (convert, _) = convert(Framework::Candle, "refused");
    let error = convert.run().expect_err("an op without a kernel");
    assert_eq!(error.exit_code(), 4);
    let mut paths = error.convertible().to_vec();
    paths.sort();
    assert_eq!(paths, ["scaled", "signatures/scaled"]);
    let said = render(&error);
    assert!(
        said.starts_with("error: the op Fact is not supported\n"),
        "{said}"
    );
    assert!(said.contains(" in `signatures/told`"), "{said}");
}

#[test]
fn keeping_going_leaves_out_what_is_refused() -> Result<()> {
    for framework in [Framework::Candle, Framework::Burn] {
        let (convert, out) = convert(framework, "kept");
        let report = convert.keep_going(true).run()?;
        std::fs::remove_dir_all(out)?;
        assert_eq!(report.methods, ["forward"], "{report}");
        let left_out = report
            .left_out
            .iter()
            .filter_map(|failure| failure.function.as_deref());
        assert!(
            left_out.clone().any(|path| path == "signatures/told"),
            "{report}"
        );
        assert!(
            !left_out
                .into_iter()
                .any(|path| path.contains("__inference")),
            "{report}"
        );
    }
    Ok(())
}

#[test]
fn an_account_says_it_by_signature() -> Result<()> {
    let account = inspect(&SavedModel::load(model())?);
    for conversion in &account.conversions {
        assert!(
            conversion
                .convertible
                .iter()
                .any(|path| path == "signatures/scaled")
        );
    }
    let text = account.to_string();
    assert!(text.contains("with --keep-going: "), "{text}");
    assert!(text.contains("without "), "{text}");
    Ok(())
}
