//! The staff's console: a page for each power, mistakes said beside their forms, and nothing taken from foreign origins.

use crate::house::{Answer, Guest, House, request};
use crate::pages;
use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, LOCATION, ORIGIN};
use axum::http::{HeaderName, Method, Request};
use bonded_base::Id;
use bonded_ledger::{Change, List, PLATFORM};
use bonded_people::invitations::{self, InvitationState};
use bonded_people::mail::{self, Cause, Draft, Mail, MailState, Matter, Notice, Origins, TlsVersion};
use bonded_people::session::Factor;
use bonded_people::staff::{self, Power, StaffRecord, StaffRole, StaffRoles};

const SHOP: &str = "https://bonded.example";
const CONSOLE: &str = "https://console.bonded.example";

struct Nobody;

impl Guest for Nobody {
    fn shows(&self) -> Vec<(HeaderName, String)> {
        Vec::new()
    }
}

async fn read(house: &House, guest: &impl Guest, path: &str) -> Answer {
    house.send_privately(request(guest, Method::GET, path, &[], Body::empty())).await
}

/// The page at an address, which must be shown.
async fn page(house: &House, guest: &impl Guest, path: &str) -> String {
    let answer = read(house, guest, path).await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    answer.text()
}

async fn send(house: &House, guest: &impl Guest, path: &str, fields: &[(&str, &str)]) -> Answer {
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    let headers = [("content-type", "application/x-www-form-urlencoded")];
    house.send_privately(request(guest, Method::POST, path, &headers, body.into())).await
}

/// What a form answers that was filled in wrongly: the page again.
async fn refused(house: &House, guest: &impl Guest, path: &str, fields: &[(&str, &str)]) -> String {
    let answer = send(house, guest, path, fields).await;
    assert_eq!(answer.status, 422, "{path}: {}", answer.text());
    answer.text()
}

/// What stands between two texts, the first time.
#[track_caller]
fn between<'a>(text: &'a str, before: &str, after: &str) -> &'a str {
    let rest = text.split_once(before).unwrap_or_else(|| panic!("no {before} in {text}")).1;
    rest.split_once(after).unwrap_or_else(|| panic!("no {after} in {text}")).0
}

/// Where the head of a page leads.
fn links(page: &str) -> Vec<String> {
    let nav = between(page, "<nav aria-label=\"Pages\">", "</nav>");
    nav.split("href=\"").skip(1).map(|rest| rest.split('"').next().unwrap().to_owned()).collect()
}

async fn mails(house: &House, state: MailState) -> Vec<bonded_ledger::Stored<Mail>> {
    mail::list(&house.ledger, &House::operator(PLATFORM), Some(state), List::first(1_000)).await.unwrap().records
}

#[tokio::test]
async fn the_head_of_each_page_leads_to_what_one_s_powers_open() {
    let house = House::new().await;
    for role in StaffRole::ALL {
        let helper = house.staff(role).await;
        let home = page(&house, &helper, "/staff").await;
        assert_eq!(links(&page(&house, &helper, "/staff/security").await), links(&home), "{role}: on every page");
        let roles: StaffRoles = [role].into_iter().collect();
        for (power, path) in [
            (Power::ReadMail, "/staff/mail"),
            (Power::ReadPlatformLog, "/staff/log"),
            (Power::ManageTraining, "/staff/training"),
            (Power::ReadFigures, "/metrics"),
            (Power::ReadStaff, "/staff/people"),
        ] {
            let leads = links(&home).iter().any(|link| link == path);
            assert_eq!(leads, roles.have(power, true), "{role}: {path}");
        }
        for link in links(&home) {
            assert_eq!(read(&house, &helper, &link).await.status, 200, "{role}: {link}");
        }
    }
    let untrained = house.let_in(house.hired(StaffRole::Support).await, Factor::Passkey).await;
    assert_eq!(links(&page(&house, &untrained, "/staff").await), ["/staff/roles", "/staff/security"]);
    let officer = house.staff(StaffRole::SecurityOfficer).await;
    let by_app = house.let_in(officer.staff, Factor::Totp).await;
    assert_eq!(links(&page(&house, &by_app, "/staff/security").await), ["/staff/security"], "a passkey is missing");
}

