//! Rows of orders to signs.

use super::{Error, On, Row, Tx, query};
use crate::domain::{
    ids::{PanelId, SignId},
    sign_order::{Order, OrderMode, Priority},
    text::Localized,
    time::Instant,
};

macro_rules! columns {
    () => {
        "id, signs, panel, priority, mode, text_zh, text_en, is_red, reason, starts_at_us, ends_at_us, ordered_by, \
         ordered_at_us, withdrawn_at_us"
    };
}

/// Adds an order.
pub async fn add(tx: &mut Tx, order: &Order) -> Result<(), Error> {
    let text = concat!(
        "INSERT INTO sign_orders (",
        columns!(),
        ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)"
    );
    let signs: Vec<&str> = order.signs.iter().map(SignId::as_str).collect();
    query("sign_orders", text)
        .bind(&order.id)
        .bind(serde_json::Value::from(signs).to_string())
        .bind(order.panel.as_ref().map(PanelId::as_str))
        .bind(order.priority.as_str())
        .bind(order.mode.as_str())
        .bind(&order.text.zh)
        .bind(&order.text.en)
        .bind(order.is_red)
        .bind(&order.reason)
        .bind(order.starts_at)
        .bind(order.ends_at)
        .bind(&order.ordered_by)
        .bind(order.ordered_at)
        .bind(order.withdrawn_at)
        .execute(tx)
        .await
        .map(drop)
}

/// Withdraws an order that still runs; `false` if there is none such.
pub async fn withdraw(tx: &mut Tx, id: &str, now: Instant) -> Result<bool, Error> {
    let text = "UPDATE sign_orders SET withdrawn_at_us = $2 \
                WHERE id = $1 AND withdrawn_at_us IS NULL AND ends_at_us > $2";
    Ok(query("sign_orders", text).bind(id).bind(now).execute(tx).await? == 1)
}

/// The orders that hold at `now` or are yet to, oldest word first.
pub async fn running(on: impl Into<On<'_>>, now: Instant) -> Result<Vec<Order>, Error> {
    let text = concat!(
        "SELECT ",
        columns!(),
        " FROM sign_orders WHERE ends_at_us > $1 AND withdrawn_at_us IS NULL ORDER BY ordered_at_us, id"
    );
    query("sign_orders", text).bind(now).fetch_all(on).await?.iter().map(read).collect()
}

/// Up to `limit` orders, newest word first, whether they still run or not.
pub async fn newest(on: impl Into<On<'_>>, limit: u32) -> Result<Vec<Order>, Error> {
    let text = concat!("SELECT ", columns!(), " FROM sign_orders ORDER BY ordered_at_us DESC, id DESC LIMIT $1");
    query("sign_orders", text).bind(limit).fetch_all(on).await?.iter().map(read).collect()
}

fn read(row: &Row) -> Result<Order, Error> {
    Ok(Order {
        id: row.get("id")?,
        signs: row.parse("signs", |text| serde_json::from_str::<Vec<SignId>>(text))?,
        panel: row.parse_opt("panel", PanelId::parse)?,
        priority: row.parse("priority", |word| Priority::parse(word).ok_or("unknown priority"))?,
        mode: row.parse("mode", |word| OrderMode::parse(word).ok_or("unknown mode"))?,
        text: Localized { zh: row.get("text_zh")?, en: row.get("text_en")? },
        is_red: row.get::<i64>("is_red")? != 0,
        reason: row.get("reason")?,
        starts_at: row.instant("starts_at_us")?,
        ends_at: row.instant("ends_at_us")?,
        ordered_by: row.get("ordered_by")?,
        ordered_at: row.instant("ordered_at_us")?,
        withdrawn_at: row.instant_opt("withdrawn_at_us")?,
    })
}
