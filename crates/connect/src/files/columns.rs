//! What each format knows: its columns with the names that they go by in several languages, and which of them are needed.

use crate::csv::product_rows::ProductColumn;
use crate::csv::table::{Column, folded};
use serde::{Deserialize, Serialize};

/// What a file is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// Products and their variants, as Shopify's product CSV or plain.
    Products,
    /// Pieces counted of each variant at each location.
    Stock,
    /// A retailer's orders, one row a line.
    Orders,
    /// A supplier's parcels, one row a line.
    Fulfilments,
}

/// The names of a field: the first one is the field's own.
type Names = &'static [&'static str];

fn names_of<C: Column>() -> (Vec<Names>, Vec<&'static str>) {
    let needed = C::NEEDED.iter().map(|column| column.name()).collect();
    (C::NAMES.iter().map(|(_, names)| *names).collect(), needed)
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 4] = [Self::Products, Self::Stock, Self::Orders, Self::Fulfilments];

    /// As it is written: `products`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Products => "products",
            Self::Stock => "stock",
            Self::Orders => "orders",
            Self::Fulfilments => "fulfilments",
        }
    }

    /// The format of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.name() == name)
    }

    fn names(self) -> (Vec<Names>, Vec<&'static str>) {
        match self {
            Self::Products => names_of::<ProductColumn>(),
            Self::Stock => names_of::<StockColumn>(),
            Self::Orders => names_of::<OrderColumn>(),
            Self::Fulfilments => names_of::<ParcelColumn>(),
        }
    }

    /// The fields that a column can mean, by their own names.
    pub(super) fn fields(self) -> Vec<&'static str> {
        self.names().0.into_iter().filter_map(|names| names.first().copied()).collect()
    }

    /// The fields without which a file cannot be understood.
    pub(super) fn needed(self) -> Vec<&'static str> {
        self.names().1
    }

    /// The field that a column of this name most likely means.
    pub(super) fn field_of(self, column: &str) -> Option<&'static str> {
        let column = folded(column);
        let (names, _) = self.names();
        names.into_iter().find(|names| names.iter().any(|name| folded(name) == column))?.first().copied()
    }

    /// The fields by which rows that belong together are known; none where each row stands alone.
    pub(super) const fn group(self) -> &'static [&'static str] {
        match self {
            Self::Products => &["URL handle"],
            Self::Stock => &[],
            Self::Orders => &["Reference"],
            Self::Fulfilments => &["Purchase order", "Reference", "Fulfilment", "Tracking number"],
        }
    }

    /// The fields that are amounts of money, by which decimal commas are recognised.
    pub(super) const fn amounts(self) -> &'static [&'static str] {
        match self {
            Self::Products => &["Price", "Compare-at price"],
            Self::Orders => &["Price"],
            Self::Stock | Self::Fulfilments => &[],
        }
    }

    /// The fields that are a consumer's.
    pub(super) const fn consumer(self) -> &'static [&'static str] {
        match self {
            Self::Orders => {
                &["First name", "Last name", "Name", "Street", "Street 2", "City", "Postal code", "Region", "Country"]
            }
            Self::Products | Self::Stock | Self::Fulfilments => &[],
        }
    }
}

/// The columns of a stock file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StockColumn {
    Sku,
    Variant,
    Location,
    OnHand,
}

impl Column for StockColumn {
    const NAMES: &'static [(Self, Names)] = &[
        (Self::Sku, &["SKU", "Variant SKU", "Item number", "Artikelnummer", "Artikel-Nr.", "Référence", "Referencia"]),
        (Self::Variant, &["Variant"]),
        (Self::Location, &["Location", "Warehouse", "Lager", "Lagerort", "Entrepôt", "Emplacement", "Almacén"]),
        (
            Self::OnHand,
            &[
                "On hand",
                "Stock",
                "Quantity",
                "Inventory quantity",
                "Available",
                "Bestand",
                "Menge",
                "Anzahl",
                "Quantité",
                "Cantidad",
                "Existencias",
            ],
        ),
    ];
    const NEEDED: &'static [Self] = &[Self::OnHand];
}

/// The columns of an order file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OrderColumn {
    Reference,
    PlacedAt,
    Sku,
    Title,
    Quantity,
    Price,
    Currency,
    FirstName,
    LastName,
    Name,
    Street,
    Street2,
    City,
    PostalCode,
    Region,
    Country,
}

