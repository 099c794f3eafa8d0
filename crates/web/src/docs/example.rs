//! Requests that work when they are pasted into a shell.
//!
//! `$BONDED` is where, `$KEY` is with which key, `$SESSION` in whose session, where no key will do.

use super::json::Shapes;
use crate::cookies::Cookie;
use crate::route::Route;
use axum::http::Method;
use serde_json::Value;
use std::fmt::Write as _;
use utoipa::openapi::RefOr;
use utoipa::openapi::path::{Parameter, ParameterIn};

/// How the ids of examples end; what stands before says what they are of.
const SAMPLE: &str = "_01jd2mk8x3e5v9zq4t7w6y5h0c";

/// The ids that a request may need: what they begin with, the variable that stands for one, and a list to take it from.
const IDS: [(&str, &str, &str); 11] = [
    ("link", "LINK", "/v1/partner_links?state=active&limit=1"),
    ("prod", "PRODUCT", "/v1/products?limit=1"),
    ("var", "VARIANT", "/v1/products/$PRODUCT/variants?limit=1"),
    ("loc", "LOCATION", "/v1/locations"),
    ("ord", "ORDER", "/v1/orders?limit=1&order=desc"),
    ("po", "PURCHASE_ORDER", "/v1/purchase_orders?limit=1&order=desc"),
    ("hold", "HOLD", "/v1/holds?limit=1&order=desc"),
    ("mem", "MEMBER", "/v1/members?limit=1&order=desc"),
    ("inv", "INVITATION", "/v1/invitations?limit=1&order=desc"),
    ("key", "API_KEY", "/v1/api_keys?limit=1&order=desc"),
    ("grant", "GRANT", "/v1/grants?limit=1&order=desc"),
];

/// The route as a shell command, with what sets the variables that it needs.
pub(super) fn curl<'a>(route: &'a Route, shapes: Shapes<'a>) -> String {
    let mut command = format!("curl -sS \"$BONDED{}\"", asked(route));
    if route.method != Method::GET && body(route).is_none() {
        let _ = write!(command, " -X {}", route.method);
    }
    let shown = shown(route);
    let _ = write!(command, " \\\n  {shown}");
    if answers_bytes(route) {
        command.push_str(" \\\n  --output tile");
    }
    if let Some((media, text)) = sent(route, shapes) {
        if route.method == Method::PATCH {
            command = command.replacen("curl -sS", "curl -sS -X PATCH", 1);
        }
        let _ = write!(command, " \\\n  -H \"Content-Type: {media}\" \\\n  --data-binary @- <<BODY\n{text}\nBODY");
    }
    let (mut lines, mut wanted) = (String::new(), Vec::new());
    if command.contains(&format!("acct{SAMPLE}")) {
        command = command.replace(&format!("acct{SAMPLE}"), "$PARTNER");
        lines.push_str("PARTNER=acct_…   # the other account's id\n");
    }
    for (prefix, variable, list) in IDS {
        let sample = format!("{prefix}{SAMPLE}");
        if command.contains(&sample) {
            command = command.replace(&sample, &format!("${variable}"));
            wanted.push((prefix, variable, list));
        }
    }
    // A variant is found by its product.
    if let Some(place) = wanted.iter().position(|(prefix, ..)| *prefix == "var")
        && !wanted.iter().any(|(prefix, ..)| *prefix == "prod")
    {
        wanted.splice(place..place, IDS.into_iter().filter(|(prefix, ..)| *prefix == "prod"));
    }
    for (prefix, variable, list) in wanted {
        let list = list_for(prefix, &route.path).unwrap_or(list);
        // Writing to a String cannot fail.
        let _ = writeln!(
            lines,
            "{variable}=$(curl -sS \"$BONDED{list}\" {shown} |\n  \
             grep -o '\"id\":\"{prefix}_[^\"]*' | head -n 1 | cut -d'\"' -f4)"
        );
    }
    lines + &command
}

