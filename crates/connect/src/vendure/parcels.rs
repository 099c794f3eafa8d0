//! Telling Vendure that a parcel has left: carrier, link and mark are one text there, its method.

use super::Vendure;
use super::documents::{PACK, SHIP};
use super::orders::ParcelRow;
use crate::platform::{Failure, FulfilmentWrite, RemoteOrder};
use serde::Deserialize;
use serde_json::{Value, json};

/// What a fulfilment's id begins with, and so each mark of a parcel.
const MARKS: &str = "ful_";
/// What stands for a carrier that nobody named.
const NO_CARRIER: &str = "Parcel";
/// How Vendure calls fulfilment by hand, which every server has unless it was taken away.
const HANDLER: &str = "manual-fulfillment";
/// The names of what a parcel sends.
const SENT: &[&str] = &["lines", "carrier", "number", "url"];

#[derive(Deserialize)]
struct PackedAnswer {
    packed: PackedRow,
}

#[derive(Deserialize)]
struct PackedRow {
    id: String,
}

/// What a method's text tells.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Told {
    pub carrier: Option<String>,
    pub url: Option<String>,
    pub mark: Option<String>,
}

/// Reads a method: `DHL (https://…) [ful_…]`, or whatever the shop's own people wrote.
pub(super) fn told(method: &str) -> Told {
    let marked =
        method.strip_suffix(']').and_then(|text| text.rsplit_once('[')).filter(|(_, mark)| mark.starts_with(MARKS));
    let (rest, mark) = marked.map_or((method, None), |(rest, mark)| (rest.trim_end(), Some(mark.to_owned())));
    let linked = rest.strip_suffix(')').and_then(|text| text.split_once("(https://"));
    let (carrier, url) =
        linked.map_or((rest, None), |(carrier, link)| (carrier.trim_end(), Some(format!("https://{link}"))));
    let carrier = Some(carrier.trim()).filter(|carrier| !carrier.is_empty() && *carrier != NO_CARRIER);
    Told { carrier: carrier.map(str::to_owned), url, mark }
}

fn method(write: &FulfilmentWrite) -> String {
    let carrier = write.carrier.as_deref().unwrap_or(NO_CARRIER);
    let link = write.url.as_ref().map(|url| format!(" ({url})")).unwrap_or_default();
    format!("{carrier}{link} [{}]", write.mark)
}

impl Vendure {
    pub(super) async fn send_parcel(&self, write: &FulfilmentWrite) -> Result<RemoteOrder, Failure> {
        let row = self.order_row(&write.order).await?;
        let known = row.parcels().find(|parcel| parcel.told().mark.as_deref() == Some(write.mark.as_str()));
        let (id, has_left) = match known {
            Some(parcel) => (parcel.id.clone(), ParcelRow::has_left(parcel)),
            None => (self.pack(write).await?, false),
        };
        if !has_left {
            self.act(SHIP, &[], json!({"fulfilment": id}), &["shipped"]).await?;
        }
        self.order_now(&write.order).await
    }

    async fn pack(&self, write: &FulfilmentWrite) -> Result<String, Failure> {
        let lines =
            write.lines.iter().map(|line| json!({"orderLineId": line.line.as_str(), "quantity": line.quantity}));
        let number = write.number.as_deref().unwrap_or_default();
        let arguments = json!([{"name": "method", "value": method(write)}, {"name": "trackingCode", "value": number}]);
        let handler = json!({"code": HANDLER, "arguments": arguments});
        let input = json!({"lines": lines.collect::<Value>(), "handler": handler});
        let answer = self.act(PACK, SENT, json!({"input": input}), &["packed"]).await?;
        let packed = PackedAnswer::deserialize(answer);
        packed.map(|answer| answer.packed.id).map_err(|_| Failure::Strange("a parcel without an id".to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::RemoteId;

    #[test]
    fn a_method_says_what_was_put_into_it() {
        for (carrier, url) in [
            (Some("DHL"), Some("https://dhl.example/T1?a=(b)")),
            (Some("UPS (Express)"), None),
            (None, Some("https://t.example/1")),
            (None, None),
        ] {
            let [carrier, url] = [carrier, url].map(|text| text.map(str::to_owned));
            let (mark, order) = ("ful_01jd".to_owned(), RemoteId::new("1"));
            let write = FulfilmentWrite {
                mark,
                order,
                lines: Vec::new(),
                carrier: carrier.clone(),
                number: None,
                url: url.clone(),
            };
            assert_eq!(told(&method(&write)), Told { carrier, url, mark: Some("ful_01jd".to_owned()) });
        }
    }

    #[test]
    fn a_method_of_the_shops_own_is_the_carrier() {
        let carrier = |text: &str| Told { carrier: Some(text.to_owned()), ..Told::default() };
        assert_eq!(told("Standard [express]"), carrier("Standard [express]"));
        assert_eq!(told("DHL"), carrier("DHL"));
        assert_eq!(told(""), Told::default());
    }
}
