//! The command line: the arguments, and which command's file takes them.

mod backup;
mod convert;
mod dead_letters;
mod decode;
mod demo;
mod doctor;
mod forecast;
mod import;
mod ledger;
mod output;
mod serve;
mod share;
mod sign;
mod user;

use std::{path::PathBuf, process::ExitCode};

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::{
    config::{self, Config},
    domain::staff::Role,
};
use output::{complain, say};

/// Exit code of a wrong configuration or wrong arguments.
const WRONG_CONFIG: u8 = 2;

/// Parking guidance and violation tracking for a county.
#[derive(Parser)]
#[command(name = "yunpark", version, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Start everything on embedded defaults, with a simulated city.
    Demo(demo::Options),
    /// Run this node.
    Serve {
        #[command(flatten)]
        config: WithConfig,
        #[command(flatten)]
        rehearsal: serve::Rehearsal,
    },
    /// Print the commented defaults, or check a file.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Bring the database to this version's tables.
    Migrate(WithConfig),
    /// Look at everything a node needs, and say what to do where it is not well.
    Doctor {
        #[command(flatten)]
        config: WithConfig,
        /// As JSON, for programs.
        #[arg(long)]
        json: bool,
    },
    /// Back up the database and the evidence, while the service runs.
    Backup {
        #[command(flatten)]
        config: WithConfig,
        /// Where to: a folder, or a file that ends in .tar; nothing may stand there yet.
        #[arg(long)]
        to: PathBuf,
    },
    /// Restore a backup into an empty database, of either kind.
    Restore {
        #[command(flatten)]
        config: WithConfig,
        /// The backup: a folder or a tar.
        #[arg(long)]
        from: PathBuf,
        /// Only check every hash; nothing is restored.
        #[arg(long)]
        check: bool,
    },
    /// Import a city file: lists every fault, and changes nothing while one stands.
    Import {
        #[command(flatten)]
        config: WithConfig,
        /// The city as GeoJSON; see docs/city-file.md.
        file: PathBuf,
        /// Only list the faults.
        #[arg(long)]
        dry_run: bool,
    },
    /// Print another operator's file of car parks or bays as a city file.
    Convert(convert::Options),
    /// Accounts of staff.
    #[command(subcommand)]
    User(UserCommand),
    /// Decode a device's bytes and print the readings as JSON.
    Decode {
        /// vendor/model
        #[arg(long)]
        codec: String,
        /// LoRaWAN port.
        #[arg(long)]
        fport: Option<u8>,
        /// City file whose declared codecs are known as well.
        #[arg(long, value_name = "FILE")]
        city: Option<PathBuf>,
        /// The payload in hexadecimal.
        hex: String,
    },
    /// Messages of sensors that were refused.
    #[command(subcommand)]
    DeadLetters(DeadLettersCommand),
    /// The ledger of enforcement.
    #[command(subcommand)]
    Ledger(LedgerCommand),
    /// Records for other authorities, as signed files.
    #[command(subcommand)]
    Share(ShareCommand),
    /// Roadside signs.
    #[command(subcommand)]
    Sign(SignCommand),
    /// The forecast of free places.
    #[command(subcommand)]
    Forecast(ForecastCommand),
}

#[derive(Subcommand)]
enum ForecastCommand {
    /// Measure the forecast on a recorded series, beside simpler methods on the same rows.
    Backtest(Box<forecast::Backtest>),
}

/// Where the configuration is.
#[derive(Args)]
struct WithConfig {
    /// The configuration file.
    #[arg(long)]
    config: PathBuf,
}

#[derive(Subcommand)]
enum ConfigCommand {
    /// Print the commented default file.
    Print,
    /// Check a file: exit 0 if it is fine, else one line and exit 2.
    Check {
        /// The configuration file.
        file: PathBuf,
    },
}

#[derive(Subcommand)]
enum UserCommand {
    /// Add a person; the password is read from standard input.
    Add {
        /// Sign-in name.
        name: String,
        /// What the person may do.
        #[arg(long)]
        role: RoleArgument,
        #[command(flatten)]
        config: WithConfig,
    },
    /// Give a person a second factor and print its secret for an authenticator program, or take it away.
    Totp {
        /// Sign-in name.
        name: String,
        /// Take it away.
        #[arg(long)]
        remove: bool,
        #[command(flatten)]
        config: WithConfig,
    },
}

#[derive(Clone, Copy, ValueEnum)]
enum RoleArgument {
    Officer,
    Supervisor,
    Operator,
    Auditor,
    Admin,
}

impl From<RoleArgument> for Role {
    fn from(role: RoleArgument) -> Self {
        match role {
            RoleArgument::Officer => Self::Officer,
            RoleArgument::Supervisor => Self::Supervisor,
            RoleArgument::Operator => Self::Operator,
            RoleArgument::Auditor => Self::Auditor,
            RoleArgument::Admin => Self::Admin,
        }
    }
}

