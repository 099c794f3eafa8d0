//! The docs page: everything about the API, made from its description, served by us.
//!
//! It is readable without scripts.

mod example;
mod fields;
mod html;
mod json;
mod problems;
mod reference;

use crate::app::App;
use crate::problem::{Failure, Sort};
use crate::{api, openapi};
use axum::Router;
use axum::extract::{Path, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;
use std::sync::{Arc, OnceLock};

/// What pages may load: their own style, and nothing else.
const PAGE_POLICY: &str = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; \
                           frame-ancestors 'none'";
/// How long a page may be kept.
const PAGE_CACHE: &str = "public, max-age=300";

const LAYOUT: &str = include_str!("docs/layout.html");
const GUIDE: &str = include_str!("docs/guide.html");
const STYLE: &str = include_str!("docs/style.css");

/// What is made from the description of the API: when somebody first asks for it, since that takes megabytes for a moment.
struct Reference {
    page: Bytes,
    json: Bytes,
}

impl Reference {
    fn of(app: &App) -> Self {
        let routes = api::routes();
        let description = openapi::describe(&routes);
        let page = page("API reference", &reference::nav(&routes), &docs_body(app, &routes, &description));
        Self { page, json: Bytes::from(description.to_pretty_json().unwrap_or_default()) }
    }
}

/// `GET /docs`, `/openapi.json` and `/problems`.
pub(crate) fn router() -> Router<App> {
    let reference = Arc::new(OnceLock::new());
    let made =
        move |app: &App, part: fn(&Reference) -> &Bytes| part(reference.get_or_init(|| Reference::of(app))).clone();
    let json = made.clone();
    Router::new()
        .route("/docs", get(async move |State(app): State<App>| page_answer(made(&app, |made| &made.page))))
        .route("/docs/style.css", get(async || answer("text/css; charset=utf-8", Bytes::from_static(STYLE.as_bytes()))))
        .route(
            "/openapi.json",
            get(async move |State(app): State<App>| answer("application/json", json(&app, |made| &made.json))),
        )
        .route("/problems", get(async || page_answer(page("Problems", "", &problems::list()))))
        .route("/problems/{slug}", get(problem))
}

fn docs_body(app: &App, routes: &[crate::route::Route], description: &utoipa::openapi::OpenApi) -> String {
    let guide = GUIDE
        .replace("{{base_url}}", &html::escaped(&app.settings().base_url))
        .replace("{{environment}}", &html::escaped(&app.settings().environment))
        .replace("{{limits}}", &problems::limits(app.settings().limits))
        .replace("{{permissions}}", &reference::permissions())
        .replace("{{problems}}", &problems::table());
    guide + &reference::groups(routes, description)
}

async fn problem(
    State(_): State<App>,
    path: Result<Path<String>, axum::extract::rejection::PathRejection>,
) -> Response {
    let slug = path.map(|Path(slug)| slug).unwrap_or_default();
    match Sort::all().iter().find(|sort| sort.slug == slug) {
        Some(sort) => page_answer(page(sort.title, "", &problems::one(sort))),
        None => Failure::no_route().into_response(),
    }
}

fn page(title: &str, nav: &str, main: &str) -> Bytes {
    LAYOUT.replace("{{title}}", &html::escaped(title)).replace("{{nav}}", nav).replace("{{main}}", main).into()
}

fn page_answer(page: Bytes) -> Response {
    let headers = [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CONTENT_SECURITY_POLICY, PAGE_POLICY),
        (CACHE_CONTROL, PAGE_CACHE),
    ];
    (headers, page).into_response()
}

fn answer(content_type: &'static str, bytes: Bytes) -> Response {
    ([(CONTENT_TYPE, content_type), (CACHE_CONTROL, PAGE_CACHE)], bytes).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::house::House;
    use axum::body::Body;
    use axum::http::Request;

    async fn read(house: &House, path: &str) -> crate::house::Answer {
        house.send(Request::builder().uri(path).body(Body::empty()).unwrap()).await
    }

    #[tokio::test]
    async fn the_page_shows_every_route_and_loads_nothing_from_elsewhere() {
        let house = House::new().await;
        let docs = read(&house, "/docs").await;
        assert_eq!(docs.status, 200);
        let text = docs.text();
        for route in api::routes() {
            let name = route.operation.operation_id.as_deref().unwrap_or_default();
            assert!(text.contains(&format!("id=\"{name}\"")), "{name}");
            assert!(text.contains(&format!("href=\"#{name}\"")), "{name}");
        }
        assert!(!text.contains("{{") && !text.contains("<script") && !text.contains(" style=\""));
        let loads = ["src=", "href=\"http", "@import", "url("];
        assert!(loads.iter().all(|load| !text.contains(load) && !STYLE.contains(load)));
        assert!(docs.headers["content-security-policy"].to_str().unwrap().contains("style-src 'self'"));
        assert!(!docs.headers["content-security-policy"].to_str().unwrap().contains("unsafe"));
    }

    #[tokio::test]
    async fn every_link_leads_somewhere() {
        let house = House::new().await;
        let text = read(&house, "/docs").await.text();
        for target in text.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next()) {
            match target.strip_prefix('#') {
                Some(anchor) => assert!(text.contains(&format!("id=\"{anchor}\"")), "#{anchor}"),
                None => assert_eq!(read(&house, target).await.status, 200, "{target}"),
            }
        }
    }

    #[tokio::test]
    async fn the_description_and_every_sort_of_problem_are_served() {
        let house = House::new().await;
        assert_eq!(read(&house, "/openapi.json").await.text(), crate::openapi());
        for sort in Sort::all() {
            let page = read(&house, &sort.path()).await;
            assert!(page.status == 200 && page.text().contains(sort.title), "{}", sort.slug);
        }
        assert_eq!(read(&house, "/problems/none").await.status, 404);
    }
}
