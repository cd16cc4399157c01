// Starts `starc lsp` and lets VS Code talk to it. All it knows is in the server.

import { type ExtensionContext, window, workspace } from "vscode";
import { LanguageClient } from "vscode-languageclient/node";

import { serverOf } from "./command";

let client: LanguageClient | undefined;

export async function activate(context: ExtensionContext): Promise<void> {
  await start();
  const changed = workspace.onDidChangeConfiguration(async (change) => {
    if (change.affectsConfiguration("starc.command")) {
      await deactivate();
      await start();
    }
  });
  context.subscriptions.push(changed);
}

export async function deactivate(): Promise<void> {
  const running = client;
  client = undefined;
  await running?.stop();
}

async function start(): Promise<void> {
  const server = serverOf(workspace.getConfiguration("starc").get("command"));
  const selected = ["file", "untitled"].map((scheme) => ({ scheme, language: "star" }));
  client = new LanguageClient("starc", "starc", server, { documentSelector: selected });
  try {
    await client.start();
  } catch (error) {
    client = undefined;
    const said = error instanceof Error ? error.message : String(error);
    const remedy = "pip install 'starc[lsp]', or set starc.command";
    void window.showErrorMessage(`starc lsp does not start: ${said}. ${remedy}`);
  }
}