#[derive(Subcommand)]
enum DeadLettersCommand {
    /// List the newest as JSON, one a line.
    List(Meant),
    /// Show one in full.
    Show {
        /// Its id.
        id: String,
        #[command(flatten)]
        config: WithConfig,
    },
    /// Publish those that wait again on their own topics, oldest first.
    Replay(Meant),
    /// Drop the newest of those meant.
    Drop(Meant),
}

/// Which dead letters are meant.
#[derive(Args)]
struct Meant {
    #[command(flatten)]
    config: WithConfig,
    /// Only of this kind, such as unknown_device.
    #[arg(long)]
    kind: Option<String>,
    /// Only those refused at or after this instant, RFC 3339.
    #[arg(long, value_parser = crate::domain::time::parse_rfc3339)]
    since: Option<crate::domain::time::Instant>,
    /// At most so many.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    limit: u32,
}

impl Meant {
    fn read(self) -> anyhow::Result<(Config, crate::store::dead_letters::Which)> {
        let which = crate::store::dead_letters::Which { kind: self.kind, since: self.since, limit: self.limit };
        Ok((Config::load(Some(&self.config.config))?, which))
    }
}

#[derive(Subcommand)]
enum LedgerCommand {
    /// Prove the ledger whole, or name the entry that is not.
    Verify {
        #[command(flatten)]
        config: WithConfig,
        /// A head printed earlier, `SEQ:HASH`, which the ledger must still pass through.
        #[arg(long)]
        head: Option<crate::domain::ledger::Head>,
        /// A signed head that was published, which the ledger must still pass through.
        #[arg(long, conflicts_with = "head")]
        signed_head: Option<PathBuf>,
        /// Remove files of evidence that belong to nothing and are at least this old, seconds; 3600 unless told.
        #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "3600")]
        sweep: Option<u64>,
    },
    /// Sign and publish the ledger's head as it is now, beside the one of the day.
    Sign {
        #[command(flatten)]
        config: WithConfig,
    },
    /// Check a record's proof, without the database.
    Check {
        /// What `/api/v1/records/{id}/proof` gave.
        proof: PathBuf,
        /// The public key the head must be signed with, 64 hexadecimal digits.
        #[arg(long)]
        key: Option<String>,
    },
    /// Write the whole ledger, one entry a line, and the newest signed head last.
    Export {
        #[command(flatten)]
        config: WithConfig,
        /// Where to write it.
        #[arg(long)]
        out: PathBuf,
    },
}

#[derive(Subcommand)]
enum ShareCommand {
    /// Make a file of the records another authority may have.
    Make {
        /// Who it is for: a name in `enforcement.shares`.
        recipient: String,
        #[command(flatten)]
        config: WithConfig,
        /// What for.
        #[arg(long)]
        purpose: String,
        /// The supervisor who gives it, by sign-in name.
        #[arg(long)]
        by: String,
        /// Records made at or after this instant, RFC 3339.
        #[arg(long, value_parser = crate::domain::time::parse_rfc3339)]
        from: crate::domain::time::Instant,
        /// Records made before this instant, RFC 3339.
        #[arg(long, value_parser = crate::domain::time::parse_rfc3339)]
        to: crate::domain::time::Instant,
        /// Where to write it; a file that is not there yet.
        #[arg(long)]
        out: PathBuf,
    },
    /// Check a file that was given, without a database.
    Check {
        /// The file.
        file: PathBuf,
        /// The public key it must be signed with, 64 hexadecimal digits.
        #[arg(long)]
        key: Option<String>,
    },
}

#[derive(Subcommand)]
enum SignCommand {
    /// Draw a sign as it would show the present availability.
    Render {
        /// The sign's id.
        sign: String,
        #[command(flatten)]
        config: WithConfig,
        /// Where to write the PNG.
        #[arg(long)]
        out: PathBuf,
    },
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let code = u8::try_from(error.exit_code()).unwrap_or(WRONG_CONFIG);
            // Help and version go to standard output, faults to standard error; nothing more can be done if neither takes it.
            let _ = error.print();
            return ExitCode::from(code);
        }
    };
    match arguments.command {
        Command::Config(ConfigCommand::Print) => say(config::DEFAULT.trim_end()),
        Command::Config(ConfigCommand::Check { file }) => match Config::load(Some(&file)) {
            Ok(_) => say(&format!("{}: ok", file.display())),
            Err(error) => wrong_config(&error),
        },
        Command::Decode { codec, fport, city, hex } => match decode::run(&codec, fport, city.as_deref(), &hex) {
            Ok(json) => say(&json),
            Err(line) => complain(&line),
        },
        Command::Convert(options) => match convert::run(&options) {
            Ok(code) => code,
            Err(error) => complain(&format!("{error:#}")),
        },
        Command::Forecast(ForecastCommand::Backtest(options)) => match forecast::backtest(*options) {
            Ok(code) => code,
            Err(error) => complain(&format!("{error:#}")),
        },
        command => in_runtime(command),
    }
}

