//! The two faces: members' pages on the public listener, the staff's on the private one. Signing in is the same on both.

use super::answer::Shell;
use crate::app::App;
use crate::cookies::Cookie;
use bonded_people::PeopleError;
use bonded_people::sign_in::{Entering, Holder};
use bonded_people::staff::{self, StaffRecord};
use bonded_people::users::UserRecord;
use std::future::Future;

/// One of the two.
pub(crate) trait Face: Send + Sync + 'static {
    /// Whoever signs in there.
    type Holder: Holder;
    /// What carries their session.
    const COOKIE: Cookie;
    /// What their addresses begin with.
    const PREFIX: &'static str;
    /// Where a sign-in leads.
    const HOME: &'static str;
    /// Whether the person can ask for a new password by mail.
    const RESETS: bool;

    /// An address of this face.
    fn path(rest: &str) -> String {
        format!("{}{rest}", Self::PREFIX)
    }

    /// The origin that its pages are of.
    fn origin(app: &App) -> &str;

    /// A page of this face for whoever is signed in, as far as that has come.
    fn shell(
        app: &App,
        title: &str,
        entering: &Entering<Self::Holder>,
    ) -> impl Future<Output = Result<Shell, PeopleError>> + Send;
}

/// Members of merchant accounts.
pub(crate) struct Shop;

/// The platform's staff.
pub(crate) struct Console;

impl Face for Shop {
    type Holder = UserRecord;
    const COOKIE: Cookie = Cookie::Member;
    const PREFIX: &'static str = "";
    const HOME: &'static str = "/home";
    const RESETS: bool = true;

    fn origin(app: &App) -> &str {
        &app.settings().base_url
    }

    async fn shell(_: &App, title: &str, entering: &Entering<UserRecord>) -> Result<Shell, PeopleError> {
        Ok(Shell::of(title, Self::PREFIX, entering.holder.name.clone()))
    }
}

impl Face for Console {
    type Holder = StaffRecord;
    const COOKIE: Cookie = Cookie::Staff;
    const PREFIX: &'static str = "/staff";
    const HOME: &'static str = "/staff";
    const RESETS: bool = false;

    fn origin(app: &App) -> &str {
        &app.settings().private_url
    }

    async fn shell(app: &App, title: &str, entering: &Entering<StaffRecord>) -> Result<Shell, PeopleError> {
        let Entering { holder, session } = entering.clone();
        Ok(super::staff::shell(title, &staff::visiting(app.ledger(), holder, session).await?))
    }
}
