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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_apis_shape_changes_only_when_somebody_looks() {
        let document = serde_json::to_value(Document::openapi()).unwrap();
        let paths = document["paths"].as_object().unwrap().iter().flat_map(|(path, methods)| {
            let methods = methods.as_object().unwrap();
            methods.iter().map(move |(method, operation)| {
                let answers: Vec<&str> =
                    operation["responses"].as_object().unwrap().keys().map(String::as_str).collect();
                format!("{} {path} -> {}", method.to_uppercase(), answers.join(" "))
            })
        });
        insta::assert_snapshot!(paths.collect::<Vec<_>>().join("\n"));
    }
}