#[tokio::test]
async fn an_invitation_onto_the_staff_is_seen_and_taken_back() {
    let house = House::new().await;
    let (officer, reviewer) = (house.staff(StaffRole::SecurityOfficer).await, house.staff(StaffRole::Reviewer).await);
    let fields = [("mail", "grace@bonded.example"), ("role", "support"), ("role", "on_call")];
    let done = send(&house, &officer, "/staff/people/invite", &fields).await;
    assert_eq!(done.status, 200);
    assert!(done.text().contains("on its way by mail") && done.text().contains("grace@bonded.example"));
    let listed = page(&house, &officer, "/staff/people").await;
    assert!(listed.contains("<td>support, on_call</td><td>The security_officer</td>"), "{listed}");
    assert!(!page(&house, &reviewer, "/staff/people").await.contains("grace@"), "listed for those who may invite");

    let scope = House::operator(PLATFORM);
    let invitation = invitations::list_staff(&house.ledger, &scope).await.unwrap().pop().unwrap();
    let origins = Origins { public: SHOP.into(), private: CONSOLE.into() };
    let link = invitations::link_of(&house.ledger, invitation.id, &invitation, &origins).unwrap();
    let link = link.expose().strip_prefix(CONSOLE).unwrap().to_owned();
    page(&house, &Nobody, &link).await;
    let id = invitation.id.to_string();
    assert_eq!(send(&house, &reviewer, "/staff/people/withdraw", &[("id", &id)]).await.status, 403);
    let done = send(&house, &officer, "/staff/people/withdraw", &[("id", &id)]).await;
    assert!(done.status == 200 && done.text().contains("was taken back") && !done.text().contains("grace@"));
    assert_eq!(read(&house, &Nobody, &link).await.status, 404, "its link opens nothing");
    let password = [("name", "Grace"), ("password", "violet tractor sings at dawn")];
    let joining = request(&Nobody, Method::POST, &link, &[("origin", CONSOLE)], Body::empty());
    assert_eq!(house.send_privately(joining).await.status, 404);
    assert_eq!(send(&house, &officer, &link, &password).await.status, 404);
    let kept = invitations::get(&house.ledger, &scope, invitation.id).await.unwrap();
    assert_eq!(kept.state, InvitationState::Withdrawn);
    let again = refused(&house, &officer, "/staff/people/withdraw", &[("id", &id)]).await;
    assert!(again.contains("<p class=\"error\" role=\"alert\">Only an open invitation can be taken back.</p>"));
    let log = page(&house, &officer, "/staff/log?kind=invitation").await;
    assert!(log.contains(&id) && log.contains("<td>withdrawn</td>"), "{log}");
}

#[tokio::test]
async fn a_mistake_in_asking_keeps_what_was_typed() {
    let house = House::new().await;
    let support = house.staff(StaffRole::Support).await;
    let account = house.retailer().await.account.to_string();
    let typed = [
        ("account", account.as_str()),
        ("area", "orders"),
        ("area", "holds"),
        ("act", "yes"),
        ("record", "\"><script>x</script>"),
        ("kind", "incident"),
        ("text", "two orders never arrived"),
        ("ticket", "4711"),
        ("hours", "72"),
    ];
    let again = refused(&house, &support, "/staff/grants", &typed).await;
    assert!(again.contains("One record is looked at alone: name its area, and do not act.</p>"), "{again}");
    for kept in [
        "value=\"orders\" checked",
        "value=\"holds\" checked",
        "name=\"act\" value=\"yes\" checked",
        "value=\"two orders never arrived\"",
        "value=\"4711\"",
        "<option selected>incident</option>",
        "<option value=\"72\" selected>3 days</option>",
        &format!("name=\"account\" value=\"{account}\""),
    ] {
        assert!(again.contains(kept), "{kept}: {again}");
    }
    assert!(!again.contains("<script>x") && !again.contains("value=\"products\" checked"));
    assert!(!again.contains("name=\"consumers\" value=\"yes\" checked"));
    for wrong in [[("hours", "soon"), ("kind", "incident")], [("hours", "1"), ("kind", "legal_demand")]] {
        let fields = [&[("account", account.as_str()), ("area", "orders"), ("text", "why")], &wrong[..]].concat();
        assert!(refused(&house, &support, "/staff/grants", &fields).await.contains("value=\"why\""));
    }
    let good: Vec<_> = typed.into_iter().filter(|(name, _)| *name != "record").collect();
    assert_eq!(send(&house, &support, "/staff/grants", &good).await.status, 303);

    let officer = house.staff(StaffRole::SecurityOfficer).await;
    let demand = [("account", "acct_1"), ("area", "orders"), ("ticket", "AZ 7"), ("text", "Section 1"), ("hours", "4")];
    let again = refused(&house, &officer, "/staff/legal", &demand).await;
    assert!(again.contains("There is no such account.") && again.contains("value=\"acct_1\""), "{again}");
    assert!(again.contains("value=\"AZ 7\"") && again.contains("value=\"Section 1\""), "{again}");
}

