//! All that is ever said to Vendure: its documents, whole, each valid against the real server's schema (a test asks it).

macro_rules! documents {
    ($($name:ident: $purpose:literal, $($file:literal),+;)+) => {
        $(pub const $name: Document = Document {
            purpose: $purpose,
            text: concat!($(include_str!(concat!("documents/", $file, ".graphql"))),+),
        };)+

        /// Every document.
        pub const ALL: &[Document] = &[$($name),+];
    };
}

/// A document of GraphQL, with its fragments, and what it is for.
#[derive(Clone, Copy, Debug)]
pub struct Document {
    /// What a call with it is for.
    pub purpose: &'static str,
    /// The document.
    pub text: &'static str,
}

documents! {
    SHOP: "shop", "shop";
    LOGIN: "login", "login";
    LOCATIONS: "locations", "locations";
    PRODUCTS: "products", "products", "product.fragment";
    CHANGED_VARIANTS: "products", "changed_variants";
    LEVELS: "levels", "levels";
    SET_LEVELS: "stock", "set_levels";
    ORDERS: "orders", "orders", "order.fragment";
    CREATE_DRAFT: "order", "create_draft";
    DELETE_DRAFT: "order", "delete_draft";
    ADDRESS_DRAFT: "order", "address_draft";
    ADD_LINE: "order", "add_line";
    SHIPPING_CHOICES: "order", "shipping_choices";
    COMPLETE_DRAFT: "order", "complete_draft";
    PAY: "order", "pay";
    CANCEL: "cancel", "cancel";
    PACK: "parcel", "pack";
    SHIP: "parcel", "ship";
    MARK: "products", "mark";
    CREATE_FACET: "product", "create_facet";
    CREATE_MARK: "product", "create_mark";
    CREATE_PRODUCT: "product", "create_product";
    UPDATE_PRODUCT: "product", "update_product";
    OPTION_GROUPS: "products", "option_groups";
    CREATE_GROUP: "product", "create_group";
    ADD_GROUP: "product", "add_group";
    CREATE_OPTION: "product", "create_option";
    CREATE_VARIANTS: "product", "create_variants";
    UPDATE_VARIANTS: "product", "update_variants";
    DELETE_VARIANTS: "product", "delete_variants";
}

#[cfg(test)]
mod tests {
    use super::ALL;

    #[test]
    fn no_document_asks_for_a_consumers_mail_or_phone() {
        for document in ALL {
            // What is sent stands in variables, so these words would be asked for.
            for word in ["emailAddress", "phoneNumber", "customer {", "billingAddress", "history"] {
                assert!(!document.text.contains(word), "{word} in {document:?}");
            }
        }
    }
}
