//! What the small documents answer, and how pages are read to the end.

use super::call::UserError;
use crate::platform::{Failure, RemoteId};
use serde::Deserialize;

/// A list in pages, as Shopify answers every long list.
#[derive(Deserialize)]
#[serde(bound = "T: serde::de::DeserializeOwned")]
pub(super) struct Nodes<T> {
    pub nodes: Vec<T>,
    #[serde(rename = "pageInfo")]
    pub page_info: PageInfo,
}

#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PageInfo {
    pub has_next_page: bool,
    #[serde(default)]
    pub end_cursor: Option<String>,
}

impl PageInfo {
    /// Where the next page begins, if there is one.
    pub(super) fn next(&self) -> Option<String> {
        self.end_cursor.clone().filter(|_| self.has_next_page)
    }
}

/// How far a list was read: `while let Some(after) = page.next() { … page.take(answer) … }`.
pub(super) struct Page {
    after: Option<String>,
    is_over: bool,
}

impl Page {
    /// Before the first page.
    pub(super) const fn begin() -> Self {
        Self { after: None, is_over: false }
    }

    /// Behind a page that came with the thing itself.
    pub(super) fn behind(info: &PageInfo) -> Self {
        let after = info.next();
        Self { is_over: after.is_none(), after }
    }

    /// The cursor to ask with; `None` when all was read. `Some(None)` asks for the first page.
    #[expect(clippy::option_option, reason = "the outer one ends a loop, the inner one is the first page's cursor")]
    pub(super) fn next(&self) -> Option<Option<String>> {
        (!self.is_over).then(|| self.after.clone())
    }

    /// The nodes of a page, behind which the list goes on.
    pub(super) fn take<T: serde::de::DeserializeOwned>(&mut self, page: Nodes<T>) -> Vec<T> {
        *self = Self::behind(&page.page_info);
        page.nodes
    }

    /// The list is not there any more.
    pub(super) fn end(&mut self) {
        self.is_over = true;
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ShopAnswer {
    pub shop: ShopPart,
    pub current_app_installation: Installation,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ShopPart {
    pub name: String,
    pub currency_code: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Installation {
    pub access_scopes: Vec<ScopePart>,
}

#[derive(Deserialize)]
pub(super) struct ScopePart {
    pub handle: String,
}

#[derive(Deserialize)]
pub(super) struct LocationsAnswer {
    pub locations: Nodes<LocationPart>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LocationPart {
    pub id: RemoteId,
    pub name: String,
    pub is_active: bool,
}

#[derive(Deserialize)]
pub(super) struct IdPart {
    pub id: RemoteId,
}

#[derive(Deserialize)]
pub(super) struct ValuePart {
    pub value: String,
}

/// What every mutation answers, under its own name.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Written {
    #[serde(default, alias = "orderCancelUserErrors")]
    pub user_errors: Vec<UserError>,
    /// The thing that was made or changed, where the document asks for it.
    #[serde(
        default,
        alias = "product",
        alias = "order",
        alias = "fulfillment",
        alias = "bulkOperation",
        alias = "job"
    )]
    pub made: Option<IdPart>,
}

/// The one payload of a document with one mutation.
#[derive(Deserialize)]
#[serde(transparent)]
pub(super) struct Payload(std::collections::BTreeMap<String, Option<Written>>);

impl Payload {
    /// What the mutation says; Shopify may answer null for a payload, with no errors at all.
    pub(super) fn written(self) -> Result<Written, Failure> {
        let only = self.0.into_values().next().flatten();
        only.ok_or_else(|| Failure::Strange("a mutation answered nothing".to_owned()))
    }
}

/// The moment a page of changes is asked for from, as a search: whole seconds, because Shopify counts no finer.
pub(super) fn changed_since(since: Option<bonded_base::Moment>) -> Option<String> {
    let moment = since?;
    let seconds = bonded_base::Moment::from_millis(moment.millis().div_euclid(1_000) * 1_000).to_string();
    Some(format!("updated_at:>='{}Z'", seconds.trim_end_matches('Z').trim_end_matches(".000")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use bonded_base::Moment;

    #[test]
    fn a_search_begins_with_the_whole_second() {
        let search = changed_since(Some(Moment::from_millis(1_795_339_800_999)));
        assert_eq!(search.as_deref(), Some("updated_at:>='2026-11-22T09:30:00Z'"));
        assert_eq!(changed_since(None), None);
    }
}
