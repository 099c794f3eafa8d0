//! Every sort of problem there is: its address, its title, its status, and what to do about it.

/// A sort of problem; its page is `/problems/<slug>`.
#[derive(Debug, PartialEq, Eq)]
pub struct Sort {
    /// The last part of its address; never changes.
    pub slug: &'static str,
    /// One line.
    pub title: &'static str,
    /// The HTTP status of its answers.
    pub status: u16,
    /// What it means and what to do, for the page about it.
    pub meaning: &'static str,
}

impl Sort {
    /// The `type` of its documents.
    pub fn path(&self) -> String {
        format!("/problems/{}", self.slug)
    }

    /// Every sort, in the order of their statuses.
    pub fn all() -> &'static [&'static Self] {
        ALL
    }
}

macro_rules! sorts {
    ($($name:ident = $status:literal $slug:literal $title:literal $meaning:literal;)*) => {
        $(pub(crate) static $name: Sort = Sort { slug: $slug, title: $title, status: $status, meaning: $meaning };)*
        static ALL: &[&Sort] = &[$(&$name),*];
    };
}

sorts! {
    BODY = 400 "body" "The body cannot be read"
        "The body is not JSON, or not a value of the shape that this request takes. `detail` says where: a line and \
         column, or a JSON pointer. Nothing was done. Correct the body and send it again.";
    PARAMETER = 400 "parameter" "A parameter cannot be read"
        "A parameter of the query, a header or a cursor is not of the form it must have, or there is no parameter of \
         that name here. Nothing was done.";
    UNAUTHENTICATED = 401 "unauthenticated" "A valid API key or a session is needed"
        "Send `Authorization: Bearer bk_…` with a key that has not been revoked, or sign in. Keys are shown once, when they \
         are made; a lost one is replaced by a new one.";
    NOT_PROVEN = 401 "not-proven" "This does not prove who you are"
        "A password, a code or a passkey was not right. Which, and whether there is such a person, is not told.";
    NOT_PERMITTED = 403 "not-permitted" "A permission is missing"
        "The key, the role or the grant is good, but lacks the permission that this request needs; `detail` names it.";
    SECOND_FACTOR = 403 "second-factor" "A second factor is needed"
        "What touches credentials, members or grants takes a session with a second factor. Enrol one, or sign in with it.";
    CONFIRMATION = 403 "confirmation" "Confirm first that it is you"
        "What touches credentials or members takes a session in which its owner has proven who they are within the last half \
         hour. Nothing was done. Confirm on the page that `detail` names, in the same browser, and send the request again.";
    CROSS_SITE = 403 "cross-site" "The request comes from elsewhere"
        "A session changes something only at the request of this server's own pages, as the browser says with \
         `Sec-Fetch-Site` or `Origin`. Programs use an API key.";
    FORBIDDEN = 403 "forbidden" "This is not allowed"
        "The account may not do this, whatever the key: for instance because only the other side of a partner link may.";
    NOT_GRANTED = 403 "not-granted" "The account has not approved it"
        "The platform's staff see nothing of an account before its owner or manager approves a request, and nothing after \
         the grant ends, is shortened or revoked. Ask for a grant.";
    IDENTITY = 403 "identity" "Nobody vouches for the caller"
        "The private listener answers only requests with a valid assertion of the identity-aware proxy in front of it. Come \
         through the proxy; if you did, the log of the server says under `request_id` what was wrong with its assertion.";
    NOT_FOUND = 404 "not-found" "There is no such thing"
        "There is nothing at this address, or this account has no record with this id. Records of other accounts are \
         answered in the same way.";
    METHOD = 405 "method" "The address takes other methods"
        "The `Allow` header names the methods that it takes.";
    CONFLICT = 409 "conflict" "Others were changing the same record"
        "The record was changed by others again and again while this request tried to. Nothing was done. Try again \
         after `Retry-After` seconds.";
    DUPLICATE = 409 "duplicate" "It exists already"
        "A unique value, such as a SKU, a handle or an order's reference, belongs to another record of the account. \
         Nothing was done.";
    STATE = 409 "state" "The state does not allow this"
        "The record is in a state in which this cannot be done: a purchase order that was rejected cannot be shipped. \
         Read the record to see its state.";
    IN_PROGRESS = 409 "in-progress" "The first copy is still being carried out"
        "A request with the same `Idempotency-Key` has not been answered yet. Send the same request again after \
         `Retry-After` seconds to get its answer.";
    ANSWER_LOST = 409 "answer-lost" "It was done, but the answer was lost"
        "A request with this `Idempotency-Key` was carried out, and the server ended before it could keep the answer, or the \
         answer showed a secret, which is kept nowhere. It will not be done twice. `wrote` lists the ids of the records \
         that were written; read them.";
    NOT_SET_UP = 409 "not-set-up" "This is not set up here"
        "The operator of this deployment has not set up what this needs, such as the payment gateway. Nothing was done.";
    CHANGED = 412 "changed" "It has changed since it was read"
        "`If-Match` names a version that is no longer the newest. Nothing was done. Read the record again, decide again, \
         and send the new version.";
    TOO_LARGE = 413 "too-large" "The body is too large"
        "Send less at once: fewer records in a batch, or a file in parts.";
    MEDIA_TYPE = 415 "media-type" "The body is of another media type"
        "Send `Content-Type: application/json`, or `text/csv` for an import.";
    INVALID = 422 "invalid" "A value is not what the field takes"
        "`pointer` is the JSON pointer (RFC 6901) of the field, `detail` says what it takes. Nothing was done.";
    REFUSED = 422 "refused" "A rule refuses this"
        "Each value is well formed, but together, or with what is known, they cannot be. `detail` says why.";
    CARD_NUMBER = 422 "card-number" "This looks like a card number"
        "A field, a row or a page's form holds 13 to 19 digits that are the number of a payment card by their beginning, \
         length and check digit. Cards are entered at the payment gateway only. `pointer` names the field; nothing was \
         done, and nothing of it was kept. /docs says what else may look so.";
    TOO_MUCH = 422 "too-much" "More than a limit"
        "More records, lines or characters than the limit that `detail` names.";
    KEY_REUSED = 422 "idempotency-key-reused" "The Idempotency-Key belongs to another request"
        "The same `Idempotency-Key` was sent within the last 24 hours with another method, path, query or body. Use a new key \
         for each new request. Nothing was done.";
    RATE = 429 "rate" "Too many requests"
        "The key has used up its requests for now. `Retry-After` says when there will be more; the `RateLimit` header of \
         every answer says how many are left. Batches count as one request.";
    INTERNAL = 500 "internal" "Something failed on our side"
        "Tell us the `request_id`. With an `Idempotency-Key` the request can be sent again without being done twice.";
    UNAVAILABLE = 503 "unavailable" "Not now"
        "The vault is sealed, the database cannot be reached or its disk is full. Try again after `Retry-After` seconds; \
         with an `Idempotency-Key` nothing is done twice.";
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_sort_has_an_address_of_its_own_and_a_status_of_an_error() {
        let slugs: HashSet<_> = ALL.iter().map(|sort| sort.slug).collect();
        assert_eq!(slugs.len(), ALL.len());
        assert!(ALL.iter().all(|sort| (400..600).contains(&sort.status) && sort.meaning.ends_with('.')));
        assert!(ALL.is_sorted_by_key(|sort| sort.status));
    }
}
