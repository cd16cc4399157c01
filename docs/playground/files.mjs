// Where the compiler lies in the file system of the page's Python.

/** The folder, on sys.path. */
export const PLACE = "/starc";

/** Writes files, by their paths in PLACE. */
export function install(fs, files) {
  const made = new Set();
  for (const [path, text] of Object.entries(files)) {
    const whole = `${PLACE}/${path}`;
    const folder = whole.slice(0, whole.lastIndexOf("/"));
    if (!made.has(folder)) {
      fs.mkdirTree(folder);
      made.add(folder);
    }
    fs.writeFile(whole, text);
  }
}
