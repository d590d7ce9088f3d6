//! `yunpark user add | totp`: a new account, its password from standard input; a second factor.

use std::{io::Read, process::ExitCode};

use anyhow::Context;

use super::output::say;
use crate::{clock::Clock, config::Config, domain::staff::Role, staff::StaffDesk, store::Db};

/// More than any password needs.
const MOST: u64 = 4096;

/// Adds an account to the configured database.
pub async fn add(config: Config, name: &str, role: Role) -> anyhow::Result<ExitCode> {
    let password = read_password(std::io::stdin())?;
    let db = Db::connect(&config.store).await?;
    db.migrate().await?;
    let desk = StaffDesk::new(db.clone(), Clock::System, config.session);
    desk.add(name, role, &password).await?;
    db.close().await;
    Ok(say(&format!("{name} may sign in as {}", role.as_str())))
}

/// Gives an account a second factor, or takes it away.
pub async fn totp(config: Config, name: &str, wanted: bool) -> anyhow::Result<ExitCode> {
    let db = Db::connect(&config.store).await?;
    db.migrate().await?;
    let secret = StaffDesk::new(db.clone(), Clock::System, config.session).set_totp(name, wanted).await;
    db.close().await;
    Ok(say(&secret?.unwrap_or_else(|| format!("{name} signs in with the password alone"))))
}

/// Reads a password; one line break at its end is not part of it.
fn read_password(from: impl Read) -> anyhow::Result<String> {
    let mut text = String::new();
    from.take(MOST).read_to_string(&mut text).context("the password cannot be read from standard input")?;
    let text = text.strip_suffix('\n').unwrap_or(&text);
    Ok(text.strip_suffix('\r').unwrap_or(text).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_break_after_a_password_is_not_part_of_it() {
        for typed in ["correct horse", "correct horse\n", "correct horse\r\n"] {
            assert_eq!(read_password(typed.as_bytes()).unwrap(), "correct horse");
        }
        assert_eq!(read_password(&b" spaces count \n"[..]).unwrap(), " spaces count ");
    }
}
