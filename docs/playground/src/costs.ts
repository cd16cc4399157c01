// The table of costs: a row a LIV, with bars of its share of parameters and of cache.
import type { Costs, Numbers, Row } from "./compiler";
import { element } from "./dom";

const UNITS = ["", "K", "M", "B", "T", "P"];

/** `12.6 M`: three digits. */
export function short(value: number): string {
  let unit = 0;
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000;
    unit++;
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  return `${value.toFixed(digits)}${unit ? " " : ""}${UNITS[unit]}`;
}

export function table(costs: Costs): HTMLTableElement {
  const made = element("table");
  const head = made.createTHead().insertRow();
  const shares = costs.rows.some((row) => row.sharing);
  const words = (row: Row) => [row.label, row.class, ...(shares ? [row.sharing] : [])];
  const said = ["LIV", "class", ...(shares ? ["sharing"] : [])];
  for (const title of said) head.append(element("th", title));
  for (const title of ["parameters", "cache bytes", "FLOPs a token"])
    head.append(element("th", title, "number"));
  const most = (name: keyof Numbers) => Math.max(1, ...costs.rows.map((row) => row[name]));
  const scale = { params: most("params"), cache: most("cache") };
  const body = made.createTBody();
  for (const row of costs.rows) {
    const line = body.insertRow();
    line.append(...words(row).map((text) => element("td", text)));
    line.append(bar(row.params, scale.params, "params"), bar(row.cache, scale.cache, "cache"));
    line.append(element("td", short(row.decode), "number"));
  }
  const foot = made.createTFoot().insertRow();
  foot.append(...said.map((_, index) => element("td", index ? "" : "total")));
  for (const name of ["params", "cache", "decode"] as const)
    foot.append(element("td", costs.total[name].toLocaleString("en"), "number"));
  return made;
}

function bar(value: number, most: number, kind: string): HTMLTableCellElement {
  const cell = element("td", "", `number bar ${kind}`);
  const filled = element("span");
  filled.style.width = `${(100 * value) / most}%`;
  cell.append(filled, element("b", short(value)));
  cell.title = value.toLocaleString("en");
  return cell;
}
