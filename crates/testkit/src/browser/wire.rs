//! The developer protocol (CDP) over a pair of pipes: JSON messages, each ended by a zero byte.
//!
//! Pipes rather than a port: nobody else on the machine can reach the browser, and Chromium ends when the test does,
//! however the test ends. A thread reads, so that the wire belongs to no runtime.

use super::seen::Seen;
use super::trouble::Trouble;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use tokio::sync::oneshot;

type Answer = Result<Value, Trouble>;

/// The connection with one Chromium.
pub(super) struct Wire {
    output: Mutex<Box<dyn Write + Send>>,
    desk: Mutex<Desk>,
}

/// Who waits for what.
#[derive(Default)]
struct Desk {
    last_id: u64,
    has_ended: bool,
    waiting: HashMap<u64, (String, oneshot::Sender<Answer>)>,
    ears: HashMap<String, Weak<Seen>>,
}

impl Wire {
    /// Takes the pipes and reads until Chromium closes its end.
    pub(super) fn open(output: impl Write + Send + 'static, input: impl Read + Send + 'static) -> Arc<Self> {
        let wire = Arc::new(Self { output: Mutex::new(Box::new(output)), desk: Mutex::default() });
        let reader = Arc::downgrade(&wire);
        std::thread::spawn(move || read(BufReader::new(input), &reader));
        wire
    }

    /// Sends a command, to a page's session or to the browser itself, and waits for its answer.
    pub(super) async fn ask(&self, session: Option<&str>, command: &str, params: Value) -> Answer {
        let (sender, receiver) = oneshot::channel();
        self.send(session, command, &params, Some(sender))?;
        receiver.await.unwrap_or(Err(Trouble::Ended))
    }

    /// Sends a command whose answer interests nobody.
    pub(super) fn tell(&self, session: Option<&str>, command: &str, params: &Value) {
        // A browser that is gone has done whatever it was told.
        let _ = self.send(session, command, params, None);
    }

    /// From now on the events of a session are noted there.
    pub(super) fn hear(&self, session: &str, seen: &Arc<Seen>) {
        self.desk().ears.insert(session.to_owned(), Arc::downgrade(seen));
    }

    /// The events of a session interest nobody any more.
    pub(super) fn forget(&self, session: &str) {
        self.desk().ears.remove(session);
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn send(
        &self,
        session: Option<&str>,
        command: &str,
        params: &Value,
        sender: Option<oneshot::Sender<Answer>>,
    ) -> Result<(), Trouble> {
        let id = {
            let mut desk = self.desk();
            if desk.has_ended {
                return Err(Trouble::Ended);
            }
            desk.last_id += 1;
            let id = desk.last_id;
            if let Some(sender) = sender {
                desk.waiting.insert(id, (command.to_owned(), sender));
            }
            id
        };
        let mut message = json!({"id": id, "method": command, "params": params});
        if let (Some(session), Some(fields)) = (session, message.as_object_mut()) {
            fields.insert("sessionId".to_owned(), session.into());
        }
        let mut line = message.to_string().into_bytes();
        line.push(0);
        let mut output = self.output.lock().unwrap_or_else(PoisonError::into_inner);
        output.write_all(&line).and_then(|()| output.flush()).map_err(|_| Trouble::Ended)
    }

    fn take(&self, message: &Value) {
        let session = message.get("sessionId").and_then(Value::as_str);
        if let Some(id) = message.get("id").and_then(Value::as_u64) {
            let Some((command, sender)) = self.desk().waiting.remove(&id) else { return };
            let answer = match message.get("error") {
                Some(error) => Err(Trouble::refused(&command, text(error, "message"))),
                None => Ok(message.get("result").cloned().unwrap_or_default()),
            };
            let _ = sender.send(answer);
        } else if let Some(session) = session {
            let Some(seen) = self.desk().ears.get(session).and_then(Weak::upgrade) else { return };
            let params = message.get("params").unwrap_or(&Value::Null);
            if let Some((command, params)) = seen.note(text(message, "method"), params) {
                self.tell(Some(session), command, &params);
            }
        }
    }

    fn end(&self) {
        let ears = {
            let mut desk = self.desk();
            desk.has_ended = true;
            desk.waiting.clear();
            std::mem::take(&mut desk.ears)
        };
        ears.values().filter_map(Weak::upgrade).for_each(|seen| seen.end());
    }
}

/// A member of an object as text; empty when it is none.
pub(super) fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn read(mut input: impl BufRead, wire: &Weak<Wire>) {
    let mut line = Vec::new();
    while input.read_until(0, &mut line).is_ok_and(|length| length > 0) {
        line.pop();
        let Some(wire) = wire.upgrade() else { return };
        if let Ok(message) = serde_json::from_slice(&line) {
            wire.take(&message);
        }
        line.clear();
    }
    if let Some(wire) = wire.upgrade() {
        wire.end();
    }
}
