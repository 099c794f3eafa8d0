//! Tokens: an installation, one refresh for many callers, and what a crash leaves.

use crate::World;
use bonded_base::Clock as _;
use bonded_connect::platform::{Failure, Platform};
use bonded_connect::shopify::install::Callback;
use bonded_connect::shopify::token::{Pair, Token};
use bonded_shopkit::Fault;
use std::sync::atomic::Ordering;

const HOUR_MS: i64 = 3_600_000;

/// A pair as an installation brings it.
async fn installed(world: &World) -> Pair {
    let code = world.kit.tokens().code();
    let callback =
        Callback { shop: "counterpart.myshopify.com".parse().unwrap(), code: bonded_base::Secret::new(code) };
    let token = callback.token(&world.line, Some(world.base()), &world.app(), world.ledger.clock()).await.unwrap();
    match token {
        Token::Expiring(pair) => pair,
        Token::Custom(_) => panic!("an expiring token was asked for"),
    }
}

/// The token's hour is over, here and there.
fn an_hour_later(world: &World) {
    world.kit.elapse(HOUR_MS.unsigned_abs());
    world.ledger.test_clock().advance_ms(HOUR_MS);
}

#[tokio::test]
async fn a_code_becomes_an_expiring_token_once() {
    let Some(world) = World::new().await else { return };
    let pair = installed(&world).await;
    assert_eq!(pair.access_until, world.ledger.clock().now().plus_millis(HOUR_MS));
    let client = world.client_with(Token::Expiring(pair));
    assert_eq!(client.shop().await.unwrap().name, "Counterpart");
    let spent = Callback {
        shop: "counterpart.myshopify.com".parse().unwrap(),
        code: bonded_base::Secret::new(String::from("code-1")),
    };
    let refused = spent.token(&world.line, Some(world.base()), &world.app(), world.ledger.clock()).await;
    assert!(matches!(refused, Err(Failure::Unauthorised(_))));
}

#[tokio::test]
async fn twenty_callers_refresh_once() {
    let Some(world) = World::new().await else { return };
    let client = world.client_with(Token::Expiring(installed(&world).await));
    an_hour_later(&world);
    let answers = futures::future::join_all((0..20).map(|_| client.shop())).await;
    assert!(answers.iter().all(Result::is_ok));
    let tokens = world.kit.tokens();
    assert_eq!((tokens.refreshes, tokens.refused), (1, 0));
}

#[tokio::test]
async fn a_token_that_the_shop_does_not_take_is_renewed_whatever_our_clock_says() {
    let Some(world) = World::new().await else { return };
    let client = world.client_with(Token::Expiring(installed(&world).await));
    world.kit.elapse(HOUR_MS.unsigned_abs());
    let answers = futures::future::join_all((0..20).map(|_| client.shop())).await;
    assert!(answers.iter().all(Result::is_ok));
    assert_eq!(world.kit.tokens().refreshes, 1);
}

#[tokio::test]
async fn a_refresh_whose_answer_was_lost_is_made_again() {
    let Some(world) = World::new().await else { return };
    let client = world.client_with(Token::Expiring(installed(&world).await));
    an_hour_later(&world);
    world.kit.faults().next("token", Fault::CutAfter);
    assert!(matches!(client.shop().await, Err(Failure::Away(_))));
    assert!(client.shop().await.is_ok());
    assert_eq!(world.kit.tokens().refused, 0);
}

#[tokio::test]
async fn a_pair_that_could_not_be_kept_is_not_used_and_the_old_one_still_refreshes() {
    let Some(world) = World::new().await else { return };
    let pair = installed(&world).await;
    let client = world.client_with(Token::Expiring(pair.clone()));
    an_hour_later(&world);
    world.kept.fails.store(true, Ordering::SeqCst);
    assert!(client.shop().await.is_err());
    drop(client);
    // The program starts anew with what was kept.
    world.kept.fails.store(false, Ordering::SeqCst);
    let client = world.client_with(Token::Expiring(pair));
    assert!(client.shop().await.is_ok());
    assert_eq!(world.kit.tokens().refused, 0);
}

#[tokio::test]
async fn a_node_takes_the_pair_that_another_one_kept() {
    let Some(world) = World::new().await else { return };
    let pair = installed(&world).await;
    let (one, other) = (world.client_with(Token::Expiring(pair.clone())), world.client_with(Token::Expiring(pair)));
    an_hour_later(&world);
    assert!(one.shop().await.is_ok());
    assert!(other.shop().await.is_ok());
    assert_eq!((world.kit.tokens().refreshes, world.kit.tokens().refused), (1, 1));
}

#[tokio::test]
async fn a_refresh_token_that_is_spent_needs_the_owner() {
    let Some(world) = World::new().await else { return };
    let client = world.client_with(Token::Expiring(installed(&world).await));
    world.kit.uninstall();
    an_hour_later(&world);
    assert!(matches!(client.shop().await, Err(Failure::Unauthorised(_))));
}

#[test]
fn a_token_is_concealed_and_read_back() {
    let pair = Pair {
        access: bonded_base::Secret::new(String::from("a")),
        access_until: bonded_base::Moment::from_millis(7),
        refresh: bonded_base::Secret::new(String::from("r")),
    };
    let Some(Token::Expiring(read)) = Token::from_bytes(&Token::Expiring(pair).to_bytes()) else { panic!("a pair") };
    assert_eq!(
        (read.access.expose().as_str(), read.access_until.millis(), read.refresh.expose().as_str()),
        ("a", 7, "r")
    );
    let custom = Token::Custom(bonded_base::Secret::new(String::from("c")));
    assert!(matches!(Token::from_bytes(&custom.to_bytes()), Some(Token::Custom(token)) if token.expose() == "c"));
    assert!(Token::from_bytes(&bonded_base::Secret::new(b"{}".to_vec())).is_none());
}