#[tokio::test]
async fn a_mistake_about_staff_is_said_beside_its_own_form() {
    let house = House::new().await;
    let (officer, other) =
        (house.staff(StaffRole::SecurityOfficer).await, house.staff(StaffRole::SecurityOfficer).await);
    let invite = [("mail", "no address"), ("role", "engineer")];
    let again = refused(&house, &officer, "/staff/people/invite", &invite).await;
    let form = between(&again, "Invite somebody onto the staff", "</section>");
    assert!(form.contains("class=\"error\"") && form.contains("value=\"no address\""), "{form}");
    assert!(form.contains("value=\"engineer\" checked") && !form.contains("value=\"support\" checked"), "{form}");

    let id = other.staff.to_string();
    let again = refused(&house, &officer, "/staff/people/roles", &[("id", &id), ("role", "on_call")]).await;
    let row = between(&again, "Two security officers remain", "</tr>");
    assert!(row.contains(&id) && row.contains("value=\"on_call\" checked"), "{row}");
    assert!(!row.contains("value=\"security_officer\" checked"), "what was typed stays: {row}");
    assert_eq!(again.matches("role=\"alert\"").count(), 1);
    let again = refused(&house, &officer, "/staff/people/end", &[("id", "staff_x")]).await;
    assert!(between(&again, "role=\"alert\">", "<section>").contains("There is nobody with this id."), "at the top");
}

#[tokio::test]
async fn a_note_that_a_review_refuses_stays_where_it_was_written() {
    let house = House::new().await;
    let (reviewer, support) = (house.staff(StaffRole::Reviewer).await, house.staff(StaffRole::Support).await);
    house.staff(StaffRole::Engineer).await;
    let opened = send(&house, &reviewer, "/staff/reviews", &[]).await;
    let review = opened.headers[LOCATION].to_str().unwrap().to_owned();
    let (about, decide) = (support.staff.to_string(), format!("{review}/decide"));
    let word = |roles, note| [("staff", about.as_str()), ("verdict", "certify"), ("roles", roles), ("note", note)];
    let again = refused(&house, &reviewer, &decide, &word("engineer", "as agreed")).await;
    let section = between(&again, "<h2>The support</h2>", "</section>");
    assert!(section.contains("The roles are others now") && section.contains("value=\"as agreed\""), "{section}");
    assert_eq!((again.matches("as agreed").count(), again.matches("role=\"alert\"").count()), (1, 1));
    assert_eq!(send(&house, &reviewer, &decide, &word("support", "as agreed")).await.status, 303);
    let late = refused(&house, &reviewer, &decide, &word("support", "once more")).await;
    assert!(between(&late, "<h2>The support</h2>", "</section>").contains("role=\"alert\""));
}

