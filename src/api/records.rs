//! `/api/v1/records` and `/api/v1/corrections`: written by officers, listed, exported, printed.

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use serde_json::json;

use super::{
    Problem, Shared,
    auth::Staff,
    captures::required_key,
    json::{Body, Id, Params, Private, Segment},
    statistics::instant,
};
use crate::{
    domain::{incident, record::Kind, staff::Role},
    enforcement::{
        Bulk, Error, NewRecord, Person, What,
        documents::{Document, Paper},
        view::RecordView,
    },
};

/// Most things on one page.
pub(super) const MAX_LIMIT: u32 = 500;

/// What is asked of the list.
#[derive(Debug, Deserialize)]
pub struct Query {
    kind: Option<Kind>,
    from: Option<String>,
    to: Option<String>,
    limit: Option<u32>,
    after: Option<String>,
    format: Option<String>,
}

impl Query {
    /// The same, of one kind only.
    pub(super) fn of_kind(self, kind: Kind) -> Self {
        Self { kind: Some(kind), ..self }
    }
}

impl Staff {
    /// The person as the desk knows them.
    pub(super) fn person(&self) -> Person {
        Person { name: self.0.name.clone(), role: self.0.role }
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let told = error.to_string();
        match error {
            Error::Store(error) => error.into(),
            Error::Writing(_) | Error::Template { .. } => Self::fault(&error),
            Error::Decoding => Self::unavailable(told),
            Error::NotFound(_) => Self::not_found(told),
            Error::Invalid { field, reason } => {
                let problem = match field {
                    "purpose" | "after" | "q" | "idempotency_key" => Self::bad_request(told),
                    _ => Self::unprocessable(told),
                };
                problem.field(field, reason)
            }
            Error::UnknownCamera => Self::forbidden(told).named("unknown-camera"),
            Error::ForeignDevice => Self::forbidden(told).named("foreign-device"),
            Error::Slowed { retry_after_s } => Self::too_many(told).named("slowed").retry_after(retry_after_s),
            Error::Claimed { .. } => Self::conflict(told).named("claimed"),
            Error::AlreadyRecorded => Self::conflict(told).named("already-recorded"),
            Error::TooManyRows { .. } => Self::unprocessable(told).named("too-many-rows"),
            Error::KeyReused => Self::conflict(told).named("key-reused"),
            Error::NoPdf => Self::not_acceptable(told).named("no-pdf"),
            Error::NoGlyph { .. } => Self::unprocessable(told).named("missing-glyph"),
            Error::NotAPicture { .. } => Self::unprocessable(told).named("not-a-picture"),
            Error::PictureTooLarge { .. } => Self::too_large(told).named("picture-too-large"),
            Error::Incident(incident::Refused::AlreadyReviewed) => Self::conflict(told).named("already-reviewed"),
            Error::Incident(incident::Refused::NotRipe) => Self::conflict(told).named("not-ripe"),
            Error::Incident(incident::Refused::StillOpen) => Self::conflict(told),
            Error::Course(refused) => {
                use crate::domain::course::Refused;
                let word = refused.word();
                match refused {
                    Refused::NotNow { .. } | Refused::TermOver | Refused::ApprovalTooLate | Refused::ExtendedBefore => {
                        Self::conflict(told).named(word)
                    }
                    Refused::NeedsSupervisor | Refused::SamePerson => Self::forbidden(told).named(word),
                    _ => Self::unprocessable(told).named(word),
                }
            }
            Error::Appeal(refused) => {
                use crate::domain::appeal::Refused;
                match refused {
                    Refused::NotServed => Self::conflict(told).named("not-served"),
                    Refused::TooLate { .. } => Self::conflict(told).named("too-late"),
                    Refused::ReviewFirst => Self::conflict(told).named("review-first"),
                    Refused::Twice => Self::conflict(told).named("appealed-before"),
                    Refused::NotNow { .. } => Self::conflict(told).named("not-now"),
                    Refused::NoOutcome => Self::unprocessable(&told).named("no-outcome").field("outcome", told),
                }
            }
            Error::Record(refused) => {
                use crate::domain::record::Refused;
                match refused {
                    Refused::NoLegalBasis => {
                        Self::unprocessable(&told).named("no-legal-basis").field("legal_basis", told)
                    }
                    Refused::BasisForOtherVehicles => {
                        Self::unprocessable(&told).named("basis-for-other-vehicles").field("legal_basis", told)
                    }
                    Refused::GroundNotGiven => {
                        Self::unprocessable(&told).named("ground-not-given").field("ground", told)
                    }
                    Refused::ParkingAlone => Self::unprocessable(&told).named("parking-alone").field("ground", told),
                    Refused::NoSuchDocument => Self::conflict(told).named("no-such-document"),
                    Refused::FirstOffence => Self::conflict(told).named("first-offence"),
                    Refused::NotASeizure => Self::unprocessable(told),
                    Refused::NotApproved => Self::conflict(told).named("not-approved"),
                    Refused::AlreadyApproved => Self::conflict(told).named("already-approved"),
                    Refused::ApprovedByProposer => Self::forbidden(told).named("approved-by-proposer"),
                }
            }
        }
    }
}

