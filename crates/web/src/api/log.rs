//! The log as those read it who trust nobody: checkpoint, tiles, proofs and export, as C2SP lays them out.
//!
//! Source: C2SP tlog-tiles, tlog-checkpoint and signed-note. A verifier that others wrote can read these.

use crate::app::App;
use crate::caller::Caller;
use crate::page::Params;
use crate::problem::{Failure, sorts};
use crate::reply::Reply;
use crate::route::Route;
use crate::shapes;
use axum::body::Body;
use axum::extract::{RawPathParams, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bonded_base::Kind;
use bonded_flow::log_origin;
use bonded_ledger::{Entry, Ledger, LedgerError, SALT_BYTES, Scope};
use bonded_merkle::{
    Checkpoint, HASH_LENGTH, Hash, LogPath, Signer as _, TILE_WIDTH, Tile, TilePlace, Unprovable, VerifierKey,
    consistency_proof, encode_bundle, inclusion_proof, tiles_for_consistency, tiles_for_inclusion,
};
use bonded_people::Permission;
use futures::stream;
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa_axum::routes;

/// Entries that an export reads at once.
const EXPORT_CHUNK: u32 = 1_000;

pub(crate) fn routes() -> Vec<Route> {
    vec![
        Route::new(Permission::LogRead, routes!(get_log_checkpoint)),
        Route::new(Permission::LogRead, routes!(get_log_key)),
        Route::new(Permission::LogRead, routes!(get_log_tile)),
        Route::new(Permission::LogRead, routes!(prove_inclusion)),
        Route::new(Permission::LogRead, routes!(prove_consistency)),
        Route::new(Permission::LogRead, routes!(export_log)),
    ]
}

/// Get the newest checkpoint
///
/// What the account's log is at this moment, signed: its name, its size and its root hash, as a C2SP signed note. Keep
/// one: nobody can change what it covers without being found out.
#[utoipa::path(get, path = "/v1/log/checkpoint", tag = "Events and log",
    responses((status = 200, body = String, content_type = "text/plain")))]
async fn get_log_checkpoint(State(app): State<App>, caller: Caller) -> Result<Response, Failure> {
    Ok(text(checkpoint(app.ledger(), caller.scope()).await?))
}

/// Get the log's verifier key
///
/// The public key that signs checkpoints, as a C2SP verifier key. Get it once, from a place that you trust.
#[utoipa::path(get, path = "/v1/log/key", tag = "Events and log",
    responses((status = 200, body = String, content_type = "text/plain")))]
async fn get_log_key(State(app): State<App>, caller: Caller) -> Result<Response, Failure> {
    let name = log_origin(&app.settings().log_origin, caller.scope().account());
    let public = app.ledger().log_signer(caller.scope())?.public_key();
    let key = VerifierKey::new(name, public).map_err(|error| Failure::internal(error.to_string()))?;
    Ok(text(format!("{key}\n")))
}

/// Get a tile
///
/// `<level>/<index>` is a tile of hashes, `entries/<index>` the entries under a tile of level 0; both with `.p/<width>`
/// while they are not full. The addresses are those of C2SP tlog-tiles.
#[utoipa::path(get, path = "/v1/log/tile/{rest}", tag = "Events and log",
    params(("rest" = String, Path, description = "Which tile.", example = "0/000.p/1")),
    responses((status = 200, body = Vec<u8>, content_type = "application/octet-stream")))]
async fn get_log_tile(State(app): State<App>, caller: Caller, path: RawPathParams) -> Result<Response, Failure> {
    let missing = || Failure::new(&sorts::NOT_FOUND, "There is no such tile under the newest checkpoint.");
    let rest = path.iter().next().map(|(_, rest)| format!("tile/{rest}")).ok_or_else(missing)?;
    let (level, index, width) = match rest.parse().map_err(|_| missing())? {
        LogPath::Tile { level, index, width } => (level, index, width),
        LogPath::Entries { index, width } => (0, index, width),
        LogPath::Checkpoint => return Err(missing()),
    };
    let tiles = app.ledger().tiles(caller.scope(), &[(level, index)]).await?;
    let length = usize::from(width) * HASH_LENGTH;
    let hashes = tiles.first().and_then(|tile| tile.hashes.get(..length)).ok_or_else(missing)?;
    let bytes = if rest.starts_with("tile/entries/") {
        bundle(app.ledger(), caller.scope(), index, width).await?
    } else {
        hashes.to_vec()
    };
    // Once written, these bytes never change: a partial tile is the beginning of the full one.
    let headers = [(CONTENT_TYPE, "application/octet-stream"), (CACHE_CONTROL, "private, max-age=31536000, immutable")];
    Ok((headers, bytes).into_response())
}

