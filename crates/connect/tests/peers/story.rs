//! What every platform has to do, told once: products, stock, a shopper's order and its parcels, a purchase order, changes.

use crate::World;
use crate::shop::{SHOPPER_MAIL, SHOPPER_PHONE, ShopSide};
use crate::writes::{euro, level, mug, parcel, purchase};
use bonded_base::Moment;
use bonded_connect::platform::{Failure, PAGE_MAX, Platform, RemoteId, RemoteOrder, RemotePage, RemoteProduct, Since};
use std::collections::BTreeMap;
use std::future::Future;

/// The whole story, in a fresh shop.
pub async fn told<S: ShopSide>(world: &World<S>) {
    shop(world).await;
    let product = products(world).await;
    stock(world, &product).await;
    shoppers_order(world, &product).await;
    own_parcel(world, &product).await;
    purchase_order(world, &product).await;
    rest_cancelled(world, &product).await;
    changes(world, &product).await;
    many_of_one_moment(world).await;
    let front = world.peer().front();
    assert!(!front.answered(SHOPPER_MAIL) && !front.answered(SHOPPER_PHONE), "mail or phone came through");
}

async fn shop<S: ShopSide>(world: &World<S>) {
    let shop = world.platform.shop().await.unwrap();
    assert_eq!((shop.platform, shop.currency), (world.platform.name(), euro(0).currency));
    assert!(!shop.name.is_empty() && !shop.version.is_empty());
    let locations = world.platform.locations().await.unwrap();
    assert_eq!(
        locations.iter().map(|location| location.id.as_str()).collect::<Vec<_>>(),
        [world.peer().key("location")]
    );
}

/// Variants by their SKU: price in cents, option values.
fn variants(product: &RemoteProduct) -> BTreeMap<&str, (i64, &[String])> {
    let variants = product.product.variants.iter();
    variants
        .map(|variant| (variant.sku.as_deref().unwrap(), (variant.price.unwrap().amount, variant.options.as_slice())))
        .collect()
}

pub fn variant(product: &RemoteProduct, sku: &str) -> RemoteId {
    let place = product.product.variants.iter().position(|variant| variant.sku.as_deref() == Some(sku)).unwrap();
    product.variants[place].clone()
}

async fn products<S: ShopSide>(world: &World<S>) -> RemoteProduct {
    let platform = &world.platform;
    let made = platform.put_product(&mug("prod_a", &[("S", 1_250), ("L", 1_450)])).await.unwrap();
    assert_eq!(made.mark.as_deref(), Some("prod_a"));
    assert_eq!((made.product.title.as_str(), made.product.description_html.as_str()), ("Blue Mug", "<p>For tea.</p>"));
    let (small, large, medium) = (["S".to_owned()], ["L".to_owned()], ["M".to_owned()]);
    assert_eq!(variants(&made), BTreeMap::from([("PROD_A-S", (1_250, &small[..])), ("PROD_A-L", (1_450, &large[..]))]));
    // Nobody remembers its id; there is still one of it.
    let changed = platform.put_product(&mug("prod_a", &[("S", 1_300), ("M", 1_400)])).await.unwrap();
    assert_eq!(changed.id, made.id);
    assert_eq!(
        variants(&changed),
        BTreeMap::from([("PROD_A-S", (1_300, &small[..])), ("PROD_A-M", (1_400, &medium[..]))])
    );
    assert_eq!(variant(&changed, "PROD_A-S"), variant(&made, "PROD_A-S"));
    let read = platform.products(&[RemoteId::new("999999"), made.id.clone()]).await.unwrap();
    assert!(read[0].is_none());
    assert_eq!(read[1].as_ref().unwrap().as_ref().unwrap(), &changed);
    let all = walked(Since::default(), |since| async move { platform.products_since(&since).await }).await;
    assert!(matches!(all.as_slice(), [Ok(only)] if only == &changed), "{all:?}");
    changed
}

/// Every page from a place on.
async fn walked<T, F: Future<Output = Result<RemotePage<T>, Failure>>>(
    from: Since,
    page: impl Fn(Since) -> F,
) -> Vec<bonded_connect::platform::Read<T>> {
    let (mut all, mut since) = (Vec::new(), from);
    loop {
        let RemotePage { items, next } = page(since.clone()).await.unwrap();
        all.extend(items);
        since.cursor = next;
        if since.cursor.is_none() {
            return all;
        }
    }
}

async fn available(platform: &dyn Platform, variant: &RemoteId) -> i64 {
    let levels = platform.levels(std::slice::from_ref(variant)).await.unwrap();
    assert_eq!(levels.len(), 1, "{levels:?}");
    levels[0].available
}