#[tokio::test]
async fn training_is_kept_on_its_page_and_one_s_own_is_seen() {
    let house = House::new().await;
    // Without a course an officer may do this and nothing else.
    let officer = house.let_in(house.hired(StaffRole::SecurityOfficer).await, Factor::Passkey).await;
    assert_eq!(read(&house, &officer, "/staff/people").await.status, 403);
    let support = house.let_in(house.hired(StaffRole::Support).await, Factor::Passkey).await;
    let course = [("name", "Privacy"), ("about", "What we may see"), ("required_for", "support"), ("valid_days", "0")];
    let again = refused(&house, &officer, "/staff/training/courses", &course).await;
    let form = between(&again, "<h2>Add a course</h2>", "</section>");
    assert!(form.contains("A course counts for 1 to 1,100 days.") && form.contains("value=\"Privacy\""), "{form}");
    assert!(form.contains("value=\"support\" checked") && form.contains("value=\"0\""), "{form}");
    let good = [&course[..3], &[("valid_days", "30")]].concat();
    assert_eq!(send(&house, &officer, "/staff/training/courses", &good).await.status, 200);
    assert!(refused(&house, &officer, "/staff/training/courses", &good).await.contains("is on offer"));
    assert!(page(&house, &support, "/staff").await.contains("never completed"));

    let shown = page(&house, &officer, "/staff/training").await;
    let id = between(between(&shown, "name=\"course\"", "</select>"), "value=\"", "\"").to_owned();
    let (who, own) = (support.staff.to_string(), officer.staff.to_string());
    assert!(!shown.contains(&own), "nobody records their own");
    let on = |staff, day| [("staff", staff), ("course", id.as_str()), ("completed_on", day), ("of_version", "")];
    let again = refused(&house, &officer, "/staff/training/completions", &on(&who, "2099-01-01")).await;
    let form = between(&again, "<h2>Record a completion</h2>", "</section>");
    assert!(form.contains("A course is completed today or before.") && form.contains("value=\"2099-01-01\""), "{form}");
    assert!(form.contains(&format!("value=\"{who}\" selected")), "{form}");
    for (staff, day) in [(own.as_str(), "2026-11-21"), (&who, "yesterday"), ("staff_x", "2026-11-21")] {
        refused(&house, &officer, "/staff/training/completions", &on(staff, day)).await;
    }
    assert_eq!(send(&house, &officer, "/staff/training/completions", &on(&who, "2026-11-21")).await.status, 200);
    let shown = page(&house, &officer, "/staff/training").await;
    let row = between(&shown, "<td>The support</td>", "</tr>");
    assert!(row.contains("Privacy, version 1") && row.contains("valid until 2026-12-21"), "{row}");
    assert!(page(&house, &support, "/staff").await.contains("valid until 2026-12-21"));

    let change = [("id", id.as_str()), ("about", "All of it"), ("valid_days", "90"), ("new_version", "yes")];
    let changed = send(&house, &officer, "/staff/training/courses/change", &change).await;
    assert!(changed.text().contains("Version 2. Required for: none.") && changed.text().contains("All of it"));
    let wrong = [("id", id.as_str()), ("about", "All of it"), ("valid_days", "many"), ("required_for", "reviewer")];
    let again = refused(&house, &officer, "/staff/training/courses/change", &wrong).await;
    let form = between(&again, "<h2>Privacy</h2>", "</section>");
    assert!(form.contains("value=\"many\"") && form.contains("value=\"reviewer\" checked"), "{form}");
    let retired = send(&house, &officer, "/staff/training/courses/retire", &[("id", &id)]).await.text();
    assert!(between(&retired, "<h2>No longer on offer</h2>", "</section>").contains("Privacy"));
    let gone = refused(&house, &officer, "/staff/training/courses/retire", &[("id", &id)]).await;
    assert!(between(&gone, "role=\"alert\">", "<section>").contains("no longer on offer"), "its form is gone");
}

