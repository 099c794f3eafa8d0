//! What each mail says: subject, sentences, facts, where to go, and what to do if it was not you.
//!
//! Text and HTML are both made from these, so they never disagree. Each mail says whom it is for.

use super::Mail;
use super::link::Origins;
use super::matter::{GrantEnd, Guessed, Matter, Notice};
use bonded_base::Moment;

/// A mail in words, before it is laid out. The link stands beside it.
pub(super) struct Words {
    /// The subject line.
    pub subject: String,
    /// `Hello Ada,`
    pub greeting: String,
    /// The sentences, a paragraph each.
    pub said: Vec<String>,
    /// What else is to be known, as name and value.
    pub facts: Vec<(&'static str, String)>,
    /// What the link does.
    pub action: &'static str,
    /// For whom this is, and what to do if something is wrong with it.
    pub closing: Vec<String>,
}

/// The words of a mail.
pub(super) fn of(mail: &Mail, origins: &Origins) -> Words {
    let words = match &mail.matter {
        Matter::Invitation { inviter, account_name, role, until, .. } => {
            invitation(inviter, account_name, role, *until)
        }
        Matter::StaffInvitation { until, .. } => staff_invitation(*until),
        Matter::PasswordReset { until, .. } => password_reset(*until),
        Matter::Notice { what, account_name } => notice(*what, account_name.as_deref(), mail.queued_at, origins),
        Matter::NewDevice { device, is_staff } => new_device(device, *is_staff, mail.queued_at, origins),
        Matter::Guessed { what, is_staff } => guessed(*what, *is_staff, mail.queued_at, origins),
        Matter::SignInReset { account_name, by, until, .. } => sign_in_reset(account_name, by, *until, origins),
        Matter::MemberReset { account_name, member, by } => member_reset(account_name, member, by, mail.queued_at),
        Matter::GrantAsked { account_name, staff_name, what, reason, until, lapses_at, .. } => {
            let facts = vec![
                ("Account", account_name.clone()),
                ("Asked by", staff_name.clone()),
                ("Access to", what.clone()),
                ("Reason", reason.clone()),
                ("Access until", moment(*until)),
                ("Answer before", moment(*lapses_at)),
            ];
            grant_asked(account_name, staff_name, facts)
        }
        Matter::GrantEnded { account_name, how } => grant_ended(account_name, *how, mail.queued_at),
        Matter::LegalAct { account_name, reference } => legal_act(account_name, reference, mail.queued_at),
        Matter::WebhookStopped { account_name, host, why } => webhook_stopped(account_name, host, why),
        Matter::PaymentStopped { account_name, supplier, invoice, amount, needs_buyer } => {
            let facts = vec![
                ("Account", account_name.clone()),
                ("Supplier", supplier.clone()),
                ("Invoice", invoice.clone()),
                ("Amount", amount.clone()),
            ];
            payment_stopped(supplier, *needs_buyer, facts)
        }
        Matter::ReviewOpened { due, .. } => review_opened(*due),
        Matter::TrainingExpires { course, at } => training_expires(course, *at),
    };
    let greeting = if mail.name.is_empty() { "Hello,".to_owned() } else { format!("Hello {},", mail.name) };
    let mut closing = vec![format!("This mail is for {}.", mail.to.expose())];
    closing.extend(words.closing);
    Words { greeting, closing, ..words }
}

fn words(subject: String, said: &[&str], action: &'static str, closing: &[&str]) -> Words {
    let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    Words { subject, greeting: String::new(), said: owned(said), facts: Vec::new(), action, closing: owned(closing) }
}

fn invitation(inviter: &str, account: &str, role: &str, until: Moment) -> Words {
    let said = format!(
        "{inviter} has invited you to join {account} on Bonded, the platform through which {account} trades with its partners."
    );
    let stranger = format!(
        "If you do not know {inviter} or {account}, ignore this mail: nothing happens unless you accept. Do not \
         forward it: whoever has the link can accept in your place."
    );
    let facts = vec![
        ("Account", account.to_owned()),
        ("Invited by", inviter.to_owned()),
        ("Role", role.to_owned()),
        ("Valid until", moment(until)),
    ];
    let subject = format!("{inviter} invited you to join {account} on Bonded");
    Words { facts, ..words(subject, &[&said], "Accept the invitation", &[&stranger]) }
}

fn staff_invitation(until: Moment) -> Words {
    let said = [
        "You have been invited to join the staff of Bonded.",
        "The link opens the staff console, which can be reached from inside the company's network only. You will choose \
         a password and enrol a second factor: have your security key at hand.",
    ];
    let closing = ["If you did not expect this, do not open the link, and tell a security officer."];
    let words = words("You are invited to the staff of Bonded".to_owned(), &said, "Join the staff", &closing);
    Words { facts: vec![("Valid until", moment(until))], ..words }
}

fn password_reset(until: Moment) -> Words {
    let said = [
        "Somebody, we hope you, asked for a new password for your Bonded account.",
        "The link lets you choose one. It works once. Your second factor stays as it is, and you will be asked for it.",
    ];
    let closing =
        ["If it was not you, ignore this mail: your password has not changed. If such mails keep coming, somebody \
                    knows your address, not your password."];
    let words = words("Reset your Bonded password".to_owned(), &said, "Choose a new password", &closing);
    Words { facts: vec![("Valid until", moment(until))], ..words }
}

fn notice(what: Notice, account: Option<&str>, at: Moment, origins: &Origins) -> Words {
    let place = account.unwrap_or("your account");
    let (subject, said) = match what {
        Notice::PasswordChanged => (
            "Your Bonded password was changed".to_owned(),
            "The password of your Bonded account was changed, and you were signed out everywhere.".to_owned(),
        ),
        Notice::FactorAdded => (
            "A second factor was added to your Bonded account".to_owned(),
            "An authenticator or a passkey was added to your Bonded account. It can be used to sign in.".to_owned(),
        ),
        Notice::FactorRemoved => (
            "A second factor was removed from your Bonded account".to_owned(),
            "An authenticator or a passkey was removed from your Bonded account. It no longer lets anybody in."
                .to_owned(),
        ),
        Notice::RecoveryCodesMade => (
            "New recovery codes for your Bonded account".to_owned(),
            "New recovery codes were made for your Bonded account. The old ones no longer work.".to_owned(),
        ),
        Notice::RecoveryCodeUsed => (
            "A recovery code was used to sign in to Bonded".to_owned(),
            "Somebody signed in to your Bonded account with one of your recovery codes. That code no longer works."
                .to_owned(),
        ),
        Notice::ApiKeyMade => (
            format!("A new API key for {place}"),
            format!(
                "An API key was made for {place}. Programs that hold it can use the account as far as the key allows."
            ),
        ),
        Notice::RoleChanged => (
            format!("Your role in {place} has changed"),
            format!("Your role in {place} on Bonded is another now. You find it on your account page."),
        ),
        Notice::MembershipEnded => {
            (format!("You no longer have access to {place}"), format!("Your access to {place} on Bonded has ended."))
        }
        Notice::SignedOut => {
            let by = account.map_or_else(
                || String::from("The operator of Bonded"),
                |name| format!("An owner or manager of {name}"),
            );
            (
                "You were signed out of Bonded everywhere".to_owned(),
                format!("{by} ended all your sessions. You can sign in again at any time."),
            )
        }
    };
    let mut facts: Vec<_> = account.map(|name| ("Account", name.to_owned())).into_iter().collect();
    facts.push(("When", moment(at)));
    Words { facts, ..words(subject, &[&said], "Open Bonded", &[&not_you(what, origins)]) }
}

/// What to do when somebody else was it.
fn not_you(what: Notice, origins: &Origins) -> String {
    let address = &origins.public;
    match what {
        Notice::PasswordChanged => format!(
            "If it was not you, choose a new password at once with \"Forgot your password?\" at {address}, and tell an \
             owner of your account."
        ),
        Notice::FactorAdded | Notice::FactorRemoved | Notice::RecoveryCodesMade | Notice::RecoveryCodeUsed => format!(
            "If it was not you, sign in at {address}, change your password, look through your second factors and end all \
             other sessions. If you cannot sign in any more, tell an owner of your account."
        ),
        Notice::ApiKeyMade => format!(
            "If nobody in your company wanted this key, sign in at {address} and revoke it; then change the password of \
             whoever made it."
        ),
        Notice::RoleChanged | Notice::MembershipEnded => {
            "If this is a surprise, ask an owner of the account. We cannot change it for you.".to_owned()
        }
        Notice::SignedOut => format!(
            "It may have been done because somebody else was thought to be in your account. If in doubt, choose a new \
             password at {address} and look through your second factors."
        ),
    }
}

/// What to do when somebody else has signed in, or tries to.
fn if_not_you(is_staff: bool, origins: &Origins) -> String {
    let Origins { public, private } = origins;
    if is_staff {
        return format!(
            "If it was not you, tell a security officer at once, who can end your staff account. If you can sign in at \
             {private}/staff, change your password and end all other sessions."
        );
    }
    format!(
        "If it was not you, sign in at {public}, change your password, look through your second factors and end all other \
         sessions. If you cannot sign in any more, tell an owner of your account."
    )
}

fn new_device(device: &str, is_staff: bool, at: Moment, origins: &Origins) -> Words {
    let said =
        ["Somebody, we hope you, signed in to your Bonded account on a device or in a browser on which you had not \
                 signed in before, or not for long."];
    let subject = "A sign-in to Bonded on a new device".to_owned();
    let closing = if_not_you(is_staff, origins);
    let facts = vec![("When", moment(at)), ("On", device.to_owned())];
    Words { facts, ..words(subject, &said, "Look at your sessions", &[&closing]) }
}

fn guessed(what: Guessed, is_staff: bool, at: Moment, origins: &Origins) -> Words {
    let (subject, said) = match what {
        Guessed::Password => (
            "Somebody tries to guess your Bonded password",
            [
                "Somebody gave wrong passwords for your Bonded account so often that they were stopped.",
                "For an hour no password is taken from devices on which you have not signed in before. Your own devices \
                 and passkeys work as always. You need not do anything.",
            ],
        ),
        Guessed::Code => (
            "Your Bonded password was given, and then many wrong codes",
            [
                "Somebody gave the right password for your Bonded account, and then so many wrong codes for the second \
                 factor that they were stopped. They did not get in.",
                "If it was not you, your password is known to somebody else. Choose a new one at once.",
            ],
        ),
    };
    let closing = match what {
        Guessed::Password => {
            "Guesses do not mean that anybody knows your password. If you use it elsewhere too, choose \
                              another one here."
                .to_owned()
        }
        Guessed::Code => if_not_you(is_staff, origins),
    };
    let words = words(subject.to_owned(), &said, "Open your security page", &[&closing]);
    Words { facts: vec![("When", moment(at))], ..words }
}

fn sign_in_reset(account: &str, by: &str, until: Moment, origins: &Origins) -> Words {
    let said = [
        &*format!(
            "{by}, an owner of {account}, has let you in anew. Your password, your second factors and your recovery codes \
             no longer work, and you were signed out everywhere."
        ),
        "The link lets you choose a new password. It works once. When you sign in with it, you will be asked for a new \
         second factor if your role needs one.",
    ];
    let closing = [
        &*format!("If the link has run out, ask for another one with \"Forgot the password?\" at {}.", origins.public),
        &*format!("If you did not ask for this, ask {by} about it in another way than by mail."),
    ];
    let facts = vec![("Account", account.to_owned()), ("By", by.to_owned()), ("Link valid until", moment(until))];
    let subject = format!("You can come back to {account} on Bonded");
    Words { facts, ..words(subject, &said, "Choose a new password", &closing) }
}

fn member_reset(account: &str, member: &str, by: &str, at: Moment) -> Words {
    let said = [
        &*format!(
            "{by} has taken away what {member} signs in to {account} with: password, second factors and recovery codes. \
             {member} got a link by mail to choose a new password."
        ),
        "It is in your account's log.",
    ];
    let closing = [&*format!(
        "You get this mail as an owner of the account. If you do not know why this was done, ask {by} and {member} at once, \
         in another way than by mail: whoever reads {member}'s mail can now become {member}. You can remove {member}, or \
         end their sessions, on the members page."
    )];
    let facts = vec![
        ("Account", account.to_owned()),
        ("Member", member.to_owned()),
        ("By", by.to_owned()),
        ("When", moment(at)),
    ];
    let subject = format!("{by} let {member} in anew to {account}");
    Words { facts, ..words(subject, &said, "Open the members page", &closing) }
}

fn grant_asked(account: &str, staff: &str, facts: Vec<(&'static str, String)>) -> Words {
    let said = [
        &*format!(
            "{staff} of Bonded's support asks for access to {account}. Until you approve, support sees nothing of it."
        ),
        "You can approve, shorten or deny, and take an approval back at any time. Everything that support looks at is \
         written in your account's log before it is shown. If nobody answers, the request lapses by itself.",
    ];
    let closing = [
        "You get this mail as an owner or manager of the account. The link needs your sign-in and your second factor. If \
         you have not asked for help, deny the request.",
    ];
    let subject = format!("{staff} of Bonded support asks for access to {account}");
    Words { facts, ..words(subject, &said, "Look at the request", &closing) }
}

fn grant_ended(account: &str, how: GrantEnd, at: Moment) -> Words {
    let (subject, said) = match how {
        GrantEnd::Denied => (
            format!("Support access to {account} was denied"),
            format!(
                "The request of Bonded's support for access to {account} was denied. Support has seen nothing of it."
            ),
        ),
        GrantEnd::Lapsed => (
            format!("A request for support access to {account} has lapsed"),
            format!(
                "Nobody answered the request of Bonded's support for access to {account}, so it has lapsed. Support has seen nothing of it."
            ),
        ),
        GrantEnd::Revoked => (
            format!("Support access to {account} was revoked"),
            format!("The access of Bonded's support to {account} was revoked. It ended at once."),
        ),
        GrantEnd::RanOut => (
            format!("Support access to {account} has ended"),
            format!("The access of Bonded's support to {account} has come to its end."),
        ),
    };
    let closing = ["What support looked at is written in the account's log."];
    let facts = vec![("Account", account.to_owned()), ("When", moment(at))];
    Words { facts, ..words(subject, &[&said], "Open the account", &closing) }
}

fn legal_act(account: &str, reference: &str, at: Moment) -> Words {
    let said = [
        &*format!("The operator of Bonded has accessed {account} to follow a legal duty, without your approval."),
        "Two security officers had to act together. What was accessed is written in your account's log, which cannot be \
         changed afterwards.",
    ];
    let closing =
        ["You get this mail as an owner of the account. Answer through your usual contact, with the reference."];
    let facts = vec![("Account", account.to_owned()), ("Reference", reference.to_owned()), ("When", moment(at))];
    let subject = format!("{account} was accessed under a legal duty");
    Words { facts, ..words(subject, &said, "Open the account's log", &closing) }
}

fn webhook_stopped(account: &str, host: &str, why: &str) -> Words {
    let said = [
        format!("A webhook endpoint of {account} is told nothing any more: {why}."),
        "Nothing is lost. Once the endpoint is enabled again, it is told of everything that happened meanwhile."
            .to_owned(),
    ];
    let said = said.each_ref().map(String::as_str);
    let closing = "You get this mail because you may change the account's webhook endpoints.";
    let subject = format!("A webhook endpoint of {account} has stopped");
    let facts = vec![("Account", account.to_owned()), ("Host", host.to_owned())];
    Words { facts, ..words(subject, &said, "Open Bonded", &[closing]) }
}

fn payment_stopped(supplier: &str, needs_buyer: bool, facts: Vec<(&'static str, String)>) -> Words {
    let (subject, said) = if needs_buyer {
        (
            format!("Your bank wants to see you before {supplier} is paid"),
            [
                "You have agreed to an invoice, and the bank of the card that pays it asks that you confirm the payment \
                 yourself. Until then nothing is paid.",
                "On the payments page, \"Continue at your bank\" leads there. You can also pay with another card.",
            ],
        )
    } else {
        (
            format!("A payment to {supplier} has failed"),
            [
                "You have agreed to an invoice, and it could not be charged to your card. Nothing was paid, and it is not \
                 tried again by itself.",
                "The payments page says why. There you can try again, with another card if you like.",
            ],
        )
    };
    let closing = "You get this mail as an owner of the account. We never ask for a card's number: cards are entered on \
                   Stripe's own page.";
    Words { facts, ..words(subject, &said, "Open the payments page", &[closing]) }
}

fn review_opened(due: Moment) -> Words {
    let said = [
        "A review of the staff's access has been opened. It lists every staff account with its roles, factors and grants.",
        "Certify or revoke each one. What is not certified when the review is due loses its roles by itself.",
    ];
    let closing = ["You get this mail as the reviewer of staff access. If you are not, tell a security officer."];
    let words = words("Staff access is due for review".to_owned(), &said, "Start the review", &closing);
    Words { facts: vec![("Due", moment(due))], ..words }
}

fn training_expires(course: &str, at: Moment) -> Words {
    let said = [
        "A course that your access depends on is about to expire. Without it, your powers are suspended by themselves until \
                 you have taken it again.",
    ];
    let closing = ["If you have taken it lately, ask a security officer to record it."];
    let subject = format!("Your training \"{course}\" is about to expire");
    let facts = vec![("Course", course.to_owned()), ("Valid until", moment(at))];
    Words { facts, ..words(subject, &said, "Open the staff console", &closing) }
}

/// `22 November 2026, 09:30 UTC`.
fn moment(at: Moment) -> String {
    match jiff::Timestamp::from_millisecond(at.millis()) {
        Ok(stamp) => stamp.strftime("%-d %B %Y, %H:%M UTC").to_string(),
        Err(_) => at.to_string(),
    }
}
