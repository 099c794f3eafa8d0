//! Suggestions: which of the things that partners share an account's own SKU may mean, best first, each with why.
//!
//! Nothing is mapped by a guess: somebody says which one it is ([`crate::sku_mappings`]). The work is bounded, and looks at
//! catalogues alone, never at orders' consumers.

use crate::catalog::{self, Product, SKU_MAX, Variant};
use crate::holds::{self, Hold};
use crate::orders::Order;
use crate::partners::{self, PartnerLink};
use crate::{Page, TradeError, text};
use bonded_base::{Id, Kind, Problem, Reason};
use bonded_ledger::{Ledger, PAGE_MAX, Scope, Stored};
use serde::Serialize;
use std::collections::{BTreeSet, HashMap};

/// Partners' variants that are looked at for one call, all partners together.
pub const VARIANTS_LOOKED_AT_MAX: usize = 20_000;
/// Suggestions for one SKU.
pub const SUGGESTIONS_MAX: usize = 10;
/// SKUs of one hold that get suggestions.
pub const WANTED_MAX: usize = 20;

/// Characters that two SKUs have in common at least, where one is the end or the beginning of the other.
const COMMON_MIN: usize = 3;
/// Words of a title that are shorter say little.
const WORD_MIN: usize = 3;
/// Of the words of two titles, how many in a hundred both must have.
const WORDS_PERCENT_MIN: usize = 30;

/// What is looked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Wanted {
    /// The account's own SKU.
    pub sku: String,
    /// What is printed on the thing, if known.
    pub barcode: Option<String>,
    /// What it is called, if known.
    pub title: Option<String>,
}

/// Why something is suggested.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Because {
    /// The same barcode.
    Barcode,
    /// The same SKU, but for case and punctuation.
    Sku,
    /// One SKU is the other with something before or after it.
    PartOfSku,
    /// Words of the title.
    Title,
}

/// A partner's variant that a SKU may mean.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Suggestion {
    /// The account's own SKU.
    pub for_sku: String,
    /// What it may mean.
    pub variant: Id<Variant>,
    /// Through which link it is shared.
    pub partner_link: Id<PartnerLink>,
    /// The partner's SKU.
    pub sku: Option<String>,
    /// What the partner calls it.
    pub title: String,
    /// Its barcode.
    pub barcode: Option<String>,
    /// Why, the strongest first.
    pub because: Vec<Because>,
    /// How strong that is, from 1 to 100; to sort by.
    pub score: u8,
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Suggested {
    /// Best first, SKU by SKU.
    pub data: Vec<Suggestion>,
    /// Whether all that partners share was looked at: no more than [`VARIANTS_LOOKED_AT_MAX`].
    pub complete: bool,
}

/// What is known of a SKU: its barcode and title are the account's own for it, if it has such a thing.
pub async fn wanted(ledger: &Ledger, scope: &Scope, sku: &str) -> Result<Wanted, TradeError> {
    let sku = text::line("/sku", sku, SKU_MAX)?;
    Ok(known(ledger, scope, vec![Wanted { sku, ..Wanted::default() }]).await?.remove(0))
}

/// The SKUs that an order is held for: those of lines that nobody, or several, sell.
pub async fn wanted_by(ledger: &Ledger, scope: &Scope, hold: Id<Hold>) -> Result<Vec<Wanted>, TradeError> {
    let hold = holds::get(ledger, scope, hold).await?;
    let order = hold.record.parse::<Id<Order>>().ok().filter(|_| hold.about == Kind::Order.name());
    let order = order.ok_or_else(|| Problem::new(Reason::State, "this hold is not about an order's SKUs"))?;
    let order = ledger.get(scope, order).await?.ok_or_else(|| TradeError::missing(Kind::Order))?;
    let mut wanted: Vec<Wanted> = Vec::new();
    for line in order.unrouted() {
        let Some(sku) = &line.sku else { continue };
        if wanted.len() < WANTED_MAX && !wanted.iter().any(|known| known.sku == *sku) {
            wanted.push(Wanted { sku: sku.clone(), barcode: None, title: line.title.clone() });
        }
    }
    known(ledger, scope, wanted).await
}

