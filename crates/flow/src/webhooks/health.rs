//! How an endpoint is getting on: one that has failed for long is left alone, and its owners are told.

use super::Deliverer;
use super::sending::Job;
use bonded_base::Kind;
use bonded_connect::webhooks::{EndpointState, MessageState, WebhookEndpoint};
use bonded_ledger::{Change, LedgerError, PLATFORM, Scope, Stored, System};
use bonded_people::mail::{self, Cause, Draft, Matter};
use bonded_people::{PeopleError, Permission, directory, members};

/// How long nothing may arrive before an endpoint is told nothing any more: as long as a message is tried.
const FAILING_MS: i64 = 3 * 24 * 60 * 60 * 1000;
/// Attempts that may fail one after the other, if nothing has arrived for [`FAILING_FAST_MS`] besides.
const FAILURES_MAX: u64 = 1_000;
/// How long nothing may arrive when that many attempts have failed.
const FAILING_FAST_MS: i64 = 12 * 60 * 60 * 1000;

impl Deliverer {
    /// Writes down how the endpoint is getting on, where that has changed; says whether it is to be told more.
    pub(super) async fn judge(
        &self,
        endpoint: &Stored<WebhookEndpoint>,
        told: &[Vec<Job>],
    ) -> Result<bool, LedgerError> {
        let tried = || told.iter().flatten().filter(|job| job.attempts > 0);
        let arrived = tried().any(|job| job.message.state == MessageState::Delivered);
        let failed = tried().filter(|job| job.has_failed()).count() as u64;
        let now = self.ledger.clock().now();
        let mut next = (**endpoint).clone();
        if arrived {
            (next.failing_since, next.failures) = (None, 0);
        } else if failed > 0 {
            next.failing_since = next.failing_since.or(Some(now));
            next.failures = next.failures.saturating_add(failed);
        }
        // A message that is given up was tried as long as that, but for what chance takes away.
        let given_up = !arrived && tried().any(|job| job.message.state == MessageState::Failed);
        let failing_ms = next.failing_since.map_or(0, |since| now.millis() - since.millis());
        if tried().any(|job| job.is_gone) {
            next.state = EndpointState::Paused;
            next.why = Some("the endpoint has answered that it is gone (410)".to_owned());
        } else if failing_ms >= FAILING_MS
            || (failed > 0 && given_up)
            || (next.failures >= FAILURES_MAX && failing_ms >= FAILING_FAST_MS)
        {
            next.state = EndpointState::Failing;
            let hours = failing_ms / (60 * 60 * 1000);
            next.why = Some(format!("nothing has arrived there for {hours} hours"));
        }
        if next == **endpoint {
            return Ok(true);
        }
        let has_stopped = next.state != endpoint.state;
        if has_stopped {
            // First the mail, which is the same however often it is queued today; then what it tells.
            self.tell_owners(&next).await?;
        }
        let mut change = Change::new();
        change.update(endpoint, &next, if has_stopped { "stopped" } else { "judged" });
        match self.ledger.commit(&self.scope, change).await {
            Ok(_) => Ok(!has_stopped),
            // Its owner has changed it at this very moment; it is judged again.
            Err(LedgerError::Conflict { kind: Kind::WebhookEndpoint, .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn tell_owners(&self, endpoint: &WebhookEndpoint) -> Result<(), LedgerError> {
        let account = self.scope.account();
        let account_name = directory::name_of(&self.ledger, account).await;
        let told = members::who_may(&self.ledger, account, Permission::WebhooksWrite).await;
        let (account_name, told) = match (account_name, told) {
            (Ok(name), Ok(told)) => (name, told),
            (Err(PeopleError::Ledger(error)), _) | (_, Err(PeopleError::Ledger(error))) => return Err(error),
            // An account that is not in the directory has nobody to be told.
            _ => return Ok(()),
        };
        let host = endpoint.place().map(|(_, host)| host.to_string()).unwrap_or_default();
        let drafts = told.iter().map(|member| Draft {
            cause: Cause::day(self.id, self.ledger.clock().now()),
            to: member.mail.clone(),
            name: member.name.clone(),
            matter: Matter::WebhookStopped {
                account_name: account_name.clone(),
                host: host.clone(),
                why: endpoint.why.clone().unwrap_or_default(),
            },
        });
        mail::enqueue(&self.ledger, &Scope::system(PLATFORM, System::Webhooks), drafts.collect()).await
    }
}
