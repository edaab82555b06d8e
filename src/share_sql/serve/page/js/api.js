// The service's routes. What fails is a Problem, whatever failed.
import { events } from "./events.js";

let token = ""; // in memory only: a reload asks again

/** Send this token with each request from now on. */
export function useToken(text) {
  token = text.trim();
}

/** A problem document of the service (RFC 9457), or what stands for one where none came. */
export class Problem extends Error {
  constructor(document, retryAfter = null) {
    super(document.detail || document.title || "The service refused the request.");
    this.status = document.status ?? 0;
    this.name = String(document.type ?? "").split(":").pop() || "unknown";
    this.errors = Array.isArray(document.errors) ? document.errors : [];
    this.correction = document.correction ?? null;
    this.document = document;
    /** Whether a token was sent: if it was refused, it is a wrong one. */
    this.tokenSent = token !== "";
    this.retryAfter = retryAfter;
  }
}

const gone = () => new Problem({ type: "page:unreachable", detail: "The service does not answer." });

async function send(path, body, signal) {
  const headers = { Accept: "application/json" };
  if (token) headers.Authorization = `Bearer ${token}`;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  let response;
  try {
    response = await fetch(path, {
      method: body === undefined ? "GET" : "POST",
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      signal,
      cache: "no-store",
      credentials: "same-origin",
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw gone();
  }
  if (response.ok) return response;
  const wait = Number.parseInt(response.headers.get("Retry-After") ?? "", 10);
  let document;
  try {
    document = await response.json();
  } catch {
    document = {}; // a proxy's own page
  }
  const known = document !== null && typeof document === "object" ? document : {};
  throw new Problem({ ...known, status: response.status }, Number.isFinite(wait) ? wait : null);
}

async function json(path, body, signal) {
  const response = await send(path, body, signal);
  try {
    return await response.json();
  } catch (error) {
    if (signal?.aborted) throw error;
    throw gone();
  }
}

export const databases = () => json("v1/databases");
export const examples = () => json("v1/examples");
export const kinds = () => json("v1/kinds");
export const schema = (name, signal) => json(`v1/databases/${encodeURIComponent(name)}/schema`, undefined, signal);
export const check = (body, signal) => json("v1/check", body, signal);
export const compile = (body, signal) => json("v1/trajectory", body, signal);
export const run = (body, signal) => json("v1/run", body, signal);

/**
 * Correct a draft.
 * @param {object} body question, evidence, draft, database
 * @param {AbortSignal} signal stops the work, not only the waiting
 * @param {(stage: object) => void} ended called with each stage as it ends
 * @returns {Promise<object>} the correction
 */
export async function correct(body, signal, ended) {
  const response = await send("v1/correct/stream", body, signal);
  let last = "";
  try {
    for await (const { event, data } of events(response.body)) {
      const told = JSON.parse(data);
      if (event === "correction") return told;
      if (event === "problem") throw new Problem(told, told.retry_after ?? null);
      if (event === "stage") {
        last = told.stage;
        ended(told);
      }
    }
  } catch (error) {
    if (error instanceof Problem || signal.aborted) throw error;
  }
  const where = last ? `after the stage ${last}` : "before the first stage ended";
  throw new Problem({ type: "page:broken", detail: `The connection broke ${where}.` });
}