async fn bundle(ledger: &Ledger, scope: &Scope, index: u64, width: u16) -> Result<Vec<u8>, Failure> {
    let entries = ledger.entries(scope, index.saturating_mul(TILE_WIDTH), u32::from(width)).await?;
    let leaves: Vec<_> = entries.iter().map(|entry| entry.headline.leaf_data(&entry.plain)).collect();
    encode_bundle(&leaves).map_err(|error| Failure::internal(error.to_string()))
}

#[derive(Serialize)]
struct Inclusion {
    entry: u64,
    index: u64,
    size: u64,
    leaf: String,
    leaf_hash: String,
    proof: Vec<String>,
    checkpoint: String,
}

/// Prove that an entry is in the log
///
/// The hashes that lead from the entry's leaf to the root in the signed checkpoint (RFC 6962 section 2.1.1), with both.
/// `index` is `entry` counted from 0; everything is base64.
#[utoipa::path(get, path = "/v1/log/proof", tag = "Events and log",
    params(("entry" = u64, Query, description = "The `seq` of an event.", example = 1)),
    responses((status = 200, body = shapes::Inclusion)))]
async fn prove_inclusion(State(app): State<App>, caller: Caller, params: Params) -> Result<Reply, Failure> {
    params.only(&["entry"])?;
    let expected = "the `seq` of an event, from 1";
    let unsaid = || Failure::parameter(format!("`entry` must be {expected}."));
    let entry: u64 = params.parsed("entry", expected)?.filter(|seq| *seq > 0).ok_or_else(unsaid)?;
    let (ledger, scope, index) = (app.ledger(), caller.scope(), entry - 1);
    let checkpoint = checkpoint(ledger, scope).await?;
    let size = size_of(&checkpoint)?;
    let tiles = tiles(ledger, scope, tiles_for_inclusion(index, size)).await?;
    let proof = inclusion_proof(index, size, &tiles)?;
    let found = ledger.entries(scope, index, 1).await?.pop().ok_or(Unprovable::BeyondTree { index, size })?;
    Reply::ok(&Inclusion {
        entry,
        index,
        size,
        leaf: BASE64.encode(found.headline.leaf_data(&found.plain)),
        leaf_hash: BASE64.encode(found.headline.leaf),
        proof: in_base64(&proof),
        checkpoint,
    })
}

#[derive(Serialize)]
struct Consistency {
    from: u64,
    to: u64,
    proof: Vec<String>,
    checkpoint: String,
}

/// Prove that the log has only grown
///
/// The hashes that show that the log of `to` entries begins with the log of `from` entries (RFC 6962 section 2.1.2).
/// `to` is the newest checkpoint's size, if left out.
#[utoipa::path(get, path = "/v1/log/consistency", tag = "Events and log",
    params(("from" = u64, Query, description = "The size of an older checkpoint.", example = 1),
        ("to" = Option<u64>, Query, description = "The size of a newer one.")),
    responses((status = 200, body = shapes::Consistency)))]
async fn prove_consistency(State(app): State<App>, caller: Caller, params: Params) -> Result<Reply, Failure> {
    params.only(&["from", "to"])?;
    let (ledger, scope) = (app.ledger(), caller.scope());
    let unsaid = || Failure::parameter("`from` must be the size of an older checkpoint.");
    let from = params.parsed("from", "a whole number")?.ok_or_else(unsaid)?;
    let checkpoint = checkpoint(ledger, scope).await?;
    let size = size_of(&checkpoint)?;
    let to = params.parsed("to", "a whole number")?.unwrap_or(size);
    if to > size {
        return Err(Unprovable::BeyondTree { index: to, size }.into());
    }
    let tiles = tiles(ledger, scope, tiles_for_consistency(from, to)).await?;
    let proof = in_base64(&consistency_proof(from, to, &tiles)?);
    Reply::ok(&Consistency { from, to, proof, checkpoint })
}

/// One line of an export.
#[derive(Serialize)]
struct Line<'a> {
    seq: u64,
    leaf: String,
    leaf_hash: String,
    salt: String,
    said: &'a RawValue,
}

/// Export the log
///
/// Every entry from the first to the newest, one JSON object a line: its `seq`, its leaf data, the leaf hash that is
/// stored, and what it says with the salt that its leaf commits to. `bonded verify` checks such a file against signed
/// checkpoints, without the server.
#[utoipa::path(get, path = "/v1/log/export", tag = "Events and log",
    responses((status = 200, body = String, content_type = "application/jsonl")))]
