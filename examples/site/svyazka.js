/*
 * Svyazka for a site: a lead form that survives double clicks and lost connections, and a booking widget.
 * One file without dependencies, copied beside your pages; docs/connect-your-site.md says how.
 *
 *   <form action="https://HUB/ingest/lead?key=KEY" method="post" data-svyazka="lead">...</form>
 *   <div data-svyazka="booking" data-hub="https://HUB" data-key="KEY"></div>
 *   <script type="module" src="svyazka.js"></script>
 *
 * The form works without it too. Nothing that a visitor types is kept in the browser.
 */
const WAIT = 12000; // ms: the hub answers within 8 s, and the way takes its time
const AGAIN = [3000, 7000, 15000, 30000]; // ms until we look what became of an accepted booking
const AHEAD = 30; // days

const SAY = {
  sending: "Отправляем…",
  sent: "Спасибо! Заявка принята, мы с вами свяжемся.",
  offline: "Нет связи. Не закрывайте страницу: отправим, как только она появится.",
  busy: "Слишком много попыток. Подождите минуту.",
  failed: "Не получилось. Попробуйте ещё раз или позвоните нам.",
  loading: "Загружаем…",
  silent: "Расписание сейчас недоступно. Попробуйте ещё раз или позвоните нам.",
  full: "Свободного времени нет. Выберите другой день или мастера.",
  taken: "Это время только что заняли. Выберите одно из ближайших свободных.",
  booked: "Вы записаны: ",
  accepted: "Заявка на запись принята. Подтвердим, как только салон её получит.",
  phone: "Проверьте номер телефона.",
  name: "Напишите, как вас зовут.",
  code: "Введите код из СМС от салона.",
};
const WHY = { code_needed: SAY.code, wrong_code: SAY.code, bad_phone: SAY.phone, no_name: SAY.name };

// What both share

let made = 0;
const id = () => `svz-${++made}`;
const pause = (ms) => new Promise((done) => setTimeout(done, ms));

/** An element with its attributes and children; texts are only ever texts. */
function el(tag, attributes, ...children) {
  const it = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) it.setAttribute(name, value);
  it.append(...children);
  return it;
}

/** Made once for each thing that is wanted, and sent again with each repeat of it. */
const newKey = () => [...crypto.getRandomValues(new Uint8Array(16))].map((b) => b.toString(16)).join("-");

/** Where the visitor came from: of the first page of this visit. */
function source() {
  try {
    const kept = JSON.parse(sessionStorage.svyazka || "{}");
    if (!sessionStorage.svyazka) {
      for (const [name, value] of new URLSearchParams(location.search)) {
        if (/^(utm_(source|medium|campaign|content|term)|start)$/.test(name)) kept[name] = value.slice(0, 200);
      }
      sessionStorage.svyazka = JSON.stringify(kept);
    }
    return kept;
  } catch {
    return {}; // a browser that keeps nothing
  }
}

/** One call: its status, 0 where no answer came, and body. */
async function call(url, fields) {
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(), WAIT);
  const asked = { signal: stop.signal, headers: { Accept: "application/json" }, credentials: "omit" };
  if (fields) Object.assign(asked, { method: "POST", body: new URLSearchParams(fields) });
  try {
    const answer = await fetch(url, asked);
    return { status: answer.status, body: await answer.json().catch(() => ({})) };
  } catch {
    return { status: 0, body: {} };
  } finally {
    clearTimeout(timer);
  }
}

/** Bring something until it has arrived: the hub knows a repeat by its key. */
async function bring(url, fields, tell) {
  tell(SAY.sending);
  for (let tries = 0; ; tries += 1) {
    const answer = await call(url, fields);
    if (answer.status && answer.status < 500) return answer;
    if (!navigator.onLine) {
      tell(SAY.offline);
      await new Promise((done) => addEventListener("online", done, { once: true }));
      tell(SAY.sending);
    } else if (tries > 2) return answer;
    else await pause(1000 * 2 ** tries);
  }
}

/** The line under a form that a screen reader reads out. */
function teller(form) {
  const line = el("p", { class: "svz-said", role: "status" });
  form.append(line);
  return (words, wrong) => {
    line.classList.toggle("svz-wrong", !!wrong);
    line.textContent = words;
  };
}

// The lead form

function lead(form) {
  const tell = teller(form);
  const opened = Date.now();
  let key, before, going;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (going) return;
    const fields = { ...source(), ...Object.fromEntries(new FormData(form)), page: location.href };
    delete fields.return_url;
    const said = JSON.stringify(fields);
    if (said !== before) [before, key] = [said, newKey()];
    going = true;
    const { status, body } = await bring(form.action, { ...fields, took: Date.now() - opened, idempotency_key: key }, tell);
    going = false;
    if (status >= 200 && status < 300) {
      form.reset();
      before = null;
      tell(SAY.sent);
      form.dispatchEvent(new CustomEvent("svyazka:sent", { bubbles: true, detail: body }));
    } else if (status === 422) wrong(form, body, tell);
    else tell(status === 429 ? SAY.busy : SAY.failed, true);
  });
}

