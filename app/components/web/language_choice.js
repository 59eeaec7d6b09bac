// The languages of the page as links; a click changes the page where it stands, so that the visitor's faces stay.
const languages = window.pageLanguage?.languages ?? {}, nav = element.querySelector("nav");

nav.append(...Object.entries(languages).map(([code, { name, lang }]) => {
  const link = Object.assign(document.createElement("a"), { href: `?lang=${code}`, textContent: name, lang, hreflang: lang });
  link.dataset.language = code;
  link.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return; // to a window of its own
    event.preventDefault();
    window.pageLanguage.choose(code);
  });
  return link;
}));

function mark() {
  for (const link of nav.children) {
    if (link.dataset.language === window.pageLanguage?.now) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }
}
document.addEventListener("language", mark);
mark();
