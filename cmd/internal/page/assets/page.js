// Pages work without this. With it they keep themselves up to date, know the browser's
// time zone, and take single keys.
(() => {
  const base = document.body.dataset.base;
  const keep = (name, value) => { document.cookie = `${name}=${encodeURIComponent(value)}; path=${base}/; max-age=31536000; samesite=lax`; };
  const main = () => document.getElementById("main");

  // The zone of the browser, until somebody chooses one.
  if (!/(^|; )tagexec_tz=/.test(document.cookie)) {
    const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
    if (zone) keep("tagexec_tz", zone);
  }

  // A page asks for itself again as often as it says, unless nobody looks.
  let last = Date.now();
  const busy = () => document.hidden || main().querySelector("tbody input:checked") || document.querySelector("dialog[open], details.settings[open]") || String(getSelection()) !== "";
  setInterval(() => {
    const every = Number(main().dataset.poll) * 1000;
    if (!every || Date.now() - last < every || busy()) return;
    last = Date.now();
    main().dispatchEvent(new Event("poll"));
  }, 500);

  // The output of a running attempt is appended to what is there. Its end stays in sight
  // if it is; of more than 5,000 lines the first go.
  const most = 5000;
  let followed = null;
  const follow = async () => {
    const box = document.getElementById("output"), note = document.getElementById("output-note");
    const url = document.getElementById("output-of")?.dataset.follow;
    if (!box || document.hidden) return;
    if (url && url !== followed?.url) {
      followed = { url, from: 0, tick: 0 };
      box.textContent = "";
    }
    const f = followed;
    if (!f || f.ended || f.asking || f.from > 0 && f.tick++ % 2) return;
    f.asking = true;
    try {
      const answer = await fetch(`${f.url}&from=${f.from}`);
      if (!answer.ok) { f.ended = answer.status === 404 || answer.status === 403; return; }
      const text = await answer.text(), said = (name) => answer.headers.get("Tagexec-" + name);
      if (f !== followed) return;
      const atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < 8;
      if (Number(said("From")) < f.from) box.textContent = "";
      if (text) {
        box.hidden = false;
        box.append(text);
        const lines = box.textContent.split("\n");
        if (lines.length > most + 1 && (atEnd || lines.length > 2 * most)) box.textContent = lines.slice(-most - 1).join("\n");
      }
      f.from = Number(said("Next"));
      f.ended = said("Ended") === "true";
      note.textContent = said("Note") || "";
      note.hidden = !note.textContent;
      if (atEnd) box.scrollTop = box.scrollHeight;
    } catch { /* asked again */ } finally { f.asking = false; }
  };
  if (document.getElementById("output")) setInterval(follow, 500);

  // A deed on many jobs goes on by itself, until it is done or somebody leaves.
  setTimeout(() => document.querySelector("form[data-go]")?.requestSubmit(), 300);

  // Keys.
  const rows = () => [...main().querySelectorAll("tbody tr")].filter((row) => row.querySelector("a"));
  let row = -1, before = "";
  const go = (step) => {
    const list = rows();
    if (list.length === 0) return;
    row = Math.min(list.length - 1, Math.max(0, row + step));
    list[row].querySelector("a").focus();
  };
  const places = { o: "/", b: "/batches", j: "/jobs", t: "/tags", p: "/pools", e: "/executors" };
  const press = (name) => { const b = main().querySelector(`[data-key="${name}"]`); if (b) b.click(); };
  document.addEventListener("keydown", (event) => {
    if (document.body.dataset.keys === "off" || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest("input, select, textarea, dialog[open]")) return;
    const key = event.key, after = before;
    before = key;
    if (after === "g" && places[key]) { location.href = base + places[key]; return event.preventDefault(); }
    switch (key) {
      case "/": document.getElementById("find").focus(); break;
      case "j": go(1); break;
      case "k": go(-1); break;
      case "x": { const box = document.activeElement.closest("tr")?.querySelector("input[type=checkbox]"); if (box) box.click(); break; }
      case "c": press("c"); break;
      case "r": press("r"); break;
      case ".": document.getElementById("live").click(); break;
      case "?": document.getElementById("keyhelp").showModal(); break;
      default: return;
    }
    event.preventDefault();
  });

  // A box above others stands for all of them.
  document.documentElement.classList.add("js");
  document.addEventListener("change", (event) => {
    if (!event.target.matches("[data-all]")) return;
    for (const box of event.target.closest("table").querySelectorAll("tbody input[type=checkbox]")) box.checked = event.target.checked;
  });

  // Copy what a button names; also over plain http, where there is no clipboard API.
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    const text = document.getElementById(button.dataset.copy).textContent;
    if (navigator.clipboard) { navigator.clipboard.writeText(text); } else {
      const area = document.createElement("textarea");
      area.value = text;
      document.body.append(area);
      area.select();
      document.execCommand("copy");
      area.remove();
    }
    button.textContent = "copied";
  });
})();
