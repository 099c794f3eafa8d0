//! Telling Medusa that a parcel has left: it is packed with our mark on it, then shipped with its label.

use super::orders::ParcelRow;
use super::wire::Call;
use super::{MARK, Medusa};
use crate::platform::body::set;
use crate::platform::{Failure, FulfilmentWrite, ParcelLine, RemoteOrder};
use serde_json::{Value, json};

/// The names of what a parcel sends.
const SENT: &[&str] = &["lines", "carrier", "number", "url"];

impl Medusa {
    pub(super) async fn send_parcel(&self, write: &FulfilmentWrite) -> Result<RemoteOrder, Failure> {
        let path = format!("/admin/orders/{}/fulfillments", write.order);
        let mut parcel = self.packed(write).await?;
        if parcel.is_none() {
            self.done(Call::post("parcel", SENT, &path, packing(write)).answering("id")).await?;
            parcel = self.packed(write).await?;
        }
        let strange = || Failure::Strange("a parcel that was just packed is not there".to_owned());
        let parcel = parcel.ok_or_else(strange)?;
        if parcel.shipped_at.is_none() {
            let place = format!("{path}/{}/shipments", parcel.id);
            self.done(Call::post("parcel", SENT, &place, shipping(write)).answering("id")).await?;
        }
        self.order_now(&write.order).await
    }

    /// The parcel with this mark, if it was packed.
    async fn packed(&self, write: &FulfilmentWrite) -> Result<Option<ParcelRow>, Failure> {
        let parcels = self.order_row(&write.order).await?.fulfillments;
        let is_meant =
            |parcel: &ParcelRow| parcel.canceled_at.is_none() && parcel.mark().as_deref() == Some(write.mark.as_str());
        Ok(parcels.into_iter().find(is_meant))
    }
}

fn lines(lines: &[ParcelLine]) -> Value {
    lines.iter().map(|line| json!({"id": line.line.as_str(), "quantity": line.quantity})).collect()
}

fn packing(write: &FulfilmentWrite) -> Value {
    // The label is for the shop's own people; only the metadata is shown to its buyers.
    let metadata =
        json!({MARK: write.mark, "carrier": write.carrier, "tracking_number": write.number, "tracking_url": write.url});
    json!({"items": lines(&write.lines), "metadata": metadata})
}

fn shipping(write: &FulfilmentWrite) -> Value {
    let mut body = json!({"items": lines(&write.lines)});
    if write.number.is_some() || write.url.is_some() {
        let url = write.url.as_deref().unwrap_or_default();
        let number = write.number.as_deref().unwrap_or_default();
        set(&mut body, "labels", json!([{"tracking_number": number, "tracking_url": url, "label_url": ""}]));
    }
    body
}
