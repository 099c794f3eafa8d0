//! The mail server: whether it can be reached over verified TLS, and lets us in.

use super::Finding;
use crate::settings::Settings;
use bonded_connect::mail::Mailer;

/// Connects, proves who we are, and sends nothing.
pub async fn mail(settings: &Settings) -> Finding {
    let Some(server) = &settings.mail else {
        return Finding::warn(
            "mail",
            "no mail server is named, so invitations and notices wait",
            "name one in `mail.host`; docs/running.md shows how",
        );
    };
    let place = format!("{} port {}", server.host, server.port);
    let mailer = match Mailer::new(server.clone()) {
        Ok(mailer) => mailer,
        Err(error) => return Finding::fail("mail", error.to_string(), "correct `mail` in the configuration"),
    };
    match mailer.check().await {
        Ok(tls) => Finding::ok("mail", format!("{place} takes mail over TLS {}", tls.name())),
        Err(failure) => Finding::fail(
            "mail",
            format!("{place}: {failure}"),
            "until it is mended, mail waits; nothing goes in clear",
        ),
    }
}
