//! Letters: a mail in words, as text and as HTML; written to be sent, and kept nowhere.

use super::link::{self, Origins};
use super::words::Words;
use super::{Mail, words};
use crate::MailAddress;
use askama::Template;
use bonded_base::{Id, Kind, Secret};
use bonded_ledger::{Ledger, LedgerError, Scope, Stored};

/// Characters of a line of text (RFC 5322 section 2.1.1 asks for 78 at most).
const LINE_CHARS: usize = 76;

/// A mail as it is sent. Its body may hold a code that lets somebody in, so nothing prints it.
pub struct Letter {
    /// Which mail it is.
    pub id: Id<Mail>,
    /// Where it goes.
    pub to: MailAddress,
    /// What the person is called; may be empty.
    pub name: String,
    /// Its subject, one line.
    pub subject: String,
    /// Its body as plain text.
    pub text: Secret<String>,
    /// The same as HTML that loads nothing.
    pub html: Secret<String>,
}

/// Writes a mail. The scope must be of the platform's account.
pub fn render(ledger: &Ledger, scope: &Scope, mail: &Stored<Mail>, origins: &Origins) -> Result<Letter, LedgerError> {
    let link = link::of(ledger, scope, &mail.matter, origins)?;
    // Writing to memory fails only if a value's own Display does, and these are all plain text.
    written(mail.id, mail, &link, origins).map_err(|_| LedgerError::Damaged(Kind::Mail))
}

/// Writes a mail with this link in it.
pub(super) fn written(
    id: Id<Mail>,
    mail: &Mail,
    link: &Secret<String>,
    origins: &Origins,
) -> Result<Letter, askama::Error> {
    let words = words::of(mail, origins);
    let wrapped = |paragraphs: &[String]| paragraphs.iter().map(|paragraph| wrap(paragraph)).collect();
    let (said, closing) = (wrapped(&words.said), wrapped(&words.closing));
    let text = Secret::new(Text { words: &words, said, closing, link: link.expose() }.render()?);
    let html = Secret::new(Html { words: &words, link: link.expose() }.render()?);
    Ok(Letter { id, to: mail.to.clone(), name: mail.name.clone(), subject: words.subject, text, html })
}

#[derive(Template)]
#[template(path = "mail/letter.html")]
struct Html<'a> {
    words: &'a Words,
    link: &'a str,
}

#[derive(Template)]
#[template(path = "mail/letter.txt")]
struct Text<'a> {
    words: &'a Words,
    said: Vec<String>,
    closing: Vec<String>,
    link: &'a str,
}

/// A paragraph in lines; a word that is too long for one stays whole.
fn wrap(paragraph: &str) -> String {
    let mut lines = String::with_capacity(paragraph.len() + paragraph.len() / LINE_CHARS);
    let mut width = 0;
    for word in paragraph.split_whitespace() {
        let letters = word.chars().count();
        if width > 0 && width + 1 + letters > LINE_CHARS {
            lines.push('\n');
            width = 0;
        } else if width > 0 {
            lines.push(' ');
            width += 1;
        }
        lines.push_str(word);
        width += letters;
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_short_and_no_word_is_broken() {
        let long = "x".repeat(100);
        let wrapped = wrap(&format!("{} {long} end", "word ".repeat(40)));
        assert!(wrapped.lines().all(|line| line.chars().count() <= LINE_CHARS || line == long), "{wrapped}");
        assert_eq!(wrapped.split_whitespace().count(), 42);
        assert_eq!(wrap(""), "");
    }
}
