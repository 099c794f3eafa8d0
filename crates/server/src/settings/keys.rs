//! Every key of the configuration: its name, its default, and what it means.
//!
//! The file, the variables, the sample that `bonded init` writes and `docs/configuration.md` all come from this table.

/// A key of the configuration.
pub struct Key {
    /// As in the file: `public.listen` is `listen` in the section `[public]`.
    pub name: &'static str,
    /// What holds when nobody says otherwise; empty when nothing does.
    pub default: &'static str,
    /// What it means, in one or two short sentences.
    pub about: &'static str,
}

impl Key {
    /// The variable of the environment that says the same: `BONDED_PUBLIC_LISTEN`.
    pub fn variable(&self) -> String {
        format!("{VARIABLE_PREFIX}{}", self.name.replace('.', "_").to_uppercase())
    }

    /// The section and the name in it; the section is empty for the keys at the top.
    pub fn parts(&self) -> (&'static str, &'static str) {
        self.name.split_once('.').unwrap_or(("", self.name))
    }
}

/// Begins the name of every variable.
pub const VARIABLE_PREFIX: &str = "BONDED_";

pub const ENVIRONMENT: &str = "environment";
pub const DATA: &str = "data";
pub const ORIGIN: &str = "origin";
pub const NAME: &str = "name";
pub const THREADS: &str = "threads";
pub const DRAIN_SECONDS: &str = "drain_seconds";
pub const PUBLIC_LISTEN: &str = "public.listen";
pub const PUBLIC_NAMES: &str = "public.names";
pub const PUBLIC_CERTIFICATE: &str = "public.certificate";
pub const PUBLIC_KEY: &str = "public.key";
pub const PUBLIC_CONNECTIONS: &str = "public.connections";
pub const PUBLIC_REQUESTS_PER_SECOND: &str = "public.requests_per_second";
pub const PUBLIC_REQUESTS_AT_ONCE: &str = "public.requests_at_once";
pub const PRIVATE_LISTEN: &str = "private.listen";
pub const PRIVATE_ORIGIN: &str = "private.origin";
pub const PRIVATE_CERTIFICATE: &str = "private.certificate";
pub const PRIVATE_KEY: &str = "private.key";
pub const PRIVATE_CONNECTIONS: &str = "private.connections";
pub const IDENTITY_CHECK: &str = "identity.check";
pub const IDENTITY_HEADER: &str = "identity.header";
pub const IDENTITY_ISSUER: &str = "identity.issuer";
pub const IDENTITY_AUDIENCE: &str = "identity.audience";
pub const IDENTITY_KEYS: &str = "identity.keys";
pub const DATABASE_ENGINE: &str = "database.engine";
pub const DATABASE_URL: &str = "database.url";
pub const DATABASE_URL_FILE: &str = "database.url_file";
pub const DATABASE_ROOT_CERTIFICATE: &str = "database.root_certificate";
pub const KEYS_PRIMARY: &str = "keys.primary";
pub const KEYS_REPLICAS: &str = "keys.replicas";
pub const KEYS_UNSEAL_WITH: &str = "keys.unseal_with";
pub const HSM_MODULE: &str = "hsm.module";
pub const HSM_TOKEN: &str = "hsm.token";
pub const HSM_PIN_FILE: &str = "hsm.pin_file";
pub const MAIL_HOST: &str = "mail.host";
pub const MAIL_PORT: &str = "mail.port";
pub const MAIL_TLS: &str = "mail.tls";
pub const MAIL_FROM: &str = "mail.from";
pub const MAIL_USER: &str = "mail.user";
pub const MAIL_PASSWORD_FILE: &str = "mail.password_file";
pub const MAIL_ROOT_CERTIFICATE: &str = "mail.root_certificate";
pub const OUTBOUND_LOOPBACK: &str = "outbound.loopback";
pub const OUTBOUND_ROOT_CERTIFICATE: &str = "outbound.root_certificate";
pub const OUTBOUND_SHOPIFY: &str = "outbound.shopify";
pub const STRIPE_KEY_FILE: &str = "stripe.key_file";
pub const STRIPE_WEBHOOK_SECRET_FILES: &str = "stripe.webhook_secret_files";
pub const STRIPE_API_VERSION: &str = "stripe.api_version";
pub const STRIPE_ADDRESS: &str = "stripe.address";
pub const SHOPIFY_CLIENT_ID: &str = "shopify.client_id";
pub const SHOPIFY_CLIENT_SECRET_FILE: &str = "shopify.client_secret_file";
pub const SHOPIFY_OLDER_SECRET_FILES: &str = "shopify.older_secret_files";
pub const BACKUP_PLACES: &str = "backup.places";
pub const BACKUP_RECIPIENTS: &str = "backup.recipients";
pub const BACKUP_SIGNER: &str = "backup.signer";
pub const BACKUP_KEEP_NEWEST: &str = "backup.keep_newest";
pub const BACKUP_KEEP_DAILY: &str = "backup.keep_daily";
pub const BACKUP_KEEP_MONTHLY: &str = "backup.keep_monthly";
pub const LOG_FORMAT: &str = "log.format";
pub const LOG_LEVEL: &str = "log.level";

