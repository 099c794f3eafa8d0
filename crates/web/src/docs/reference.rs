//! The reference: each group of routes, each route with its fields, a request that can be pasted, and an answer.

use super::example::{body, curl, parameters};
use super::fields;
use super::html::{anchor, escaped, prose};
use super::json::{Members, Shapes};
use crate::openapi::TAGS;
use crate::route::Route;
use axum::http::Method;
use bonded_people::Permission;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use utoipa::openapi::path::ParameterIn;
use utoipa::openapi::{Content, OpenApi, RefOr, Required};

/// The sections of the guide.
const GUIDE: [(&str, &str); 12] = [
    ("start", "Start"),
    ("keys", "Keys and permissions"),
    ("values", "Values"),
    ("consumers", "Consumers"),
    ("pages", "Pages"),
    ("versions", "Versions"),
    ("repeating", "Sending twice, happening once"),
    ("batches", "Batches"),
    ("feeds", "Feeds"),
    ("problems", "Problems"),
    ("limits", "Limits"),
    ("proof", "Proof"),
];

/// The table of contents.
pub(super) fn nav(routes: &[Route]) -> String {
    let mut nav = String::from("<details open><summary><a href=\"#main\">Guide</a></summary><ul>");
    for (anchor, title) in GUIDE {
        let _ = write!(nav, "<li><a href=\"#{anchor}\">{title}</a></li>");
    }
    nav.push_str("</ul></details>");
    for (tag, _) in TAGS {
        let _ = write!(nav, "<details open><summary><a href=\"#{}\">{}</a></summary><ul>", anchor(tag), escaped(tag));
        for route in of_tag(routes, tag) {
            let _ = write!(nav, "<li><a href=\"#{}\">{}</a></li>", name_of(route), escaped(summary_of(route)));
        }
        nav.push_str("</ul></details>");
    }
    nav
}

/// Every permission: what for, and as what.
pub(super) fn permissions() -> String {
    let mut rows: Vec<(&str, Vec<Permission>)> = Vec::new();
    for permission in Permission::ALL {
        let thing = permission.name().split(':').next().unwrap_or_default();
        match rows.last_mut().filter(|(last, _)| *last == thing) {
            Some((_, permissions)) => permissions.push(permission),
            None => rows.push((thing, vec![permission])),
        }
    }
    let row = |(thing, permissions): (&str, Vec<Permission>)| {
        let cells: Vec<_> = permissions.iter().map(|permission| format!("<code>{permission}</code>")).collect();
        let read = cells.first().cloned().unwrap_or_default();
        let mut write = cells.get(1).cloned().unwrap_or_default();
        if permissions.iter().any(|permission| permission.needs_second_factor()) {
            write.push_str(" (a session with a second factor)");
        }
        format!("<tr><td>{}</td><td>{read}</td><td>{write}</td></tr>", escaped(&thing.replace('_', " ")))
    };
    let rows: Vec<_> = rows.into_iter().map(row).collect();
    let head = "<thead><tr><th>To do with</th><th>look</th><th>create and change</th></tr></thead>";
    format!("<table>{head}<tbody>{}</tbody></table>", rows.concat())
}

/// All groups.
pub(super) fn groups(routes: &[Route], description: &OpenApi) -> String {
    static NONE: BTreeMap<String, RefOr<utoipa::openapi::Schema>> = BTreeMap::new();
    let shapes = Shapes(description.components.as_ref().map_or(&NONE, |components| &components.schemas));
    let mut groups = String::new();
    for (tag, said) in TAGS {
        let _ = write!(
            groups,
            "<section class=\"group\"><header><h2 id=\"{}\">{}</h2><p>{}</p></header>",
            anchor(tag),
            escaped(tag),
            prose(said)
        );
        for route in of_tag(routes, tag) {
            groups.push_str(&one(route, shapes));
        }
        groups.push_str("</section>");
    }
    groups
}

fn of_tag<'a>(routes: &'a [Route], tag: &'a str) -> impl Iterator<Item = &'a Route> {
    routes.iter().filter(move |route| route.operation.tags.iter().flatten().any(|known| known == tag))
}

fn name_of(route: &Route) -> &str {
    route.operation.operation_id.as_deref().unwrap_or_default()
}

