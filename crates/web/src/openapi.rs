//! The description of the API, made from the registry of routes, as version 3.1 of `OpenAPI`.

use crate::cookies::Cookie;
use crate::route::{Route, described};
use crate::shapes;
use bonded_people::Permission;
use utoipa::PartialSchema as _;
use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn, Paths};
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{
    Components, ContentBuilder, InfoBuilder, LicenseBuilder, ObjectBuilder, OpenApi, OpenApiBuilder, Ref, RefOr,
    Required, ResponseBuilder, Tag, Type,
};

/// The name of the security scheme: `Authorization: Bearer bk_…`.
const API_KEY: &str = "api_key";
/// The name of the other one: the cookie of a member who is signed in.
const SESSION: &str = "session";
/// The name of the answer that every problem gets.
const PROBLEM: &str = "Problem";

/// What is said of a route that needs it.
const PROOF: &str = "Takes a session in which its owner has shown within the last half hour who they are; otherwise confirm \
                     at `/confirm` first.";

const DESCRIPTION: &str = "\
Bonded moves orders, products and stock between retailers and their suppliers. Every request is made over HTTPS \
with an API key, or in the session of a member who is signed in; what touches members, keys and grants takes a session with \
a second factor. Bodies are JSON. Times are RFC 3339 in UTC, amounts are whole minor units with their currency.";

/// What the groups of routes are about, in the order in which they are described.
pub(crate) const TAGS: [(&str, &str); 19] = [
    ("Account", "The account that the key opens."),
    ("Partner links", "Two accounts trade with each other once both have said so."),
    ("Partner catalogue", "What a partner shares, read by reference: as it is now, and only while the link is active."),
    ("Products", "What a supplier sells. A product is created with its variants."),
    ("Variants", "What is ordered, priced and counted."),
    ("Inventory", "Where stock lies, how much of it, and how much is promised."),
    ("Orders", "What a retailer's consumers have ordered. Each line goes to the partner that sells its variant."),
    ("Purchase orders", "An order's part at one supplier: acknowledge it, ship it in parts, complete it."),
    ("Deletions", "Consumers of archived orders are forgotten for good, out of every backup too, with a certificate."),
    ("Imports", "Files from other systems, with an account of every row: previewed, brought in, undone."),
    ("Exports", "Products, stock, orders and fulfilments as CSV, in the form in which imports take them."),
    ("Holds", "What could not go on by itself: why, and how to let it."),
    ("Events and log", "Everything that happened, as a feed, and as a log that nobody can change unseen."),
    ("Connections", "Shops on Shopify, Medusa and Vendure, kept in step; and what is known of each record there."),
    ("Payments", "Suppliers' invoices, and how retailers pay them. Cards are entered at the payment gateway only."),
    ("Webhooks", "Where your own systems are told of what happens, in signed messages; and what they were told."),
    ("Members", "Who belongs to the account, and in which role. People come in by an invitation."),
    ("API keys", "What programs call this API with. A key opens one account, for named permissions."),
    (
        "Support grants",
        "What the platform's staff ask to see or do here. Nothing is opened to them without an approval.",
    ),
];

/// The whole description.
pub(crate) fn describe(routes: &[Route]) -> OpenApi {
    let mut paths = Paths::new();
    let mut components = Components::new();
    for route in routes {
        paths.add_path_operation(&route.path, vec![described(&route.method)], operation(route));
        components.schemas.extend(route.schemas.iter().cloned());
    }
    components.schemas.insert(String::from(PROBLEM), shapes::Problem::schema());
    components.responses.insert(String::from(PROBLEM), RefOr::T(problem()));
    let bearer =
        HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some("A key: `bk_live_…` or `bk_test_…`."));
    components.add_security_scheme(API_KEY, SecurityScheme::Http(bearer.build()));
    components.add_security_scheme(SESSION, SecurityScheme::ApiKey(session()));
    OpenApiBuilder::new()
        .info(
            InfoBuilder::new()
                .title("Bonded API")
                .version("1")
                .description(Some(DESCRIPTION))
                .license(Some(LicenseBuilder::new().name("Apache-2.0").identifier(Some("Apache-2.0")).build())),
        )
        .paths(paths)
        .components(Some(components))
        .tags(Some(TAGS.map(tag)))
        .build()
}

fn tag((name, description): (&str, &str)) -> Tag {
    TagBuilder::new().name(name).description(Some(description)).build()
}

fn session() -> ApiKey {
    ApiKey::Cookie(ApiKeyValue::with_description(
        Cookie::Member.name(),
        "The session of a member who is signed in. What changes something must come from a page of this server, as the \
         browser says with `Sec-Fetch-Site` or `Origin`.",
    ))
}

/// Who may: a key, unless a second factor is needed, or a member with a session.
fn security(permission: Permission) -> Vec<SecurityRequirement> {
    let schemes: &[&str] = if permission.needs_second_factor() { &[SESSION] } else { &[API_KEY, SESSION] };
    schemes.iter().map(|scheme| SecurityRequirement::new(*scheme, [permission.name()])).collect()
}

/// What the handler's own text leaves out because it holds for many: the permission, common headers, problems.
fn operation(route: &Route) -> Operation {
    let mut operation = route.operation.clone();
    operation.security = Some(security(route.permission));
    let parameters = operation.parameters.get_or_insert_default();
    if route.changes() {
        parameters.push(header(
            "Idempotency-Key",
            "A key of your own, up to 255 characters: within 24 hours, the same request under the same key is answered \
             again and not carried out again.",
            "7f9c2ba4-e88f-4a1d-8a4e-0b7f3f1c9d21",
        ));
    }
    if route.takes_version() {
        parameters.push(header(
            "If-Match",
            "The `ETag` that was seen: refuses the change if there is a newer one.",
            "\"1\"",
        ));
    }
    // Lines of a doc comment are not lines of a text.
    operation.description = operation.description.map(|text| text.replace('\n', " "));
    if route.needs_proof() {
        let text = operation.description.get_or_insert_default();
        text.push_str(if text.is_empty() { "" } else { " " });
        text.push_str(PROOF);
    }
    for (status, response) in &mut operation.responses.responses {
        if let RefOr::T(response) = response {
            response.description = String::from(if status == "201" { "It was created." } else { "It was done." });
        }
    }
    for range in ["4XX", "5XX"] {
        operation.responses.responses.insert(range.to_owned(), RefOr::Ref(Ref::from_response_name(PROBLEM)));
    }
    operation
}

fn header(name: &str, description: &str, example: &str) -> RefOr<Parameter> {
    let text = ObjectBuilder::new().schema_type(Type::String).build();
    let parameter = ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(description))
        .schema(Some(text))
        .example(Some(example.into()));
    RefOr::T(parameter.build())
}

fn problem() -> utoipa::openapi::Response {
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(PROBLEM))).build();
    ResponseBuilder::new()
        .description("What is wrong, as an RFC 9457 problem document.")
        .content(crate::problem::PROBLEM_JSON, content)
        .build()
}