impl Column for OrderColumn {
    const NAMES: &'static [(Self, Names)] = &[
        (
            Self::Reference,
            &[
                "Reference",
                "Order",
                "Order number",
                "Order reference",
                "Bestellnummer",
                "Auftragsnummer",
                "Commande",
                "Numéro de commande",
                "Pedido",
                "Número de pedido",
            ],
        ),
        (Self::PlacedAt, &["Placed at", "Date", "Order date", "Created at", "Datum", "Bestelldatum", "Fecha"]),
        (Self::Sku, &["SKU", "Lineitem SKU", "Item number", "Artikelnummer", "Artikel-Nr.", "Référence", "Referencia"]),
        (Self::Title, &["Title", "Lineitem name", "Item", "Artikel", "Bezeichnung", "Titre", "Article", "Artículo"]),
        (Self::Quantity, &["Quantity", "Lineitem quantity", "Qty", "Menge", "Anzahl", "Quantité", "Cantidad"]),
        (Self::Price, &["Price", "Lineitem price", "Unit price", "Preis", "Einzelpreis", "Prix", "Precio"]),
        (Self::Currency, &["Currency", "Währung", "Devise", "Moneda"]),
        (Self::FirstName, &["First name", "Vorname", "Prénom", "Nombre"]),
        (Self::LastName, &["Last name", "Surname", "Nachname", "Nom", "Apellido", "Apellidos"]),
        (Self::Name, &["Name", "Shipping name", "Full name"]),
        (
            Self::Street,
            &[
                "Street",
                "Address",
                "Shipping address1",
                "Shipping street",
                "Straße",
                "Strasse",
                "Adresse",
                "Rue",
                "Dirección",
                "Calle",
            ],
        ),
        (Self::Street2, &["Street 2", "Address 2", "Shipping address2", "Adresszusatz", "Complément d'adresse"]),
        (Self::City, &["City", "Shipping city", "Ort", "Stadt", "Ville", "Ciudad"]),
        (Self::PostalCode, &["Postal code", "Zip", "Shipping zip", "Postcode", "PLZ", "Code postal", "Código postal"]),
        (Self::Region, &["Region", "State", "Province", "Shipping province", "Bundesland", "Région", "Provincia"]),
        (Self::Country, &["Country", "Shipping country", "Land", "Pays", "País"]),
    ];
    const NEEDED: &'static [Self] = &[Self::Reference, Self::Quantity, Self::Price, Self::Street, Self::Country];
}

/// The columns of a file of parcels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ParcelColumn {
    PurchaseOrder,
    Reference,
    Fulfilment,
    Line,
    Sku,
    Quantity,
    Carrier,
    Number,
    Url,
    ShippedAt,
}

impl Column for ParcelColumn {
    const NAMES: &'static [(Self, Names)] = &[
        (Self::PurchaseOrder, &["Purchase order"]),
        (Self::Reference, &["Reference", "Order", "Order number", "Bestellnummer", "Commande", "Pedido"]),
        (Self::Fulfilment, &["Fulfilment"]),
        (Self::Line, &["Line", "Position", "Pos.", "Ligne", "Línea"]),
        (Self::Sku, &["SKU", "Item number", "Artikelnummer", "Artikel-Nr.", "Référence", "Referencia"]),
        (Self::Quantity, &["Quantity", "Qty", "Menge", "Anzahl", "Quantité", "Cantidad"]),
        (
            Self::Carrier,
            &["Carrier", "Tracking company", "Versanddienst", "Spediteur", "Transporteur", "Transportista"],
        ),
        (Self::Number, &["Tracking number", "Tracking", "Sendungsnummer", "Numéro de suivi", "Número de seguimiento"]),
        (Self::Url, &["Tracking URL", "Tracking link"]),
        (Self::ShippedAt, &["Shipped at", "Ship date", "Versanddatum", "Date d'expédition", "Fecha de envío"]),
    ];
    const NEEDED: &'static [Self] = &[];
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_name_means_one_field_of_its_format() {
        for format in Format::ALL {
            let mut seen = HashSet::new();
            for names in format.names().0 {
                assert!(names.iter().all(|name| seen.insert(folded(name))), "{names:?} of {format:?}");
            }
            assert_eq!(Format::named(format.name()), Some(format));
            let fields = format.fields();
            let spoken = [format.group(), format.amounts(), format.consumer()].concat();
            assert!(spoken.iter().all(|field| fields.contains(field)), "{spoken:?} of {format:?}");
        }
    }

    #[test]
    fn names_in_four_languages_are_understood() {
        assert_eq!(Format::Stock.field_of(" artikel-nr. "), Some("SKU"));
        assert_eq!(Format::Orders.field_of("PLZ"), Some("Postal code"));
        assert_eq!(Format::Products.field_of("Prix"), Some("Price"));
        assert_eq!(Format::Fulfilments.field_of("Número de seguimiento"), Some("Tracking number"));
        assert_eq!(Format::Orders.field_of("E-Mail"), None);
    }
}
