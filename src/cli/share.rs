//! `yunpark share make | check`: records for another authority in a signed file, and whether such a file is what was given.

use std::{path::Path, process::ExitCode};

use anyhow::Context;

use super::output::{complain, say};
use crate::{
    clock::Clock,
    config::Config,
    domain::share::SignedShare,
    enforcement::{
        Person,
        heads::key_of,
        sharing::{Wanted, file_of, share},
    },
    store::{Db, evidence::Evidence, staff},
};

/// Makes a share on a supervisor's word and writes it to a file that is not there yet.
pub async fn make(config: &Config, wanted: Wanted, by: &str, out: &Path) -> anyhow::Result<ExitCode> {
    let db = Db::connect(&config.store).await?;
    let evidence = Evidence::at(&config.store.evidence_dir)?;
    let account = staff::find(&db, by).await?;
    let account = account.with_context(|| format!("nobody of the staff is called {by}"))?;
    let person = Person { name: account.name, role: account.role };
    let key = key_of(Path::new(&config.enforcement.signing_key))?;
    let file = std::fs::File::create_new(out).with_context(|| out.display().to_string())?;
    let made = share(&db, &evidence, &Clock::System, &config.enforcement, &key, wanted, &person).await;
    db.close().await;
    let signed = match made {
        Ok(signed) => signed,
        Err(refused) => {
            drop(file);
            std::fs::remove_file(out).with_context(|| out.display().to_string())?;
            return Ok(complain(&refused.to_string()));
        }
    };
    std::io::Write::write_all(&mut &file, &file_of(&signed))?;
    file.sync_all()?;
    let share = &signed.share;
    Ok(say(&format!(
        "shared: {} records with {}, share {}, key {}",
        share.records.len(),
        share.recipient,
        share.id,
        signed.public_key
    )))
}

/// Checks a share; needs neither database nor configuration.
pub fn check(file: &Path, key: Option<&str>) -> anyhow::Result<ExitCode> {
    let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
    let signed: SignedShare = serde_json::from_str(&text).with_context(|| format!("{}: no share", file.display()))?;
    Ok(match signed.check(key, Clock::System.now()) {
        Ok(()) => say(&format!(
            "genuine: {} records from {} for {}, until {}, key {}",
            signed.share.records.len(),
            signed.share.from,
            signed.share.purpose,
            crate::domain::time::rfc3339(signed.share.expires_at),
            signed.public_key
        )),
        Err(unfit) => complain(&format!("not to be used: {unfit}")),
    })
}