/// The whole table, in the order of the sample file.
pub const KEYS: [Key; 58] = [
    Key {
        name: ENVIRONMENT,
        default: "production",
        about: "production, staging or development. Bound into every key: data of one opens in no other.",
    },
    Key {
        name: DATA,
        default: "bonded-data",
        about: "Directory of this server's own files: the embedded database, certificates, the operator's socket.",
    },
    Key {
        name: ORIGIN,
        default: "",
        about: "How the world reaches the public listener, as https://api.example.com. Default: its name and port.",
    },
    Key {
        name: NAME,
        default: "",
        about: "The deployment's name in its signed logs, as bonded.example. Never change it. Default: the first of public.names.",
    },
    Key { name: THREADS, default: "", about: "Worker threads. Default: one for each core of the machine." },
    Key {
        name: DRAIN_SECONDS,
        default: "30",
        about: "How long a stop waits for requests that are being answered, 0 to 600.",
    },
    Key {
        name: PUBLIC_LISTEN,
        default: "127.0.0.1:8443",
        about: "Address and port of the API and its docs. 0.0.0.0:443 serves the world.",
    },
    Key {
        name: PUBLIC_NAMES,
        default: "localhost",
        about: "Host names that a certificate of the local authority is made for.",
    },
    Key {
        name: PUBLIC_CERTIFICATE,
        default: "",
        about: "PEM file with the certificate and its chain. Default: one of the local authority.",
    },
    Key {
        name: PUBLIC_KEY,
        default: "",
        about: "PEM file with the certificate's private key, readable by its owner alone.",
    },
    Key { name: PUBLIC_CONNECTIONS, default: "10000", about: "Connections at once; more wait to be accepted." },
    Key {
        name: PUBLIC_REQUESTS_PER_SECOND,
        default: "20000",
        about: "Requests a second that one API key may send over time; what is more is refused with 429.",
    },
    Key {
        name: PUBLIC_REQUESTS_AT_ONCE,
        default: "40000",
        about: "Requests that one API key may send at once, before that rate holds.",
    },
    Key {
        name: PRIVATE_LISTEN,
        default: "127.0.0.1:8444",
        about: "Address and port of health and figures. A loopback or private address, never one of the internet.",
    },
    Key {
        name: PRIVATE_ORIGIN,
        default: "",
        about: "How staff reach the private listener, as https://console.example.com. Default: its address and port.",
    },
    Key { name: PRIVATE_CERTIFICATE, default: "", about: "As public.certificate, for the private listener." },
    Key { name: PRIVATE_KEY, default: "", about: "As public.key, for the private listener." },
    Key { name: PRIVATE_CONNECTIONS, default: "256", about: "Connections at once; more wait to be accepted." },
    Key {
        name: IDENTITY_CHECK,
        default: "",
        about: "required: the private listener answers only what its identity-aware proxy vouches for. off: on loopback only. Default: off if it is on loopback and nothing else is said here.",
    },
    Key {
        name: IDENTITY_HEADER,
        default: "",
        about: "Header with the proxy's signed assertion: x-goog-iap-jwt-assertion, x-pomerium-jwt-assertion or another.",
    },
    Key { name: IDENTITY_ISSUER, default: "", about: "The assertion's issuer (iss), letter by letter." },
    Key { name: IDENTITY_AUDIENCE, default: "", about: "The assertion's audience (aud), letter by letter." },
    Key {
        name: IDENTITY_KEYS,
        default: "",
        about: "The issuer's public keys (a JWK set, or Google's PEM by name): a file, or an address that begins with https://.",
    },
    Key { name: DATABASE_ENGINE, default: "sqlite", about: "sqlite (embedded) or postgres (a server beside it)." },
    Key {
        name: DATABASE_URL,
        default: "",
        about: "postgres://user@host/database. With a password only as variable; the file takes it without.",
    },
    Key {
        name: DATABASE_URL_FILE,
        default: "",
        about: "File that holds the URL with its password, readable by its owner alone.",
    },
    Key {
        name: DATABASE_ROOT_CERTIFICATE,
        default: "",
        about: "PEM file of the authority that signed PostgreSQL's certificate. Default: the machine's own authorities.",
    },
    Key {
        name: KEYS_PRIMARY,
        default: "",
        about: "Directory of the tree of keys, never in a backup. Default: beside the data directory, its name with -keys.",
    },
    Key {
        name: KEYS_REPLICAS,
        default: "",
        about: "Further directories, each a complete copy of the tree, best on other disks.",
    },
    Key {
        name: KEYS_UNSEAL_WITH,
        default: "",
        about: "An officer's identity file, used at each start. For development and staging; refused in production.",
    },
    Key {
        name: HSM_MODULE,
        default: "",
        about: "The maker's PKCS#11 library of a hardware module. It holds the keys after `bonded keys move --to hsm`.",
    },
    Key { name: HSM_TOKEN, default: "", about: "The label of the token in it." },
    Key {
        name: HSM_PIN_FILE,
        default: "",
        about: "File that holds the token's user PIN, readable by its owner alone. None where the module asks for none.",
    },
    Key {
        name: MAIL_HOST,
        default: "",
        about: "The server that takes our mail, by the name that its certificate says. Without one, mail waits.",
    },
    Key { name: MAIL_PORT, default: "", about: "Its port. Default: 587 for starttls, 465 for implicit." },
    Key {
        name: MAIL_TLS,
        default: "starttls",
        about: "starttls (TLS after a greeting, without fail) or implicit (TLS from the first byte). Nothing goes in clear.",
    },
    Key { name: MAIL_FROM, default: "", about: "Whom mail is from, as Bonded <no-reply@example.com>." },
    Key { name: MAIL_USER, default: "", about: "Our user at the mail server, if it asks for one." },
    Key {
        name: MAIL_PASSWORD_FILE,
        default: "",
        about: "File that holds that user's password, readable by its owner alone.",
    },
    Key {
        name: MAIL_ROOT_CERTIFICATE,
        default: "",
        about: "PEM file of the authority that signed the mail server's certificate. Default: the machine's own authorities.",
    },
    Key {
        name: OUTBOUND_LOOPBACK,
        default: "false",
        about: "true: connections and webhooks may lead to this very machine. For development; refused in production.",
    },
    Key {
        name: OUTBOUND_ROOT_CERTIFICATE,
        default: "",
        about: "PEM file of an authority that calls to other systems trust, besides the machine's own.",
    },
    Key {
        name: OUTBOUND_SHOPIFY,
        default: "",
        about: "Address of a counterpart that stands for all of Shopify's shops. For development; refused in production. Default: each shop's own name.",
    },
    Key {
        name: STRIPE_KEY_FILE,
        default: "",
        about: "File that holds the platform account's secret or restricted key, readable by its owner alone. Without one there are no payments.",
    },
    Key {
        name: STRIPE_WEBHOOK_SECRET_FILES,
        default: "",
        about: "Files with what Stripe's webhooks may be signed with: the newest, and the old one while that still holds.",
    },
    Key {
        name: STRIPE_API_VERSION,
        default: "2025-09-30.clover",
        about: "The version of Stripe's API that is asked for.",
    },
    Key {
        name: STRIPE_ADDRESS,
        default: "",
        about: "Where a stand-in for Stripe is, as https://localhost:4711. For tests; refused in production.",
    },
    Key {
        name: SHOPIFY_CLIENT_ID,
        default: "",
        about: "The client id of this deployment's own app at Shopify, which merchants install. Without one, shops are connected by tokens of apps made in them.",
    },
    Key {
        name: SHOPIFY_CLIENT_SECRET_FILE,
        default: "",
        about: "File that holds that app's client secret, readable by its owner alone.",
    },
    Key {
        name: SHOPIFY_OLDER_SECRET_FILES,
        default: "",
        about: "Files with secrets before it that Shopify may still sign with, while a new one is brought in.",
    },
    Key {
        name: BACKUP_PLACES,
        default: "",
        about: "Where backups go, two or more: directories, and files ending in .toml that say how an object store is reached.",
    },
    Key {
        name: BACKUP_RECIPIENTS,
        default: "",
        about: "Public keys (age1…) whose holders can open backups. Their identities belong neither here nor into a backup.",
    },
    Key {
        name: BACKUP_SIGNER,
        default: "",
        about: "Whose signature on backups counts, as `bonded backup list` prints it. Default: this server's own, or the first seen.",
    },
    Key { name: BACKUP_KEEP_NEWEST, default: "28", about: "How many of the newest backups are kept." },
    Key { name: BACKUP_KEEP_DAILY, default: "30", about: "Of how many days the last backup is kept." },
    Key { name: BACKUP_KEEP_MONTHLY, default: "12", about: "Of how many months the last backup is kept." },
    Key { name: LOG_FORMAT, default: "text", about: "text (for people) or json (a line an event, for machines)." },
    Key { name: LOG_LEVEL, default: "info", about: "error, warn, info, debug or trace." },
];

