//! The first import of a large catalogue: Shopify writes it all into a file, of which we read piece by piece.
//!
//! The cursor names the operation and the byte of the file that was reached, so a crash anywhere goes on from there, and no
//! more than one piece is in memory. Source: `shopify.dev/docs/api/usage/bulk-operations/queries`. With `groupObjects` the
//! variants and pictures of a product stand behind it, before the next product.

use super::answers::Payload;
use super::call::accepted;
use super::product_answers::ProductPart;
use super::{Shopify, documents, products};
use crate::outbound::{Request, Url};
use crate::platform::{Failure, PAGE_MAX, RemotePage, RemoteProduct};
use bonded_base::Currency;
use serde::Deserialize;
use serde_json::{Value, json};

/// From how many products on a first read is a bulk operation.
pub const BULK_FROM: u64 = 1_000;
/// Begins the cursors of bulk operations: `bulk:gid://shopify/BulkOperation/7@1048576`.
const BULK: &str = "bulk:";
/// Bytes of the file that are read at once. A product with 2,048 variants has about one MiB.
const PIECE_BYTES: u64 = 4 * 1024 * 1024;
/// Bytes of one product at most, with all that belongs to it.
const PRODUCT_BYTES_MAX: u64 = 32 * 1024 * 1024;
/// Milliseconds between two looks at an operation that runs.
const LOOK_AGAIN_MS: u64 = 5_000;

