// A client of wardbook's item interface in TypeScript: HTTP and a SigV4 signer.
//
//     const items = new Items("http://127.0.0.1:7643", accessKeyId, secretAccessKey);
//     const sealed = await items.encrypt("people", [{ id: "1", ssn: "078-05-1120" }]);
//     const opened = await items.decrypt("people", sealed, { attributes: ["ssn"] });
//
// A program that was written for one schema gives its schemaHash (`wardbook schema history`), and
// is refused before anything is done while another one is in force.
//
// Copy it and make it yours; it needs Node.js (24 runs it as it is) and nothing else.

import { createHash, createHmac } from "node:crypto";

export type Item = Record<string, unknown>;

/**
 * Why one item of a batch was refused, and where in the docs that is explained; the others are not
 * concerned. `index` is the item's place in the batch, from 0.
 */
export type ItemError = { index: number; code: string; message: string; attribute?: string; docs: string };

export type Sealed = { item: Item } | { error: ItemError };

/** Attributes in `masked` are not whole, those in `withheld` are not there, because of who asks. */
export type Opened = { item: Item; masked?: string[]; withheld?: string[] } | { error: ItemError };

export type Format = "json" | "dynamodb" | "document";

/** With `onWithheld: "error"`, an item of which something is withheld is an error as a whole. */
export type Wanted = {
  attributes?: string[];
  purpose?: string;
  onWithheld?: "omit" | "error";
  format?: Format;
  schemaHash?: string;
};

/** The call was refused as a whole. */
export class Refused extends Error {
  status: number;
  code: string;
  requestId: string;

  constructor(status: number, code: string, message: string, requestId: string) {
    super(`${code}: ${message} (request ${requestId})`);
    this.status = status;
    this.code = code;
    this.requestId = requestId;
  }
}

export class Items {
  #url: URL;
  #accessKeyId: string;
  #secret: string;
  #sessionToken: string | undefined;
  #region: string;

  constructor(url: string, accessKeyId: string, secret: string, region = "us-east-1", sessionToken?: string) {
    this.#url = new URL(url);
    this.#accessKeyId = accessKeyId;
    this.#secret = secret;
    this.#sessionToken = sessionToken;
    this.#region = region;
  }

  async encrypt(schema: string, items: Item[], format: Format = "json", schemaHash?: string): Promise<Sealed[]> {
    const body = { format, schemaHash, items };
    return (await this.#post(`/v1/item-schemas/${schema}/encrypt`, body)) as Sealed[];
  }

  /** With `attributes`, only these are opened and recorded. */
  async decrypt(schema: string, items: Item[], wanted: Wanted = {}): Promise<Opened[]> {
    const body = { format: "json", ...wanted, items };
    return (await this.#post(`/v1/item-schemas/${schema}/decrypt`, body)) as Opened[];
  }

  async #post(path: string, body: unknown): Promise<unknown[]> {
    const text = JSON.stringify(body);
    const headers = this.#signed("POST", path, text);
    const answer = await fetch(new URL(path, this.#url), { method: "POST", headers, body: text });
    const output = await answer.json();
    if (!answer.ok) {
      const { code, message, requestId } = output.error;
      throw new Refused(answer.status, code, message, requestId);
    }
    return output.items;
  }

  /** The headers of a signed request (AWS Signature Version 4, service `wardbook`). */
  #signed(method: string, path: string, body: string): Record<string, string> {
    const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");
    const time = new Date().toISOString().replace(/[-:]|\.\d+/g, "");
    const signed: Record<string, string> = {
      "content-type": "application/json",
      host: this.#url.host,
      "x-amz-date": time,
    };
    if (this.#sessionToken) {
      signed["x-amz-security-token"] = this.#sessionToken;
    }
    const names = Object.keys(signed).sort();
    const lines = names.map((name) => `${name}:${signed[name]}\n`).join("");
    const canonical = [method, path, "", lines, names.join(";"), sha256(body)].join("\n");
    const scope = `${time.slice(0, 8)}/${this.#region}/wardbook/aws4_request`;
    const toSign = `AWS4-HMAC-SHA256\n${time}\n${scope}\n${sha256(canonical)}`;
    const signature = [...scope.split("/"), toSign].reduce(
      (key, part) => createHmac("sha256", key).update(part).digest(),
      Buffer.from(`AWS4${this.#secret}`),
    );
    const authorization =
      `AWS4-HMAC-SHA256 Credential=${this.#accessKeyId}/${scope}, ` +
      `SignedHeaders=${names.join(";")}, Signature=${signature.toString("hex")}`;
    // fetch sends the host by itself.
    const { host: _, ...headers } = signed;
    return { ...headers, authorization };
  }
}
