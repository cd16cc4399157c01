// What is run as the server, from the setting `starc.command`.

export interface Server {
  command: string;
  args: string[];
}

/** A program and its arguments; `starc lsp` for whatever is no list of words. */
export function serverOf(setting: unknown): Server {
  const words = Array.isArray(setting) ? setting : [];
  const right = words.length > 0 && words.every((w) => typeof w === "string" && w !== "");
  const [command = "", ...args] = right ? (words as string[]) : ["starc", "lsp"];
  return { command, args };
}