/** Lead the visitor to the field that wasn't taken. */
function wrong(form, body, tell) {
  const name = body.errors?.[0]?.field;
  const field = form.elements[name];
  tell(SAY[name] || SAY.failed, true);
  if (!field?.focus) return;
  field.setAttribute("aria-invalid", "true");
  field.addEventListener("input", () => field.removeAttribute("aria-invalid"), { once: true });
  field.focus();
}

// The booking widget

function booking(root) {
  const { hub, key: site, consent = "Согласен на обработку персональных данных", policy } = root.dataset;
  const url = (path, query) => `${hub}/ingest/${path}?${new URLSearchParams({ key: site, ...query })}`;
  const opened = Date.now();
  let at = "";
  let key = newKey();
  let turn = 0; // what was asked before another choice was made is dropped

  const service = field("Услуга", "select", {});
  const staff = field("Мастер", "select", {});
  const days = choice("День");
  const times = choice("Время");
  const name = field("Ваше имя", "input", { name: "name", autocomplete: "name", required: "" });
  const phone = field("Телефон", "input", { name: "phone", type: "tel", autocomplete: "tel", required: "" });
  const code = field("Код из СМС", "input", { name: "code", autocomplete: "one-time-code", inputmode: "numeric" });
  const agree = field(consent, "input", { type: "checkbox", required: "" });
  agree.className = "svz-tick";
  agree.prepend(agree.box);
  if (policy) agree.append(" ", el("a", { href: policy }, "Подробнее"));
  const button = el("button", { type: "submit" }, "Записаться");
  const person = el("div", {}, name, phone, code, agree, button);
  const form = el("form", { class: "svz" }, service, staff, days, times, person);
  const tell = teller(form);
  const again = el("button", { type: "button" }, "Попробовать ещё раз");
  form.append(again);
  const hide = (...parts) => parts.forEach((part) => (part.hidden = true));

  function field(label, tag, attributes) {
    const box = el(tag, { id: id(), ...attributes });
    return Object.assign(el("p", {}, el("label", { for: box.id }, label), box), { box });
  }
  function choice(legend) {
    const list = el("div", { class: "svz-list" });
    return Object.assign(el("fieldset", {}, el("legend", {}, legend), list), { list });
  }
  function options(part, first, list) {
    part.box.replaceChildren(...[["", first], ...list].map(([value, text]) => el("option", { value }, text)));
  }
  function radios(part, list, text, pick) {
    const group = id();
    part.list.replaceChildren(
      ...list.map((value) => {
        const box = el("input", { type: "radio", id: id(), name: group, value });
        box.addEventListener("change", () => pick(value));
        return el("span", {}, box, el("label", { for: box.id }, text(value)));
      }),
    );
    part.hidden = !list.length;
    tell(list.length ? "" : SAY.full);
  }

  /** Ask the hub, and go on with its answer, unless another choice was made meanwhile. */
  async function ask(path, query, then) {
    const mine = ++turn;
    hide(again);
    tell(SAY.loading);
    const { status, body } = await call(url(path, query));
    if (mine !== turn) return;
    tell(status === 200 ? "" : status === 429 ? SAY.busy : SAY.silent, status !== 200);
    if (status === 200) return then(body.data || []);
    again.hidden = false;
    again.onclick = () => ask(path, query, then);
  }

  const what = () => ({ service: service.box.value, ...(staff.box.value && { staff: staff.box.value }) });

  function pickService() {
    hide(staff, days, times, person);
    options(staff, "Любой", []);
    if (!service.box.value) return;
    ask("staff", what(), (list) => {
      options(staff, "Любой", list.map((one) => [one.id, [one.name, one.position].filter(Boolean).join(", ")]));
      staff.hidden = list.length < 2;
      pickStaff();
    });
  }
  function pickStaff() {
    hide(days, times, person);
    const [first, last] = [0, AHEAD].map((n) => iso(new Date(Date.now() + n * 864e5)));
    ask("days", { ...what(), first, last }, (list) => radios(days, list, inWords, pickDay));
  }
  function pickDay(day) {
    hide(times, person);
    const free = (list) => [...new Set(list.map((slot) => slot.starts_at))];
    ask("slots", { ...what(), day }, (list) => radios(times, free(list), clock, pickTime));
  }
  function pickTime(value) {
    if (value !== at) key = newKey();
    at = value;
    person.hidden = false;
  }

  async function book(event) {
    event.preventDefault();
    if (button.disabled) return;
    button.disabled = true;
    const fields = {
      ...source(), ...what(), starts_at: at, name: name.box.value, phone: phone.box.value, "consent.text": consent,
      ...(code.box.value && { code: code.box.value }), page: location.href, took: Date.now() - opened,
    };
    const { status, body } = await bring(url("booking"), { ...fields, idempotency_key: key }, tell);
    button.disabled = false;
    if (body.status === "booked") return done(SAY.booked + whole(at));
    if (status === 200 || status === 202) return wait(body.id);
    if (status && status < 500) key = newKey(); // what comes next isn't what was refused
    if (body.status === "taken") return offer(body.slots || []);
    tell(WHY[body.code] || SAY[body.errors?.[0]?.field] || (status === 429 ? SAY.busy : SAY.failed), true);
    if (WHY[body.code] === SAY.code) {
      // Once asked for, it comes from the salon; who empties the field asks for another.
      if (!fields.code) await call(url("booking/code"), { name: fields.name, phone: fields.phone });
      code.hidden = false;
      code.box.focus();
    }
  }

  /** The time has gone: the next free ones stand in its place, and what was filled in stays. */
  function offer(slots) {
    at = "";
    hide(person);
    radios(times, slots.map((slot) => slot.starts_at), whole, pickTime);
    tell(SAY.taken, true);
    (times.list.querySelector("input") || service.box).focus();
  }

  async function wait(accepted) {
    done(SAY.accepted);
    for (const ms of AGAIN) {
      await pause(ms);
      const { body } = await call(url(`status/${accepted}`));
      if (body.status === "booked") return done(SAY.booked + whole(at));
      if (body.status === "taken" || body.status === "failed") return done(SAY.failed);
    }
  }

  function done(words) {
    const said = el("p", { class: "svz-done", tabindex: "-1" }, words);
    root.replaceChildren(el("div", { class: "svz" }, said));
    said.focus();
    root.dispatchEvent(new CustomEvent("svyazka:booked", { bubbles: true, detail: { at } }));
  }

  hide(staff, days, times, person, code, again);
  root.replaceChildren(form);
  service.box.addEventListener("change", pickService);
  staff.box.addEventListener("change", pickStaff);
  form.addEventListener("submit", book);
  options(service, SAY.loading, []);
  ask("services", {}, (list) => options(service, "Выберите услугу", list.map((one) => [one.id, priced(one)])));
}

