//! `GET /api/v1/openapi.json`: the whole API, from the handlers' own descriptions.

use axum::Json;
use utoipa::OpenApi;

/// The API's description.
#[derive(OpenApi)]
#[openapi(
    info(title = "Yunpark", description = "Parking guidance and violation tracking for a county"),
    paths(
        super::public::lots,
        super::public::one_lot,
        super::public::spaces,
        super::public::history,
        super::public::forecast,
        super::public::map,
        super::public::all_signs,
        super::public::sign,
        super::public::panel,
        super::session::sign_in,
        super::session::who,
        super::session::sign_out,
        super::captures::create,
        super::incidents::list,
        super::incidents::one,
        super::incidents::review,
        super::records::list,
        super::records::create,
        super::records::one,
        super::records::notice,
        super::records::corrections,
        super::records::create_correction,
        super::seizures::list,
        super::seizures::propose,
        super::seizures::approve,
        super::plates::search,
        super::plates::history,
        super::evidence::image,
        super::statistics::period,
        super::viid::register,
        super::viid::unregister,
        super::viid::keepalive,
        super::viid::time,
        super::viid::motor_vehicles,
    )
)]
struct Document;

/// The whole API as OpenAPI 3.1.
pub async fn document() -> Json<utoipa::openapi::OpenApi> {
    Json(Document::openapi())
}
