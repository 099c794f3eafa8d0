//! People: an owner, a mate and one of the staff join, sign in and out, ask and approve, right and wrong.

use crate::canaries::{ADDRESSES, Place, Planting, Shape};
use crate::house::House;
use crate::letters::Letters;
use crate::market::{Market, Trader};
use crate::person::{Doors, Person, path_of};
use crate::secrets::Secrets;
use bonded_base::{Clock, SystemClock};
use bonded_testkit::authenticator::SoftKey;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// What the staff must have learnt.
const COURSE: &str = "Handling data of customers";
/// Roles of the one who is all of the staff.
const ROLES: [&str; 3] = ["support", "security_officer", "reviewer"];

/// How often somebody guesses.
const GUESSES: usize = 24;

/// Who lives here, and what they have to do with each other.
pub struct People<'a> {
    pub owner: Person<'a>,
    pub staff: Person<'a>,
    /// A review that is open.
    pub review: String,
}

/// Where they live.
pub struct Town<'a> {
    pub house: &'a House,
    pub doors: &'a Doors,
    pub planting: &'a Planting,
    pub secrets: &'a Secrets,
}

impl<'a> Town<'a> {
    /// Everybody comes, and does what people do; the market then has their ids, and a member who calls.
    pub async fn settle(&self, market: &mut Market, mut letters: Option<&mut Letters>) -> People<'a> {
        let account = market.retailer.account.clone();
        let mut owner = self.member(&account, "owner").await;
        owner.add_app().await;
        self.guess().await;
        let mut mate = self.member(&account, "viewer").await;
        mate.add_app().await;
        self.come_and_go(&mut mate, letters.as_deref_mut()).await;
        self.second_account(&mut mate, &account, &market.supplier.account).await;
        let mut staff = self.one_of_the_staff().await;
        self.grants(market, &mut owner, &mut staff).await;
        let opened = staff.must(303, "/staff/reviews", &[]).await;
        let review = opened.headers["location"].to_str().unwrap().rsplit('/').next().unwrap().to_owned();
        self.locked_out(market, &mut owner, letters).await;
        self.note_ids(market, &mut owner).await;
        market.member = Some(Trader { account, key: owner.cookies(), reader: market.retailer.reader.clone() });
        People { owner, staff, review }
    }

    /// An invitation by the operator, and its link.
    fn invited(&self, what: &str, words: &[&str]) -> (String, String) {
        let mail = self.planting.one(&Place::new(format!("bonded {what} invite"), "option mail"), Shape::Address);
        let words: Vec<_> = words.iter().map(|word| if *word == "MAIL" { &mail } else { *word }).collect();
        let link = self.house.must(&words).json()["link"].as_str().unwrap().to_owned();
        self.secrets.keep_link(&link);
        (mail, link)
    }

    async fn member(&self, account: &str, role: &str) -> Person<'a> {
        let words = ["account", "invite", "--json", account, "MAIL", "--role", role];
        let (mail, link) = self.invited("account", &words);
        let mut person = Person::new(self.doors, self.planting, "", &mail);
        person.join(&link).await;
        person
    }

    async fn one_of_the_staff(&self) -> Person<'a> {
        let roles = ROLES.into_iter().flat_map(|role| ["--role", role]);
        let words: Vec<_> = ["staff", "invite", "--json", "MAIL"].into_iter().chain(roles).collect();
        let (mail, link) = self.invited("staff", &words);
        let mut person = Person::new(self.doors, self.planting, "/staff", &mail);
        person.join(&link).await;
        let origin = link.trim_end_matches(path_of(&link));
        let key = SoftKey::new("localhost", origin);
        person.add_passkey(&key).await;
        person.sign_out().await;
        person.show_password().await;
        person.answer_with("/staff/sign-in/second-factor/passkey", &key).await;
        person.sign_out().await;
        person.answer_with("/staff/sign-in/passkey", &key).await;
        let demanded = ROLES.into_iter().flat_map(|role| ["--for", role]);
        self.house.must(&["training", "course", COURSE].into_iter().chain(demanded).collect::<Vec<_>>());
        let listed = self.house.must(&["staff", "list", "--json"]).json();
        self.house.must(&["training", "record", listed["staff"][0]["staff"].as_str().unwrap(), COURSE]);
        person
    }

    /// Signing in and out in every way there is but a passkey's, and what goes wrong on the way.
    async fn come_and_go(&self, mate: &mut Person<'_>, letters: Option<&mut Letters>) {
        mate.sign_out().await;
        let typed = |field, shape| self.planting.one(&Place::new("POST /sign-in", format!("form {field}")), shape);
        let [mail, password] = [mate.mail.clone(), mate.password.clone()];
        let wrong = typed("password", Shape::Password);
        mate.must(401, "/sign-in", &[("mail", &mail), ("password", &wrong)]).await;
        mate.must(401, "/sign-in", &[("mail", &typed("mail", Shape::Address)), ("password", &password)]).await;
        // Each in the other's field.
        let (as_mail, as_password) = (typed("mail", Shape::Password), typed("password", Shape::Address));
        mate.must(401, "/sign-in", &[("mail", &as_mail), ("password", &as_password)]).await;
        mate.show_password().await;
        let second = "/sign-in/second-factor";
        let wrong = mate.typed("POST /sign-in/second-factor", "code", Shape::Password);
        mate.must(401, second, &[("code", &wrong)]).await;
        let code = mate.code();
        mate.must(303, second, &[("code", &code)]).await;
        self.another_password(mate).await;
        mate.sign_out().await;
        mate.show_password().await;
        let code = mate.recovery.pop().unwrap();
        mate.must(303, second, &[("code", &code)]).await;
        if let Some(letters) = letters {
            self.forgotten_password(mate, letters).await;
        }
    }

    /// One who is a user already joins another account, and goes back to the first.
    async fn second_account(&self, mate: &mut Person<'_>, first: &str, second: &str) {
        let mail = mate.mail.clone();
        let words = ["account", "invite", "--json", second, &mail, "--role", "manager"];
        let link = self.house.must(&words).json()["link"].as_str().unwrap().to_owned();
        self.secrets.keep_link(&link);
        assert_eq!(mate.get(path_of(&link)).await.status, 200);
        mate.must(303, path_of(&link), &[]).await;
        mate.must(303, "/accounts", &[("account", first)]).await;
    }

    /// Somebody guesses passwords until it takes too long.
    async fn guess(&self) {
        let mut guesser = Person::new(self.doors, self.planting, "", "");
        let typed = |field, shape| self.planting.one(&Place::new("POST /sign-in", format!("form {field}")), shape);
        let mail = typed("mail", Shape::Address);
        let mut statuses = BTreeSet::new();
        for _ in 0..GUESSES {
            let password = typed("password", Shape::Password);
            let answer = guesser.post("/sign-in", &[("mail", &mail), ("password", &password)]).await;
            statuses.insert(answer.text().contains("not right"));
        }
        assert_eq!(statuses.len(), 2, "guessing is not slowed, or nothing was tried");
    }

    async fn another_password(&self, mate: &mut Person<'_>) {
        let typed = |field: &str, shape| {
            self.planting.one(&Place::new("POST /security/password", format!("form {field}")), shape)
        };
        let (old, new) = (mate.password.clone(), typed("new", Shape::Password));
        let path = "/security/password";
        mate.must(422, path, &[("old", &typed("old", Shape::Password)), ("new", &new)]).await;
        mate.must(422, path, &[("old", &old), ("new", &typed("new", Shape::Address)[..12])]).await;
        mate.must(200, path, &[("old", &old), ("new", &new)]).await;
        mate.password = new;
        mate.must(200, "/security/recovery", &[]).await;
        mate.recovery = crate::secrets::recovery_codes(&mate.post("/security/recovery", &[]).await.text());
    }

    async fn forgotten_password(&self, mate: &mut Person<'_>, letters: &mut Letters) {
        let mail = mate.mail.clone();
        mate.must(200, "/reset", &[("mail", &mail)]).await;
        let link = letters.link(&mail, "/reset/").await;
        self.secrets.keep_link(&link);
        let path = path_of(&link);
        let password = mate.typed("POST /reset/{}/{}", "password", Shape::Password);
        assert_eq!(mate.get(path).await.status, 200);
        mate.must(422, path, &[("password", &password[..12])]).await;
        mate.must(200, path, &[("password", &password)]).await;
        mate.password = password;
        mate.show_password().await;
        let code = mate.recovery.pop().unwrap();
        mate.must(303, "/sign-in/second-factor", &[("code", &code)]).await;
    }

    /// Support asks twice, which is granted once and then shortened, and denied once.
    async fn grants(&self, market: &mut Market, owner: &mut Person<'_>, staff: &mut Person<'_>) {
        for _ in 0..2 {
            let text = staff.typed("POST /staff/grants", "text", Shape::Name);
            let ticket = staff.typed("POST /staff/grants", "ticket", Shape::Address);
            let account = market.retailer.account.clone();
            let fields = [
                ("account", &*account),
                ("area", "orders"),
                ("area", "members"),
                ("kind", "customer_request"),
                ("hours", "4"),
                ("text", &text),
                ("ticket", &ticket),
            ];
            staff.must(303, "/staff/grants", &fields).await;
        }
        let member = Trader { account: String::new(), key: owner.cookies(), reader: String::new() };
        let asked = market.callers.expect(200, member.get("/v1/grants")).await.json();
        let id = |place: usize| asked["data"][place]["id"].as_str().unwrap().to_owned();
        let path = format!("/support/{}/code", id(0));
        let wrong = owner.typed("POST /support/{}/code", "code", Shape::Password);
        owner.must(422, &path, &[("hours", "4"), ("code", &wrong)]).await;
        let code = owner.code();
        owner.must(303, &path, &[("hours", "4"), ("code", &code)]).await;
        assert_eq!(staff.get(&format!("/support/{}/v1/members", id(0))).await.status, 200, "the grant holds");
        let until = SystemClock.now().plus_millis(30 * 60 * 1000);
        let shorten = member.post(format!("/v1/grants/{}/shorten", id(0)), &json!({"until": until}));
        market.callers.expect(200, shorten).await;
        market.callers.expect(200, member.post(format!("/v1/grants/{}/deny", id(1)), &json!({}))).await;
        market.ids.insert("grant", id(0));
    }

    /// Somebody has lost every factor, and the owner lets them in anew.
    async fn locked_out(&self, market: &Market, owner: &mut Person<'_>, letters: Option<&mut Letters>) {
        let mut lost = self.member(&market.retailer.account, "operator").await;
        lost.add_app().await;
        let listed: Value = owner.get("/v1/members").await.json();
        let one = listed["data"].as_array().unwrap().iter().find(|one| one["role"] == "operator").unwrap();
        let member = Trader { account: String::new(), key: owner.cookies(), reader: String::new() };
        let target = format!("/v1/members/{}/reset_sign_in", one["id"].as_str().unwrap());
        market.callers.expect(200, member.post(target, &json!({}))).await;
        if let Some(letters) = letters {
            let link = letters.link(&lost.mail, "/reset/").await;
            self.secrets.keep_link(&link);
            let password = lost.typed("POST /reset/{}/{}", "password", Shape::Password);
            lost.must(200, path_of(&link), &[("password", &password)]).await;
            lost.password = password;
            lost.show_password().await;
        }
    }

    /// Ids of members, an invitation and a key, for requests that name one.
    async fn note_ids(&self, market: &mut Market, owner: &mut Person<'_>) {
        // So many that each form is among them, also those that the mail server refuses.
        for _ in 0..ADDRESSES.len() {
            let mail = owner.typed("POST /members/invite", "mail", Shape::Address);
            owner.must(200, "/members/invite", &[("mail", &mail), ("role", "operator")]).await;
        }
        let name = owner.typed("POST /keys", "name", Shape::Name);
        owner.must(200, "/keys", &[("name", &name), ("permission", "orders:read")]).await;
        for (prefix, list, field, wanted) in [
            ("mem", "/v1/members", "role", "viewer"),
            ("inv", "/v1/invitations", "state", "open"),
            ("key", "/v1/api_keys", "name", name.as_str()),
        ] {
            let listed: Value = owner.get(list).await.json();
            let one = listed["data"].as_array().unwrap().iter().find(|one| one[field] == wanted);
            market.ids.insert(prefix, one.unwrap()["id"].as_str().unwrap().to_owned());
        }
    }
}
