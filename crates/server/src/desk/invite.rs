//! Inviting people, into a merchant account or onto the staff; and taking the latter back.
//!
//! The link is mailed, and told here too, for a deployment whose mail does not go yet.

use crate::ending::{Code, Ending};
use bonded_base::{Account, Id};
use bonded_ledger::{Ledger, PLATFORM, Scope, Stored};
use bonded_people::invitations::{self, Into as Place, InvitationRecord};
use bonded_people::mail::Origins;
use bonded_people::members::{Acting, Role};
use bonded_people::staff::{StaffRole, StaffRoles};
use bonded_people::{MailAddress, PeopleError};
use serde_json::{Value, json};

/// As whom the invited are invited.
const INVITER: &str = "The operator of this deployment";

/// Invites somebody into an account; the first owner comes in this way.
pub async fn member(
    ledger: &Ledger,
    origins: &Origins,
    account: Id<Account>,
    mail: &str,
    role: &str,
) -> Result<Value, Ending> {
    let role: Role = role.parse().map_err(|unknown| Ending::new(Code::Usage, format!("{unknown}")))?;
    let acting = Acting::operator(Scope::operator(account));
    let invited = invitations::invite_member(ledger, &acting, INVITER, address(mail)?, role).await.map_err(ending)?;
    let link = invitations::link_of(ledger, invited.id, &invited, origins)?;
    Ok(json!({"invitation": invited.id, "until": invited.until, "link": link.expose()}))
}

/// Invites somebody onto the staff; the first officers come in this way.
pub async fn staff(ledger: &Ledger, origins: &Origins, mail: &str, roles: &[String]) -> Result<Value, Ending> {
    let named = roles.iter().map(|role| role.parse::<StaffRole>());
    let unknown = |unknown| Ending::new(Code::Usage, format!("{unknown}"));
    let roles = named.collect::<Result<StaffRoles, _>>().map_err(unknown)?;
    let scope = Scope::operator(PLATFORM);
    let invited = invitations::invite_staff(ledger, &scope, INVITER, address(mail)?, roles).await.map_err(ending)?;
    let link = invitations::link_of(ledger, invited.id, &invited, origins)?;
    Ok(json!({"invitation": invited.id, "until": invited.until, "link": link.expose()}))
}

/// The open invitations onto the staff, newest first. Addresses are shown to whoever asks for them.
pub async fn list(ledger: &Ledger, addresses: bool) -> Result<Value, Ending> {
    let listed = invitations::list_staff(ledger, &Scope::operator(PLATFORM)).await?;
    let shown = listed.iter().map(|invitation| {
        let mut line = shown(invitation);
        if let (true, Some(line)) = (addresses, line.as_object_mut()) {
            line.insert(String::from("mail"), json!(invitation.mail.expose()));
        }
        line
    });
    Ok(json!({"invitations": shown.collect::<Vec<_>>()}))
}

/// Takes an invitation onto the staff back.
pub async fn withdraw(ledger: &Ledger, id: Id<InvitationRecord>) -> Result<Value, Ending> {
    let withdrawn = invitations::withdraw_staff(ledger, &Scope::operator(PLATFORM), id).await.map_err(ending)?;
    Ok(shown(&withdrawn))
}

fn shown(invitation: &Stored<InvitationRecord>) -> Value {
    let roles = match invitation.into {
        Place::Staff { roles } => roles,
        Place::Account { .. } => StaffRoles::default(),
    };
    json!({
        "invitation": invitation.id,
        "state": invitation.state,
        "roles": roles,
        "invited_by": invitation.invited_by,
        "until": invitation.until,
    })
}

fn address(text: &str) -> Result<MailAddress, Ending> {
    text.parse().map_err(|problem| Ending::new(Code::Usage, format!("{problem}")))
}

fn ending(error: PeopleError) -> Ending {
    match error {
        PeopleError::Ledger(error) => error.into(),
        other => Ending::new(Code::Usage, other.to_string()),
    }
}