fn summary_of(route: &Route) -> &str {
    route.operation.summary.as_deref().unwrap_or_default()
}

fn one(route: &Route, shapes: Shapes<'_>) -> String {
    let method = route.method.as_str();
    let mut html = format!(
        "<article id=\"{name}\"><div class=\"told\"><h3><a href=\"#{name}\">{summary}</a></h3>\
         <p class=\"address\"><span class=\"method {lower}\">{method}</span> <code>{path}</code></p>",
        name = name_of(route),
        summary = escaped(summary_of(route)),
        lower = method.to_lowercase(),
        path = escaped(&route.path).replace('/', "/<wbr>"),
    );
    if let Some(said) = &route.operation.description {
        let _ = write!(html, "<p>{}</p>", prose(&said.replace('\n', " ")));
    }
    html.push_str(&badges(route));
    html.push_str(&asked(route));
    if let Some((media, content)) = body(route) {
        let _ = write!(html, "<h4>Body</h4><p class=\"media\"><code>{}</code></p>", escaped(media));
        html.push_str(&of_content(content, shapes, true));
    }
    let answer = answer(route);
    if let Some((_, content)) = &answer {
        let list = of_content(content, shapes, false);
        if !list.is_empty() {
            let _ = write!(html, "<details class=\"answer\"><summary>What is answered</summary>{list}</details>");
        }
    }
    html.push_str("</div><div class=\"shown\">");
    let _ = write!(html, "<pre tabindex=\"0\"><code>{}</code></pre>", escaped(&curl(route, shapes)));
    if let Some((status, content)) = &answer
        && let Some(schema) = content.schema.as_ref().filter(|schema| shapes.has_members(schema))
    {
        // Where one record is read, all of it can be seen.
        let alone = route.method == Method::GET && route.path.ends_with('}');
        let sample = shapes.sample(schema, if alone { Members::All } else { Members::Certain }, 0).coloured();
        let _ = write!(html, "<pre class=\"json\" tabindex=\"0\"><span>{status}</span><code>{sample}</code></pre>");
    }
    html.push_str("</div></article>");
    html
}

/// What a route needs and takes besides: in small print, with links to where it is explained.
fn badges(route: &Route) -> String {
    let mut badges = format!("<p class=\"badges\"><a href=\"#keys\">needs <code>{}</code></a>", route.permission);
    if route.permission.needs_second_factor() {
        badges.push_str("<a href=\"#keys\">a session with a second factor</a>");
    }
    if route.needs_proof() {
        badges.push_str("<a href=\"#keys\">confirmed within half an hour</a>");
    }
    if route.changes() {
        badges.push_str("<a href=\"#repeating\">takes <code>Idempotency-Key</code></a>");
    }
    if route.takes_version() {
        badges.push_str("<a href=\"#versions\">takes <code>If-Match</code></a>");
    }
    badges + "</p>"
}

fn asked(route: &Route) -> String {
    let mut list = String::new();
    for parameter in parameters(route) {
        let place = match parameter.parameter_in {
            ParameterIn::Path => "path",
            ParameterIn::Query => "query",
            _ => continue,
        };
        let needed = matches!(parameter.required, Required::True).then_some(" <span class=\"needed\">required</span>");
        let _ = write!(
            list,
            "<li><code class=\"name\">{}</code> <span class=\"type\">{place}</span>{}<p>{}</p></li>",
            escaped(&parameter.name),
            needed.unwrap_or_default(),
            prose(parameter.description.as_deref().unwrap_or_default()),
        );
    }
    if list.is_empty() { list } else { format!("<h4>Parameters</h4><ul class=\"fields\">{list}</ul>") }
}

fn of_content(content: &Content, shapes: Shapes<'_>, sent: bool) -> String {
    content.schema.as_ref().map(|schema| fields::list(shapes, schema, sent)).unwrap_or_default()
}

/// The answer to a good request, and its status.
fn answer(route: &Route) -> Option<(&str, &Content)> {
    let responses = route.operation.responses.responses.iter();
    let (status, response) = responses.into_iter().find(|(status, _)| status.starts_with('2'))?;
    let RefOr::T(response) = response else { return None };
    match response.content.values().next()? {
        RefOr::T(content) => Some((status.as_str(), content)),
        RefOr::Ref(_) => None,
    }
}
