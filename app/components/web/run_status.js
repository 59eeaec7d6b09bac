// How far a run is: asks anew every few seconds, but only while this is in view; a page of newer weights is loaded before it is opened.
const EVERY = 4000;
const clock = setInterval(() => {
  if (!element.isConnected) return clearInterval(clock);
  if (element.offsetParent !== null && document.visibilityState === "visible") trigger("select", {});
}, EVERY);
element.addEventListener("click", async (event) => {
  const link = event.target.closest("a.model");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  link.textContent = "Loading: some seconds …";
  try {
    await fetch(link.href);
    location.assign(link.href);
  } catch {
    link.textContent = "The server does not answer: try again";
  }
});