async fn known(ledger: &Ledger, scope: &Scope, mut wanted: Vec<Wanted>) -> Result<Vec<Wanted>, TradeError> {
    let skus: Vec<&str> = wanted.iter().map(|wanted| wanted.sku.as_str()).collect();
    let own = if skus.is_empty() { Vec::new() } else { catalog::by_skus(ledger, scope, &skus).await? };
    for (wanted, own) in wanted.iter_mut().zip(own) {
        let Some(variant) = own else { continue };
        let Some(variant) = ledger.get(scope, variant).await? else { continue };
        wanted.barcode = wanted.barcode.take().or_else(|| variant.barcode.clone());
        if wanted.title.is_none() {
            let product = ledger.get::<Product>(scope, variant.product).await?;
            wanted.title = product.map(|product| variant.full_title(&product));
        }
    }
    Ok(wanted)
}

/// Looks for what these may mean among all that partners share.
pub async fn suggest(ledger: &Ledger, scope: &Scope, wanted: &[Wanted]) -> Result<Suggested, TradeError> {
    let sought: Vec<Sought<'_>> = wanted.iter().map(Sought::of).collect();
    let mut found: Vec<Vec<Suggestion>> = wanted.iter().map(|_| Vec::new()).collect();
    let mut left = VARIANTS_LOOKED_AT_MAX;
    let mut complete = true;
    for partner in partners::opened_suppliers(ledger, scope).await? {
        let mut page = Page::first(PAGE_MAX);
        loop {
            if left == 0 {
                complete = false;
                break;
            }
            page.limit = PAGE_MAX.min(u32::try_from(left).unwrap_or(PAGE_MAX));
            let listed = ledger.list::<Variant>(&partner.scope, &page.of_state(None)).await?;
            left = left.saturating_sub(listed.records.len().max(1));
            let products = offered(ledger, &partner.scope, &listed.records).await?;
            for variant in &listed.records {
                let Some(product) = products.get(&variant.product) else { continue };
                for (sought, found) in sought.iter().zip(&mut found) {
                    found.extend(sought.compared(partner.link, variant, product));
                }
            }
            match listed.next {
                Some(next) => page.after = Some(next),
                None => break,
            }
        }
    }
    for found in &mut found {
        found.sort_by(|one, other| other.score.cmp(&one.score).then_with(|| one.title.cmp(&other.title)));
        found.truncate(SUGGESTIONS_MAX);
    }
    Ok(Suggested { data: found.into_iter().flatten().collect(), complete })
}

async fn offered(
    ledger: &Ledger,
    scope: &Scope,
    variants: &[Stored<Variant>],
) -> Result<HashMap<Id<Product>, Stored<Product>>, TradeError> {
    let ids: Vec<_> = variants.iter().map(|variant| variant.product).collect::<BTreeSet<_>>().into_iter().collect();
    let read = if ids.is_empty() { Vec::new() } else { ledger.get_many::<Product>(scope, &ids).await? };
    let offered = read.into_iter().flatten().filter(|product| product.is_offered());
    Ok(offered.map(|product| (product.id, product)).collect())
}

/// What is looked for, made ready to be compared many times.
struct Sought<'a> {
    wanted: &'a Wanted,
    sku: String,
    barcode: Option<String>,
    words: BTreeSet<String>,
}

impl<'a> Sought<'a> {
    fn of(wanted: &'a Wanted) -> Self {
        let words = wanted.title.as_deref().map(words).unwrap_or_default();
        Self { wanted, sku: bare(&wanted.sku), barcode: wanted.barcode.as_deref().and_then(digits), words }
    }