function priced({ title, price_min: least, price_max: most, minutes }) {
  const price = least && `${least === most ? "" : "от "}${Number(least)} ₽`;
  return [title, price, minutes && `${minutes} мин`].filter(Boolean).join(" · ");
}

// Times are shown as the salon's clock shows them, wherever the visitor is

const iso = (day) => [day.getFullYear(), day.getMonth() + 1, day.getDate()].map((n) => `${n}`.padStart(2, "0")).join("-");
const clock = (time) => time.slice(11, 16);
const inWords = (day) =>
  new Date(`${day}T12:00`).toLocaleDateString("ru-RU", { weekday: "short", day: "numeric", month: "long" });
const whole = (time) => `${inWords(time.slice(0, 10))}, ${clock(time)}`;

// Looks: --svz-accent is the page's own colour

const looks = new CSSStyleSheet(); // a strict Content-Security-Policy lets it in, and no <style>
looks.replaceSync(`
.svz{max-width:30rem;line-height:1.5;--svz:var(--svz-accent,#1d4ed8)}
.svz p,.svz fieldset{margin:0 0 1rem;padding:0;border:0}
.svz legend,.svz label{display:block;font-weight:600;padding:0}
.svz select,.svz p:not(.svz-tick) input{width:100%;box-sizing:border-box;font:inherit;padding:.6rem;border:1px solid #6b7280;
 border-radius:.4rem;background:#fff;color:#111}
.svz-list{display:flex;flex-wrap:wrap;gap:.5rem}
.svz-list input{position:absolute;opacity:0}
.svz-list label{font-weight:400;padding:.5rem .8rem;border:1px solid #6b7280;border-radius:.4rem}
.svz-list input:checked+label,.svz button{background:var(--svz);color:#fff}
.svz :focus-visible,.svz-list :focus-visible+label{outline:3px solid var(--svz);outline-offset:2px}
.svz button{font:inherit;padding:.7rem 1.2rem;border:0;border-radius:.4rem}
.svz-tick label{display:inline}
.svz [hidden]{display:none}
.svz-wrong{color:#b91c1c}`);
document.adoptedStyleSheets = [...document.adoptedStyleSheets, looks];
source();
document.querySelectorAll("form[data-svyazka=lead]").forEach(lead);
document.querySelectorAll("[data-svyazka=booking]").forEach(booking);
