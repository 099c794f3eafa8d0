//! The registry of everything that has an id: its number in the store and the prefix people see.

/// What a record, an entry or an id is about.
///
/// The number is what an engine stores, the prefix is what people read (`ord_01jd…`). Numbers are never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
#[expect(missing_docs, reason = "each name says it")]
pub enum Kind {
    Account = 1,
    ApiKey = 2,
    User = 3,
    Staff = 4,
    Node = 5,
    PartnerLink = 6,
    Product = 7,
    Variant = 8,
    Location = 9,
    InventoryLevel = 10,
    Order = 11,
    PurchaseOrder = 12,
    Fulfilment = 13,
    Hold = 14,
    Answer = 15,
    SlotBlock = 16,
    Member = 17,
    Session = 18,
    Invitation = 19,
    PasswordReset = 20,
    Grant = 21,
    AccessReview = 22,
    Course = 23,
    Training = 24,
    Mail = 25,
    Ceremony = 26,
    Connection = 27,
    Mirror = 28,
    Destination = 29,
    Notice = 30,
    Follower = 31,
    WebhookEndpoint = 32,
    WebhookMessage = 33,
    Import = 34,
    SkuMapping = 35,
    PaymentMethod = 36,
    Charge = 37,
    Invoice = 38,
    Conformity = 39,
    Deletion = 40,
    PrivacyRequest = 41,
    Backup = 42,
    Drill = 43,
    FieldNotice = 44,
    SpentSlots = 45,
}

impl Kind {
    /// Every kind, in the order of their numbers.
    pub const ALL: [Self; 45] = [
        Self::Account,
        Self::ApiKey,
        Self::User,
        Self::Staff,
        Self::Node,
        Self::PartnerLink,
        Self::Product,
        Self::Variant,
        Self::Location,
        Self::InventoryLevel,
        Self::Order,
        Self::PurchaseOrder,
        Self::Fulfilment,
        Self::Hold,
        Self::Answer,
        Self::SlotBlock,
        Self::Member,
        Self::Session,
        Self::Invitation,
        Self::PasswordReset,
        Self::Grant,
        Self::AccessReview,
        Self::Course,
        Self::Training,
        Self::Mail,
        Self::Ceremony,
        Self::Connection,
        Self::Mirror,
        Self::Destination,
        Self::Notice,
        Self::Follower,
        Self::WebhookEndpoint,
        Self::WebhookMessage,
        Self::Import,
        Self::SkuMapping,
        Self::PaymentMethod,
        Self::Charge,
        Self::Invoice,
        Self::Conformity,
        Self::Deletion,
        Self::PrivacyRequest,
        Self::Backup,
        Self::Drill,
        Self::FieldNotice,
        Self::SpentSlots,
    ];

