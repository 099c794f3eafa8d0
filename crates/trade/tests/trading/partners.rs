//! Partner links: nobody is linked unasked, both sides agree in the end, and an ended link is shut at once.

use crate::world::{ledgers, linked, opened};
use bonded_base::{Id, Reason};
use bonded_ledger::{LedgerError, PLATFORM, Scope};
use bonded_testkit::ledger::TestLedger;
use bonded_trade::accounts::{self, Role};
use bonded_trade::orders::Order;
use bonded_trade::partners::{self, LinkState, PartnerLink};
use bonded_trade::{Page, TradeError, catalog};

fn problem(error: TradeError) -> Reason {
    error.into_problem().unwrap().reason
}

async fn both(ledger: &TestLedger) -> (Scope, Scope) {
    (opened(ledger, "Shop", Role::Retailer).await, opened(ledger, "Lamps", Role::Supplier).await)
}

async fn states(ledger: &TestLedger, one: &Scope, other: &Scope, id: Id<PartnerLink>) -> [Option<LinkState>; 2] {
    let state = async |scope: &Scope| partners::get(ledger, scope, id).await.ok().map(|link| link.state);
    [state(one).await, state(other).await]
}

#[tokio::test]
async fn accounts_are_opened_by_the_operator_and_found_in_the_directory() {
    for ledger in ledgers().await {
        let (shop, lamps) = both(&ledger).await;
        let profile = accounts::profile(&ledger, &shop).await.unwrap();
        assert_eq!((profile.name.as_str(), profile.role), ("Shop", Role::Retailer));
        let listed = accounts::directory(&ledger, &Scope::operator(PLATFORM), Page::first(10)).await.unwrap();
        let mut names: Vec<_> = listed.records.iter().map(|profile| profile.name.as_str()).collect();
        names.sort_unstable();
        assert_eq!(names, ["Lamps", "Shop"]);
        let draft =
            |name: &str| accounts::Draft { name: name.to_owned(), role: Role::Supplier, currency: profile.currency };
        for scope in [&lamps, &Scope::operator(shop.account()), &Scope::system(PLATFORM, bonded_ledger::System::Route)]
        {
            let refused = accounts::open(&ledger, scope, draft("Eve")).await.unwrap_err();
            assert_eq!(problem(refused), Reason::Forbidden);
        }
        let nameless = accounts::open(&ledger, &Scope::operator(PLATFORM), draft(" ")).await.unwrap_err();
        assert_eq!(problem(nameless), Reason::Invalid);
    }
}

#[tokio::test]
async fn a_link_takes_both_sides() {
    for ledger in ledgers().await {
        let (shop, lamps) = both(&ledger).await;
        let link = partners::invite(&ledger, &shop, lamps.account()).await.unwrap().id;
        for _ in 0..2 {
            partners::mirror(&ledger, shop.account(), link).await.unwrap();
        }
        let theirs = partners::get(&ledger, &lamps, link).await.unwrap();
        assert_eq!((theirs.state, theirs.role, theirs.invited_by_us), (LinkState::Invited, Role::Supplier, false));
        assert_eq!((theirs.partner, theirs.partner_name.as_str(), theirs.version), (shop.account(), "Shop", 1));
        assert_eq!(problem(partners::accept(&ledger, &shop, link, None).await.unwrap_err()), Reason::State);
        assert!(partners::open(&ledger, &shop, link).await.is_err(), "an invitation opens nothing");

        partners::accept(&ledger, &lamps, link, Some(1)).await.unwrap();
        assert!(partners::open(&ledger, &lamps, link).await.is_err(), "our side alone opens nothing");
        partners::mirror(&ledger, lamps.account(), link).await.unwrap();
        assert_eq!(states(&ledger, &shop, &lamps, link).await, [Some(LinkState::Active); 2]);
        let opened = partners::open(&ledger, &shop, link).await.unwrap();
        assert_eq!((opened.partner, opened.scope.account()), (lamps.account(), lamps.account()));
        assert!(catalog::list(&ledger, &opened.scope, None, Page::first(1)).await.is_ok());
        let orders = ledger.get::<Order>(&opened.scope, Id::from_bytes([1; 16])).await;
        assert!(matches!(orders, Err(LedgerError::OutOfReach(_))));
        assert_eq!(partners::suppliers(&ledger, &shop).await.unwrap().len(), 1);
        assert!(partners::suppliers(&ledger, &lamps).await.unwrap().is_empty(), "a retailer is nobody's supplier");
    }
}

