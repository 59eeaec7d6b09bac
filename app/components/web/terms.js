// Shows what a term means, at the pointer, the keyboard's focus or a tap; one note for the whole page.
if (!document.getElementById("term-note")) {
  const note = Object.assign(document.createElement("div"), { id: "term-note", hidden: true });
  note.setAttribute("role", "tooltip");
  document.body.append(note);
  let shown = null;
  const show = (term) => {
    if (shown !== term) hide();
    shown = term;
    place();
  };
  const place = () => {
    note.textContent = shown.dataset.meaning;
    note.hidden = false;
    shown.setAttribute("aria-describedby", note.id);
    const at = shown.getClientRects()[0], { offsetWidth: wide, offsetHeight: high } = note;
    note.style.left = `${Math.max(8, Math.min(at.left, innerWidth - wide - 8))}px`;
    note.style.top = `${at.bottom + high + 10 > innerHeight ? at.top - high - 6 : at.bottom + 6}px`;
  };
  const hide = () => {
    shown?.removeAttribute("aria-describedby");
    shown = null;
    note.hidden = true;
  };
  const termOf = (event) => event.target.closest?.(".term");
  for (const kind of ["pointerover", "focusin", "click"]) document.addEventListener(kind, (event) => {
    const term = termOf(event);
    if (term) show(term);
    else if (kind === "click") hide();
  });
  document.addEventListener("pointerout", (event) => { if (termOf(event) && document.activeElement !== shown) hide(); });
  document.addEventListener("focusout", (event) => { if (termOf(event)) hide(); });
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") hide(); });
  document.addEventListener("scroll", () => shown && place(), true);
}
