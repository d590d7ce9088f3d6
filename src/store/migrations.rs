//! The migrations, compiled in: one set of files for both databases, in the order they are applied.
//!
//! A file that ends in `.postgres.sql` is for PostgreSQL alone. SQLite notes its number too and does nothing, so that both have seen
//! the same, and a backup of one is taken by the other.

use sqlx::{
    SqlSafeStr,
    migrate::{Migration, MigrationType, Migrator},
};

const FILES: &[(i64, &str, &str)] = &[
    (1, "house", include_str!("../../migrations/0001_house.sql")),
    (2, "stays", include_str!("../../migrations/0002_stays.sql")),
    (3, "availability_state", include_str!("../../migrations/0003_availability_state.sql")),
    (4, "dead_letters", include_str!("../../migrations/0004_dead_letters.sql")),
    (5, "history", include_str!("../../migrations/0005_history.sql")),
    (6, "sensors", include_str!("../../migrations/0006_sensors.sql")),
    (7, "sign_orders", include_str!("../../migrations/0007_sign_orders.sql")),
    (10, "cameras", include_str!("../../migrations/0010_cameras.sql")),
    (11, "plates", include_str!("../../migrations/0011_plates.sql")),
    (12, "courses", include_str!("../../migrations/0012_courses.sql")),
    (13, "signed_heads", include_str!("../../migrations/0013_signed_heads.sql")),
    (14, "audit", include_str!("../../migrations/0014_audit.sql")),
    (15, "permits", include_str!("../../migrations/0015_permits.sql")),
    (16, "totp", include_str!("../../migrations/0016_totp.sql")),
    (17, "erasures", include_str!("../../migrations/0017_erasures.sql")),
    (18, "doubts", include_str!("../../migrations/0018_doubts.sql")),
    (20, "forecast", include_str!("../../migrations/0020_forecast.sql")),
    (21, "under_way", include_str!("../../migrations/0021_under_way.sql")),
    (25, "feed_sources", include_str!("../../migrations/0025_feed_sources.sql")),
    (26, "webhooks", include_str!("../../migrations/0026_webhooks.sql")),
    (31, "slips", include_str!("../../migrations/0031_slips.sql")),
    (32, "administration", include_str!("../../migrations/0032_administration.sql")),
    (40, "matters", include_str!("../../migrations/0040_matters.sql")),
    (41, "petitions", include_str!("../../migrations/0041_petitions.sql")),
    (42, "partners", include_str!("../../migrations/0042_partners.sql")),
    (43, "patrols", include_str!("../../migrations/0043_patrols.sql")),
    (50, "sign_states", include_str!("../../migrations/0050_sign_states.sql")),
    (54, "mqtt_devices", include_str!("../../migrations/0054_mqtt_devices.sql")),
    (MONTHS, "months.postgres", include_str!("../../migrations/0055_months.postgres.sql")),
    (56, "approaches", include_str!("../../migrations/0056_approaches.sql")),
];

/// The step that parts the histories by months.
pub(super) const MONTHS: i64 = 55;

/// What SQLite does where a step is PostgreSQL's alone.
const NOTHING: &str = "SELECT 1";

/// Which database migrations are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Of {
    Sqlite,
    Postgres,
}

/// Every version with its name, as in the folder: `0001_house`.
pub(super) fn names() -> impl Iterator<Item = (i64, String)> {
    FILES.iter().map(|(version, name, _)| (*version, format!("{version:04}_{name}")))
}

/// Whether there is a migration of this number.
pub(super) fn is_known(version: i64) -> bool {
    FILES.iter().any(|(known, ..)| *known == version)
}

/// All migrations.
pub(super) fn all(of: Of) -> Migrator {
    only(of, |_| true)
}

/// The migrations that are meant.
pub(super) fn only(of: Of, is_meant: impl Fn(i64) -> bool) -> Migrator {
    let one = |&(version, name, text): &(i64, &'static str, &'static str)| {
        let text = if of == Of::Sqlite && is_for_postgres(name) { NOTHING } else { text };
        Migration::new(version, name.into(), MigrationType::Simple, text.into_sql_str(), false)
    };
    Migrator::with_migrations(FILES.iter().filter(|(version, ..)| is_meant(*version)).map(one).collect())
}

/// The tables that the migrations meant make, in their order: a table comes after those its rows name.
pub(super) fn tables(is_meant: impl Fn(i64) -> bool) -> Vec<&'static str> {
    named_after("CREATE TABLE ", is_meant)
}

/// Tables that have rows from their making on.
pub(super) fn seeded() -> Vec<&'static str> {
    named_after("INSERT INTO ", |_| true)
}

fn is_for_postgres(name: &str) -> bool {
    name.ends_with(".postgres")
}

/// What one database alone makes is a way of keeping rows of a table that both have.
fn named_after(words: &str, is_meant: impl Fn(i64) -> bool) -> Vec<&'static str> {
    let meant = FILES.iter().filter(|(version, name, _)| is_meant(*version) && !is_for_postgres(name));
    let lines = meant.flat_map(|(.., text)| text.lines());
    lines.filter_map(|line| line.strip_prefix(words)?.split([' ', '(']).next()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_the_folder_is_compiled_in_under_its_number() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/migrations");
        let mut found: Vec<String> =
            std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
        found.sort();
        let listed: Vec<String> = FILES.iter().map(|(version, name, _)| format!("{version:04}_{name}.sql")).collect();
        assert_eq!(found, listed);
    }
}