/// A wrong configuration: one line, exit 2.
fn wrong_config(error: &config::Error) -> ExitCode {
    complain(&error.to_string());
    ExitCode::from(WRONG_CONFIG)
}

/// Runs a command that needs the asynchronous world.
fn in_runtime(command: Command) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return complain(&format!("the runtime could not be started: {error}")),
    };
    let result = runtime.block_on(run(command));
    runtime.shutdown_timeout(std::time::Duration::from_secs(2));
    match result {
        Ok(code) => code,
        Err(error) => match error.downcast_ref::<config::Error>() {
            Some(wrong) => wrong_config(wrong),
            None => complain(&format!("{error:#}")),
        },
    }
}

async fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Demo(options) => demo::run(options).await,
        Command::Serve { config, rehearsal } => {
            Box::pin(serve::run(Config::load(Some(&config.config))?, rehearsal.clock())).await
        }
        Command::Migrate(at) => {
            let db = open(&at).await?;
            db.migrate().await?;
            Ok(say("the database is up to date"))
        }
        Command::Doctor { config, json } => doctor::run(&config.config, json).await,
        Command::Backup { config, to } => backup::make(&Config::load(Some(&config.config))?, &to).await,
        Command::Restore { config, from, check } => {
            backup::restore(&Config::load(Some(&config.config))?, &from, check).await
        }
        Command::Import { config, file, dry_run } => {
            let text =
                std::fs::read_to_string(&file).map_err(|error| anyhow::anyhow!("{}: {error}", file.display()))?;
            let config = Config::load(Some(&config.config))?;
            import::run(&config, &text, dry_run).await
        }
        Command::User(UserCommand::Add { name, role, config }) => {
            let config = Config::load(Some(&config.config))?;
            user::add(config, &name, role.into()).await
        }
        Command::User(UserCommand::Totp { name, remove, config }) => {
            let config = Config::load(Some(&config.config))?;
            user::totp(config, &name, !remove).await
        }
        Command::DeadLetters(command) => refused(command).await,
        Command::Ledger(LedgerCommand::Verify { config, head, signed_head, sweep }) => {
            let config = Config::load(Some(&config.config))?;
            let head = match signed_head {
                Some(file) => Some(ledger::signed_head(&file)?),
                None => head,
            };
            ledger::verify(&config, head, sweep.map(std::time::Duration::from_secs)).await
        }
        Command::Ledger(LedgerCommand::Sign { config }) => {
            let config = Config::load(Some(&config.config))?;
            ledger::sign(&config).await
        }
        Command::Ledger(LedgerCommand::Check { proof, key }) => ledger::check(&proof, key.as_deref()),
        Command::Ledger(LedgerCommand::Export { config, out }) => {
            let config = Config::load(Some(&config.config))?;
            ledger::export(&config, &out).await
        }
        Command::Share(ShareCommand::Make { recipient, config, purpose, by, from, to, out }) => {
            let config = Config::load(Some(&config.config))?;
            let wanted = crate::enforcement::sharing::Wanted { recipient, purpose, from, to };
            share::make(&config, wanted, &by, &out).await
        }
        Command::Share(ShareCommand::Check { file, key }) => share::check(&file, key.as_deref()),
        Command::Sign(SignCommand::Render { sign, config, out }) => {
            let config = Config::load(Some(&config.config))?;
            sign::render(&config, &sign, &out).await
        }
        Command::Config(_) | Command::Convert(_) | Command::Decode { .. } | Command::Forecast(_) => {
            Ok(ExitCode::SUCCESS)
        }
    }
}

async fn refused(command: DeadLettersCommand) -> anyhow::Result<ExitCode> {
    match command {
        DeadLettersCommand::List(meant) => {
            let (config, which) = meant.read()?;
            dead_letters::list(&config, &which).await
        }
        DeadLettersCommand::Show { id, config } => dead_letters::show(&Config::load(Some(&config.config))?, &id).await,
        DeadLettersCommand::Replay(meant) => {
            let (config, which) = meant.read()?;
            dead_letters::replay(&config, &which).await
        }
        DeadLettersCommand::Drop(meant) => {
            let (config, which) = meant.read()?;
            dead_letters::drop(&config, &which).await
        }
    }
}

/// The database a configuration names.
async fn open(at: &WithConfig) -> anyhow::Result<crate::store::Db> {
    let config = Config::load(Some(&at.config))?;
    Ok(crate::store::Db::connect(&config.store).await?)
}
