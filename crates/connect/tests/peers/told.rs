//! The story, told by each of the real servers, whatever is lost or killed.

use crate::medusa::MedusaShop;
use crate::shop::ShopSide;
use crate::vendure::VendureShop;
use crate::{World, faults, story};
use bonded_base::Secret;
use bonded_connect::platform::{Failure, Platform};
use bonded_connect::vendure::{Vendure, VendureCredential, documents};
use bonded_testkit::peers::Brand;
use reqwest::Method;
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn medusa_tells_the_story() {
    let Some(world) = World::<MedusaShop>::around(Brand::Medusa).await else { return };
    story::told(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn medusa_ends_the_same_whatever_is_lost_or_killed() {
    let Some(mut world) = World::<MedusaShop>::around(Brand::Medusa).await else { return };
    faults::told(&mut world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn vendure_tells_the_story() {
    let Some(world) = World::<VendureShop>::around(Brand::Vendure).await else { return };
    valid_documents(&world.shop).await;
    story::told(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn vendure_ends_the_same_whatever_is_lost_or_killed() {
    let Some(mut world) = World::<VendureShop>::around(Brand::Vendure).await else { return };
    faults::told(&mut world).await;
    ended_session(&mut world).await;
}

/// Who comes by name and password signs in again when the session is over, and only then.
async fn ended_session(world: &mut World<VendureShop>) {
    let login = |password: &str| {
        let (username, password) = ("bonded@bonded.invalid".to_owned(), Secret::new(password.to_owned()));
        Vendure::new(world.line.clone(), world.base.clone(), VendureCredential::Login { username, password })
    };
    let (shop, stranger) = (login("of the tests, limited"), login("guessed"));
    assert!(matches!(stranger.locations().await, Err(Failure::Unauthorised(_))));
    assert_eq!(shop.locations().await.unwrap().len(), 1);
    world.peer().sql("DELETE FROM session WHERE \"authenticationStrategy\" = 'native'").await;
    // The server remembers sessions until it ends.
    world.shop.peer_mut().restart().await;
    let mut found = shop.locations().await;
    if matches!(found, Err(Failure::Away(_))) {
        found = shop.locations().await;
    }
    assert_eq!(found.unwrap().len(), 1);
}

/// A server judges a document by its schema before it looks for the operation, of which there is none by that name.
async fn valid_documents(shop: &VendureShop) {
    for document in documents::ALL {
        let request = shop.peer().request(Method::POST, "/admin-api");
        let body = json!({"query": document.text, "operationName": "Nothing"});
        let answer: Value = request.json(&body).send().await.unwrap().json().await.unwrap();
        let said: Vec<_> = answer["errors"].as_array().unwrap().iter().map(|error| &error["message"]).collect();
        assert_eq!(said, ["Unknown operation named \"Nothing\"."], "{document:?}");
    }
}
