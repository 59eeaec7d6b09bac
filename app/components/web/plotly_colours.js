// A copy of a figure in which var(--name) is the value that it has here and now.
function coloured(part, style) {
  if (typeof part === "string") return part.startsWith("var(") ? style.getPropertyValue(part.slice(4, -1)).trim() : part;
  if (Array.isArray(part)) return part.map((one) => coloured(one, style));
  if (part && typeof part === "object") return Object.fromEntries(Object.entries(part).map(([key, one]) => [key, coloured(one, style)]));
  return part;
}
