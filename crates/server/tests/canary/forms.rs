//! Canaries of people in every field of every page, and of the routes of the API that are about people.

use crate::caller::Request;
use crate::canaries::{Place, Planting, Shape};
use crate::contract::{field, put};
use crate::encodings::in_url;
use crate::market::{Market, Trader};
use crate::people::People;
use crate::person::{Doors, Person, form};
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// How often each shape stands in each field, once in a form that is good but for it.
const ROUNDS: usize = 2;

/// The fields of both faces, before and after a sign-in; `~` marks a text that is free, where anything may be meant.
const BOTH: [(&str, &str); 10] = [
    ("/sign-in", "mail password"),
    ("/sign-in/second-factor", "code"),
    ("/security/totp/confirm", "code"),
    ("/security/passkeys/remove", "id"),
    ("/security/password", "old new"),
    ("/security/sessions/end", "id"),
    ("/security/sessions/end-others", "nothing"),
    ("/confirm", "code password next"),
    ("/invitations/INV/CODE", "name password"),
    ("/sign-out", "nothing"),
];
/// Those of members.
const MEMBERS: [(&str, &str); 38] = [
    ("/connections/new", "platform ~shop direction sync access_token client_secret api_key username ~password channel"),
    ("/connections/CON/settings", "direction sync buffer markup unmatched stale counts_as repair"),
    ("/connections/CODE/credential", "access_token client_secret api_key username ~password channel"),
    ("/connections/CODE/disconnect", "nothing"),
    ("/holds/HOLD/correct", "pointer ~to"),
    ("/holds/CODE/retry", "nothing"),
    ("/holds/HOLD/map", "~sku variant own"),
    ("/webhooks", "~url ~events ~description"),
    ("/webhooks/CODE/settings", "~url ~events ~description"),
    ("/webhooks/CODE/state", "state"),
    ("/webhooks/CODE/replay", "message"),
    ("/webhooks/CODE/remove", "sure"),
    ("/files", "format currency file"),
    ("/files/CODE/columns", "~column field"),
    // There is no payment gateway here: these are refused after they were read.
    ("/payments/methods", "nothing"),
    ("/payments/methods/CODE/remove", "nothing"),
    ("/payments/invoices/CODE/pay", "method"),
    ("/payments/charges/CODE/retry", "method version"),
    ("/payments/charges/CODE/refund", "amount sure version"),
    ("/payments/payout", "stripe_account"),
    ("/payments/purchase-orders/CODE/invoice", "~number days"),
    ("/accounts", "account"),
    ("/members/invite", "mail role"),
    ("/members/withdraw", "id"),
    ("/members/role", "id role"),
    ("/members/sign-out", "id"),
    ("/members/reset-sign-in", "id"),
    ("/members/remove", "id"),
    ("/keys", "~name permission"),
    ("/keys/rotate", "id"),
    ("/keys/revoke", "id"),
    ("/support/GRANT/code", "code hours"),
    ("/support/GRANT/deny", "hours"),
    ("/support/GRANT/shorten", "hours"),
    ("/support/CODE/revoke", "nothing"),
    ("/reset", "mail"),
    ("/reset/CODE/CODE", "password"),
    ("/reset/INV/CODE", "password"),
];
/// Those of the staff.
const STAFF: [(&str, &str); 11] = [
    ("/staff/grants", "account area act record consumers kind ~text ~ticket hours"),
    ("/staff/legal", "account area record consumers ~text ~ticket hours"),
    ("/staff/training/courses", "~name ~about required_for valid_days"),
    ("/staff/training/courses/change", "id ~about required_for valid_days new_version"),
    ("/staff/training/courses/retire", "id"),
    ("/staff/training/completions", "staff course completed_on of_version"),
    ("/staff/people/invite", "mail role"),
    ("/staff/people/withdraw", "id"),
    ("/staff/people/roles", "id role"),
    ("/staff/people/end", "id"),
    ("/staff/reviews/REVIEW/decide", "staff verdict roles ~note"),
];
/// What scripts send.
const SCRIPTS: [&str; 6] = [
    "/security/passkeys",
    "/confirm/passkey",
    "/sign-in/passkey",
    "/sign-in/second-factor/passkey",
    "/support/GRANT/ask",
    "/support/GRANT/approve",
];
/// Addresses with something in a path or a query.
const READ: [(&str, &str); 22] = [
    ("/connections/CANARY", "path"),
    ("/holds?state=CANARY&after=CANARY", "query"),
    ("/holds/CANARY", "path"),
    ("/webhooks/CANARY?after=CANARY", "path and query"),
    ("/files/CANARY?from=CANARY", "path and query"),
    ("/payments?after=CANARY&method=CANARY&charge=CANARY", "query"),
    ("/payments/charges/CANARY", "path"),
    ("/payments/charges/CANARY/back?payment_intent_client_secret=CANARY", "path and query"),
    ("/sign-in?CANARY=1", "query"),
    ("/confirm?next=CANARY", "query"),
    ("/staff/confirm?next=/CANARY", "query"),
    ("/security?notice=CANARY", "query"),
    ("/reset/CANARY/CANARY", "path"),
    ("/invitations/CANARY/CANARY", "path"),
    ("/support/CANARY", "path"),
    ("/staff/reviews/CANARY", "path"),
    ("/staff/grants/new?account=CANARY", "query"),
    ("/support/CANARY/v1/orders", "path"),
    ("/staff/accounts?q=CANARY", "form q"),
    ("/staff/mail?state=CANARY&after=CANARY", "query"),
    ("/staff/log?kind=CANARY", "query"),
    ("/staff/log?before=CANARY", "query"),
];
/// What stands in the other fields.
const PLAIN: [(&str, &str); 22] = [
    ("platform", "medusa"),
    ("direction", "both"),
    ("api_key", "sk_plain"),
    ("buffer", "1"),
    ("markup", "1"),
    ("url", "https://plain.example/hook"),
    ("events", "order.placed"),
    ("mail", "plain@aviary.example"),
    ("role", "viewer"),
    ("name", "Plain name"),
    ("permission", "orders:read"),
    ("hours", "1"),
    ("area", "orders"),
    ("kind", "customer_request"),
    ("text", "Plain text"),
    ("ticket", "17"),
    ("verdict", "certify"),
    // No role whose powers would rest without it.
    ("required_for", "reviewer"),
    ("valid_days", "30"),
    ("completed_on", "2026-11-22"),
    ("password", "a plain password of many words"),
    ("code", "000000"),
];
/// Routes of the API about people, each with a body that is good; `~` as above.
const ROUTES: [(&str, &str, &str); 5] = [
    ("POST", "/v1/invitations", r#"{"mail": "plain@aviary.example", "role": "viewer"}"#),
    ("PATCH", "/v1/members/MEM", r#"{"role": "viewer"}"#),
    ("POST", "/v1/api_keys", r#"{"~name": "Plain", "permissions": ["orders:read"], "mode": "test"}"#),
    ("POST", "/v1/grants/GRANT/shorten", r#"{"until": "2026-11-22T10:00:00Z"}"#),
    ("POST", "/v1/members/INV/remove", r#"{"why": "?"}"#),
];

/// Floods them all, as somebody and as nobody.
pub async fn flood(market: &Market, doors: &Doors, planting: &Planting, people: &mut People<'_>) {
    let flood = Forms { market, doors, planting, review: people.review.clone() };
    for _ in 0..ROUNDS {
        for (path, fields) in BOTH.into_iter().chain(MEMBERS) {
            flood.form(path, fields, &mut people.owner).await;
        }
        for (path, fields) in BOTH {
            flood.form(&format!("/staff{path}"), fields, &mut people.staff).await;
        }
        for (path, fields) in STAFF {
            flood.form(path, fields, &mut people.staff).await;
        }
        for path in SCRIPTS {
            flood.script(path, &mut people.owner).await;
            if !path.starts_with("/support/") {
                flood.script(&format!("/staff{path}"), &mut people.staff).await;
            }
        }
        for (path, part) in READ {
            let person = if path.starts_with("/staff") { &mut people.staff } else { &mut people.owner };
            flood.read(path, part, person).await;
        }
        for (method, path, body) in ROUTES {
            flood.route(method, path, body, &people.owner).await;
        }
        flood.cookies().await;
    }
}

struct Forms<'a> {
    market: &'a Market,
    doors: &'a Doors,
    planting: &'a Planting,
    review: String,
}

impl Forms<'_> {
    /// A path with real ids in it, and an operation as it is told.
    fn known(&self, method: &str, path: &str) -> (String, String) {
        let code = "0".repeat(26);
        let ids = &self.market.ids;
        let parts = [
            ("INV", &ids["inv"]),
            ("MEM", &ids["mem"]),
            ("GRANT", &ids["grant"]),
            ("REVIEW", &self.review),
            ("CON", &ids["con"]),
            ("HOLD", &ids["hold"]),
            ("CODE", &code),
        ];
        let path = parts.into_iter().fold(path.to_owned(), |path, (name, id)| path.replace(name, id));
        (format!("{method} {}", crate::caller::without_ids(&path)), path)
    }

    fn canary(&self, operation: &str, part: &str, shape: Shape) -> String {
        self.planting.one(&Place::new(operation, part), shape)
    }

    /// Each field by itself, then all at once; by somebody, by nobody, and by a page of somebody else's.
    async fn form(&self, path: &str, fields: &str, person: &mut Person<'_>) {
        let (operation, path) = self.known("POST", path);
        let names: Vec<_> =
            fields.split(' ').map(|name| (name.trim_start_matches('~'), name.starts_with('~'))).collect();
        let account = &self.market.retailer.account;
        let plain = |name: &str| match PLAIN.iter().find(|(known, _)| *known == name) {
            _ if name == "role" && path.starts_with("/staff") => "support".to_owned(),
            Some((_, value)) => (*value).to_owned(),
            None if name == "account" => account.clone(),
            None => String::new(),
        };
        let mut nobody = Person::new(self.doors, self.planting, "", "");
        for shape in Shape::OF_PEOPLE {
            let mut whole = Vec::new();
            for (name, is_free) in &names {
                // Whoever writes a password where anything can be written has published it.
                if *is_free && shape == Shape::Password {
                    continue;
                }
                let typed = || self.canary(&operation, &format!("form {name}"), shape);
                let (mine, theirs) = (typed(), typed());
                let filled = |canary: &str| -> Vec<(String, String)> {
                    let value = |other: &str| if other == *name { canary.to_owned() } else { plain(other) };
                    names.iter().map(|(other, _)| ((*other).to_owned(), value(other))).collect()
                };
                self.send(person, &path, &filled(&mine)).await;
                self.send(&mut nobody, &path, &filled(&theirs)).await;
                whole.push(((*name).to_owned(), typed()));
                // A canary for the name of a field.
                whole.push((self.canary(&operation, "form name of a field", shape), "1".to_owned()));
            }
            self.send(person, &path, &whole).await;
            self.send(&mut nobody, &path, &whole).await;
            let whole: Vec<_> = whole.iter().map(|(name, value)| (&**name, &**value)).collect();
            let foreign = form(&path, &whole).header(
                "origin",
                format!(
                    "https://{}",
                    self.canary(&operation, "header origin", shape)
                        .replace(|symbol: char| !symbol.is_ascii_alphanumeric(), "")
                ),
            );
            assert_eq!(self.doors.of(&path).send(foreign).await.status, 403, "{operation}");
        }
    }

    /// Signing out is for nobody: it would end what comes after.
    async fn send(&self, person: &mut Person<'_>, path: &str, fields: &[(String, String)]) {
        let fields: Vec<_> = fields.iter().map(|(name, value)| (&**name, &**value)).collect();
        if !path.ends_with("/sign-out") || person.cookies().is_empty() {
            person.post(path, &fields).await;
        }
    }

    /// JSON of a script, with a canary in each member, and such as is none.
    async fn script(&self, path: &str, person: &mut Person<'_>) {
        let (operation, path) = self.known("POST", path);
        for shape in Shape::OF_PEOPLE {
            let one = |part: &str| self.canary(&operation, &format!("script {part}"), shape);
            let response = json!({"clientDataJSON": one("client data"), "userHandle": one("handle"), "signature": one("signature")});
            let answer = json!({"id": one("id"), "rawId": one("id"), "type": "public-key", "response": response});
            let body = json!({"ceremony": one("ceremony"), "answer": answer, "name": one("name"), "hours": one("hours"),
                "next": one("next")});
            let request = || Request::new(Method::POST, &*path, "");
            person.send(request().json(&body)).await;
            let torn = serde_json::to_vec(&body).unwrap();
            person.send(request().body("application/json", torn[..torn.len() / 2].to_vec())).await;
            person.send(request().body("text/plain", one("no JSON").into_bytes())).await;
            Person::new(self.doors, self.planting, "", "").send(request().json(&body)).await;
        }
    }

    async fn read(&self, path: &str, part: &str, person: &mut Person<'_>) {
        let operation = format!("GET {}", path.split('?').next().unwrap().replace("CANARY", "{}"));
        for shape in Shape::OF_PEOPLE {
            let target = path.replace("CANARY", &in_url(&self.canary(&operation, part, shape)));
            let request = Request { operation: operation.clone(), ..Request::new(Method::GET, target, "") };
            person.send(request.clone()).await;
            Person::new(self.doors, self.planting, "", "").send(request).await;
        }
    }

    /// A route of the API with a canary in each field of its body, and in the body's place.
    async fn route(&self, method: &str, path: &str, body: &str, person: &Person<'_>) {
        let (_, known) = self.known(method, path);
        let operation = format!(
            "{method} {}",
            ["MEM", "GRANT", "INV"].iter().fold(path.to_owned(), |path, id| path.replace(id, "{id}"))
        );
        let free =
            body.split('"').find(|part| part.starts_with('~')).map(|part| format!("/{}", part.trim_start_matches('~')));
        let good: Value = serde_json::from_str(&body.replace('~', "")).unwrap();
        let member = Trader { account: String::new(), key: person.cookies(), reader: String::new() };
        let request = |body: &Value| Request { method: method.parse().unwrap(), ..member.post(&*known, body) };
        for shape in Shape::OF_PEOPLE {
            for leaf in crate::contract::leaves(&good) {
                if shape == Shape::Password && free.as_ref() == Some(&leaf) {
                    continue;
                }
                let mut body = good.clone();
                put(&mut body, &leaf, json!(self.canary(&operation, &format!("body {}", field(&leaf)), shape)));
                self.market.callers.send(request(&body)).await;
            }
            let instead = json!(self.canary(&operation, "instead of a body", shape));
            self.market.callers.send(request(&instead)).await;
            let under = Request { key: self.canary(&operation, "header authorization", shape), ..request(&good) };
            self.market.callers.send(under).await;
        }
    }

    /// Cookies of our own with something else in them.
    async fn cookies(&self) {
        for (path, names) in [
            ("/home", "session device ceremony"),
            ("/sign-in", "session"),
            ("/staff", "staff device"),
            ("/v1/account", "session"),
        ] {
            for name in names.split(' ') {
                for shape in Shape::OF_PEOPLE {
                    let value = in_url(&self.canary(&format!("GET {path}"), &format!("cookie {name}"), shape));
                    let key = format!("__Host-bonded-{name}={value}");
                    self.doors.of(path).send(Request::new(Method::GET, path, &key)).await;
                    let key = format!("__Host-bonded-{name}=bs_{value}");
                    self.doors.public.send(Request::new(Method::POST, "/sign-in", &key)).await;
                }
            }
        }
    }
}

/// Fails where a page's template has a field that nothing was typed in.
pub fn all_fields_are_known() {
    let known: BTreeSet<_> = [&BOTH[..], &MEMBERS, &STAFF]
        .concat()
        .into_iter()
        .flat_map(|(_, fields)| fields.split(' '))
        .map(|name| name.trim_start_matches('~').to_owned())
        .chain(["q".to_owned()])
        .collect();
    let templates = Path::new(env!("CARGO_MANIFEST_DIR")).join("../web/templates");
    for template in fs::read_dir(templates).unwrap() {
        let path = template.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        for tag in
            text.split('<').filter(|tag| ["input", "select", "textarea"].iter().any(|name| tag.starts_with(name)))
        {
            let name = tag.split(" name=\"").nth(1).and_then(|rest| rest.split('"').next());
            assert!(name.is_none_or(|name| known.contains(name)), "{name:?} of {} is not flooded", path.display());
        }
    }
}
