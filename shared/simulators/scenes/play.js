// What came of it is read anew every two seconds, while somebody looks at the page.
"use strict";
(function () {
  async function look() {
    if (!document.hidden) {
      try {
        const answer = await fetch("/play");
        const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("#feed");
        const feed = document.querySelector("#feed");
        if (answer.ok && fresh && fresh.innerHTML !== feed.innerHTML && !feed.contains(document.activeElement)) {
          feed.replaceChildren(...fresh.childNodes);
        }
      } catch (error) { /* the next look may get through */ }
    }
    setTimeout(look, 2000);
  }
  setTimeout(look, 1000);
})();
