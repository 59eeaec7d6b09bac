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
  let exact = new Map(), byWord = new Map(), bare = [], cache = new Map(), names = new Set(), parts = new Map(); // names: lower-case words that translations keep; parts: what is known within one sentence
  const wordsOf = (text) => text.toLowerCase().match(/[\p{L}\p{N}_]*\p{L}{2,}[\p{L}\p{N}_]*/gu) ?? [];
  const escaped = (text) => text.replace(/[.*+?^${}()|[\]\\\/]/g, "\\$&");
  const lettered = (text, change) => text.slice(0, 1)[change]() + text.slice(1);
  function compile(sentences) {
    exact = new Map(), byWord = new Map(), bare = [], cache = new Map();
    names = new Set(["px", ...Object.values(sentences).flatMap((said) => said.match(LOWER) ?? [])]);
    const patterns = [], often = new Map();
    for (const [english, translated] of Object.entries(sentences)) {
      if (!/\{\d+\}/.test(english)) { exact.set(english, translated); continue; }
      const order = [...english.matchAll(/\{(\d+)\}/g)].map(([, number]) => number), own = english.split(/\{\d+\}/);
      let source = own.map(escaped).join("([^]*?)");
      if (/^\p{L}/u.test(english)) source = `[${english[0].toLowerCase()}${english[0].toUpperCase()}]${source.slice(1)}`;
      const end = own.at(-1) === "" || /[.!?:]$/.test(english) ? "$" : "(\\.?)$";
      const words = wordsOf(english.replace(/[\p{L}\p{N}_]*\{\d+\}[\p{L}\p{N}_]*/gu, " ").replace(/<\/?\d+>/g, " "));
      const pattern = { re: new RegExp(`^${source}${end}`, "u"), wide: new RegExp(`^${source.replaceAll("([^]*?)", "([^]*)")}${end}`, "u"), order, translated, words, length: own.join("").length, weight: own.join("").replace(/<\/?\d+>/g, "").match(/\p{L}/gu)?.length ?? 0 };
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
  const LOWER = /(?<![\p{L}\p{N}_-])\p{Ll}{2,}(?![\p{L}\p{N}_-])/gu;
  const leftOf = (text) => (text.replace(/<\/?\d+>/g, " ").match(LOWER) ?? []).filter((word) => !names.has(word)), foreign = (text) => !leftOf(text).length; // no word of English, but for names such as CelebA, face_head, paper-64
  const asIs = (text) => exact.get(text) ?? exact.get(lettered(text, "toLowerCase")) ?? exact.get(lettered(text, "toUpperCase"));
  const listed = (text) => asIs(text) ?? asIs(`${text}.`)?.replace(/。$/, "");
  const joined = (all) => all.reduce((so, part) => (/[,:;]$/.test(so) && han(part[0]) ? so.slice(0, -1) + STOPS[so.at(-1)] : so) + (/[A-Za-z0-9.,:;?!)]$/.test(so) && /^[\w(<]/.test(part) ? " " : "") + part, "");
  const latin = (sign) => /[A-Za-z0-9]/.test(sign ?? ""), han = (sign) => /\p{Script=Han}/u.test(sign ?? "");
  function filled(translated, filling) { // with room between Latin and Chinese letters
    return translated.split(/\{(\d+)\}/).reduce((all, piece, i) => {
      let next = i % 2 ? filling[piece] : piece;
      if (/\p{Script=Han} $/u.test(all) && han(next[0])) all = all.trimEnd();
      if (han(all.at(-1)) && /^ \p{Script=Han}/u.test(next)) next = next.trimStart();
      return all + ((latin(all.at(-1)) && han(next[0])) || (han(all.at(-1)) && latin(next[0])) ? " " : "") + next;
    }, "").replace(/([，。：；？！、]) +/g, "$1");
  }
  const isBalanced = (part) => (part.match(/\(/g)?.length ?? 0) === (part.match(/\)/g)?.length ?? 0);
  function matched(text, depth) { // {clear, tight, weak, named, rough}: by a pattern with enough letters of its own; by another, with parts that are no lists, or are; with parts of one word, or of more, that are not understood
    const candidates = [...new Set(wordsOf(text.replace(/<\/?\d+>/g, " ")))].flatMap((word) => byWord.get(word) ?? []).concat(bare);
    const answers = { clear: null, tight: null, weak: null, named: null, rough: null };
    for (const { re, wide, order, translated, weight } of candidates.sort((a, b) => b.weight - a.weight || b.length - a.length)) {
      let found = re.exec(text);
      if (!found) continue;
      if (!found.slice(1).every(isBalanced)) found = wide.exec(text); // a comma or a semicolon within brackets is none of the pattern's

      const filling = {};
      let clear = true, named = true;
      order.forEach((number, i) => {
        const part = found[i + 1], said = part ? whole(part, depth + 1) : null;
        filling[number] = said ?? part;
        clear &&= foreign(filling[number]);
        named &&= foreign(filling[number]) || !/\s/.test(part); // one word alone may be a name
      });
      const result = filled(translated, filling) + (found[order.length + 1] ? "。" : "");
      if (found.slice(1).some((part) => /[.?!] \p{Lu}/u.test(part))) clear = named = false; // a part is no two sentences
      if (clear && weight >= WEAK) return { ...answers, clear: result };
      if (clear) answers[found.slice(1).some((part) => /[,:;] /.test(part)) ? "weak" : "tight"] ??= result;
      else if (weight >= WEAK && named) answers.named ??= result;
      else if (weight >= WEAK) answers.rough ??= result;
    }
    return answers;
  }
  function quoted(text) { // `words` as the catalogue has them
    if (!/`[^`]+`/.test(text)) return null;
    const held = [], tagged = text.replace(/`([^`]+)`/g, (_, inner) => { held.push(inner); return `<${held.length}>${inner}</${held.length}>`; });
    const { clear, named, rough } = matched(tagged, 1);
    return (listed(tagged) ?? clear ?? named ?? rough)?.replace(/<\/?\d+>/g, "`") ?? null;
  }
  function apart(text, depth) { // marked words, and those around them, each by themselves
    const runs = text.split(/(<(\d+)>[^]*?<\/\2>)/).filter((_, i) => i % 3 !== 2);
    if (runs.length < 2) return null;
    const said = runs.map((part) => {
      const [, number, inner] = /^<(\d+)>([^]*)<\/\1>$/.exec(part) ?? [];
      const own = [...new Set((inner ?? part).match(/(?<=<)\d+(?=>)/g))]; // marks are numbered anew within each part, as the catalogue has them
      const renumbered = (words, change) => words.replace(/<(\/?)(\d+)>/g, (_, closing, one) => `<${closing}${change(one)}>`);
      const answer = whole(renumbered(inner ?? part, (one) => own.indexOf(one) + 1), depth + 1), found = answer && renumbered(answer, (one) => own[one - 1]);
      return found === null || !number ? found : `<${number}>${found}</${number}>`;
    });
    return said.some((one) => one !== null) ? said.map((one, i) => one ?? runs[i]).join("") : null;
  }
  function whole(text, depth = 0) {
    const [, before, inner, after] = /^(\s*)([^]*?)(\s*)$/.exec(text);
    if (!inner || depth > DEEPEST || !/\p{L}/u.test(inner)) return null;
    let said = listed(inner), held = parts.get(inner);
    if (said === undefined && held && (held.said !== null || held.depth <= depth)) said = held.said;
    if (said === undefined) {
      const { clear, tight, weak, named, rough } = matched(inner, depth);
      const joint = inner.includes(" · ") ? pieces(inner, depth) : null;
      said = joint ?? clear ?? tight ?? best(() => quoted(inner), () => trimmed(inner, depth), () => pieces(inner, depth), () => weak, () => named, () => (depth ? sentences(inner, depth) : null), () => apart(inner, depth), () => rough);
      parts.set(inner, { said, depth });
    }
    return said === null ? null : before + said + after;
  }
  function trimmed(text, depth) { // signs before, stops behind, a number at the end
    const [, before, inner, after] = /^([^\p{L}\p{N}<{`"'(\[√]*)([^]*?)([^\p{L}\p{N}>}`"')\]%°²]*)$/u.exec(text) ?? [];
    if (inner && inner !== text) {
      const said = whole(inner, depth + 1);
      if (said !== null) return before.replace(/^[,:;] $/, ([stop]) => STOPS[stop]) + said.replace(/[。.]$/, after ? "" : "$&") + after.replace(/^[.,:;?!](?=\s*$)/, (stop) => STOPS[stop]);
    }
    const numbered = /^([^]*\S)\s+([+−–±-]?[\d.,]+(?:\s?[%°])?)$/.exec(text) ?? [];
    const named = numbered[1] && (listed(numbered[1]) ?? null), counted = /^([+−–±-]?[\d.,]+\s?[%°]?) ([^\d][^]*)$/.exec(text) ?? [];
    if (named) return `${named} ${numbered[2]}`;
    const things = counted[1] && depth < DEEPEST ? whole(counted[2], depth + 1) : null;
    return things == null ? null : `${counted[1]} ${things}`;
  }
  function pieces(text, depth) { // a list whose members are understood, or a phrase with more in brackets
    if (depth >= DEEPEST) return null;
    for (const [mark, sign] of [[" · ", " · "], ["; ", "；"], [", ", "，"], [" / ", " / "], [": ", "："], [" and of ", "和"], [" and ", "和"]]) {
      if (!text.includes(mark) || (mark === " and " && text.includes(", and "))) continue;
      const members = text.split(mark), said = members.map((part) => whole(part, depth + 1));
      if (said.some((one) => one !== null) && members.every((part, i) => foreign(said[i] ?? part))) return said.map((one, i) => one ?? members[i]).join(sign);
    }
    const [, alone] = /^\(([^]+)\)$/.exec(text) ?? [], enclosed = alone && isBalanced(alone) ? whole(alone, depth + 1) : null;
    if (enclosed !== null) return `（${enclosed}）`;
    const [, outside, inside, rest] = /^([^()]+) \(([^]+)\)([.:,]?)$/.exec(text) ?? [];
    if (outside && isBalanced(inside)) {
      const one = whole(outside, depth + 1), two = whole(inside, depth + 1);
      if (foreign(one ?? outside) && foreign(two ?? inside) && (one ?? two) !== null) return `${one ?? outside}（${two ?? inside}）${STOPS[rest] ?? ""}`;
    }
    return null;
  }
  function best(...ways) { // the first answer without a word of English; else the one with the fewest
    const answers = [];
    for (const way of ways) {
      const answer = way();
      if (answer !== null && foreign(answer)) return answer;
      if (answer !== null) answers.push([leftOf(answer).length, answer]);
    }
    return answers.sort(([a], [b]) => a - b)[0]?.[1] ?? null;
  }
  function sentences(text, depth = 0) { // several after one another: as many at once as the catalogue has together
    const all = text.split(/(?<=[.!?:;…])\s+/), said = [];
    if (all.length < 2 || all.length > 24) return null;
    let is = false;
    for (let from = 0; from < all.length; ) {
      let to = all.length - (from === 0), found = null; // all of it was looked for before
      for (; to > from; to--) {
        found = whole(all.slice(from, to).join(" "), depth + 1);
        if (found !== null && (to === from + 1 || foreign(found))) break;
      }
      is ||= found !== null;
      said.push(found ?? all[from]);
      from = found === null ? from + 1 : to;
    }
    return is ? joined(said) : null;
  }
  function say(text) { // translated, or null where the catalogue has nothing for it
    const plain = text.replace(/\s+/g, " ").trim();
    if (!/\p{L}/u.test(plain) || plain.length > 6000) return null;
    if (!cache.has(plain)) {
      if (cache.size > KEPT) cache.clear();
      parts = new Map();
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

  const isMixed = (block) => block.firstElementChild && [...block.childNodes].some((node) => node.nodeType === 3 && /\p{L}/u.test(node.data)) && [...block.querySelectorAll("*")].every((one) => INLINE.has(one.tagName));
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
  function inBlock(words) {
    const { clear, tight, weak, named, rough } = matched(words, 0);
    return clear ?? tight ?? best(() => weak, () => named, () => sentences(words), () => apart(words, 0), () => rough);
  }
  function block(element, seen) { // true where its words were found as a whole
    if (seen.has(element)) return seen.get(element);
    let is = false;
    if (isMixed(element)) {
      const { words, elements } = tagged(element);
      if (elements.length < 60) {
        const plain = words.replace(/\s+/g, " ").trim();
        parts = new Map();
        const found = /\p{Script=Han}/u.test(plain) ? null : listed(plain) ?? (plain.includes(" · ") ? pieces(plain, 0) : null) ?? inBlock(plain);
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
    for (const input of document.querySelectorAll("input[role=combobox], input[role=listbox]")) {
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
    const words = new Map(held?.words.map(([one, original]) => [one, original]));
    return (held?.before ?? [...node.childNodes]).map((one) => words.get(one) ?? english(one)).join(" ");
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
