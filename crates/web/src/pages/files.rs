//! Files: send one, look at what it would do, say what its columns mean, start it, undo it; and take files out.

mod upload;

use super::answer::{Refused, Shell, answered, go};
use super::form::{Attempt, Form, id_in};
use super::gate::{Access, Member, Page};
use super::{home, of_trade, when};
use crate::api::files::{FORMATS, reads, writes};
use crate::app::App;
use crate::page::{Params, cursor, read_cursor};
use crate::problem::Failure;
use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::{get, post};
use bonded_base::{Id, Kind, Moment};
use bonded_connect::files::{
    self, ColumnChoice, Counts, Encoding, Format, ImportRecord, ImportState, Kept, Mapping, RowProblem,
};
use bonded_people::users::Visitor;
use bonded_people::{PeopleError, Permission};
use bonded_trade::Page as Part;

/// Imports on a page.
const LISTED: u32 = 50;
/// Rows that were held on a page.
const PROBLEMS_SHOWN: usize = 100;

/// The names of the forms.
const SEND: &str = "send";
const COLUMNS: &str = "columns";

pub(super) fn pages() -> Vec<Page> {
    let (look, change) = (Access::Member(Permission::ImportsRead), Access::Member(Permission::ImportsWrite));
    vec![
        Page::get(look, "/files", get(list)),
        Page::post(change, "/files", upload::handler()),
        Page::get(look, "/files/{id}", get(show)),
        Page::post(change, "/files/{id}/columns", post(columns)),
        Page::post(change, "/files/{id}/start", post(start)),
        Page::post(change, "/files/{id}/resume", post(resume)),
        Page::post(change, "/files/{id}/undo", post(undo)),
        Page::post(change, "/files/{id}/discard", post(discard)),
    ]
}

struct Row {
    id: String,
    format: &'static str,
    state: &'static str,
    why: Option<String>,
    sent: String,
    rows: u64,
    rows_done: u64,
    counts: Counts,
}

#[derive(Template)]
#[template(path = "files.html")]
struct FilesPage {
    shell: Shell,
    rows: Vec<Row>,
    next: Option<String>,
    formats: Vec<super::form::Choice>,
    currency: String,
    wrong: Option<String>,
    exports: Vec<&'static str>,
    may_change: bool,
}

/// A column of a file, and what it can mean.
struct Column {
    name: String,
    field: String,
    is_named: bool,
}

/// How a row is understood.
struct Shown {
    line: u64,
    fields: String,
}

#[derive(Template)]
#[template(path = "file.html")]
struct FilePage {
    shell: Shell,
    row: Row,
    how: String,
    rows_until: Option<String>,
    columns: Vec<Column>,
    fields: Vec<&'static str>,
    columns_wrong: Option<String>,
    looked_at: Option<u64>,
    would: Counts,
    shown: Vec<Shown>,
    problems: Vec<RowProblem>,
    left: Vec<String>,
    more: Option<u32>,
    can: Can,
}

/// What can be done with an import as it stands, by whoever looks at it.
#[derive(Clone, Copy)]
#[expect(clippy::struct_excessive_bools, reason = "independent buttons")]
struct Can {
    start: bool,
    resume: bool,
    undo: bool,
    discard: bool,
    map: bool,
    bad_rows: bool,
}

fn row(kept: &Kept) -> Row {
    Row {
        id: kept.id().to_string(),
        format: kept.format.name(),
        state: match kept.state {
            ImportState::Receiving => "arriving",
            ImportState::Previewed => "waits for you",
            ImportState::Running => "running",
            ImportState::Done => "done",
            ImportState::Failed => "failed",
            ImportState::Undoing => "being undone",
            ImportState::Undone => "undone",
        },
        why: kept.why.as_deref().map(str::to_owned),
        sent: when(kept.id().born_at()),
        rows: kept.rows,
        rows_done: kept.counts.rows(),
        counts: kept.counts,
    }
}

async fn list(State(app): State<App>, Member(visitor): Member, params: Params) -> Result<Response, Refused> {
    params.only(&["after"])?;
    let after = params.text("after").map(|text| read_cursor(Kind::Import, text)).transpose()?;
    listed(&app, &visitor, &Attempt::default(), after).await
}

