// Questions to the server half of the extension (workbench/lab/handlers.py); an answer that says no fails with its words.
import { URLExt } from "@jupyterlab/coreutils";
import { ServerConnection } from "@jupyterlab/services";

export async function ask(what: string, query: Record<string, string> = {}, method: "GET" | "POST" | "DELETE" = "GET"): Promise<Response> {
  const settings = ServerConnection.makeSettings();
  const address = URLExt.join(settings.baseUrl, "medical-workbench", what) + URLExt.objectToQueryString(query);
  const response = await ServerConnection.makeRequest(address, { method }, settings).catch((error: Error) => {
    if (error instanceof ServerConnection.NetworkError) throw new Error("The server does not answer: it was stopped, or the network is down.");
    throw error;
  });
  if (response.ok) return response;
  const answer = await response.json().catch(() => ({}));
  throw new Error(answer.message || `The server answered ${response.status} ${response.statusText}.`);
}
