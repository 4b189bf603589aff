// A page that says data-live="SECONDS" is read anew that often, while somebody looks at it and isn't in the middle of it.
"use strict";
(function () {
  let main = document.querySelector("main[data-live]");
  if (!main) return;
  async function look() {
    const busy = main.contains(document.activeElement) || main.querySelector("details[open]");
    if (!document.hidden && !busy) {
      try {
        const answer = await fetch(location.href, { headers: { "X-Live": "1" } });
        const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("main");
        if (answer.ok && fresh) { main.replaceWith(fresh); main = fresh; }
      } catch (error) { /* the next look may get through */ }
    }
    if (main.dataset.live) setTimeout(look, Number(main.dataset.live) * 1000);
  }
  setTimeout(look, Number(main.dataset.live) * 1000);
})();
