//! The staff's desk: who may sign in, and whose token is whose; passwords by argon2id, tokens only as hashes.

use std::sync::Arc;

use argon2::{
    Argon2, PasswordHash, PasswordHasher, PasswordVerifier,
    password_hash::{Salt, SaltString},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::Duration;
use serde_json::json;
use tokio::sync::Semaphore;

use crate::{
    clock::{self, Clock},
    config,
    domain::{
        ledger::{Digest, Kind, NewEntry},
        staff::{Actor, Role},
        time::Instant,
    },
    store::{
        self, Db, Tx, ledger,
        staff::{self as rows, Account},
    },
};

mod accounts;
mod totp;

pub use accounts::{NewMember, Turn};

/// Failed sign-ins count this long against a name.
const FAILURES_COUNT_FOR: Duration = Duration::minutes(15);
/// Shortest and longest password taken, characters and bytes.
const SHORTEST_PASSWORD: usize = 8;
const LONGEST_PASSWORD: usize = 1024;
/// Passwords checked at once: each takes 19 MiB while it is checked.
const HASHES_AT_ONCE: usize = 4;
/// A hash with the parameters of all others, checked when a name is unknown, so that the answer takes as long.
const NOBODYS_HASH: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5J3Mgc2FsdCE$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Why somebody is not signed in, or not added.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// The name, the password or both are wrong; nobody learns which.
    #[error("name or password is wrong")]
    Wrong,
    /// Too many sign-ins of this name failed in the last quarter of an hour.
    #[error("too many failed sign-ins; wait a quarter of an hour")]
    Throttled,
    /// The account has a second factor, and no code of it came, or a wrong or used one.
    #[error("the one-time code is missing, wrong or used")]
    Code,
    /// The name is not one.
    #[error("a name has 1 to 64 letters, digits or . _ - @")]
    Name,
    /// The name is taken.
    #[error("the name is taken")]
    Taken,
    /// There is no such account.
    #[error("no such account")]
    Nobody,
    /// Nobody could administer any more.
    #[error("this is the last administrator; make somebody else one first")]
    LastAdmin,
    /// The unit is too long, or no text.
    #[error("a unit has at most 80 characters, and no control characters")]
    Unit,
    /// No reason is given, or far too long a one.
    #[error("a reason has 1 to 500 characters")]
    Reason,
    /// The same key was used before for something else.
    #[error("this key was used before with other content")]
    KeyReused,
    /// The password is too short or too long.
    #[error("a password has at least 8 characters and at most 1024 bytes")]
    Password,
    /// The database failed.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// A password could not be hashed, or the system gave no randomness.
    #[error("passwords cannot be hashed: {0}")]
    Hash(String),
}

/// A new session and the token that proves it.
#[derive(Clone)]
pub struct SignedIn {
    /// Sign-in name.
    pub name: String,
    /// What its holder may do.
    pub role: Role,
    /// 32 random bytes as base64url; kept nowhere else.
    pub token: String,
    /// When it ends.
    pub expires_at: Instant,
}

impl std::fmt::Debug for SignedIn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SignedIn")
            .field("role", &self.role)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// A session that holds.
pub use crate::store::staff::OpenSession as Session;

/// The staff's desk; cheap to clone.
#[derive(Debug, Clone)]
pub struct StaffDesk {
    db: Db,
    clock: Clock,
    config: config::Session,
    hashing: Arc<Semaphore>,
}

impl StaffDesk {
    /// A desk over the database.
    pub fn new(db: Db, clock: Clock, config: config::Session) -> Self {
        Self { db, clock, config, hashing: Arc::new(Semaphore::new(HASHES_AT_ONCE)) }
    }

    /// Adds an account.
    pub async fn add(&self, name: &str, role: Role, password: &str) -> Result<(), Refused> {
        let account = self.account(name, role, password).await?;
        let now = self.clock.now();
        let mut tx = self.db.begin_write().await?;
        if !rows::add(&mut tx, &account, now).await? {
            return Err(Refused::Taken);
        }
        self.enter(&mut tx, command_line(), Kind::StaffAdded, name, json!({"role": role.as_str()}), now).await?;
        Ok(tx.commit().await?)
    }

    /// Adds an account, or gives the one there is this role and password; its open sessions end.
    pub async fn add_or_reset(&self, name: &str, role: Role, password: &str) -> Result<(), Refused> {
        let account = self.account(name, role, password).await?;
        let now = self.clock.now();
        let mut tx = self.db.begin_write().await?;
        let kind = if rows::add(&mut tx, &account, now).await? {
            Kind::StaffAdded
        } else {
            rows::reset(&mut tx, &account).await?;
            Kind::StaffReset
        };
        self.enter(&mut tx, command_line(), kind, name, json!({"role": role.as_str()}), now).await?;
        Ok(tx.commit().await?)
    }

