// A program in the fragment of an address: base64url of its UTF-8.

/** A fragment that holds no program; the message says why. */
export class BadLink extends Error {}

/** Characters: a program of more is refused by the compiler, so a link is too. */
export const LONGEST = 1 << 20;

export function encoded(text: string): string {
  const bytes = new TextEncoder().encode(text);
  let letters = "";
  for (let at = 0; at < bytes.length; at += 4096)
    letters += String.fromCharCode(...bytes.subarray(at, at + 4096));
  return btoa(letters).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
}

/** Raises BadLink. */
export function decoded(fragment: string): string {
  if (fragment.length > LONGEST)
    throw new BadLink(`The link is too long: ${fragment.length} characters.`);
  if (!/^[\w-]*={0,2}$/.test(fragment))
    throw new BadLink("What stands behind # in the address is not base64.");
  try {
    const letters = atob(fragment.replace(/-/g, "+").replace(/_/g, "/"));
    const bytes = Uint8Array.from(letters, (letter) => letter.charCodeAt(0));
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    if (error instanceof TypeError)
      throw new BadLink("What stands behind # in the address is not UTF-8.");
    throw new BadLink("What stands behind # in the address is not base64.");
  }
}