async fn listed(
    app: &App,
    visitor: &Visitor,
    sent: &Attempt,
    after: Option<(Moment, [u8; 16])>,
) -> Result<Response, Refused> {
    let part = Part { after, descending: true, ..Part::first(LISTED) };
    let (imports, next) = files::list(app.ledger(), &visitor.scope()?, part).await.map_err(of_trade)?;
    let may = |permission: Permission| visitor.permissions().contains(permission);
    let formats = FORMATS.iter().filter(|(_, format)| may(writes(*format)));
    let formats: Vec<_> = formats.map(|(name, _)| (*name, *name, *name == "products")).collect();
    let shown = FilesPage {
        shell: home::shell("Files", visitor).with_notice(sent.notice()),
        rows: imports.iter().map(row).collect(),
        next: next.map(|next| cursor(Kind::Import, next)),
        may_change: may(Permission::ImportsWrite) && !formats.is_empty(),
        formats: sent.choices(SEND, "format", formats),
        currency: sent.text(SEND, "currency", ""),
        wrong: sent.wrong(SEND),
        exports: FORMATS.iter().filter(|(_, format)| may(reads(*format))).map(|(name, _)| *name).collect(),
    };
    Ok(answered(sent.status(), &shown))
}

fn id_of(text: &str) -> Result<Id<ImportRecord>, PeopleError> {
    id_in(text, "there is no such import")
}

async fn show(
    State(app): State<App>,
    Member(visitor): Member,
    Path(id): Path<String>,
    params: Params,
) -> Result<Response, Refused> {
    params.only(&["from"])?;
    let from = params.parsed("from", "the place where the page before ended")?.unwrap_or(0);
    rendered(&app, &visitor, id_of(&id)?, &Attempt::default(), from).await
}

/// The page of one import, after something was done or refused.
async fn rendered(
    app: &App,
    visitor: &Visitor,
    id: Id<ImportRecord>,
    sent: &Attempt,
    from: u32,
) -> Result<Response, Refused> {
    let (ledger, scope) = (app.ledger(), visitor.scope()?);
    let kept = files::get(ledger, &scope, id).await.map_err(of_trade)?;
    let may_read = visitor.permissions().contains(reads(kept.format));
    let page = files::problems(ledger, &scope, id, from, PROBLEMS_SHOWN).await.map_err(of_trade)?;
    let preview = if kept.state == ImportState::Previewed && may_read {
        Some(files::preview(ledger, &scope, id).await.map_err(of_trade)?)
    } else {
        None
    };
    let shown = |row: &files::PreviewRow| {
        let fields = row.fields.iter().map(|(field, cell)| format!("{field}: {cell}")).collect::<Vec<_>>();
        Shown { line: row.line, fields: fields.join(" · ") }
    };
    let problems = match &preview {
        Some(preview) => preview.problems.clone(),
        None => page.rows,
    };
    let decimal = if kept.decimal_comma { "decimals with a comma" } else { "decimals with a point" };
    let file = FilePage {
        shell: home::shell(&format!("A file of {}", kept.format.name()), visitor)
            .with_notice(sent.notice())
            .with_error(sent.wrong_elsewhere([COLUMNS].into_iter())),
        how: format!("{}, cells apart by {:?}, {decimal}", encoding_words(kept.encoding), kept.delimiter),
        rows_until: kept.rows_until.map(when),
        columns: columns_of(&kept, sent),
        fields: files::fields(kept.format),
        columns_wrong: sent.wrong(COLUMNS),
        looked_at: preview.as_ref().map(|preview| preview.looked_at),
        would: preview.as_ref().map(|preview| preview.counts).unwrap_or_default(),
        shown: preview.iter().flat_map(|preview| &preview.rows).map(shown).collect(),
        problems,
        left: page.left.iter().map(|left| format!("{}: {}", left.record, left.reason)).collect(),
        more: page.next,
        can: can(visitor, &kept),
        row: row(&kept),
    };
    Ok(answered(sent.status(), &file))
}

const fn encoding_words(encoding: Encoding) -> &'static str {
    match encoding {
        Encoding::Utf8 => "UTF-8",
        Encoding::Utf16Le | Encoding::Utf16Be => "UTF-16",
        Encoding::Windows1252 => "Windows-1252",
    }
}

/// Each column with the field that it was taken for, or that was chosen just now. One whose name is not repeated cannot be
/// chosen for by it.
fn columns_of(kept: &Kept, sent: &Attempt) -> Vec<Column> {
    let mut chosen = sent.all(COLUMNS, "field").iter();
    let column = |column: &files::MappedColumn| {
        let is_named = column.is_named();
        let present = || column.field.clone().unwrap_or_default();
        let field = if is_named { chosen.next().cloned().unwrap_or_else(present) } else { present() };
        Column { name: column.name.clone(), field, is_named }
    };
    kept.columns.iter().map(column).collect()
}