    /// Signs in. The try counts as failed until it has succeeded, so that tries at the same time count too.
    pub async fn sign_in(&self, name: &str, password: &str) -> Result<SignedIn, Refused> {
        self.sign_in_with(name, password, None).await
    }

    /// Signs in with the code of a second factor, which an account that has one needs. A wrong code counts as a failed try.
    pub async fn sign_in_with(&self, name: &str, password: &str, code: Option<&str>) -> Result<SignedIn, Refused> {
        if !is_name(name) || password.len() > LONGEST_PASSWORD {
            return Err(Refused::Wrong);
        }
        let now = self.clock.now();
        let account = self.try_sign_in(name, now).await?;
        let hash = account.as_ref().map_or(NOBODYS_HASH, |account| &account.password_hash).to_owned();
        let right = self.check(password.to_owned(), hash).await?;
        let mut tx = self.db.begin_write().await?;
        if let (Some(account), true) = (&account, right)
            && let Some((secret, last)) = rows::totp(&mut tx, name).await?
        {
            let secret = hex::decode(secret).map_err(|error| Refused::Hash(error.to_string()))?;
            let Some(step) = totp::step_of(&secret, code.unwrap_or_default(), last, now) else {
                let actor = Actor::System { rule: "sign_in".to_owned() };
                self.enter(&mut tx, actor, Kind::SignInRefused, &account.name, json!({"reason": "code"}), now).await?;
                tx.commit().await?;
                return Err(Refused::Code);
            };
            rows::use_totp(&mut tx, name, step).await?;
        }
        match account {
            Some(account) if right => {
                let token = URL_SAFE_NO_PAD.encode(random::<32>()?);
                let expires_at = now + Duration::hours(self.config.hours.into());
                rows::forget_failures(&mut tx, name).await?;
                rows::forget_expired_sessions(&mut tx, now).await?;
                rows::open_session(&mut tx, Digest::of(token.as_bytes()), name, now, expires_at).await?;
                let actor = Actor::Staff { name: name.to_owned(), role: account.role };
                self.enter(&mut tx, actor, Kind::SignedIn, name, json!({}), now).await?;
                tx.commit().await?;
                Ok(SignedIn { name: account.name, role: account.role, token, expires_at })
            }
            // The refusal of a name nobody has is counted, but the ledger does not grow by what strangers make up.
            account => {
                if account.is_some() {
                    let actor = Actor::System { rule: "sign_in".to_owned() };
                    self.enter(&mut tx, actor, Kind::SignInRefused, name, json!({}), now).await?;
                }
                tx.commit().await?;
                metrics::counter!("yunpark_sign_ins_refused_total").increment(1);
                Err(Refused::Wrong)
            }
        }
    }

    /// Gives a person a second factor, and says it as an authenticator program reads it; or takes it away. Open sessions end.
    pub async fn set_totp(&self, name: &str, wanted: bool) -> Result<Option<String>, Refused> {
        let secret = if wanted { Some(random::<20>()?) } else { None };
        let now = self.clock.now();
        let mut tx = self.db.begin_write().await?;
        if !rows::set_totp(&mut tx, name, secret.map(hex::encode).as_deref()).await? {
            return Err(Refused::Name);
        }
        self.enter(&mut tx, command_line(), Kind::StaffReset, name, json!({"second_factor": wanted}), now).await?;
        tx.commit().await?;
        Ok(secret.map(|secret| format!("otpauth://totp/yunpark?secret={}&issuer=yunpark", totp::base32(&secret))))
    }

    /// The session of a token, if it still holds.
    pub async fn who(&self, token: &str) -> Result<Option<Session>, Refused> {
        Ok(rows::session(&self.db, Digest::of(token.as_bytes()), self.clock.now()).await?)
    }

    /// Ends the session of a token; one that does not hold is already ended.
    pub async fn sign_out(&self, token: &str) -> Result<(), Refused> {
        let (now, digest) = (self.clock.now(), Digest::of(token.as_bytes()));
        let mut tx = self.db.begin_write().await?;
        let session = rows::session(&mut tx, digest, now).await?;
        let closed = rows::close_session(&mut tx, digest).await?;
        if let Some(session) = session.filter(|_| closed) {
            let actor = Actor::Staff { name: session.name.clone(), role: session.role };
            self.enter(&mut tx, actor, Kind::SignedOut, &session.name, json!({}), now).await?;
        }
        Ok(tx.commit().await?)
    }

