// What a driver asks of a page. Each question answers {ready: value} or {why: "what is missing"}.

const squeeze = (text) => (text ?? "").replace(/\s+/g, " ").trim();
const quote = (text) => JSON.stringify(text);

const isVisible = (element) =>
  element.checkVisibility({ visibilityProperty: true }) && element.getClientRects().length > 0;

// The accessible name, as far as our pages need it: ARIA, labels, a button's value, text, alternatives of images.
const nameOf = (element) => {
  const named = (element.getAttribute("aria-labelledby") ?? "").split(/\s+/).filter(Boolean);
  const candidates = [
    named.map((id) => document.getElementById(id)?.textContent ?? "").join(" "),
    element.getAttribute("aria-label"),
    [...(element.labels ?? [])].map((label) => label.textContent).join(" "),
    element.matches("input[type=submit], input[type=button], input[type=reset]") ? element.value : "",
    element.alt,
    element.matches("input, select, textarea") ? "" : squeeze(element.innerText) || element.textContent,
    [...element.querySelectorAll("img[alt]")].map((image) => image.alt).join(" "),
    [...element.querySelectorAll("svg > title")].map((title) => title.textContent).join(" "),
    element.title,
  ];
  return candidates.map(squeeze).find(Boolean) ?? "";
};

const POINTED = `a[href], button, summary, input:not([type=hidden]), [role=button], [role=link], [role=tab],
  [role=menuitem], [role=switch], [role=checkbox], [role=radio], [role=option]`;
const FIELDS = "input:not([type=hidden], [type=submit], [type=button], [type=reset], [type=image]), select, textarea";

// A finder says in words what it looks for, and answers all elements that may be meant.
const byCss = (css) => ({ said: css, all: [...document.querySelectorAll(css)].slice(0, 1) });
const byName = (selector, name) => {
  const all = [...document.querySelectorAll(selector)].filter((element) => nameOf(element) === squeeze(name));
  return { said: quote(name), all };
};

const one = ({ said, all }) => {
  if (all.length === 0) return { why: `nothing is called ${said}` };
  const shown = all.filter(isVisible);
  if (shown.length === 0) return { why: `${said} is not visible` };
  if (shown.length > 1) return { why: `${shown.length} things are called ${said}` };
  const element = shown[0];
  const isOff = element.matches(":disabled") || element.getAttribute("aria-disabled") === "true";
  return isOff ? { why: `${said} is disabled` } : { ready: element };
};

// Where the mouse must go to hit it; in the way is whatever else is drawn there.
const point = (finder) => {
  const { ready: element, why } = one(finder);
  if (why) return { why };
  element.scrollIntoView({ block: "center", inline: "center", behavior: "instant" });
  const box = element.getClientRects()[0];
  const [x, y] = [box.left + box.width / 2, box.top + box.height / 2];
  const hit = document.elementFromPoint(x, y);
  const isHit = hit && (element.contains(hit) || [...(element.labels ?? [])].some((label) => label.contains(hit)));
  if (!isHit) return { why: `${finder.said} is covered by ${hit ? hit.outerHTML.slice(0, 80) : "nothing: it lies outside"}` };
  return { ready: { x, y } };
};

// Puts the cursor into a field with all its text selected; what cannot be typed into is set at once.
const enter = (finder, text) => {
  const { ready: field, why } = one(finder);
  if (why) return { why };
  if (field.readOnly) return { why: `${finder.said} is read-only` };
  field.scrollIntoView({ block: "center", behavior: "instant" });
  field.focus();
  if (field.matches("textarea, input:not([type=date], [type=time], [type=datetime-local], [type=month], [type=week], [type=color], [type=range])")) {
    field.select();
    return { ready: "typed" };
  }
  field.value = text;
  announce(field);
  return { ready: "set" };
};

const choose = (finder, choice) => {
  const { ready: field, why } = one(finder);
  if (why) return { why };
  const option = [...field.options].find((option) => squeeze(option.label) === choice || option.value === choice);
  if (!option) return { why: `${finder.said} offers no ${quote(choice)}` };
  field.focus();
  option.selected = true;
  announce(field);
  return { ready: true };
};

const announce = (field) => {
  field.dispatchEvent(new Event("input", { bubbles: true }));
  field.dispatchEvent(new Event("change", { bubbles: true }));
};

// What any page owes to people who cannot see it, as far as a program can tell.
const basics = () => {
  const all = (selector) => [...document.querySelectorAll(selector)];
  const wrong = [];
  const check = (isFine, what) => isFine || wrong.push(what);
  const show = (element) => element.cloneNode(false).outerHTML.slice(0, 120);
  check(squeeze(document.documentElement.lang), "<html> has no lang");
  check(squeeze(document.title), "the page has no title");
  const headings = all("h1").filter(isVisible);
  check(headings.length === 1, `the page has ${headings.length} h1: ${headings.map((h) => squeeze(h.innerText))}`);
  headings.forEach((heading) => check(squeeze(heading.innerText), "the h1 is empty"));
  const ids = all("[id]").map((element) => element.id);
  new Set(ids.filter((id, at) => ids.indexOf(id) !== at)).forEach((id) => wrong.push(`the id ${quote(id)} is there twice`));
  all(FIELDS).forEach((field) => check(nameOf(field), `a field has no label: ${show(field)}`));
  all("a[href], button, summary, input[type=submit], input[type=button], input[type=image], [role=button]")
    .filter((element) => element.type !== "submit" || element.tagName !== "INPUT" || element.hasAttribute("value"))
    .forEach((element) => check(nameOf(element), `something to press has no name: ${show(element)}`));
  all("img:not([alt])").forEach((image) => wrong.push(`an image has no alt: ${show(image)}`));
  all("[tabindex]").filter((element) => element.tabIndex > 0).forEach((element) => wrong.push(`a tabindex is positive: ${show(element)}`));
  for (const attribute of ["for", "aria-labelledby", "aria-describedby", "aria-controls"])
    for (const element of all(`[${attribute}]`))
      for (const id of element.getAttribute(attribute).split(/\s+/).filter(Boolean))
        check(document.getElementById(id), `${attribute} names ${quote(id)}, which is not there: ${show(element)}`);
  return { ready: wrong };
};

// Asks until there is an answer, for so many frames; a page that is hidden draws none, so a timer stands by.
const ask = (question, frames) =>
  new Promise((done) => {
    const step = () => {
      let answer;
      try {
        answer = question();
      } catch (error) {
        answer = { why: String(error) };
      }
      if ("ready" in answer || frames-- <= 0) return done(answer);
      let isNext = true;
      const next = () => {
        if (isNext) step();
        isNext = false;
      };
      requestAnimationFrame(next);
      setTimeout(next, 100);
    };
    step();
  });