async fn stock<S: ShopSide>(world: &World<S>, product: &RemoteProduct) {
    let (platform, place) = (world.platform.as_ref(), RemoteId::new(world.peer().key("location")));
    let [small, medium] = ["PROD_A-S", "PROD_A-M"].map(|sku| variant(product, sku));
    let written =
        platform.put_levels(&[level(&small, &place, 10, None), level(&medium, &place, 20, None)]).await.unwrap();
    assert_eq!(written.into_iter().map(Result::unwrap).collect::<Vec<_>>(), [10, 20]);
    let again = [
        level(&small, &place, 9, Some(8)),
        level(&medium, &place, 25, Some(20)),
        level(&RemoteId::new("999999"), &place, 1, None),
    ];
    let written = platform.put_levels(&again).await.unwrap();
    assert!(matches!(written.as_slice(), [Err(Failure::Changed), Ok(25), Err(Failure::Gone)]), "{written:?}");
    assert_eq!((available(platform, &small).await, available(platform, &medium).await), (10, 25));
    let before = changed_levels(platform, Since::default()).await;
    let latest = before.iter().filter_map(|level| level.updated_at).max().unwrap();
    world.shop.recount(&small, &place, 12).await;
    let since = |at: Moment| Since { updated_at: Some(at), cursor: None };
    let changed = changed_levels(platform, since(latest.plus_millis(1))).await;
    assert!(changed.iter().any(|level| level.variant == small && level.available == 12), "{changed:?}");
    assert!(changed_levels(platform, since(latest.plus_millis(3_600_000))).await.is_empty());
}

async fn changed_levels(platform: &dyn Platform, since: Since) -> Vec<bonded_connect::platform::RemoteLevel> {
    let all = walked(since, |since| async move { platform.levels_since(&since).await }).await;
    all.into_iter().map(Result::unwrap).collect()
}

async fn changed_orders(platform: &dyn Platform, since: Option<Moment>) -> BTreeMap<RemoteId, RemoteOrder> {
    let since = Since { updated_at: since, cursor: None };
    let all = walked(since, |since| async move { platform.orders_since(&since).await }).await;
    all.into_iter()
        .map(|read| read.unwrap_or_else(|bad| panic!("{bad:?}")))
        .map(|order| (order.id.clone(), order))
        .collect()
}

/// One order, as it is now.
async fn order_now(platform: &dyn Platform, id: &RemoteId) -> RemoteOrder {
    let read = platform.orders(&[RemoteId::new("999999"), id.clone()]).await.unwrap();
    assert!(read[0].is_none());
    read.into_iter().flatten().next().unwrap().unwrap_or_else(|bad| panic!("{bad:?}"))
}

async fn shoppers_order<S: ShopSide>(world: &World<S>, product: &RemoteProduct) {
    let platform = world.platform.as_ref();
    let small = variant(product, "PROD_A-S");
    let id = world.shop.shopper_orders(&small, 3).await;
    assert_eq!(available(platform, &small).await, 9, "what is sold cannot be sold again");
    let order = changed_orders(platform, None).await.remove(&id).unwrap();
    assert!(!order.cancelled && order.fulfilments.is_empty() && order.mark.is_none() && !order.reference.is_empty());
    let line = &order.lines[0];
    assert_eq!((order.lines.len(), line.quantity, line.dropped, line.price), (1, 3, 0, euro(1_300)));
    assert_eq!((line.variant.as_ref(), line.sku.as_deref()), (Some(&small), Some("PROD_A-S")));
    let consumer = order.consumer.check().unwrap();
    let six = consumer.expose();
    assert_eq!((six.first_name, six.last_name, six.street), ("Anna", "Muster", "Weg 1\nHof\nBerlin"));
    assert_eq!((six.postal_code, six.region, six.country), ("10115", "BE", "DE"));
    let line = line.id.clone();
    // The first parcel changes the order's state, the second one does not.
    for (mark, count) in [("ful_1", 1), ("ful_1", 1), ("ful_2", 2)] {
        let before = order_now(platform, &id).await.updated_at.unwrap();
        let told = platform.put_fulfilment(&parcel(mark, &id, &line, 1)).await.unwrap();
        assert_eq!(told.fulfilments.len(), count);
        let sent = told.fulfilments.iter().find(|sent| sent.mark.as_deref() == Some(mark)).unwrap();
        assert_eq!((&sent.lines, sent.carrier.as_deref()), (&vec![(line.clone(), 1)], Some("DHL")));
        assert_eq!(sent.number.as_deref(), Some(format!("T-{mark}").as_str()));
        assert_eq!(sent.url.as_deref(), Some(format!("https://track.example/T-{mark}").as_str()));
        assert!(sent.shipped_at.is_some());
        let seen = changed_orders(platform, Some(before)).await;
        assert_eq!(seen.get(&id).unwrap().fulfilments.len(), count, "the parcel is among the changes");
    }
    let shown = world.shop.shown(&id).await;
    for word in ["DHL", "T-ful_1", "https://track.example/T-ful_1", "T-ful_2"] {
        assert!(shown.contains(word), "the shopper is not shown {word}: {shown}");
    }
    let refused = platform.put_fulfilment(&parcel("ful_3", &id, &line, 2)).await;
    assert!(matches!(refused, Err(Failure::Refused(_))), "more than is left");
}

