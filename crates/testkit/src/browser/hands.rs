//! What a person's hands do to a page: the mouse and the keyboard, through Chromium's own input, never by scripts.

use super::page::Page;
use super::trouble::Trouble;
use serde_json::{Value, json};

/// Keys that [`Page::press`] knows: name, code, virtual key, the text it types.
const KEYS: [(&str, &str, u32, &str); 9] = [
    ("Enter", "Enter", 13, "\r"),
    (" ", "Space", 32, " "),
    ("Tab", "Tab", 9, ""),
    ("Escape", "Escape", 27, ""),
    ("Backspace", "Backspace", 8, ""),
    ("ArrowUp", "ArrowUp", 38, ""),
    ("ArrowDown", "ArrowDown", 40, ""),
    ("ArrowLeft", "ArrowLeft", 37, ""),
    ("ArrowRight", "ArrowRight", 39, ""),
];

/// How the protocol names the Shift key.
const SHIFT: u32 = 8;

impl Page {
    /// Clicks on the first thing that the CSS selector names, once it is visible, enabled and covered by nothing.
    #[track_caller]
    pub fn click(&self, css: &str) -> impl Future<Output = ()> + Send {
        self.or_fail(format!("click {css}"), self.click_found(format!("byCss({})", json!(css))))
    }

    /// Clicks on the one link, button or box of this name: its label, else its text. Panics if there are two.
    #[track_caller]
    pub fn click_on(&self, name: &str) -> impl Future<Output = ()> + Send {
        self.or_fail(format!("click on {name:?}"), self.click_found(format!("byName(POINTED, {})", json!(name))))
    }

    /// Puts a text into the field that the CSS selector names, in place of what is there.
    #[track_caller]
    pub fn fill(&self, css: &str, text: &str) -> impl Future<Output = ()> + Send {
        self.or_fail(format!("fill {css}"), self.fill_found(format!("byCss({})", json!(css)), text))
    }

    /// Puts a text into the field with this label, in place of what is there.
    #[track_caller]
    pub fn fill_in(&self, label: &str, text: &str) -> impl Future<Output = ()> + Send {
        self.or_fail(format!("fill in {label:?}"), self.fill_found(format!("byName(FIELDS, {})", json!(label)), text))
    }

    /// Chooses, by its text or its value, an option of the list that the CSS selector names.
    #[track_caller]
    pub fn choose(&self, css: &str, option: &str) -> impl Future<Output = ()> + Send {
        let question = format!("() => choose(byCss({}), {})", json!(css), json!(option));
        self.or_fail(format!("choose {option:?} in {css}"), async move {
            self.poll(&question).await?;
            self.settle().await
        })
    }

    /// Puts files into the file field that the CSS selector names.
    #[track_caller]
    pub fn attach(&self, css: &str, file: &std::path::Path) -> impl Future<Output = ()> + Send {
        self.or_fail(format!("attach to {css}"), async move {
            let expression = format!("document.querySelector({})", json!(css));
            let field = self.tab.ask("Runtime.evaluate", json!({"expression": expression})).await?;
            let id = field.pointer("/result/objectId");
            let id = id.ok_or_else(|| Trouble::Wrong("there is no such field".to_owned()))?;
            self.tab.ask("DOM.setFileInputFiles", json!({"files": [file], "objectId": id})).await?;
            self.settle().await
        })
    }

    /// Sends the form in which the cursor is, as a person does: with the Enter key.
    #[track_caller]
    pub fn submit(&self) -> impl Future<Output = ()> + Send {
        self.or_fail("send the form".to_owned(), self.press_key("Enter"))
    }

    /// Presses a key where the focus is: `Enter`, ` `, `Tab`, `Shift+Tab`, `Escape`, `Backspace` or an arrow.
    #[track_caller]
    pub fn press(&self, key: &str) -> impl Future<Output = ()> + Send {
        self.or_fail(format!("press {key:?}"), self.press_key(key))
    }

    async fn click_found(&self, finder: String) -> Result<(), Trouble> {
        let place = self.poll(&format!("() => point({finder})")).await?;
        for (event, buttons) in [("mouseMoved", 0), ("mousePressed", 1), ("mouseReleased", 0)] {
            let button = if event == "mouseMoved" { "none" } else { "left" };
            self.tab
                .ask(
                    "Input.dispatchMouseEvent",
                    json!({
                        "type": event, "button": button, "buttons": buttons, "clickCount": i32::from(button == "left"),
                        "x": place.get("x"), "y": place.get("y"),
                    }),
                )
                .await?;
        }
        self.settle().await
    }

    async fn fill_found(&self, finder: String, text: &str) -> Result<(), Trouble> {
        let way = self.poll(&format!("() => enter({finder}, {})", json!(text))).await?;
        if way.as_str() == Some("typed") {
            if text.is_empty() {
                self.strike("Backspace", 0).await?;
            } else {
                self.tab.ask("Input.insertText", json!({"text": text})).await?;
            }
        }
        self.settle().await
    }

    async fn press_key(&self, key: &str) -> Result<(), Trouble> {
        match key.strip_prefix("Shift+") {
            Some(key) => self.strike(key, SHIFT).await?,
            None => self.strike(key, 0).await?,
        }
        self.settle().await
    }

    async fn strike(&self, key: &str, modifiers: u32) -> Result<(), Trouble> {
        let known = KEYS.iter().find(|known| known.0 == key);
        let (_, code, number, types) = known.ok_or_else(|| Trouble::Wrong("no such key is known".to_owned()))?;
        let down = if types.is_empty() { "rawKeyDown" } else { "keyDown" };
        for (event, types) in [(down, *types), ("keyUp", "")] {
            let mut params = json!({
                "type": event, "key": key, "code": code, "windowsVirtualKeyCode": number, "modifiers": modifiers,
            });
            if let (false, Value::Object(fields)) = (types.is_empty(), &mut params) {
                fields.insert("text".to_owned(), types.into());
            }
            self.tab.ask("Input.dispatchKeyEvent", params).await?;
        }
        Ok(())
    }
}
