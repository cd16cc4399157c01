// Elements with text. Nothing on this page is ever read as HTML.

export function element<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  text = "",
  className = "",
): HTMLElementTagNameMap[Name] {
  const made = document.createElement(name);
  if (text) made.textContent = text;
  if (className) made.className = className;
  return made;
}

/** The one with this id, which index.html has. */
export function named<Kind extends HTMLElement>(id: string): Kind {
  return document.getElementById(id) as Kind;
}

/** Markdown as hovers use it: paragraphs, fences, `code`, **bold**, *slanted*, rules. */
export function markdown(text: string): HTMLElement {
  const whole = element("div", "", "about");
  for (const part of text.split(/(```\w*\n[^]*?```)|\n\n+/)) {
    if (!part?.trim()) continue;
    const fence = /^```\w*\n([^]*?)\n?```$/.exec(part);
    if (fence) whole.append(element("pre", fence[1]));
    else if (/^---+$/.test(part.trim())) whole.append(element("hr"));
    else {
      const paragraph = element("p");
      for (const word of part.split(/(`[^`]+`|\*\*[^*]+\*\*|\*[^*]+\*)/)) {
        if (/^`.+`$/s.test(word)) paragraph.append(element("code", word.slice(1, -1)));
        else if (/^\*\*.+\*\*$/s.test(word)) paragraph.append(element("b", word.slice(2, -2)));
        else if (/^\*.+\*$/s.test(word)) paragraph.append(element("i", word.slice(1, -1)));
        else paragraph.append(word);
      }
      whole.append(paragraph);
    }
  }
  return whole;
}
