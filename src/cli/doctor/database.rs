//! The database: does it answer, is it of this version, can it be written, what does its clock say.

use super::Report;
use crate::{
    clock::Clock,
    config::Config,
    domain::time::to_micros,
    store::{Db, look, months, rights},
};

/// Longer than this for a row there and back is slow, milliseconds.
const SLOW_MS: u128 = 50;

/// Looks at the database, and gives it back where its tables can be read.
pub(super) async fn look(report: &mut Report, config: &Config) -> Option<Db> {
    if let Some(file) = Db::file(config.store.url.reveal()).filter(|file| !file.exists()) {
        let told = format!("there is no {} yet", file.display());
        report.warn("database", told, "`yunpark migrate` or the first start makes it");
        return None;
    }
    let looked = async {
        let db = Db::connect(&config.store).await?;
        let look = look::look(&db).await?;
        Ok::<_, crate::store::Error>((db, look))
    };
    let (db, look) = match looked.await {
        Ok(looked) => looked,
        Err(error) => {
            report.bad("database", error.to_string(), "check store.url, that it runs, and that its user may write");
            return None;
        }
    };
    if let Some(newer) = look.newer {
        let told = format!("{}: migration {newer:04} is not known to this version", look.what);
        report.bad("database", told, "run the newer version of the program");
        return Some(db);
    }
    match look.round_trip {
        None => report.warn("database", format!("{} has no tables yet", look.what), "`yunpark migrate` makes them"),
        Some(took) => {
            let told = format!("{}, a row written and read back in {:.1} ms", look.what, took.as_secs_f64() * 1e3);
            let may_make = db.may_make_tables().await.unwrap_or(true);
            if look.pending > 0 {
                let told = format!("{told}; {} migrations are missing", look.pending);
                if may_make {
                    report.warn("database", told, "`yunpark migrate` or the next start applies them");
                } else {
                    report.bad("database", told, "run `yunpark migrate` as the role that owns the tables");
                }
            } else if took.as_millis() > SLOW_MS {
                report.warn("database", told, "bring it nearer, or give it a faster disk");
            } else {
                report.ok("database", told);
            }
        }
    }
    match rights::of(&db).await {
        Ok(Some(rights)) if rights.is_superuser => {
            let todo = "give the service a role of its own: packaging/sql/roles.sql";
            report.warn("database", "this program signs in as a superuser of PostgreSQL", todo);
        }
        Ok(Some(rights)) if rights.may_change_ledger => report.ok(
            "database",
            "its role may change what stands in the ledger; packaging/sql/roles.sql makes one that may not",
        ),
        Ok(Some(_)) => report.ok("database", "its role may add to the ledger, and change nothing in it"),
        Ok(None) | Err(_) => {}
    }
    if look.pending == 0 && look.round_trip.is_some() {
        months(report, &db).await;
    }
    if let Some(clock) = look.clock {
        report.clock("the database", to_micros(clock) - to_micros(Clock::System.now()));
    }
    (look.round_trip.is_some() && look.pending == 0).then_some(db)
}

/// Whether the histories of PostgreSQL have their next months, and rows in none.
async fn months(report: &mut Report, db: &Db) {
    let Db::Postgres { .. } = db else { return };
    match months::look(db, Clock::System.now()).await {
        Ok(all) => {
            for amiss in all.iter().filter(|one| one.is_amiss()) {
                let todo =
                    "a node makes months: see why its log says it cannot, and `history_months` in docs/operating.md";
                report.warn("months", amiss.to_string(), todo);
            }
            if !all.iter().any(months::Amiss::is_amiss) {
                report.ok("months", "the histories have a partition for the next month, and no row stands in none");
            }
        }
        Err(error) => report.warn("months", error.to_string(), "run packaging/sql/roles.sql again"),
    }
}