#[tokio::test]
async fn the_mail_page_tells_how_mails_stand_and_of_nobody() {
    let house = House::new().await;
    let support = house.staff(StaffRole::Support).await;
    let scope = House::operator(PLATFORM);
    for number in 0..52 {
        let draft = Draft {
            cause: Cause::birth(Id::<StaffRecord>::from_bytes([number; 16])),
            to: format!("ada{number}@example.com").parse().unwrap(),
            name: String::from("Ada Canary"),
            matter: Matter::Notice { what: Notice::RoleChanged, account_name: Some(String::from("Canary Shop")) },
        };
        mail::enqueue(&house.ledger, &scope, vec![draft]).await.unwrap();
        house.ledger.test_clock().advance_ms(1);
    }
    let shown = page(&house, &support, "/staff/mail").await;
    assert_eq!(shown.matches("role changed").count(), 50, "{shown}");
    assert!(!shown.contains('@') && !shown.contains("Canary"), "{shown}");
    let older = between(&shown, "<p><a href=\"", "\">Older").replace("&#38;", "&").replace("&amp;", "&");
    assert_eq!(page(&house, &support, &older).await.matches("role changed").count(), 2);

    let waiting = mails(&house, MailState::Waiting).await;
    let now = house.ledger.clock().now();
    let sent = (*waiting[0]).clone().sent(now, TlsVersion::V13);
    let chance = house.ledger.chance();
    let put_off = (*waiting[1]).clone().put_off(now, "the server is away", chance);
    let given_up = put_off.clone().put_off(now.plus_millis(mail::GIVE_UP_MS), "the server is away", chance);
    let becomes = [sent, given_up, (*waiting[2]).clone().refused("no such mailbox"), put_off];
    for (was, becomes) in waiting.iter().zip(&becomes) {
        assert!(mail::record(&house.ledger, &scope, was, becomes, "tried").await.unwrap());
    }
    let sent = page(&house, &support, "/staff/mail?state=sent").await;
    assert!(sent.contains("<td>1.3</td>") && sent.contains("<td><span class=\"state\">sent</span></td><td>1</td>"));
    let held = page(&house, &support, "/staff/mail?state=held").await;
    assert!(held.contains("given up after three days: the server is away") && held.contains(">given up</span>"));
    assert!(held.contains("no such mailbox") && held.contains(">held</span>"), "{held}");
    assert!(!held.contains('@') && !held.contains("Canary") && !sent.contains('@'));
    assert!(page(&house, &support, "/staff/mail?state=no&after=where").await.contains("role changed"));
}

#[tokio::test]
async fn the_log_page_tells_who_did_what_and_no_value() {
    let house = House::new().await;
    let (officer, support) = (house.staff(StaffRole::SecurityOfficer).await, house.staff(StaffRole::Support).await);
    let id = support.staff.to_string();
    let roles = [("id", id.as_str()), ("role", "support"), ("role", "engineer")];
    assert_eq!(send(&house, &officer, "/staff/people/roles", &roles).await.status, 200);
    let scope = House::operator(PLATFORM);
    for number in 0..60 {
        let was = staff::get(&house.ledger, &scope, staff::record_id(support.staff)).await.unwrap();
        let becomes = StaffRecord { name: format!("Canary {number}"), ..(*was).clone() };
        let mut change = Change::new();
        change.update(&was, &becomes, "renamed");
        house.ledger.commit(&scope, change).await.unwrap();
    }
    let newest = page(&house, &officer, "/staff/log").await;
    let newest = between(&newest, "<tbody>", "</tbody>");
    assert!(!newest.contains("Canary") && newest.contains("<td>name</td>"), "{newest}");
    let seqs = |page: &str| -> Vec<u64> {
        let cells = page.split("<tr><td>").skip(1);
        cells.filter_map(|cell| cell.split('<').next().unwrap().parse().ok()).collect()
    };
    let newest = seqs(newest);
    assert_eq!(newest.len(), 50);
    assert!(newest.is_sorted_by(|one, next| one == &(next + 1)), "newest first, without a gap: {newest:?}");

    let mut path = String::from("/staff/log?kind=staff");
    let (mut found, mut text) = (Vec::new(), String::new());
    loop {
        let shown = page(&house, &officer, &path).await;
        found.extend(seqs(between(&shown, "<tbody>", "</tbody>")));
        text.push_str(between(&shown, "<tbody>", "</tbody>"));
        let Some((_, rest)) = shown.split_once("<p><a href=\"") else { break };
        path = rest.split('"').next().unwrap().replace("&#38;", "&").replace("&amp;", "&");
    }
    let told = house.ledger.headlines(&scope, 0, 4_096).await.unwrap();
    let all = told.iter().filter(|headline| headline.id_of::<StaffRecord>().is_some());
    let mut all: Vec<_> = all.map(|headline| headline.seq).collect();
    all.reverse();
    assert_eq!(found, all, "every page together is all of this kind");
    let line = between(&text, "<td>roles changed</td>", "</tr>");
    assert!(line.contains(&id) && line.contains("<td>roles</td>") && !line.contains("engineer"), "{line}");
    let before = text.split("<td>roles changed</td>").next().unwrap().rsplit("<tr>").next().unwrap();
    assert!(before.contains("The security_officer") && before.contains(&officer.staff.to_string()), "{before}");
    assert!(!text.contains('@') && !text.contains("Canary"));
    assert!(page(&house, &officer, "/staff/log?kind=course").await.contains("<td>added</td>"));
    assert!(page(&house, &officer, "/staff/log?kind=ceremony").await.contains("Nothing of this kind"));
    assert!(page(&house, &officer, "/staff/log?before=1").await.contains("Nothing of this kind"));
    assert!(page(&house, &officer, "/staff/log?before=x&kind=order").await.contains("renamed"));
}