    /// Counts this try against the name, unless too many already do.
    async fn try_sign_in(&self, name: &str, now: Instant) -> Result<Option<Account>, Refused> {
        let window_start = now - FAILURES_COUNT_FOR;
        rows::forget_old_failures(&self.db, window_start).await?;
        let mut tx = self.db.begin_write().await?;
        if rows::count_try(&mut tx, name, now, window_start).await? > self.config.max_failures {
            // Dropped without a commit: a refused try is not counted.
            return Err(Refused::Throttled);
        }
        let account = rows::find(&mut tx, name).await?;
        tx.commit().await?;
        Ok(account)
    }

    async fn account(&self, name: &str, role: Role, password: &str) -> Result<Account, Refused> {
        if !is_name(name) {
            return Err(Refused::Name);
        }
        if password.chars().count() < SHORTEST_PASSWORD || password.len() > LONGEST_PASSWORD {
            return Err(Refused::Password);
        }
        let password = password.to_owned();
        let password_hash = self.hashing(move || hash(&password)).await??;
        Ok(Account { name: name.to_owned(), role, password_hash })
    }

    async fn check(&self, password: String, hash: String) -> Result<bool, Refused> {
        self.hashing(move || {
            let hash = PasswordHash::new(&hash).map_err(|error| Refused::Hash(error.to_string()))?;
            Ok(Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
        })
        .await?
    }

    /// Runs hashing on a thread that may block, a few at once.
    async fn hashing<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Refused> {
        let failed = |error: &dyn std::fmt::Display| Refused::Hash(error.to_string());
        let permit = self.hashing.clone().acquire_owned().await.map_err(|error| failed(&error))?;
        let work = move || {
            let done = work();
            drop(permit);
            done
        };
        tokio::task::spawn_blocking(work).await.map_err(|error| failed(&error))
    }

    async fn enter(
        &self,
        tx: &mut Tx,
        actor: Actor,
        kind: Kind,
        name: &str,
        payload: serde_json::Value,
        now: Instant,
    ) -> Result<(), Refused> {
        let subject_id = name.to_owned();
        let new = NewEntry { actor, kind, subject_type: "staff", subject_id, payload, evidence: Vec::new() };
        ledger::append(tx, new, now).await?;
        Ok(())
    }
}

fn command_line() -> Actor {
    Actor::System { rule: "command_line".to_owned() }
}

fn is_name(name: &str) -> bool {
    let length = name.chars().count();
    (1..=64).contains(&length) && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '@'))
}

fn random<const N: usize>() -> Result<[u8; N], Refused> {
    clock::random_bytes().map_err(|error| Refused::Hash(error.to_string()))
}

fn hash(password: &str) -> Result<String, Refused> {
    let failed = |error: argon2::password_hash::Error| Refused::Hash(error.to_string());
    let salt = SaltString::encode_b64(&random::<{ Salt::RECOMMENDED_LENGTH }>()?).map_err(failed)?;
    Ok(Argon2::default().hash_password(password.as_bytes(), &salt).map_err(failed)?.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_nobody_has_costs_as_much_as_one_somebody_has() {
        let (nobodys, made) = (PasswordHash::new(NOBODYS_HASH).unwrap(), hash("correct horse").unwrap());
        let made = PasswordHash::new(&made).unwrap();
        assert_eq!((nobodys.algorithm, nobodys.version, &nobodys.params), (made.algorithm, made.version, &made.params));
        assert_eq!(nobodys.hash.unwrap().len(), made.hash.unwrap().len());
    }

    #[test]
    fn the_same_password_hashes_differently_each_time() {
        assert_ne!(hash("correct horse").unwrap(), hash("correct horse").unwrap());
    }

    #[test]
    fn names_are_plain_words_in_any_script() {
        for good in ["li.wei", "王芳", "officer-1", "a@b"] {
            assert!(is_name(good), "{good}");
        }
        for bad in ["", "a b", "a\nb", "<b>", &"x".repeat(65)] {
            assert!(!is_name(bad), "{bad}");
        }
    }

    #[test]
    fn a_token_does_not_show_itself() {
        let expires_at = crate::domain::time::from_micros(0).unwrap();
        let signed_in = SignedIn { name: "li.wei".into(), role: Role::Officer, token: "secret".into(), expires_at };
        let shown = format!("{signed_in:?}");
        assert!(!shown.contains("secret") && !shown.contains("li.wei"), "{shown}");
    }
}
