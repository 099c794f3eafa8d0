//! Connecting a shop: one form for each platform, with what opens a shop there.

use super::{SyncField, direction_choices, direction_in, sync_fields, syncs_in};
use crate::app::App;
use crate::pages::answer::{Refused, Shell, answered, go};
use crate::pages::form::{Attempt, Choice, Form};
use crate::pages::gate::Member;
use crate::pages::{home, of_trade};
use askama::Template;
use axum::extract::State;
use axum::response::Response;
use bonded_base::Problem;
use bonded_connect::connections::{self, ConnectionDraft, Direction, Mode, Policy, Syncs};
use bonded_connect::platform::PlatformName;
use bonded_connect::platforms::{self, CredentialDraft};
use bonded_people::PeopleError;
use bonded_people::users::Visitor;

/// The platforms that a shop can be connected on, as people call them, and what its host looks like.
const PLATFORMS: [(PlatformName, &str, &str); 3] = [
    (PlatformName::Shopify, "Shopify", "lamps.myshopify.com"),
    (PlatformName::Medusa, "Medusa", "shop.example.com"),
    (PlatformName::Vendure, "Vendure", "shop.example.com"),
];

/// What a shop that is connected by hand keeps in step at first: a dry run of everything.
const AT_FIRST: Syncs = Syncs::all(Mode::Watch);

struct PlatformForm {
    name: &'static str,
    words: &'static str,
    example: &'static str,
    shop: String,
    directions: Vec<Choice>,
    syncs: Vec<SyncField>,
    wrong: Option<String>,
}

#[derive(Template)]
#[template(path = "connect.html")]
struct ConnectPage {
    shell: Shell,
    forms: Vec<PlatformForm>,
    installs: bool,
}

/// What opens a shop, taken out of the form, so that no page shows it again.
pub(super) fn credential_in(form: &mut Form) -> CredentialDraft {
    CredentialDraft::of(|part| form.secret(part))
}

pub(in crate::pages) async fn show(State(app): State<App>, Member(visitor): Member) -> Result<Response, Refused> {
    Ok(rendered(&app, &visitor, &Attempt::default()))
}

fn rendered(app: &App, visitor: &Visitor, sent: &Attempt) -> Response {
    let form = |(platform, words, example): (PlatformName, &'static str, &'static str)| {
        let name = platform.name();
        PlatformForm {
            name,
            words,
            example,
            shop: sent.text(name, "shop", ""),
            directions: direction_choices(sent, name, Direction::SellThrough),
            syncs: sync_fields(sent, name, AT_FIRST),
            wrong: sent.wrong(name),
        }
    };
    let names = PLATFORMS.iter().map(|(platform, _, _)| platform.name());
    let shell = home::shell("Connect a shop", visitor).with_error(sent.wrong_elsewhere(names));
    let installs = app.platforms().is_some_and(|platforms| platforms.app().is_some());
    answered(sent.status(), &ConnectPage { shell, forms: PLATFORMS.into_iter().map(form).collect(), installs })
}

pub(in crate::pages) async fn make(
    State(app): State<App>,
    Member(visitor): Member,
    mut form: Form,
) -> Result<Response, Refused> {
    let credential = credential_in(&mut form);
    let name = form.text("platform").to_owned();
    let work = async {
        let known = PLATFORMS.into_iter().find(|(platform, _, _)| platform.name() == name);
        let unknown = || Problem::invalid("/platform", "choose what the shop runs on");
        let (platform, _, _) = known.ok_or_else(unknown)?;
        let draft = ConnectionDraft {
            platform,
            shop: form.text("shop").to_owned(),
            direction: direction_in(&form)?,
            syncs: syncs_in(&form),
            policy: Policy::default(),
        };
        let credential = credential.check(platform)?;
        let needed = platforms::scopes(&draft)?;
        let made = connections::connect(app.ledger(), &visitor.scope()?, draft, needed, &credential).await;
        made.map_err(of_trade)
    };
    let made: Result<_, PeopleError> = work.await;
    match made {
        Ok(made) => Ok(go(&format!("/connections/{}", made.id))),
        Err(error) => Ok(rendered(&app, &visitor, &Attempt::failed(name, form, error)?)),
    }
}