fn can(visitor: &Visitor, kept: &Kept) -> Can {
    let has = |permission: Permission| visitor.permissions().contains(permission);
    let may = has(Permission::ImportsWrite) && has(writes(kept.format));
    let is = |states: &[ImportState]| may && states.contains(&kept.state);
    Can {
        start: is(&[ImportState::Previewed]),
        resume: is(&[ImportState::Failed]) && kept.chunks > 0,
        undo: is(&[ImportState::Done, ImportState::Failed]) && kept.chunks_done > 0,
        discard: is(&[ImportState::Previewed, ImportState::Done, ImportState::Failed, ImportState::Undone])
            && kept.rows_until.is_some(),
        map: has(Permission::ImportsWrite) && kept.columns.iter().any(files::MappedColumn::is_named),
        bad_rows: has(reads(kept.format)) && kept.counts.held > 0 && kept.rows_until.is_some(),
    }
}

/// Whoever does something with an import may write what it is about.
async fn allowed(app: &App, visitor: &Visitor, id: Id<ImportRecord>) -> Result<(), Refused> {
    let kept = files::get(app.ledger(), &visitor.scope()?, id).await.map_err(of_trade)?;
    permitted(visitor, kept.format)
}

fn permitted(visitor: &Visitor, format: Format) -> Result<(), Refused> {
    let needed = writes(format);
    let is_permitted = visitor.permissions().contains(needed);
    if is_permitted { Ok(()) } else { Err(Failure::not_permitted("role", needed).into()) }
}

/// Keeps what the columns of a file mean, for the next file that has them.
async fn columns(
    State(app): State<App>,
    Member(visitor): Member,
    Path(id): Path<String>,
    form: Form,
) -> Result<Response, Refused> {
    let id = id_of(&id)?;
    let work = async {
        let scope = visitor.scope()?;
        let kept = files::get(app.ledger(), &scope, id).await.map_err(of_trade)?;
        let choice = |(column, field): (&String, &String)| ColumnChoice {
            column: column.clone(),
            field: Some(field.clone()).filter(|field| !field.is_empty()),
        };
        let columns = form.all("column").iter().zip(form.all("field")).map(choice).collect();
        files::keep_mapping(app.ledger(), &scope, Mapping { format: kept.format, columns }).await.map_err(of_trade)
    };
    let notice = "This is what these columns mean from now on. Send the file again.";
    let done = work.await;
    rendered(&app, &visitor, id, &Attempt::after(done, notice, COLUMNS, form)?, 0).await
}

/// The page after a step, with what came of it.
async fn after<T>(
    app: &App,
    visitor: &Visitor,
    id: Id<ImportRecord>,
    done: Result<T, bonded_trade::TradeError>,
    notice: &'static str,
) -> Result<Response, Refused> {
    let sent = Attempt::after(done.map_err(of_trade), notice, "step", Form::default())?;
    rendered(app, visitor, id, &sent, 0).await
}

async fn start(State(app): State<App>, Member(visitor): Member, Path(id): Path<String>) -> Result<Response, Refused> {
    let id = id_of(&id)?;
    allowed(&app, &visitor, id).await?;
    let done = files::start(app.ledger(), &visitor.scope()?, id).await;
    after(&app, &visitor, id, done, "It is brought in. Open the page again to see how far it is.").await
}

async fn resume(State(app): State<App>, Member(visitor): Member, Path(id): Path<String>) -> Result<Response, Refused> {
    let id = id_of(&id)?;
    allowed(&app, &visitor, id).await?;
    let done = files::resume(app.ledger(), &visitor.scope()?, id).await;
    after(&app, &visitor, id, done, "It goes on where it stood.").await
}

async fn undo(State(app): State<App>, Member(visitor): Member, Path(id): Path<String>) -> Result<Response, Refused> {
    let id = id_of(&id)?;
    allowed(&app, &visitor, id).await?;
    let done = files::undo(app.ledger(), &visitor.scope()?, id).await;
    after(&app, &visitor, id, done, "It is taken back, as far as nobody has built on it.").await
}

async fn discard(State(app): State<App>, Member(visitor): Member, Path(id): Path<String>) -> Result<Response, Refused> {
    let id = id_of(&id)?;
    allowed(&app, &visitor, id).await?;
    let done = files::discard(app.ledger(), &visitor.scope()?, id).await;
    after(&app, &visitor, id, done, "What was kept of its rows is gone. What it did stays.").await
}

/// Where a file that has arrived is looked at.
fn onward(kept: &Kept) -> Response {
    go(&format!("/files/{}", kept.id()))
}