/// What proves who asks; a session changes something only for a page of this server.
fn shown(route: &Route) -> String {
    if route.permission.needs_second_factor() {
        return format!("-H \"Cookie: {}=$SESSION\" -H \"Origin: $BONDED\"", Cookie::Member.name());
    }
    String::from("-H \"Authorization: Bearer $KEY\"")
}

/// Where an id is taken from that has to be in a state of its own, or in a partner's catalogue.
fn list_for(prefix: &str, path: &str) -> Option<&'static str> {
    let of_partner = path.starts_with("/v1/partner_links/{id}/");
    Some(match (prefix, path.rsplit('/').next().unwrap_or_default()) {
        ("link", "accept") => "/v1/partner_links?state=invited&limit=1",
        ("ord", "complete") => "/v1/orders?state=shipped&limit=1",
        ("ord", "archive") => "/v1/orders?state=completed&limit=1",
        ("po", "acknowledge") => "/v1/purchase_orders?state=posted&limit=1",
        ("po", "reject" | "fulfilments") => "/v1/purchase_orders?state=acknowledged&limit=1",
        ("po", "complete") => "/v1/purchase_orders?state=shipped&limit=1",
        ("hold", "retry" | "resolve") => "/v1/holds?state=open&limit=1",
        ("grant", "deny") => "/v1/grants?state=requested&limit=1",
        ("grant", "shorten" | "revoke") => "/v1/grants?state=approved&limit=1",
        ("prod", _) if of_partner => "/v1/partner_links/$LINK/products?limit=1",
        ("var", _) if of_partner => "/v1/partner_links/$LINK/variants?product=$PRODUCT&limit=1",
        _ => return None,
    })
}

/// Whether the answer is no text, and so nothing for a terminal.
fn answers_bytes(route: &Route) -> bool {
    let of = |response: &RefOr<utoipa::openapi::Response>| match response {
        RefOr::T(response) => response.content.contains_key("application/octet-stream"),
        RefOr::Ref(_) => false,
    };
    route.operation.responses.responses.values().any(of)
}

/// The path and query, with the examples of their parameters.
fn asked(route: &Route) -> String {
    let (mut path, mut query) = (route.path.clone(), Vec::new());
    for parameter in parameters(route) {
        let Some(example) = example_of(parameter) else { continue };
        match parameter.parameter_in {
            ParameterIn::Path => path = path.replace(&format!("{{{}}}", parameter.name), &example),
            ParameterIn::Query => query.push(format!("{}={example}", parameter.name)),
            _ => {}
        }
    }
    if query.is_empty() { path } else { format!("{path}?{}", query.join("&")) }
}

/// A parameter's example; it can be had only from what the description says.
fn example_of(parameter: &Parameter) -> Option<String> {
    let said = serde_json::to_value(parameter).ok()?;
    let example = said.get("example")?;
    Some(example.as_str().map_or_else(|| example.to_string(), str::to_owned))
}

pub(super) fn parameters(route: &Route) -> impl Iterator<Item = &Parameter> {
    route.operation.parameters.iter().flatten().filter_map(|parameter| match parameter {
        RefOr::T(parameter) => Some(parameter),
        RefOr::Ref(_) => None,
    })
}

/// The body that a route takes: its media type and what is said of it.
pub(super) fn body(route: &Route) -> Option<(&str, &utoipa::openapi::Content)> {
    let RefOr::T(body) = route.operation.request_body.as_ref()? else { return None };
    let (media, content) = body.content.iter().next()?;
    match content {
        RefOr::T(content) => Some((media.as_str(), content)),
        RefOr::Ref(_) => None,
    }
}

fn sent<'a>(route: &'a Route, shapes: Shapes<'a>) -> Option<(&'a str, String)> {
    let (media, content) = body(route)?;
    let text = match content.example.as_ref()? {
        Value::String(text) => text.trim_end().to_owned(),
        value => shapes.arranged(value, content.schema.as_ref()).pretty(),
    };
    Some((media, text))
}