/// How many things a page shows.
pub(super) fn limit(asked: Option<u32>) -> u32 {
    asked.unwrap_or(50).clamp(1, MAX_LIMIT)
}

/// A new record is 201; the same key again is answered 200 with what there is.
pub(super) fn created((record, again): (RecordView, bool)) -> Response {
    let answer = (if again { StatusCode::OK } else { StatusCode::CREATED }, Json(record));
    Private(answer).into_response()
}

/// Lists records of a kind, or all of them; as CSV if asked.
pub(super) async fn listed(services: Shared, staff: Staff, query: Query) -> Result<Response, Problem> {
    staff.require(Role::may_read_records)?;
    let from = instant(&services, "from", query.from.as_deref(), false)?;
    let to = instant(&services, "to", query.to.as_deref(), true)?;
    match Format::read(query.format.as_deref())? {
        Format::Csv => Ok(csv("records.csv", services.desk.export(query.kind, from, to, &staff.person()).await?.csv())),
        Format::Xlsx => {
            let table = services.desk.export(query.kind, from, to, &staff.person()).await?;
            Ok(xlsx("records.xlsx", table.workbook("records")))
        }
        Format::Json => {
            let after = query.after.as_deref();
            let (records, next) = services.desk.records(query.kind, from, to, after, limit(query.limit)).await?;
            Ok(Private(Json(json!({"records": records, "next": next}))).into_response())
        }
    }
}

/// How a list is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// A page at a time.
    Json,
    /// All of it, for a spreadsheet.
    Csv,
    /// All of it, as a workbook.
    Xlsx,
}

impl Format {
    /// Reads the `format` of a query.
    pub(super) fn read(word: Option<&str>) -> Result<Self, Problem> {
        match word {
            None | Some("json") => Ok(Self::Json),
            Some("csv") => Ok(Self::Csv),
            Some("xlsx") => Ok(Self::Xlsx),
            Some(_) => {
                Err(Problem::bad_request("format is json, csv or xlsx").field("format", "not json, csv or xlsx"))
            }
        }
    }
}

/// A CSV file to be saved.
pub(super) fn csv(name: &'static str, text: String) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
    ];
    Private((headers, text)).into_response()
}

/// A workbook to be saved.
pub(super) fn xlsx(name: &'static str, bytes: Vec<u8>) -> Response {
    let kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet".to_owned();
    let headers =
        [(header::CONTENT_TYPE, kind), (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\""))];
    Private((headers, bytes)).into_response()
}

/// Records, newest first.
#[utoipa::path(get, path = "/api/v1/records", tag = "staff", params(
    ("kind" = Option<String>, Query, description = "warning, correction, penalty, seizure"),
    ("from" = Option<String>, Query, description = "RFC 3339, or a day of the city's calendar"),
    ("to" = Option<String>, Query, description = "RFC 3339 exclusive, or a day inclusive"),
    ("limit" = Option<u32>, Query), ("after" = Option<String>, Query),
    ("format" = Option<String>, Query, description = "json, csv or xlsx"),
), responses((status = 200), (status = 400), (status = 401), (status = 403), (status = 422, description = "too many rows")))]
pub async fn list(
    State(services): State<Shared>,
    staff: Staff,
    Params(query): Params<Query>,
) -> Result<Response, Problem> {
    listed(services, staff, query).await
}

/// Corrections, newest first.
#[utoipa::path(get, path = "/api/v1/corrections", tag = "staff", params(
    ("from" = Option<String>, Query, description = "RFC 3339, or a day of the city's calendar"),
    ("to" = Option<String>, Query, description = "RFC 3339 exclusive, or a day inclusive"),
    ("limit" = Option<u32>, Query), ("after" = Option<String>, Query),
    ("format" = Option<String>, Query, description = "json, csv or xlsx"),
), responses((status = 200), (status = 400), (status = 401), (status = 403), (status = 422, description = "too many rows")))]
pub async fn corrections(
    State(services): State<Shared>,
    staff: Staff,
    Params(query): Params<Query>,
) -> Result<Response, Problem> {
    listed(services, staff, query.of_kind(Kind::Correction)).await
}

/// Writes a warning, a correction or a penalty case.
#[utoipa::path(post, path = "/api/v1/records", tag = "staff", params(("Idempotency-Key" = String, Header)),
    request_body = NewRecord,
    responses((status = 201), (status = 200, description = "written before"), (status = 400), (status = 401),
    (status = 403), (status = 409), (status = 422)))]
pub async fn create(
    State(services): State<Shared>,
    staff: Staff,
    headers: HeaderMap,
    Body(new): Body<NewRecord>,
) -> Result<Response, Problem> {
    staff.require(Role::may_enforce)?;
    let key = required_key(&headers)?;
    Ok(created(services.desk.record(new, &key, &staff.person()).await?))
}

/// Writes a correction.
#[utoipa::path(post, path = "/api/v1/corrections", tag = "staff", params(("Idempotency-Key" = String, Header)),
    request_body = What,
    responses((status = 201), (status = 200, description = "written before"), (status = 400), (status = 401),
    (status = 403), (status = 409), (status = 422)))]
