// The colours: the rules of the compiler's own highlighters, and names for their scopes.
import { HighlightStyle, StreamLanguage, syntaxHighlighting } from "@codemirror/language";
import { tags, type Tag } from "@lezer/highlight";
import words from "../data/words.json";

/** Beginning of a scope -> what the theme calls it. */
const TAGS: Record<string, Tag> = {
  "comment": tags.comment,
  "entity.name.function": tags.function(tags.variableName),
  "constant.numeric": tags.number,
  "entity.name.label": tags.labelName,
  "variable.parameter": tags.propertyName,
  "keyword.control": tags.keyword,
  "keyword.other": tags.keyword,
  "support.function": tags.function(tags.variableName),
  "entity.name.type": tags.typeName,
  "constant.language": tags.atom,
  "variable.other": tags.variableName,
  "keyword.operator": tags.operator,
  "punctuation": tags.punctuation,
};

/** CodeMirror reads a dot in such a name as two names. */
const plain = (scope: string): string => scope.replace(/\W/g, "_");

const RULES = (words as [string, string][]).map(([scope, regex]) => ({
  name: plain(Object.keys(TAGS).find((known) => scope.startsWith(known)) ?? ""),
  regex: new RegExp(regex, "y"),
}));

export const star = StreamLanguage.define({
  name: "star",
  token(stream) {
    if (stream.eatSpace()) return null;
    for (const { name, regex } of RULES) {
      regex.lastIndex = stream.pos;
      const found = regex.exec(stream.string);
      if (found && found[0]) {
        stream.pos += found[0].length;
        return name;
      }
    }
    stream.next();
    return null;
  },
  tokenTable: Object.fromEntries(Object.entries(TAGS).map(([scope, tag]) => [plain(scope), tag])),
  languageData: { commentTokens: { line: "#" }, closeBrackets: { brackets: ["(", "[", "{"] } },
});

/** Of both languages on the page; the colours are those of style.css. */
export const colours = syntaxHighlighting(
  HighlightStyle.define([
    { tag: tags.comment, color: "var(--comment)", fontStyle: "italic" },
    { tag: [tags.keyword, tags.operatorKeyword, tags.controlKeyword], color: "var(--keyword)" },
    { tag: [tags.number, tags.atom, tags.bool, tags.null], color: "var(--number)" },
    { tag: [tags.string, tags.special(tags.string)], color: "var(--string)" },
    { tag: [tags.typeName, tags.className], color: "var(--type)" },
    { tag: tags.labelName, color: "var(--label)" },
    { tag: tags.propertyName, color: "var(--property)" },
    { tag: tags.function(tags.variableName), color: "var(--function)" },
    { tag: [tags.operator, tags.punctuation], color: "var(--quiet)" },
  ]),
);