    /// The number an engine stores.
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// The kind with this number, if there is one.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.number() == number)
    }

    /// The prefix of its ids.
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Account => "acct",
            Self::ApiKey => "key",
            Self::User => "usr",
            Self::Staff => "staff",
            Self::Node => "node",
            Self::PartnerLink => "link",
            Self::Product => "prod",
            Self::Variant => "var",
            Self::Location => "loc",
            Self::InventoryLevel => "lvl",
            Self::Order => "ord",
            Self::PurchaseOrder => "po",
            Self::Fulfilment => "ful",
            Self::Hold => "hold",
            Self::Answer => "ans",
            Self::SlotBlock => "slots",
            Self::Member => "mem",
            Self::Session => "ses",
            Self::Invitation => "inv",
            Self::PasswordReset => "pwr",
            Self::Grant => "grant",
            Self::AccessReview => "rev",
            Self::Course => "crs",
            Self::Training => "trn",
            Self::Mail => "mail",
            Self::Ceremony => "cer",
            Self::Connection => "con",
            Self::Mirror => "mir",
            Self::Destination => "dest",
            Self::Notice => "ntc",
            Self::Follower => "fol",
            Self::WebhookEndpoint => "we",
            Self::WebhookMessage => "msg",
            Self::Import => "imp",
            Self::SkuMapping => "map",
            Self::PaymentMethod => "pm",
            Self::Charge => "ch",
            Self::Invoice => "in",
            Self::Conformity => "cfm",
            Self::Deletion => "del",
            Self::PrivacyRequest => "prv",
            Self::Backup => "bkp",
            Self::Drill => "drl",
            Self::FieldNotice => "fln",
            Self::SpentSlots => "spent",
        }
    }

    /// Its name in the API and in the log: `purchase_order`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::ApiKey => "api_key",
            Self::User => "user",
            Self::Staff => "staff",
            Self::Node => "node",
            Self::PartnerLink => "partner_link",
            Self::Product => "product",
            Self::Variant => "variant",
            Self::Location => "location",
            Self::InventoryLevel => "inventory_level",
            Self::Order => "order",
            Self::PurchaseOrder => "purchase_order",
            Self::Fulfilment => "fulfilment",
            Self::Hold => "hold",
            Self::Answer => "answer",
            Self::SlotBlock => "slot_block",
            Self::Member => "member",
            Self::Session => "session",
            Self::Invitation => "invitation",
            Self::PasswordReset => "password_reset",
            Self::Grant => "grant",
            Self::AccessReview => "access_review",
            Self::Course => "course",
            Self::Training => "training",
            Self::Mail => "mail",
            Self::Ceremony => "ceremony",
            Self::Connection => "connection",
            Self::Mirror => "mirror",
            Self::Destination => "destination",
            Self::Notice => "notice",
            Self::Follower => "follower",
            Self::WebhookEndpoint => "webhook_endpoint",
            Self::WebhookMessage => "webhook_message",
            Self::Import => "import",
            Self::SkuMapping => "sku_mapping",
            Self::PaymentMethod => "payment_method",
            Self::Charge => "charge",
            Self::Invoice => "invoice",
            Self::Conformity => "conformity",
            Self::Deletion => "deletion",
            Self::PrivacyRequest => "privacy_request",
            Self::Backup => "backup",
            Self::Drill => "drill",
            Self::FieldNotice => "field_notice",
            Self::SpentSlots => "spent_slots",
        }
    }

    /// Whether its ids begin with the moment of its own birth; those that are worked out from others' begin with theirs.
    pub const fn is_born_by_its_id(self) -> bool {
        !matches!(
            self,
            Self::Conformity
                | Self::Destination
                | Self::Hold
                | Self::InventoryLevel
                | Self::Invoice
                | Self::Member
                | Self::Mirror
                | Self::PrivacyRequest
                | Self::PurchaseOrder
        )
    }

    /// The kind with this API name, if there is one.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

impl serde::Serialize for Kind {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> serde::Deserialize<'de> for Kind {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        Self::from_name(&name).ok_or_else(|| serde::de::Error::custom("no such kind"))
    }
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// Names things that are spoken of below the crates that give them a body: `Id<Account>`.
macro_rules! names {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug)]
        pub enum $name {}
        impl crate::Kinded for $name {
            const KIND: Kind = Kind::$name;
        }
    )*};
}

names! {
    /// A merchant account: a retailer or a supplier; the unit of order, of keys and of scale.
    Account,
    /// A key to the API.
    ApiKey,
    /// A person who uses a merchant account.
    User,
    /// A person who runs the platform.
    Staff,
    /// One running `bonded` process.
    Node,
}

#[cfg(test)]
mod tests {
    use super::Kind;
    use std::collections::HashSet;

    #[test]
    fn numbers_prefixes_and_names_are_unique_and_found_again() {
        let mut prefixes = HashSet::new();
        for (place, kind) in Kind::ALL.into_iter().enumerate() {
            assert_eq!(usize::from(kind.number()), place + 1);
            assert_eq!(Kind::from_number(kind.number()), Some(kind));
            assert_eq!(Kind::from_name(kind.name()), Some(kind));
            assert!(prefixes.insert(kind.prefix()));
        }
        assert_eq!(Kind::from_number(0), None);
    }
}