/// The key with this name.
pub fn named(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn no_two_keys_share_a_variable() {
        let variables: HashSet<_> = KEYS.iter().map(Key::variable).collect();
        assert_eq!(variables.len(), KEYS.len());
        assert!(variables.contains("BONDED_DATABASE_URL_FILE"));
    }

    #[test]
    fn the_meter_s_defaults_are_the_api_s_own() {
        let default = |name| named(name).unwrap().default.parse::<u32>().unwrap();
        assert_eq!(default(PUBLIC_REQUESTS_PER_SECOND), bonded_web::REQUESTS_PER_SECOND);
        assert_eq!(default(PUBLIC_REQUESTS_AT_ONCE), bonded_web::REQUESTS_AT_ONCE);
    }

    #[test]
    fn the_payment_gateway_s_version_is_the_client_s_own() {
        assert_eq!(named(STRIPE_API_VERSION).unwrap().default, bonded_connect::stripe::VERSION);
    }

    #[test]
    fn the_docs_have_a_row_for_each_key() {
        let docs = include_str!("../../../../docs/configuration.md");
        for key in &KEYS {
            let default = if key.default.is_empty() { String::new() } else { format!("`{}`", key.default) };
            let row = format!("| `{}` | `{}` | {default} | {} |", key.name, key.variable(), key.about);
            assert!(docs.contains(&row), "docs/configuration.md needs this row:\n{row}");
        }
    }
}
