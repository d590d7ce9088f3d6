//! `GET /api/v1/openapi.json`: the whole API, from the handlers' own descriptions.

use axum::Json;
use utoipa::{
    Modify, OpenApi,
    openapi::security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityRequirement, SecurityScheme},
};

/// The API's description.
#[derive(OpenApi)]
#[openapi(
    info(title = "Yunpark", description = "Parking guidance and violation tracking for a county"),
    paths(
        super::public::lots,
        super::public::one_lot,
        super::public::spaces,
        super::lots::actions::act,
        super::public::history,
        super::public::forecast,
        super::public::typical,
        super::live::events::listen,
        super::under_way::tell,
        super::under_way::reserve,
        super::under_way::withdraw,
        super::under_way::count,
        super::public::map,
        super::public::all_signs,
        super::public::sign,
        super::public::panel,
        super::displays::page,
        super::displays::shown,
        super::sign_orders::begin_override,
        super::sign_orders::end_override,
        super::sign_orders::schedule,
        super::sign_orders::list,
        super::sign_orders::withdraw,
        super::session::sign_in,
        super::session::who,
        super::session::sign_out,
        super::captures::create,
        super::counters::list,
        super::dead_letters::list,
        super::incidents::list,
        super::incidents::one,
        super::incidents::manifest,
        super::incidents::review,
        super::incidents::review_many,
        super::incidents::claim,
        super::incidents::release_claim,
        super::audit::log,
        super::admin::users,
        super::admin::add_user,
        super::admin::change_user,
        super::admin::settings,
        super::admin::setting,
        super::admin::set,
        super::admin::forms,
        super::admin::history,
        super::records::list,
        super::records::create,
        super::records::one,
        super::records::notice,
        super::records::document,
        super::check::check,
        super::city::check,
        super::city::import,
        super::check::page,
        super::records::corrections,
        super::records::create_correction,
        super::records::create_corrections,
        super::seizures::list,
        super::seizures::propose,
        super::seizures::approve,
        super::plates::search,
        super::plates::history,
        super::evidence::image,
        super::evidence::thumbnail,
        super::statistics::period,
        super::transitions::list,
        super::approaches::list,
        super::sensors::list,
        super::sensors::one,
        super::feeds::list,
        super::feeds::sources,
        super::feeds::parking_sites,
        super::feeds::parking_site,
        super::feeds::parking_spots,
        super::feeds::parking_spot,
        super::feeds::parkapi_v1_cities,
        super::feeds::parkapi_v1_city,
        super::feeds::geojson_sites,
        super::feeds::geojson_spots,
        super::feeds::datex2_v3_table,
        super::feeds::datex2_v3_status,
        super::feeds::datex2_v3_signs_table,
        super::feeds::datex2_v3_signs,
        super::feeds::datex2_v2_table,
        super::feeds::datex2_v2_status,
        super::feeds::cds_zones,
        super::feeds::cds_policies,
        super::feeds::cds_status,
        super::feeds::cds_aggregates,
        super::feeds::cds_events,
        super::feeds::ngsi_ld_entities,
        super::feeds::ngsi_ld_entity,
        super::feeds::siri_fm,
        super::subscribers::sources,
        super::subscribers::list,
        super::subscribers::replay,
        super::viid::register,
        super::viid::unregister,
        super::viid::keepalive,
        super::viid::time,
        super::viid::motor_vehicles,
        super::viid::non_motor_vehicles,
        super::viid::images,
        super::viid::notifications,
        super::isapi::alert,
        super::itsapi::tollgate,
        super::itsapi::alive,
        super::cameras::list,
        super::field::kit,
        super::courses::steps,
        super::courses::advance,
        super::courses::due,
        super::courses::reports,
        super::reports::funnel,
        super::reports::hot_spots,
        super::reports::classes,
        super::reports::units,
        super::reports::behind,
        super::courses::permits,
        super::courses::grant_permit,
        super::courses::end_permit,
        super::courses::proof,
        super::courses::heads,
        super::courses::appeals,
        super::courses::file_appeal,
        super::courses::appeal,
        super::courses::advance_appeal,
        super::cameras::picture,
        super::matters::list,
        super::matters::kit,
        super::matters::scores,
        super::matters::one,
        super::matters::say,
        super::matters::advance,
        super::matters::handled,
        super::matters::coverage,
        super::matters::patrols,
        super::matters::patrolled,
        super::citizens::kinds,
        super::citizens::say,
        super::citizens::follow,
        super::citizens::judge,
        super::citizens::relay,
        super::citizens::pull,
        super::citizens::deliveries,
        super::citizens::replay,
        super::citizens::open_figures,
        super::petitions::picture,
        super::petitions::send,
        super::petitions::follow,
        super::petitions::list,
        super::petitions::answer,
    ),
    modifiers(&SignIn),
)]
struct Document;

/// How staff and cameras prove themselves.
struct SignIn;

impl Modify for SignIn {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let components = document.components.get_or_insert_default();
        let cookie = ApiKey::Cookie(ApiKeyValue::new(super::auth::COOKIE));
        components.add_security_scheme("cookie", SecurityScheme::ApiKey(cookie));
        components.add_security_scheme("bearer", SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)));
        let either = ["cookie", "bearer"].map(|name| SecurityRequirement::new(name, Vec::<String>::new()));
        for (path, item) in &mut document.paths.paths {
            let operations = [&mut item.get, &mut item.post, &mut item.delete];
            for operation in operations.into_iter().flatten() {
                let is_sign_in = path == "/api/v1/session" && operation.request_body.is_some();
                let is_staff = operation.tags.iter().flatten().any(|tag| tag == "staff");
                if is_staff && !is_sign_in {
                    operation.security = Some(either.to_vec());
                }
            }
        }
    }
}

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
                let asked = operation["parameters"].as_array().into_iter().flatten();
                let mut asked: Vec<&str> = asked.filter_map(|parameter| parameter["name"].as_str()).collect();
                asked.extend(operation["requestBody"].is_object().then_some("body"));
                let signed_in = if operation["security"].is_array() { " signed in" } else { "" };
                format!("{} {path} ({}){signed_in} -> {}", method.to_uppercase(), asked.join(" "), answers.join(" "))
            })
        });
        insta::assert_snapshot!(paths.collect::<Vec<_>>().join("\n"));
    }
}