    fn compared(
        &self,
        partner_link: Id<PartnerLink>,
        variant: &Stored<Variant>,
        product: &Product,
    ) -> Option<Suggestion> {
        let title = variant.full_title(product);
        let mut reasons: Vec<(Because, u8)> = Vec::new();
        let barcode = variant.barcode.as_deref().and_then(digits);
        // A SKU that is a barcode is one, whichever side writes it so.
        let mine = [self.barcode.clone(), digits(&self.wanted.sku)];
        if barcode.is_some() && mine.contains(&barcode) {
            reasons.push((Because::Barcode, 100));
        }
        reasons.extend(variant.sku.as_deref().and_then(|sku| alike(&self.sku, &bare(sku))));
        reasons.extend(common_words(&self.words, &words(&title)).map(|percent| (Because::Title, percent / 2)));
        let score = reasons.iter().map(|(_, score)| *score).max()?;
        // What speaks for it besides decides among equals.
        let score = score.saturating_add(u8::try_from(reasons.len()).unwrap_or(0) - 1).min(100);
        let because = reasons.into_iter().map(|(because, _)| because).collect();
        let (sku, barcode) = (variant.sku.clone(), variant.barcode.clone());
        let for_sku = self.wanted.sku.clone();
        Some(Suggestion { for_sku, variant: variant.id, partner_link, sku, title, barcode, because, score })
    }
}

/// A SKU without case and punctuation.
fn bare(sku: &str) -> String {
    sku.chars().filter(|symbol| symbol.is_alphanumeric()).flat_map(char::to_uppercase).collect()
}

/// The digits of a barcode without leading zeros (a UPC is a GTIN with one more), if it is long enough to be one.
fn digits(barcode: &str) -> Option<String> {
    let digits: String = barcode.chars().filter(|symbol| !symbol.is_whitespace() && *symbol != '-').collect();
    let is_one = digits.len() >= 8 && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_one.then(|| digits.trim_start_matches('0').to_owned())
}

fn alike(mine: &str, theirs: &str) -> Option<(Because, u8)> {
    if mine.is_empty() || theirs.is_empty() {
        return None;
    }
    if mine == theirs {
        return Some((Because::Sku, 90));
    }
    let (short, long) = if mine.len() < theirs.len() { (mine, theirs) } else { (theirs, mine) };
    let is_part = short.len() >= COMMON_MIN && (long.ends_with(short) || long.starts_with(short));
    // The more of it they share, the likelier.
    is_part.then(|| (Because::PartOfSku, u8::try_from(40 + 45 * short.len() / long.len()).unwrap_or(u8::MAX)))
}

fn words(title: &str) -> BTreeSet<String> {
    let split = title.split(|symbol: char| !symbol.is_alphanumeric());
    split.filter(|word| word.chars().count() >= WORD_MIN).map(str::to_lowercase).collect()
}

/// Of the words of both, how many in a hundred are in both; `None` where that says nothing.
fn common_words(mine: &BTreeSet<String>, theirs: &BTreeSet<String>) -> Option<u8> {
    let common = mine.intersection(theirs).count();
    let percent = (100 * common).checked_div(mine.union(theirs).count())?;
    (percent >= WORDS_PERCENT_MIN).then(|| u8::try_from(percent).unwrap_or(100))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn skus_are_alike_but_for_case_punctuation_and_what_stands_around_them() {
        assert_eq!(alike(&bare("lamp-s"), &bare("LAMP S")), Some((Because::Sku, 90)));
        let part = |mine: &str, theirs: &str| alike(&bare(mine), &bare(theirs));
        assert_eq!(part("MY-LAMP-S", "LAMP-S").unwrap().0, Because::PartOfSku);
        assert!(part("MY-LAMP-S", "LAMP-S").unwrap().1 > part("MYOWNSHOP-LAMP-S", "LAMP-S").unwrap().1);
        for (mine, theirs) in [("LAMP-S", "LAMP-L"), ("XS", "MY-XS"), ("", "LAMP"), ("-", "-")] {
            assert_eq!(part(mine, theirs), None, "{mine} {theirs}");
        }
    }

    #[test]
    fn barcodes_are_the_same_with_and_without_leading_zeros() {
        assert_eq!(digits("0 36000-29145 2"), digits("036000291452"));
        assert_eq!(digits("0036000291452"), digits("36000291452"));
        assert_eq!((digits("1234567"), digits("LAMP-0001"), digits("")), (None, None, None));
    }

    #[test]
    fn titles_are_compared_by_their_words() {
        let common = |mine, theirs| common_words(&words(mine), &words(theirs));
        assert_eq!(common("Desk lamp, brass", "Brass DESK Lamp"), Some(100));
        assert_eq!(common("Desk lamp", "Desk chair, an oak one of many"), None);
        assert_eq!(common("", ""), None);
    }
}