/// A parcel that the shop's own people send.
async fn own_parcel<S: ShopSide>(world: &World<S>, product: &RemoteProduct) {
    let platform = world.platform.as_ref();
    let id = world.shop.shopper_orders(&variant(product, "PROD_A-M"), 2).await;
    let line = order_now(platform, &id).await.lines[0].id.clone();
    world.shop.sends(&id, &line, 1, "P-1").await;
    let order = order_now(platform, &id).await;
    let parcel = &order.fulfilments[0];
    assert_eq!((order.fulfilments.len(), &parcel.lines), (1, &vec![(line, 1)]));
    assert_eq!((parcel.number.as_deref(), parcel.mark.as_deref()), (Some("P-1"), None));
}

async fn purchase_order<S: ShopSide>(world: &World<S>, product: &RemoteProduct) {
    let platform = world.platform.as_ref();
    let [small, medium] = ["PROD_A-S", "PROD_A-M"].map(|sku| variant(product, sku));
    let before = available(platform, &small).await;
    let count = world.shop.orders_and_drafts().await;
    let wanted = || purchase("po_1", &[(&small, 2, 1_300), (&medium, 1, 1_400)]);
    let placed = platform.put_order(&wanted()).await.unwrap();
    assert_eq!((placed.mark.as_deref(), placed.cancelled), (Some("po_1"), false));
    let lines: BTreeMap<_, _> =
        placed.lines.iter().map(|line| (line.sku.as_deref().unwrap(), (line.quantity, line.price))).collect();
    assert_eq!(lines, BTreeMap::from([("PROD_A-S", (2, euro(1_300))), ("PROD_A-M", (1, euro(1_400)))]));
    let consumer = placed.consumer.check().unwrap();
    assert!(consumer == crate::writes::bo(), "the address arrives as it was sent");
    assert_eq!(available(platform, &small).await, before - 2, "its stock is promised");
    let again = platform.put_order(&wanted()).await.unwrap();
    assert_eq!((&again.id, world.shop.orders_and_drafts().await), (&placed.id, count + 1));
    let cancelled = platform.cancel_order(&placed.id).await.unwrap();
    assert!(cancelled.cancelled && cancelled.lines.iter().all(|line| line.dropped == line.quantity));
    assert!(platform.cancel_order(&placed.id).await.unwrap().cancelled);
    assert_eq!(available(platform, &small).await, before);
    let too_much = platform.put_order(&purchase("po_2", &[(&small, 1_000, 1_300)])).await;
    assert!(matches!(too_much, Err(Failure::Refused(_))));
    assert_eq!(world.shop.orders_and_drafts().await, count + 1, "what was refused leaves nothing");
}

/// Of three pieces one is sent, the others are not wanted any more.
async fn rest_cancelled<S: ShopSide>(world: &World<S>, product: &RemoteProduct) {
    let platform = world.platform.as_ref();
    let medium = variant(product, "PROD_A-M");
    let placed = platform.put_order(&purchase("po_3", &[(&medium, 3, 1_400)])).await.unwrap();
    let line = placed.lines[0].id.clone();
    platform.put_fulfilment(&parcel("ful_9", &placed.id, &line, 1)).await.unwrap();
    let before = available(platform, &medium).await;
    let rest = platform.cancel_order(&placed.id).await.unwrap();
    assert_eq!((rest.cancelled, rest.lines[0].quantity, rest.lines[0].dropped), (false, 3, 2));
    assert_eq!(available(platform, &medium).await, before + 2 + S::PUT_BACK_TOO_MANY);
    let again = platform.cancel_order(&placed.id).await.unwrap();
    assert_eq!((again.cancelled, again.lines[0].dropped, again.fulfilments.len()), (false, 2, 1));
}

/// The shop's people change a price: no product changed, but a variant did.
async fn changes<S: ShopSide>(world: &World<S>, product: &RemoteProduct) {
    let platform = world.platform.as_ref();
    let small = variant(product, "PROD_A-S");
    let known = platform.products(std::slice::from_ref(&product.id)).await.unwrap().remove(0).unwrap().unwrap();
    world.shop.reprice(&product.id, &small, 999).await;
    let since = Since { updated_at: known.updated_at, cursor: None };
    let changed = walked(since, |since| async move { platform.products_since(&since).await }).await;
    let last = changed.into_iter().map(Result::unwrap).rfind(|changed| changed.id == product.id).unwrap();
    assert_eq!(variants(&last).get("PROD_A-S").unwrap().0, 999);
    assert!(last.updated_at > known.updated_at);
    let later = Since { updated_at: last.updated_at.map(|at| at.plus_millis(3_600_000)), cursor: None };
    assert!(walked(later, |since| async move { platform.products_since(&since).await }).await.is_empty());
}

async fn many_of_one_moment<S: ShopSide>(world: &World<S>) {
    let platform = world.platform.as_ref();
    world.shop.crowd().await;
    let year_2029 = Since { updated_at: Some("2029-12-31T00:00:00Z".parse().unwrap()), cursor: None };
    let all = walked(year_2029, |since| async move { platform.products_since(&since).await }).await;
    let titles: std::collections::BTreeSet<_> = all.into_iter().map(|read| read.unwrap().product.title).collect();
    assert_eq!(titles.len(), S::CROWD as usize);
    assert!(titles.len() > 2 * PAGE_MAX);
}