#[tokio::test]
async fn an_ended_link_is_shut_at_once_and_makes_room_for_another() {
    for ledger in ledgers().await {
        let (shop, lamps) = both(&ledger).await;
        let link = linked(&ledger, &shop, &lamps).await;
        let twice = partners::invite(&ledger, &shop, lamps.account()).await.unwrap_err();
        assert_eq!(problem(twice), Reason::Duplicate);
        partners::end(&ledger, &lamps, link, None).await.unwrap();
        assert_eq!(problem(partners::open(&ledger, &shop, link).await.unwrap_err()), Reason::State);
        assert!(partners::opened_suppliers(&ledger, &shop).await.unwrap().is_empty());
        // The news has not reached the shop, so its own word comes first and changes nothing.
        partners::mirror(&ledger, shop.account(), link).await.unwrap();
        assert_eq!(states(&ledger, &shop, &lamps, link).await, [Some(LinkState::Active), Some(LinkState::Ended)]);
        // A new invitation from over there overtakes the news of the end, and brings it along.
        let again = partners::invite(&ledger, &lamps, shop.account()).await.unwrap().id;
        partners::mirror(&ledger, lamps.account(), again).await.unwrap();
        assert_eq!(states(&ledger, &shop, &lamps, link).await, [Some(LinkState::Ended); 2]);
        assert_eq!(states(&ledger, &shop, &lamps, again).await, [Some(LinkState::Invited); 2]);
        partners::mirror(&ledger, lamps.account(), link).await.unwrap();
        partners::accept(&ledger, &shop, again, None).await.unwrap();
        partners::mirror(&ledger, shop.account(), again).await.unwrap();
        assert!(partners::open(&ledger, &shop, again).await.is_ok());
    }
}

#[tokio::test]
async fn two_invitations_that_cross_become_one_link() {
    for shop_first in [true, false] {
        for ledger in ledgers().await {
            let (shop, lamps) = both(&ledger).await;
            let from_shop = partners::invite(&ledger, &shop, lamps.account()).await.unwrap().id;
            ledger.test_clock().advance_ms(1);
            let from_lamps = partners::invite(&ledger, &lamps, shop.account()).await.unwrap().id;
            let mut news = [(shop.account(), from_shop), (lamps.account(), from_lamps)];
            if !shop_first {
                news.reverse();
            }
            for _ in 0..2 {
                for (from, link) in news {
                    partners::mirror(&ledger, from, link).await.unwrap();
                }
                for from in [shop.account(), lamps.account()] {
                    partners::mirror(&ledger, from, from_shop).await.unwrap();
                    partners::mirror(&ledger, from, from_lamps).await.unwrap();
                }
            }
            assert_eq!(states(&ledger, &shop, &lamps, from_shop).await, [Some(LinkState::Active); 2]);
            let younger = states(&ledger, &shop, &lamps, from_lamps).await;
            assert!(younger.iter().flatten().all(|state| *state == LinkState::Ended), "{younger:?}");
            assert!(partners::open(&ledger, &shop, from_shop).await.is_ok());
        }
    }
}

#[tokio::test]
async fn what_is_no_partner_is_refused() {
    for ledger in ledgers().await {
        let (shop, lamps) = both(&ledger).await;
        let other_shop = opened(&ledger, "Store", Role::Retailer).await;
        for wrong in [shop.account(), other_shop.account(), Id::from_bytes([9; 16])] {
            assert_eq!(problem(partners::invite(&ledger, &shop, wrong).await.unwrap_err()), Reason::Invalid);
        }
        let link = partners::invite(&ledger, &shop, lamps.account()).await.unwrap().id;
        partners::mirror(&ledger, shop.account(), link).await.unwrap();
        partners::end(&ledger, &lamps, link, None).await.unwrap();
        partners::mirror(&ledger, lamps.account(), link).await.unwrap();
        assert_eq!(states(&ledger, &shop, &lamps, link).await, [Some(LinkState::Ended); 2]);
        for (scope, rule) in [(&shop, "end"), (&lamps, "accept")] {
            let refused = if rule == "end" {
                partners::end(&ledger, scope, link, None).await
            } else {
                partners::accept(&ledger, scope, link, None).await
            };
            assert_eq!(problem(refused.unwrap_err()), Reason::State);
        }
        let listed = partners::list(&ledger, &shop, Some(LinkState::Ended), Page::first(10)).await.unwrap();
        assert_eq!(listed.records.len(), 1);
    }
}
