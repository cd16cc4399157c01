export const PLACE: string;
interface Files {
  mkdirTree(path: string): void;
  writeFile(path: string, text: string): void;
}
export function install(fs: Files, files: Record<string, string>): void;
