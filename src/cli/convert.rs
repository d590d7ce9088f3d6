//! `yunpark convert`: another operator's file of car parks or bays as a city file, to be looked at and imported.

use std::{collections::BTreeMap, path::PathBuf, process::ExitCode};

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};

use super::output::{complain, complain_each, say};
use crate::{
    config::SourceKind,
    feeds::sources::{
        city::{Heading, city_file},
        mapping::Mapping,
        read_static,
    },
};

/// What is converted, and what the file does not say itself.
#[derive(Args)]
pub struct Options {
    /// What the file is.
    #[arg(long)]
    kind: Kind,
    /// The city's name.
    #[arg(long)]
    name: String,
    /// IANA name of the city's time zone.
    #[arg(long, default_value = "Asia/Shanghai")]
    time_zone: chrono_tz::Tz,
    /// A TOML file that says which column, or property, each field is.
    #[arg(long, value_name = "FILE")]
    columns: Option<PathBuf>,
    /// For a file of single bays: the lot they make up together.
    #[arg(long, value_name = "ID=NAME")]
    lot: Option<String>,
    /// After how many seconds the lots' counts are stale.
    #[arg(long, value_name = "SECONDS")]
    stale_after: Option<u32>,
    /// The file.
    file: PathBuf,
}

#[derive(Clone, Copy, ValueEnum)]
enum Kind {
    /// ParkAPI v3 JSON, or GeoJSON.
    Parkapi,
    /// DATEX II, version 2 or 3.
    Datex2,
    /// A table with a head line.
    Csv,
}

/// Prints the city file; what is left out is told on standard error.
pub fn run(options: &Options) -> anyhow::Result<ExitCode> {
    let body = std::fs::read(&options.file).with_context(|| format!("{} cannot be read", options.file.display()))?;
    let own = match &options.columns {
        None => BTreeMap::new(),
        Some(file) => {
            use figment::providers::{Format, Toml};
            let columns = figment::Figment::new().merge(Toml::file_exact(file));
            columns
                .extract::<BTreeMap<String, String>>()
                .with_context(|| format!("{} is no mapping", file.display()))?
        }
    };
    if let Some(field) = Mapping::unknown(&own) {
        bail!("the mapping names a field there is not: {field}");
    }
    let one_lot = match options.lot.as_deref().map(|lot| lot.split_once('=')) {
        None => None,
        Some(Some((id, name))) => Some((id.to_owned(), name.to_owned())),
        Some(None) => bail!("--lot must be ID=NAME"),
    };
    let kind = match options.kind {
        Kind::Parkapi => SourceKind::Parkapi,
        Kind::Datex2 => SourceKind::Datex2,
        Kind::Csv => SourceKind::Csv,
    };
    let heading = Heading {
        name: options.name.clone(),
        time_zone: options.time_zone,
        stale_after_s: options.stale_after,
        one_lot,
    };
    let converted = read_static(kind, &body, &Mapping::of(&own)).and_then(|records| city_file(&records, &heading));
    match converted {
        Ok((file, left_out)) => {
            complain_each(&left_out);
            Ok(say(&serde_json::to_string_pretty(&file)?))
        }
        Err(ill) => Ok(complain(&format!("{}: {ill}", options.file.display()))),
    }
}
