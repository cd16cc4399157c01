// Copies what lies elsewhere in the repository: one grammar, one license.

import { copyFileSync } from "node:fs";

const here = new URL(".", import.meta.url);
copyFileSync(new URL("../star.tmLanguage.json", here), new URL("star.tmLanguage.json", here));
copyFileSync(new URL("../../LICENSE", here), new URL("LICENSE", here));
