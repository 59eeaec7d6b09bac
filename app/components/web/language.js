// The page in another language: sentences of a catalogue (app/language/*.json) take the place of the English ones wherever they
// appear, and give them back when English is chosen. LANGUAGES = {code: {name, lang, address or sentences}} stands before this file.
// A block is looked up with its inline elements as numbered tags, `Keep <1>this</1> one`; parts that vary are `{1}`, `{2}`, ...
// What visitors type, values of fields and names of files are left alone. window.pageLanguage = {now, languages, choose, say, english}.
(() => {
  if (window.pageLanguage) return;
  const KEY = "latentface-language", ENGLISH = "en";
  const INLINE = new Set("A ABBR B BR CODE EM I KBD MARK OUTPUT SMALL SPAN STRONG SUB SUP U VAR".split(" ")); // as in tools/sentences/markup.py
  const SILENT = new Set("SCRIPT STYLE TEXTAREA NOSCRIPT TEMPLATE MATH math".split(" "));
  const READ = ["title", "aria-label", "aria-description", "aria-valuetext", "placeholder", "alt"];
  const DEEPEST = 6; // parts within parts
  const WEAK = 8; // letters of a pattern's own below which its parts must be understood too
  const KEPT = 4000; // answers that are remembered
  const STOPS = { ".": "。", ",": "，", ":": "：", ";": "；", "?": "？", "!": "！" };
  const first = (navigator.languages?.[0] ?? navigator.language ?? ENGLISH).toLowerCase();
  // gradio's own words in English too: they stand in the catalogue like all others, so that one choice changes the whole page
  for (const [name, value] of [["language", ENGLISH], ["languages", [ENGLISH]]]) Object.defineProperty(navigator, name, { get: () => value, configurable: true });

  const known = (code) => code === ENGLISH || Object.hasOwn(LANGUAGES, code);
  const stored = (store) => { try { return window[store].getItem(KEY); } catch { return null; } }; // where a browser keeps nothing
  const store = (name, code) => { try { window[name].setItem(KEY, code); } catch { /* the address holds it */ } };
  function preferred() {
    const asked = new URLSearchParams(location.search).get("lang");
    if (known(asked)) store("sessionStorage", asked); // for the pages that this one leads to
    return [asked, stored("sessionStorage"), stored("localStorage"), first.split("-")[0]].find(known) ?? ENGLISH;
  }

  // ---- the catalogue
  let exact = new Map(), byWord = new Map(), bare = [], cache = new Map();
  const wordsOf = (text) => text.toLowerCase().match(/[\p{L}\p{N}_]*\p{L}{2,}[\p{L}\p{N}_]*/gu) ?? [];
  const escaped = (text) => text.replace(/[.*+?^${}()|[\]\\\/]/g, "\\$&");
  const lettered = (text, change) => text.slice(0, 1)[change]() + text.slice(1);
  function compile(sentences) {
    exact = new Map(), byWord = new Map(), bare = [], cache = new Map();
    const patterns = [], often = new Map();
    for (const [english, translated] of Object.entries(sentences)) {
      if (!/\{\d+\}/.test(english)) { exact.set(english, translated); continue; }
      const order = [...english.matchAll(/\{(\d+)\}/g)].map(([, number]) => number), own = english.split(/\{\d+\}/);
      let source = own.map(escaped).join("([^]*?)");
      if (/^\p{L}/u.test(english)) source = `[${english[0].toLowerCase()}${english[0].toUpperCase()}]${source.slice(1)}`;
      const end = own.at(-1) === "" || /[.!?:]$/.test(english) ? "$" : "(\\.?)$";
      const words = wordsOf(english.replace(/[\p{L}\p{N}_]*\{\d+\}[\p{L}\p{N}_]*/gu, " ").replace(/<\/?\d+>/g, " "));
      const pattern = { re: new RegExp(`^${source}${end}`, "u"), order, translated, words, weight: own.join("").replace(/<\/?\d+>/g, "").match(/\p{L}/gu)?.length ?? 0 };
      patterns.push(pattern);
      for (const word of new Set(words)) often.set(word, (often.get(word) ?? 0) + 1);
    }
    for (const pattern of patterns) { // each under its rarest word
      const word = pattern.words.reduce((best, one) => (best === null || often.get(one) < often.get(best) ? one : best), null);
      if (word === null) bare.push(pattern);
      else byWord.set(word, [...(byWord.get(word) ?? []), pattern]);
    }
  }

  // ---- one sentence: each of these gives the translation, or null
  const foreign = (text) => !/(?<![\p{L}\p{N}_-])\p{Ll}{2,}(?![\p{N}_-])/u.test(text.replace(/<\/?\d+>/g, " ")); // no word of English, but for names such as CelebA, face_head, paper-64
  const asIs = (text) => exact.get(text) ?? exact.get(lettered(text, "toLowerCase")) ?? exact.get(lettered(text, "toUpperCase"));
  const listed = (text) => asIs(text) ?? asIs(`${text}.`)?.replace(/。$/, "");
  const joined = (parts) => parts.reduce((all, part) => all + (all && !/[，。：；？！、（\s]$/.test(all) && /[\p{L}\p{N}]$/u.test(all) && /^[\w(<]/.test(part) ? " " : "") + part, "");
  function matched(text, depth) { // {clear, weak, rough}: by a pattern with enough letters of its own, by another; with parts that are not understood
    const candidates = [...new Set(wordsOf(text.replace(/<\/?\d+>/g, " ")))].flatMap((word) => byWord.get(word) ?? []).concat(bare);
    const answers = { clear: null, weak: null, rough: null };
    for (const { re, order, translated, weight } of candidates.sort((a, b) => b.weight - a.weight)) {
      const found = re.exec(text);
      if (!found) continue;
      const parts = {};
      let clear = true;
      order.forEach((number, i) => {
        const part = found[i + 1], said = depth < DEEPEST && part ? whole(part, depth + 1) : null;
        parts[number] = said ?? part;
        clear &&= foreign(parts[number]);
      });
      const result = translated.replace(/\{(\d+)\}/g, (_, number) => parts[number]) + (found[order.length + 1] ? "。" : "");
      if (clear && weight >= WEAK) return { ...answers, clear: result };
      if (clear) answers.weak ??= result;
      else if (weight >= WEAK) answers.rough ??= result;
    }
    return answers;
  }
  function quoted(text) { // `words` as the catalogue has them
    if (!/`[^`]+`/.test(text)) return null;
    const held = [], tagged = text.replace(/`([^`]+)`/g, (_, inner) => { held.push(inner); return `<${held.length}>${inner}</${held.length}>`; });
    const { clear, rough } = matched(tagged, 1);
    return (listed(tagged) ?? clear ?? rough)?.replace(/<\/?\d+>/g, "`") ?? null;
  }
  function apart(text, depth) { // marked words, and those around them, each by themselves
    const parts = text.split(/(<(\d+)>[^]*?<\/\2>)/).filter((_, i) => i % 3 !== 2);
    if (parts.length < 2) return null;
    const said = parts.map((part) => {
      const [, number, inner] = /^<(\d+)>([^]*)<\/\1>$/.exec(part) ?? [];
      const found = whole(inner ?? part, depth + 1);
      return found === null || !number ? found : `<${number}>${found}</${number}>`;
    });
    return said.some((one) => one !== null) ? said.map((one, i) => one ?? parts[i]).join("") : null;
  }
  function whole(text, depth = 0) {
    const [, before, inner, after] = /^(\s*)([^]*?)(\s*)$/.exec(text);
    if (!inner || depth > DEEPEST) return null;
    let said = listed(inner) ?? null;
    if (said === null) {
      const { clear, weak, rough } = matched(inner, depth);
      said = clear ?? quoted(inner) ?? trimmed(inner, depth) ?? pieces(inner, depth) ?? weak ?? (depth ? sentences(inner, depth) : null) ?? rough ?? (depth ? apart(inner, depth) : null);
    }
    return said === null ? null : before + said + after;
  }
  function trimmed(text, depth) { // signs before, stops behind, a number at the end
    const [, before, inner, after] = /^([^\p{L}\p{N}<{`"'(\[√]*)([^]*?)([^\p{L}\p{N}>}`"')\]%°²]*)$/u.exec(text) ?? [];
    if (inner && inner !== text) {
      const said = whole(inner, depth + 1);
      if (said !== null) return before + said.replace(/[。.]$/, after ? "" : "$&") + after.replace(/^[.,:;?!](?=\s*$)/, (stop) => STOPS[stop]);
    }
    const numbered = /^([^]*[^\d\s.,:+−–±-])\s+([+−–±-]?[\d.,]+(?:\s?[%°])?)$/.exec(text) ?? [];
    const named = numbered[1] && (listed(numbered[1]) ?? null);
    return named ? `${named} ${numbered[2]}` : null;
  }
  function pieces(text, depth) { // a list whose members are understood, or a phrase with more in brackets
    if (depth >= DEEPEST) return null;
    for (const [mark, sign] of [[" · ", " · "], ["; ", "；"], [", ", "，"], [" / ", " / "], [": ", "："], [" and ", "和"]]) {
      if (!text.includes(mark)) continue;
      const parts = text.split(mark), said = parts.map((part) => whole(part, depth + 1));
      if (said.some((one) => one !== null) && parts.every((part, i) => foreign(said[i] ?? part))) return said.map((one, i) => one ?? parts[i]).join(sign);
    }
    const [, outside, inside, rest] = /^([^()]+) \(([^()]+)\)([.:,]?)$/.exec(text) ?? [];
    if (outside) {
      const one = whole(outside, depth + 1), two = whole(inside, depth + 1);
      if (foreign(one ?? outside) && foreign(two ?? inside) && (one ?? two) !== null) return `${one ?? outside}（${two ?? inside}）${STOPS[rest] ?? ""}`;
    }
    return null;
  }
  function sentences(text, depth = 0) { // several after one another: as many at once as the catalogue has together
    const parts = text.split(/(?<=[.!?:;…])\s+/), said = [];
    if (parts.length < 2 || parts.length > 24) return null;
    let is = false;
    for (let from = 0; from < parts.length; ) {
      let to = parts.length, found = null;
      for (; to > from; to--) if ((found = whole(parts.slice(from, to).join(" "), depth + 1)) !== null) break;
      is ||= found !== null;
      said.push(found ?? parts[from]);
      from = found === null ? from + 1 : to;
    }
    return is ? joined(said) : null;
  }
  function say(text) { // translated, or null where the catalogue has nothing for it
    const plain = text.replace(/\s+/g, " ").trim();
    if (!/\p{L}/u.test(plain) || plain.length > 6000) return null;
    if (!cache.has(plain)) {
      if (cache.size > KEPT) cache.clear();
      const own = listed(plain) ?? null, found = own ?? sentencesOrWhole(plain);
      cache.set(plain, found === plain ? null : found);
    }
    return cache.get(plain);
  }
  const sentencesOrWhole = (text) => {
    const one = whole(text);
    return one !== null && foreign(one) ? one : sentences(text) ?? one;
  };

  // ---- the page
  const texts = new WeakMap(); // text node -> {english, now}
  const blocks = new WeakMap(); // element -> {before, now: its children; words: [node, english, now]}
  const marks = new WeakMap(); // element -> {attribute: {english, now}}
  const choices = new WeakMap(); // input of a choice -> {english, now}
  let now = ENGLISH, serial = 0;

  const isMixed = (block) => block.firstElementChild && [...block.childNodes].some((node) => node.nodeType === 3 && node.data.trim()) && [...block.querySelectorAll("*")].every((one) => INLINE.has(one.tagName));
  function tagged(block) { // {words, elements}
    const elements = [];
    const write = (node) => [...node.childNodes].map((child) => {
      if (child.nodeType === 3) return child.data;
      if (child.nodeType !== 1) return "";
      const number = elements.push(child);
      return `<${number}>${write(child)}</${number}>`;
    }).join("");
    return { words: write(block), elements };
  }
  function fill(block, words, elements) { // the block with these words; its elements are kept, in their order there
    const stack = [{ element: block, children: [] }];
    for (const token of words.split(/(<\/?\d+>)/)) {
      const [, closing, number] = /^<(\/?)(\d+)>$/.exec(token) ?? [];
      if (!number) { if (token) stack.at(-1).children.push(token); continue; }
      if (!closing) { stack.push({ element: elements[number - 1], children: [] }); continue; }
      const done = stack.pop();
      put(done);
      stack.at(-1).children.push(done.element);
    }
    put(stack[0]);
  }
  function put({ element, children }) {
    const before = [...element.childNodes], spare = before.filter((node) => node.nodeType === 3), words = [];
    const nodes = children.map((child) => {
      if (typeof child !== "string") return child;
      const node = spare.shift() ?? document.createTextNode("");
      words.push([node, before.includes(node) ? node.data : "", child]);
      return node;
    });
    for (const node of spare) { words.push([node, node.data, ""]); nodes.push(node); } // whoever holds them still writes into them
    for (const [node, , said] of words) node.data = said;
    if (nodes.length !== before.length || nodes.some((node, i) => node !== before[i])) element.replaceChildren(...nodes);
    blocks.set(element, { before, now: nodes, words });
  }
  function block(element, seen) { // true where its words were found as a whole
    if (seen.has(element)) return seen.get(element);
    let is = false;
    if (isMixed(element)) {
      const { words, elements } = tagged(element);
      if (elements.length < 60) {
        const plain = words.replace(/\s+/g, " ").trim(), found = /\p{Script=Han}/u.test(plain) ? null : listed(plain) ?? matched(plain, 0).clear ?? sentences(plain) ?? apart(plain, 0);
        const numbers = found?.match(/<\d+>/g) ?? [];
        if (found && numbers.length === elements.length && new Set(numbers).size === numbers.length) {
          fill(element, found, elements);
          is = true;
        }
      }
    }
    seen.set(element, is);
    return is;
  }
  function text(node, seen) {
    const parent = node.parentElement;
    if (!parent || !/\p{L}/u.test(node.data)) return;
    let outer = parent;
    while (outer && INLINE.has(outer.tagName)) outer = outer.parentElement;
    if (outer && outer.firstElementChild && block(outer, seen)) return;
    const said = say(node.data);
    if (said === null) return;
    if (parent.tagName === "OPTION" && !parent.hasAttribute("value")) parent.setAttribute("value", parent.textContent.trim());
    const english = node.data, [before] = /^\s*/.exec(english), [after] = /\s*$/.exec(english);
    node.data = before + said + after;
    texts.set(node, { english, now: node.data });
  }
  function attribute(element, name) {
    const english = element.getAttribute(name), said = english && say(english);
    if (!said) return;
    element.setAttribute(name, said);
    marks.set(element, { ...marks.get(element), [name]: { english, now: said } });
  }
  const isSilent = (node) => node.closest?.("script, style, textarea, noscript, template, math, [translate=no]");
  function tree(root, seen) {
    if (root.nodeType === 3) return root.parentElement && !isSilent(root.parentElement) ? text(root, seen) : undefined;
    if (root.nodeType !== 1 || isSilent(root)) return;
    const walker = document.createTreeWalker(root, NodeFilter.SHOW_ELEMENT | NodeFilter.SHOW_TEXT, (node) => (node.nodeType === 1 && (SILENT.has(node.tagName) || node.translate === false && node.getAttribute("translate") === "no") ? NodeFilter.FILTER_REJECT : NodeFilter.FILTER_ACCEPT));
    const found = [];
    for (let node = walker.currentNode; node; node = walker.nextNode()) {
      if (node.nodeType === 3) found.push(node);
      else for (const name of READ) if (node.hasAttribute(name)) attribute(node, name);
    }
    for (const node of found) text(node, seen);
  }
  function chosen() { // what the field of a list of choices shows is one of its choices, so it is shown as the list shows it
    for (const input of document.querySelectorAll("input[role=listbox]")) {
      const said = input.value && say(input.value);
      if (!said) continue;
      choices.set(input, { english: input.value, now: said });
      input.value = said;
    }
  }

  // ---- English again
  function restore() {
    const walker = document.createTreeWalker(document.documentElement, NodeFilter.SHOW_ELEMENT | NodeFilter.SHOW_TEXT), elements = [];
    for (let node = walker.currentNode; node; node = walker.nextNode()) {
      if (node.nodeType === 1) { elements.push(node); continue; }
      const kept = texts.get(node);
      if (kept && kept.now === node.data) node.data = kept.english;
      texts.delete(node);
    }
    for (const element of elements.reverse()) { // inner ones first
      const held = blocks.get(element), named = marks.get(element), shown = choices.get(element);
      if (held) {
        const children = [...element.childNodes], same = children.length === held.now.length && children.every((node, i) => node === held.now[i]);
        for (const [node, english, said] of held.words) if (node.data === said) node.data = english;
        if (same && children.some((node, i) => node !== held.before[i])) element.replaceChildren(...held.before);
        blocks.delete(element);
      }
      for (const [name, kept] of Object.entries(named ?? {})) if (element.getAttribute(name) === kept.now) element.setAttribute(name, kept.english);
      marks.delete(element);
      if (shown && element.value === shown.now) element.value = shown.english;
      choices.delete(element);
    }
  }

  /** The English of what a node shows now. */
  function english(node) {
    if (node.nodeType === 3) {
      const kept = texts.get(node);
      return kept && kept.now === node.data ? kept.english : node.data;
    }
    const held = blocks.get(node);
    if (!held) return [...node.childNodes].map(english).join("");
    const words = new Map(held.words.map(([one, original]) => [one, original]));
    return held.before.map((one) => words.get(one) ?? english(one)).join("");
  }

  const observer = new MutationObserver((records) => {
    const seen = new Map(), roots = new Set(), named = new Map();
    for (const { type, target, addedNodes, attributeName } of records) {
      if (type === "attributes") named.set(target, (named.get(target) ?? new Set()).add(attributeName));
      else if (type === "characterData") roots.add(target);
      else for (const node of addedNodes) roots.add(node);
    }
    for (const root of roots) if (root.isConnected && !(root.parentNode && roots.has(root.parentNode))) tree(root, seen);
    for (const [element, names] of named) if (element.isConnected && !isSilent(element)) for (const name of names) attribute(element, name);
    chosen();
    observer.takeRecords(); // what was written here is no news
  });
  const settle = () => { if (now !== ENGLISH) requestAnimationFrame(chosen); };
  for (const kind of ["click", "change", "focusin", "focusout", "keyup"]) document.addEventListener(kind, settle, true);
  document.addEventListener("beforeinput", ({ target }) => { // who types into a list's field meets its English again
    const shown = choices.get(target);
    if (shown && target.value === shown.now) target.value = shown.english;
  }, true);

  const catalogues = {};
  async function sentencesOf(code) {
    const { sentences: own, address } = LANGUAGES[code];
    catalogues[code] ??= own ?? (await (await fetch(address)).json()).sentences;
    return catalogues[code];
  }
  async function show(code) {
    const asked = ++serial, root = document.documentElement;
    let found = {};
    try {
      found = code === ENGLISH ? {} : await sentencesOf(code);
    } catch {
      code = ENGLISH; // the server did not answer: the page as it is
    }
    if (asked !== serial) return;
    observer.disconnect();
    if (now !== ENGLISH) restore();
    now = code;
    root.lang = code === ENGLISH ? ENGLISH : LANGUAGES[code].lang;
    if (code !== ENGLISH) {
      compile(found);
      tree(root, new Map());
      chosen();
      observer.observe(root, { subtree: true, childList: true, characterData: true, attributeFilter: READ });
    }
    root.style.visibility = "";
    document.dispatchEvent(new CustomEvent("language", { detail: code }));
  }
  function choose(code) {
    store("localStorage", code);
    store("sessionStorage", code);
    const address = new URL(location.href);
    address.searchParams.set("lang", code);
    history.replaceState(history.state, "", address);
    return show(code);
  }

  const start = preferred();
  window.pageLanguage = {
    get now() { return now; },
    languages: { [ENGLISH]: { name: "English", lang: ENGLISH }, ...LANGUAGES },
    choose, english,
    say: (words) => (now === ENGLISH ? words : say(words) ?? words),
  };
  if (start === ENGLISH) return;
  document.documentElement.style.visibility = "hidden"; // English would flash by
  setTimeout(() => { document.documentElement.style.visibility = ""; }, 3000);
  show(start);
})();