#[derive(Deserialize)]
pub(super) struct CountPart {
    pub count: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BulkAnswer {
    bulk_operation: Option<BulkPart>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BulkPart {
    status: String,
    url: Option<String>,
    file_size: Option<String>,
}

impl Shopify {
    /// Begins an import, if the catalogue is large; answers the cursor to go on with.
    pub(super) async fn begin_bulk(&self) -> Result<Option<String>, Failure> {
        if self.count_products().await? < BULK_FROM {
            return Ok(None);
        }
        let variables = json!({ "query": documents::BULK_PRODUCTS });
        let started: Payload = self.ask(&documents::BULK_START, variables).await?;
        let started = started.written()?;
        if started.user_errors.iter().any(|error| error.is("OPERATION_IN_PROGRESS") || error.is("LIMIT_REACHED")) {
            return Err(Failure::Throttled(LOOK_AGAIN_MS));
        }
        accepted("import", &started.user_errors)?;
        let id = started.made.ok_or_else(|| Failure::Strange("an import without an id".to_owned()))?.id;
        Ok(Some(format!("{BULK}{id}@0")))
    }

    /// What an import has from the cursor on. While it still runs, the caller is asked to come again with the same cursor.
    pub(super) async fn read_bulk(&self, cursor: &str) -> Result<RemotePage<RemoteProduct>, Failure> {
        let place = || cursor.strip_prefix(BULK)?.rsplit_once('@').and_then(|(id, at)| Some((id, at.parse().ok()?)));
        let (id, at): (&str, u64) = place().ok_or_else(|| Failure::Strange("a cursor that is not ours".to_owned()))?;
        let answer: BulkAnswer = self.ask(&documents::BULK_STATE, json!({ "id": id })).await?;
        let state = answer.bulk_operation.map(|part| (part.status, part.url, part.file_size));
        match state {
            Some((status, Some(url), size)) if status == "COMPLETED" => {
                let size = size.and_then(|size| size.parse().ok()).unwrap_or(0);
                self.read_piece(id, &url, at, size).await
            }
            // A shop without products has no file.
            Some((status, None, _)) if status == "COMPLETED" => Ok(RemotePage { items: Vec::new(), next: None }),
            Some((status, ..)) if matches!(status.as_str(), "CREATED" | "RUNNING" | "CANCELING") => {
                Err(Failure::Throttled(LOOK_AGAIN_MS))
            }
            // Failed, cancelled, forgotten after a week: what is left is read page by page, from the beginning.
            _ => Ok(RemotePage { items: Vec::new(), next: Some(products::PAGES.to_owned()) }),
        }
    }

    async fn read_piece(&self, id: &str, url: &str, at: u64, size: u64) -> Result<RemotePage<RemoteProduct>, Failure> {
        let currency = self.currency().await?;
        let mut bytes = PIECE_BYTES;
        loop {
            let until = (at + bytes).min(size);
            let piece = self.fetch_piece(url, at, until).await?;
            let (groups, read) = groups(&piece, until == size);
            if groups.is_empty() && until < size {
                if bytes >= PRODUCT_BYTES_MAX {
                    return Err(Failure::Strange("an import with a product that is too large".to_owned()));
                }
                bytes *= 2;
                continue;
            }
            let items = groups.into_iter().map(|group| read_group(group, currency)).collect();
            let next = at + read as u64;
            let next = (next < size).then(|| format!("{BULK}{id}@{next}"));
            return Ok(RemotePage { items, next });
        }
    }

    /// Bytes of the file, `until` not among them.
    async fn fetch_piece(&self, url: &str, at: u64, until: u64) -> Result<Vec<u8>, Failure> {
        if at >= until {
            return Ok(Vec::new());
        }
        let url: Url = url.parse().map_err(|_| Failure::Strange("an import without an address".to_owned()))?;
        let bytes_max = usize::try_from(until - at).unwrap_or(usize::MAX);
        let request =
            Request::get(url).header("range", &format!("bytes={at}-{}", until - 1)).answer_bytes_max(bytes_max);
        let answer = self.line.call("shopify: import products", &[], request).await?;
        match answer.status {
            206 => Ok(answer.body.to_vec()),
            // Who does not know ranges sends all of it; that is what was asked for only if it is the whole file.
            200 if at == 0 && answer.body.len() == bytes_max => Ok(answer.body.to_vec()),
            200 | 416 => Err(Failure::Strange("the import cannot be read in pieces".to_owned())),
            status => Err(Failure::Away(format!("the import's file could not be fetched ({status})"))),
        }
    }
}

/// A product's line with the lines that belong to it.
type Group = Vec<Value>;

/// The whole groups of a piece, at most a page of them, and the bytes that they take. The last group is whole only where
/// the file ends or the next product begins.
fn groups(piece: &[u8], is_end: bool) -> (Vec<Group>, usize) {
    let (mut whole, mut open): (Vec<Group>, Group) = (Vec::new(), Vec::new());
    let (mut read, mut at) = (0, 0);
    for line in piece.split_inclusive(|byte| *byte == b'\n') {
        let is_cut = !line.ends_with(b"\n") && !is_end;
        let Some(value) = Some(line).filter(|_| !is_cut).and_then(|line| serde_json::from_slice::<Value>(line).ok())
        else {
            break;
        };
        if value.get("__parentId").is_none() {
            if !open.is_empty() {
                whole.push(std::mem::take(&mut open));
                read = at;
            }
            if whole.len() == PAGE_MAX {
                return (whole, read);
            }
        }
        open.push(value);
        at += line.len();
    }
    if is_end && !open.is_empty() {
        whole.push(open);
        read = at;
    }
    (whole, read)
}

/// A product from its lines.
fn read_group(group: Group, currency: Currency) -> crate::platform::Read<RemoteProduct> {
    let mut lines = group.into_iter();
    let mut product = lines.next().unwrap_or_default();
    let (mut variants, mut media) = (Vec::new(), Vec::new());
    for line in lines {
        let is_variant = line.get("id").and_then(Value::as_str).is_some_and(|id| id.contains("/ProductVariant/"));
        if is_variant { variants.push(line) } else { media.push(line) }
    }
    let all = |nodes: Vec<Value>| json!({ "nodes": nodes, "pageInfo": { "hasNextPage": false } });
    if let Some(product) = product.as_object_mut() {
        product.insert("variants".to_owned(), all(variants));
        product.insert("media".to_owned(), all(media));
    }
    Ok(ProductPart::read(product)?.draft(currency)?.product)
}
