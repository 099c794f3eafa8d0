//! What plain HTTP gets: a redirect for who reads, 426 for all else, and never an answer of the API.
//!
//! Source: RFC 9110 sections 15.4.2 and 15.5.22, RFC 2817 section 4 for the form of `Upgrade`.

use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Bytes of a plain request's head that are looked at.
const HEAD_BYTES_MAX: usize = 8 * 1024;

/// Bytes that are read and thrown away before closing, so that the answer arrives before the end of the connection.
const REST_BYTES_MAX: usize = 64 * 1024;

/// How long a plain request may take, from its first byte to the closing.
const PLAIN_LIMIT: Duration = Duration::from_secs(5);

/// Answers one plain connection and closes it. Whatever goes wrong concerns the caller alone.
pub async fn turn_away(mut stream: TcpStream, origin: &str) {
    let talk = async {
        let mut head = Vec::with_capacity(1024);
        while head.len() < HEAD_BYTES_MAX && !head.windows(4).any(|four| four == b"\r\n\r\n") {
            if stream.read_buf(&mut head).await? == 0 {
                break;
            }
        }
        stream.write_all(answer(&head, origin).as_bytes()).await?;
        stream.shutdown().await?;
        let mut rest = (&mut stream).take(REST_BYTES_MAX as u64);
        tokio::io::copy(&mut rest, &mut tokio::io::sink()).await
    };
    let _ = tokio::time::timeout(PLAIN_LIMIT, talk).await;
}

/// The answer to a request's head.
fn answer(head: &[u8], origin: &str) -> String {
    let text = String::from_utf8_lossy(head);
    let mut lines = text.split("\r\n");
    let mut words = lines.next().unwrap_or_default().split(' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    // A key that has travelled in clear must not be made to work by a silent redirect.
    let has_key =
        lines.any(|line| line.split(':').next().is_some_and(|name| name.eq_ignore_ascii_case("authorization")));
    let safe_target = target.starts_with('/') && target.bytes().all(|byte| byte.is_ascii_graphic());
    if matches!(method, "GET" | "HEAD") && safe_target && !has_key {
        return format!(
            "HTTP/1.1 301 Moved Permanently\r\nLocation: {origin}{target}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        );
    }
    let detail = if has_key {
        "Requests are answered over HTTPS only. The key in this request travelled unencrypted: replace it."
    } else {
        "Requests are answered over HTTPS only."
    };
    let body = format!(r#"{{"type":"about:blank","title":"Upgrade Required","status":426,"detail":"{detail}"}}"#);
    format!(
        "HTTP/1.1 426 Upgrade Required\r\nUpgrade: TLS/1.2, HTTP/1.1\r\nConnection: Upgrade, close\r\n\
         Content-Type: application/problem+json\r\nContent-Length: {}\r\n\r\n{}",
        body.len(),
        if method == "HEAD" { "" } else { &body }
    )
}

#[cfg(test)]
mod tests {
    use super::answer;

    const ORIGIN: &str = "https://api.example.com";

    #[test]
    fn a_reader_is_sent_to_the_same_place() {
        for (head, location) in [
            ("GET / HTTP/1.1\r\nHost: elsewhere.example\r\n\r\n", "https://api.example.com/"),
            ("GET /v1/orders?limit=2 HTTP/1.1\r\n\r\n", "https://api.example.com/v1/orders?limit=2"),
            ("HEAD /docs HTTP/1.0\r\n\r\n", "https://api.example.com/docs"),
        ] {
            let said = answer(head.as_bytes(), ORIGIN);
            assert!(said.starts_with("HTTP/1.1 301 "), "{said}");
            assert!(said.contains(&format!("\r\nLocation: {location}\r\n")), "{said}");
        }
    }

    #[test]
    fn all_else_must_upgrade() {
        for head in [
            "POST /v1/orders HTTP/1.1\r\n\r\n{}",
            "GET http://elsewhere.example/ HTTP/1.1\r\n\r\n",
            "GET //\u{1}x HTTP/1.1\r\n\r\n",
            "GET",
            "",
            "CONNECT x:443 HTTP/1.1\r\n\r\n",
        ] {
            assert!(answer(head.as_bytes(), ORIGIN).starts_with("HTTP/1.1 426 "), "{head}");
        }
    }

    #[test]
    fn a_key_in_clear_is_told_to_be_burnt() {
        let said = answer(b"GET /v1/orders HTTP/1.1\r\nauthorization: Bearer bk_live_x\r\n\r\n", ORIGIN);
        assert!(said.starts_with("HTTP/1.1 426 ") && said.contains("replace it"), "{said}");
        assert!(!said.contains("bk_live_x"));
    }
}