async fn export_log(State(app): State<App>, caller: Caller) -> Result<Response, Failure> {
    let (ledger, scope) = (app.ledger().clone(), caller.scope().again());
    let head = ledger.head(&scope).await?;
    let chunks = stream::try_unfold(0, move |after| {
        let (ledger, scope) = (ledger.clone(), scope.clone());
        async move {
            let left = u32::try_from(head - after).unwrap_or(EXPORT_CHUNK).min(EXPORT_CHUNK);
            if left == 0 {
                return Ok(None);
            }
            let entries = ledger.entries(&scope, after, left).await?;
            let Some(last) = entries.last().map(|entry| entry.headline.seq) else { return Ok(None) };
            Ok::<_, LedgerError>(Some((lines(&entries)?, last)))
        }
    });
    Ok(([(CONTENT_TYPE, "application/jsonl")], Body::from_stream(chunks)).into_response())
}

fn lines(entries: &[Entry]) -> Result<Vec<u8>, LedgerError> {
    let mut lines = Vec::with_capacity(entries.len() * 512);
    for entry in entries {
        let damaged = || LedgerError::Damaged(Kind::Account);
        let (salt, said) = entry.plain.split_at_checked(SALT_BYTES).ok_or_else(damaged)?;
        let line = Line {
            seq: entry.headline.seq,
            leaf: BASE64.encode(entry.headline.leaf_data(&entry.plain)),
            leaf_hash: BASE64.encode(entry.headline.leaf),
            salt: BASE64.encode(salt),
            said: serde_json::from_slice(said).map_err(|_| damaged())?,
        };
        serde_json::to_writer(&mut lines, &line).map_err(|error| LedgerError::Unwritable(Kind::Account, error))?;
        lines.push(b'\n');
    }
    Ok(lines)
}

async fn checkpoint(ledger: &Ledger, scope: &Scope) -> Result<String, Failure> {
    let unsigned = || Failure::new(&sorts::NOT_FOUND, "No checkpoint of this log was signed yet.").retry_after(1);
    ledger.checkpoint(scope).await?.ok_or_else(unsigned)
}

/// How many entries a checkpoint covers. It is our own, so its signature is not looked at.
fn size_of(note: &str) -> Result<u64, Failure> {
    let text = note.split_once("\n\n").map_or(note, |(text, _)| text);
    let checkpoint = Checkpoint::parse(&format!("{text}\n"));
    Ok(checkpoint.map_err(|error| Failure::internal(error.to_string()))?.size)
}

async fn tiles(ledger: &Ledger, scope: &Scope, places: Vec<TilePlace>) -> Result<Vec<Tile>, LedgerError> {
    let places: Vec<_> = places.into_iter().map(|(level, index, _)| (level, index)).collect();
    ledger.tiles(scope, &places).await
}

fn in_base64(hashes: &[Hash]) -> Vec<String> {
    hashes.iter().map(|hash| BASE64.encode(hash)).collect()
}

