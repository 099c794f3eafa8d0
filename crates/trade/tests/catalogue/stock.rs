//! Counting stock, by SKU and by variant, at any location.

use crate::{ledgers, simple, sized};
use bonded_base::{Id, Problem, Reason};
use bonded_ledger::{Ledger, Scope};
use bonded_trade::catalog::{Variant, create};
use bonded_trade::inventory::{
    self, InventoryLevel, LevelSet, LocationPatch, MAIN_LOCATION, create_location, levels_of, locations, set_many,
    update_location,
};
use bonded_trade::{Patch, Written};

fn by_sku(sku: &str, on_hand: i64) -> LevelSet {
    LevelSet { sku: Some(sku.to_owned()), on_hand, ..LevelSet::default() }
}

fn by_id(variant: Id<Variant>, on_hand: i64) -> LevelSet {
    LevelSet { variant: Some(variant), on_hand, ..LevelSet::default() }
}

fn seen(result: &Result<Written<InventoryLevel>, Problem>) -> String {
    match result {
        Ok(level) => format!("{} v{}", level.on_hand, level.version),
        Err(problem) => format!("{:?} {}", problem.reason, problem.pointer.as_deref().unwrap_or("?")),
    }
}

async fn set(ledger: &Ledger, scope: &Scope, sets: &[LevelSet]) -> Vec<String> {
    set_many(ledger, scope, sets).await.unwrap().iter().map(seen).collect()
}

#[tokio::test]
async fn stock_is_counted_at_the_main_location_which_is_made_when_needed() {
    for ledger in ledgers().await {
        let scope = ledger.any_account();
        let rope = create(&ledger, &scope, sized("Rope", "R", 3)).await.unwrap();
        let id = |number: usize| rope.variants[number].id;
        let head = ledger.head(&scope).await.unwrap();
        assert_eq!(set(&ledger, &scope, &[by_sku(" R-1 ", 5), by_id(id(1), 7)]).await, ["5 v1", "7 v1"]);
        assert_eq!(ledger.head(&scope).await.unwrap(), head + 3, "two levels and the location");
        let places = locations(&ledger, &scope).await.unwrap();
        assert_eq!(places.iter().map(|place| place.name.as_str()).collect::<Vec<_>>(), [MAIN_LOCATION]);
        let levels = levels_of(&ledger, &scope, &[id(0), id(1), id(2)]).await.unwrap();
        let counts: Vec<Vec<i64>> =
            levels.iter().map(|levels| levels.iter().map(|level| level.on_hand).collect()).collect();
        assert_eq!(counts, [vec![5], vec![7], vec![]]);
        assert_eq!(levels[0][0].id, InventoryLevel::id_of(id(0), places[0].id));
    }
}

#[tokio::test]
async fn one_that_cannot_be_counted_holds_back_only_itself() {
    for ledger in ledgers().await {
        let scope = ledger.any_account();
        let mug = create(&ledger, &scope, simple("Mug", Some("M"))).await.unwrap().variants[0].id;
        let shop = create_location(&ledger, &scope, "Shop").await.unwrap().id;
        let sets = [
            by_sku("M", 4),
            by_sku("NONE", 1),
            by_id(Id::from_bytes([9; 16]), 1),
            LevelSet { on_hand: 1, ..LevelSet::default() },
            LevelSet { location: Some(Id::from_bytes([9; 16])), ..by_sku("M", 1) },
            LevelSet { location: Some(shop), ..by_sku("M", -1) },
            LevelSet { location: Some(shop), ..by_id(mug, 2) },
        ];
        assert_eq!(
            set(&ledger, &scope, &sets).await,
            [
                "4 v1",
                "Missing /sku",
                "Missing /variant",
                "Invalid /variant",
                "Missing /location",
                "Invalid /on_hand",
                "2 v1"
            ]
        );
        let levels = levels_of(&ledger, &scope, &[mug]).await.unwrap();
        assert_eq!(levels[0].iter().map(|level| level.on_hand).sum::<i64>(), 6);
        assert!(set(&ledger, &scope, &[]).await.is_empty());
    }
}

#[tokio::test]
async fn a_count_that_says_nothing_new_is_no_entry_and_the_later_of_two_stands() {
    for ledger in ledgers().await {
        let scope = ledger.any_account();
        create(&ledger, &scope, simple("Mug", Some("M"))).await.unwrap();
        assert_eq!(set(&ledger, &scope, &[by_sku("M", 4), by_sku("M", 6)]).await, ["6 v1", "6 v1"]);
        let head = ledger.head(&scope).await.unwrap();
        assert_eq!(set(&ledger, &scope, &[by_sku("M", 6)]).await, ["6 v1"]);
        assert_eq!(set(&ledger, &scope, &[by_sku("M", 1), by_sku("M", 6)]).await, ["6 v1", "6 v1"]);
        assert_eq!(ledger.head(&scope).await.unwrap(), head);
        assert_eq!(set(&ledger, &scope, &[by_sku("M", 5)]).await, ["5 v2"]);
        assert_eq!(ledger.head(&scope).await.unwrap(), head + 1);
    }
}

#[tokio::test]
async fn calls_at_once_make_one_main_location_and_lose_no_count() {
    for ledger in ledgers().await {
        let scope = ledger.any_account();
        let rope = create(&ledger, &scope, sized("Rope", "R", 16)).await.unwrap();
        let callers: Vec<_> = (0_i64..16)
            .map(|number| {
                let (ledger, scope) = ((*ledger).clone(), scope.clone());
                tokio::spawn(async move {
                    // All of them count the first variant as well.
                    let own = by_sku(&format!("R-{}", number + 1), number);
                    set(&ledger, &scope, &[own, by_sku("R-1", 100 + number)]).await
                })
            })
            .collect();
        for caller in callers {
            caller.await.unwrap();
        }
        assert_eq!(locations(&ledger, &scope).await.unwrap().len(), 1);
        let ids: Vec<_> = rope.variants.iter().map(|variant| variant.id).collect();
        let levels = levels_of(&ledger, &scope, &ids).await.unwrap();
        assert!(levels[0][0].on_hand >= 100);
        let rest: Vec<_> = levels.iter().skip(1).map(|levels| levels[0].on_hand).collect();
        assert_eq!(rest, (1..16).collect::<Vec<i64>>());
    }
}

#[tokio::test]
async fn locations_have_names_of_their_own() {
    for ledger in ledgers().await {
        let scope = ledger.any_account();
        let shop = create_location(&ledger, &scope, " Shop ").await.unwrap();
        assert_eq!((shop.name.as_str(), shop.active), ("Shop", true));
        let twin = create_location(&ledger, &scope, "Shop").await.unwrap_err().into_problem().unwrap();
        assert_eq!((twin.reason, twin.pointer.as_deref()), (Reason::Duplicate, Some("/name")));
        let barn = create_location(&ledger, &scope, "Barn").await.unwrap();
        let named = LocationPatch { name: Patch::Set("Shop".to_owned()), active: Patch::Keep };
        let twin = update_location(&ledger, &scope, barn.id, None, &named).await.unwrap_err().into_problem().unwrap();
        assert_eq!(twin.reason, Reason::Duplicate);
        let closed = LocationPatch { name: Patch::Keep, active: Patch::Set(false) };
        let closed = update_location(&ledger, &scope, barn.id, Some(1), &closed).await.unwrap();
        assert!(!closed.active && closed.version == 2);
        let read = inventory::location(&ledger, &scope, barn.id).await.unwrap();
        assert!(!read.active);
        assert!(create_location(&ledger, &scope, "two\nlines").await.is_err());
    }
}