#[tokio::test]
async fn figures_ask_whoever_is_signed_in_for_the_power() {
    let house = House::new().await;
    let (engineer, support) = (house.staff(StaffRole::Engineer).await, house.staff(StaffRole::Support).await);
    let answer = read(&house, &engineer, "/metrics").await;
    assert_eq!(
        (answer.status.as_u16(), &answer.headers[CONTENT_TYPE]),
        (200, &"text/plain; version=0.0.4".parse().unwrap())
    );
    let no = read(&house, &support, "/metrics").await;
    assert!(no.status == 403 && no.text().contains("figures:read"), "{}", no.text());
    assert_eq!(read(&house, &Nobody, "/metrics").await.status, 200, "a program on this machine");
    house.ledger.test_clock().advance_ms(60 * 60 * 1_000);
    let over = read(&house, &engineer, "/metrics").await;
    assert_eq!((over.status.as_u16(), &over.headers[LOCATION]), (303, &"/staff/sign-in".parse().unwrap()));
}

#[tokio::test]
async fn each_listener_s_pages_take_their_own_origin_alone() {
    let house = House::new().await;
    let sent = |path: &str, origin: &str| {
        let path = path.replace(['{', '}'], "");
        Request::post(path).header(ORIGIN, origin).body(Body::empty()).unwrap()
    };
    let foreign = "This was not sent by a page of this server.";
    for place in pages::public().into_iter().filter(|page| page.method == Method::POST) {
        let crosswise = house.send(sent(&place.path, CONSOLE)).await;
        assert!(crosswise.status == 403 && crosswise.text().contains(foreign), "{}", place.path);
        assert!(!house.send(sent(&place.path, SHOP)).await.text().contains(foreign), "{}", place.path);
    }
    for place in pages::private().into_iter().filter(|page| page.method == Method::POST) {
        let crosswise = house.send_privately(sent(&place.path, SHOP)).await;
        assert!(crosswise.status == 403 && crosswise.text().contains(foreign), "{}", place.path);
        assert!(!house.send_privately(sent(&place.path, CONSOLE)).await.text().contains(foreign), "{}", place.path);
    }
    // Also with the right session, and whatever the rest of the request says.
    let (party, officer) = (house.retailer().await, house.staff(StaffRole::SecurityOfficer).await);
    let owner = house.member(&party, bonded_people::members::Role::Owner, true).await;
    let swapped = |guest: &dyn Guest, path: &str, origin: &str| {
        let mut request = request(guest, Method::POST, path, &[], Body::empty());
        request.headers_mut().insert(ORIGIN, origin.parse().unwrap());
        request
    };
    assert_eq!(house.send(swapped(&owner, "/members/invite", CONSOLE)).await.status, 403);
    assert_eq!(house.send(swapped(&owner, "/members/invite", SHOP)).await.status, 422);
    assert_eq!(house.send_privately(swapped(&officer, "/staff/people/invite", SHOP)).await.status, 403);
    assert_eq!(house.send_privately(swapped(&officer, "/staff/people/invite", CONSOLE)).await.status, 422);
}