fn text(text: String) -> Response {
    ([(CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::house::{House, Party};
    use bonded_merkle::{Audit, Exported, decode_bundle, leaf_hash, verify_consistency, verify_inclusion};
    use serde_json::Value;

    /// Waits until everything that is in the log is under a checkpoint; the checkpoint, verified.
    async fn signed(house: &House, party: &Party) -> (Checkpoint, String, VerifierKey) {
        let key: VerifierKey = house.get(party, "/v1/log/key").await.text().trim().parse().unwrap();
        let scope = Scope::operator(party.account);
        loop {
            let head = house.ledger.head(&scope).await.unwrap();
            if let Some(note) = house.ledger.checkpoint(&scope).await.unwrap() {
                let checkpoint = Checkpoint::open(&note, &key).unwrap();
                if checkpoint.size == head {
                    assert_eq!(house.get(party, "/v1/log/checkpoint").await.text(), note);
                    return (checkpoint, note, key);
                }
            }
            tokio::task::yield_now().await;
        }
    }

    fn hash(value: &Value) -> Hash {
        BASE64.decode(value.as_str().unwrap()).unwrap().try_into().unwrap()
    }

    fn hashes(value: &Value) -> Vec<Hash> {
        value.as_array().unwrap().iter().map(hash).collect()
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn what_the_log_says_of_itself_is_proven_to_outsiders() {
        let house = House::new().await;
        let supplier = house.supplier().await;
        for sku in ["A", "B", "C"] {
            house.stocked(&supplier, sku, 1).await;
        }
        let (checkpoint, note, key) = signed(&house, &supplier).await;
        assert_eq!(checkpoint.origin, format!("bonded.example/{}", supplier.account));
        for entry in 1..=checkpoint.size {
            let proof = house.get(&supplier, &format!("/v1/log/proof?entry={entry}")).await.expect(200);
            assert_eq!(proof["checkpoint"], note);
            let leaf = leaf_hash(&BASE64.decode(proof["leaf"].as_str().unwrap()).unwrap());
            assert_eq!(leaf, hash(&proof["leaf_hash"]));
            verify_inclusion(&leaf, entry - 1, checkpoint.size, &hashes(&proof["proof"]), &checkpoint.root).unwrap();
        }
        house.get(&supplier, &format!("/v1/log/proof?entry={}", checkpoint.size + 1)).await.expect(404);
        house.get(&supplier, "/v1/log/proof?entry=0").await.expect(400);

        house.stocked(&supplier, "D", 1).await;
        let (later, ..) = signed(&house, &supplier).await;
        let path = format!("/v1/log/consistency?from={}", checkpoint.size);
        let grown = house.get(&supplier, &path).await.expect(200);
        let proof = hashes(&grown["proof"]);
        verify_consistency(checkpoint.size, &checkpoint.root, later.size, &later.root, &proof).unwrap();
        house.get(&supplier, &format!("{path}&to=1")).await.expect(400);
        house.get(&supplier, &format!("{path}&to={}", later.size + 1)).await.expect(404);

        let export = house.get(&supplier, "/v1/log/export").await;
        let mut audit = Audit::new(&[note], &key, 1);
        for line in export.text().lines() {
            let line: Value = serde_json::from_str(line).unwrap();
            let leaf = BASE64.decode(line["leaf"].as_str().unwrap()).unwrap();
            audit.entry(Exported {
                seq: line["seq"].as_u64().unwrap(),
                leaf: &leaf,
                leaf_hash: hash(&line["leaf_hash"]),
            });
        }
        assert_eq!(audit.finish().unwrap().signed_entries, checkpoint.size);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn tiles_and_entries_are_served_at_the_standard_s_addresses() {
        let house = House::new().await;
        let supplier = house.supplier().await;
        house.stocked(&supplier, "A", 1).await;
        let (checkpoint, ..) = signed(&house, &supplier).await;
        let width = u16::try_from(checkpoint.size).unwrap();
        let tile = house.get(&supplier, &format!("/v1/log/tile/0/000.p/{width}")).await;
        assert!(tile.headers["cache-control"].to_str().unwrap().contains("immutable"));
        let entries = house.get(&supplier, &format!("/v1/log/tile/entries/000.p/{width}")).await;
        let leaves: Vec<u8> = decode_bundle(&entries.bytes, width).unwrap().into_iter().flat_map(leaf_hash).collect();
        assert_eq!(leaves, tile.bytes);
        let narrower = house.get(&supplier, "/v1/log/tile/0/000.p/1").await;
        assert_eq!(narrower.bytes, tile.bytes[..HASH_LENGTH]);
        for missing in ["0/000", "0/001.p/1", "1/000.p/1", "0/0", "entries/000", "checkpoint", "x", "0/000.p/0"] {
            house.get(&supplier, &format!("/v1/log/tile/{missing}")).await.expect(404);
        }
    }

    #[tokio::test]
    async fn an_export_says_what_the_leaves_commit_to() {
        let house = House::new().await;
        let supplier = house.supplier().await;
        house.stocked(&supplier, "A", 1).await;
        let export = house.get(&supplier, "/v1/log/export").await.text();
        let head = house.ledger.head(&Scope::operator(supplier.account)).await.unwrap();
        assert_eq!(export.lines().count() as u64, head);
        for line in export.lines() {
            #[derive(serde::Deserialize)]
            struct Read<'a> {
                leaf: String,
                salt: String,
                #[serde(borrow)]
                said: &'a RawValue,
            }
            let line: Read<'_> = serde_json::from_str(line).unwrap();
            let mut plain = BASE64.decode(line.salt).unwrap();
            plain.extend_from_slice(line.said.get().as_bytes());
            let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &plain);
            let leaf = String::from_utf8(BASE64.decode(line.leaf).unwrap()).unwrap();
            assert_eq!(leaf.lines().last().unwrap(), BASE64.encode(digest));
        }
    }
}