pub async fn create_correction(
    State(services): State<Shared>,
    staff: Staff,
    headers: HeaderMap,
    Body(what): Body<What>,
) -> Result<Response, Problem> {
    staff.require(Role::may_enforce)?;
    let key = required_key(&headers)?;
    let new = NewRecord { kind: Kind::Correction, what };
    Ok(created(services.desk.record(new, &key, &staff.person()).await?))
}

/// Writes a correction for each of several non-motor vehicles at one place.
#[utoipa::path(post, path = "/api/v1/corrections/bulk", tag = "staff", params(("Idempotency-Key" = String, Header)),
    request_body = Bulk,
    responses((status = 201), (status = 200, description = "written before"), (status = 400), (status = 401),
    (status = 403), (status = 409), (status = 422)))]
pub async fn create_corrections(
    State(services): State<Shared>,
    staff: Staff,
    headers: HeaderMap,
    Body(bulk): Body<Bulk>,
) -> Result<Response, Problem> {
    staff.require(Role::may_enforce)?;
    let key = required_key(&headers)?;
    let (records, again) = services.desk.correct_many(bulk, &key, &staff.person()).await?;
    let status = if again { StatusCode::OK } else { StatusCode::CREATED };
    Ok(Private((status, Json(json!({"records": records})))).into_response())
}

/// One record.
#[utoipa::path(get, path = "/api/v1/records/{id}", tag = "staff", params(("id" = String, Path)),
    responses((status = 200), (status = 401), (status = 403), (status = 404)))]
pub async fn one(
    State(services): State<Shared>,
    staff: Staff,
    Id(id): Id,
) -> Result<Private<Json<RecordView>>, Problem> {
    staff.require(Role::may_read_records)?;
    let found = services.desk.find_record(&id).await?;
    found.map(|found| Private(Json(found))).ok_or_else(|| Problem::not_found("no such record"))
}

/// What a document is printed on.
#[derive(Debug, Deserialize)]
pub struct Printed {
    #[serde(default)]
    paper: Paper,
    format: Option<String>,
}

impl Printed {
    /// Whether PDF is asked for: by name, or by a reader that takes nothing else.
    fn is_pdf(&self, headers: &HeaderMap) -> Result<bool, Problem> {
        let takes = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
        match self.format.as_deref() {
            Some("pdf") => Ok(true),
            Some("html") => Ok(false),
            None => Ok(takes.contains("application/pdf") && !takes.contains("text/html")),
            Some(_) => Err(Problem::bad_request("format is html or pdf").field("format", "not html or pdf")),
        }
    }
}

/// A document of a record, as a page that prints by itself.
#[utoipa::path(get, path = "/api/v1/records/{id}/documents/{document}", tag = "staff", params(("id" = String, Path),
    ("document" = String, Path, description = "warning, parking_notice, decision, site_record, seizure, release, receipt"),
    ("paper" = Option<String>, Query, description = "a4, 80mm or 58mm"),
    ("format" = Option<String>, Query, description = "html, or pdf where this build makes it")),
    responses((status = 200), (status = 400), (status = 401), (status = 403), (status = 404),
    (status = 406, description = "this build makes no PDF"),
    (status = 409, description = "the record has not come to where there is such a document"),
    (status = 422, description = "the font has no picture of a character")))]
pub async fn document(
    State(services): State<Shared>,
    staff: Staff,
    Segment((id, name)): Segment<(String, String)>,
    Params(printed): Params<Printed>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    staff.require(Role::may_enforce)?;
    let document = Document::parse(&name).ok_or_else(|| Problem::not_found("no such document"))?;
    let configured = &services.config.enforcement.documents.public_url;
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("localhost");
    let base = if configured.is_empty() { format!("http://{host}") } else { configured.clone() };
    let missing = || Problem::not_found("no such record");
    if printed.is_pdf(&headers)? {
        let pdf = services.desk.document_pdf(&id, document, printed.paper, &base, &staff.person()).await?;
        let name = format!("inline; filename=\"{}.pdf\"", document.name());
        let headers = [(header::CONTENT_TYPE, "application/pdf".to_owned()), (header::CONTENT_DISPOSITION, name)];
        return Ok(Private((headers, pdf.ok_or_else(missing)?)).into_response());
    }
    let page = services.desk.document(&id, document, printed.paper, &base, &staff.person()).await?;
    let page = page.ok_or_else(missing)?;
    Ok(Private(axum::response::Html(page)).into_response())
}

/// A record's printable notice.
#[utoipa::path(get, path = "/api/v1/records/{id}/notice", tag = "staff", params(("id" = String, Path)),
    responses((status = 200), (status = 401), (status = 403), (status = 404),
    (status = 409, description = "a seizure nobody approved yet")))]
pub async fn notice(State(services): State<Shared>, staff: Staff, Id(id): Id) -> Result<Response, Problem> {
    staff.require(Role::may_read_records)?;
    let page = services.desk.notice(&id, &staff.person()).await?;
    let page = page.ok_or_else(|| Problem::not_found("no such record"))?;
    Ok(Private(axum::response::Html(page)).into_response())
}
