//! Subscriptions: what the shop is to tell of, with ids alone, made again where Shopify dropped them.

use super::answers::{Nodes, Page, Payload};
use super::call::accepted;
use super::webhook::Topic;
use super::{Shopify, documents};
use crate::platform::{Failure, RemoteId};
use serde::Deserialize;
use serde_json::json;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SubscriptionsAnswer {
    webhook_subscriptions: Nodes<SubscriptionPart>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SubscriptionPart {
    id: RemoteId,
    topic: String,
    uri: String,
    include_fields: Vec<String>,
}

impl Shopify {
    /// One subscription for each topic that our scopes allow. The privacy topics are declared once with the app.
    pub(super) async fn make_subscriptions(&self, address: &str) -> Result<(), Failure> {
        let held = self.ask_shop().await?.scopes;
        let is_allowed = |topic: Topic| {
            topic.scope().is_none_or(|scope| {
                let writing = scope.replacen("read_", "write_", 1);
                held.iter().any(|held| *held == scope || *held == writing)
            })
        };
        let known = self.subscriptions().await?;
        for (_, name, fields) in Topic::subscribed().filter(|(topic, ..)| is_allowed(*topic)) {
            let wanted = json!({ "uri": address, "includeFields": fields });
            let mut ours = known.iter().filter(|known| known.topic == name && known.uri == address);
            let (document, variables) = match ours.next() {
                Some(known) if known.include_fields == fields => continue,
                Some(known) => (&documents::SUBSCRIPTION_UPDATE, json!({ "id": known.id, "subscription": wanted })),
                None => (&documents::SUBSCRIPTION_CREATE, json!({ "topic": name, "subscription": wanted })),
            };
            let answer: Payload = self.ask(document, variables).await?;
            let errors = answer.written()?.user_errors;
            // An answer that was lost made it already: then its address is taken, by us.
            if !errors.is_empty() && !self.subscriptions().await?.iter().any(|of| of.topic == name && of.uri == address)
            {
                accepted("subscription", &errors)?;
            }
        }
        Ok(())
    }

    /// Ends every subscription of our app in this shop.
    pub(super) async fn end_subscriptions(&self) -> Result<(), Failure> {
        for subscription in self.subscriptions().await? {
            let _: Payload = self.ask(&documents::SUBSCRIPTION_DELETE, json!({ "id": subscription.id })).await?;
        }
        Ok(())
    }

    async fn subscriptions(&self) -> Result<Vec<SubscriptionPart>, Failure> {
        let mut page = Page::begin();
        let mut found = Vec::new();
        while let Some(after) = page.next() {
            let answer: SubscriptionsAnswer = self.ask(&documents::SUBSCRIPTIONS, json!({ "after": after })).await?;
            found.extend(page.take(answer.webhook_subscriptions));
        }
        Ok(found)
    }
}
