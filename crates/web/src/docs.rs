//! The docs page of the API.
use crate::app::App;
use axum::Router;
pub(crate) fn router(_: &App) -> Router<App> {
    Router::new()
}
