// The server that `amana bench oauth` measures itself beside: oidc-provider as its users run it,
// with what it keeps in memory. Told on standard input who its one client is; says when it listens.

import { createInterface } from "node:readline";
import { Provider } from "oidc-provider";

const [line] = await createInterface({ input: process.stdin })[Symbol.asyncIterator]()
  .next().then(({ value }) => [value]);
const { port, client, keys } = JSON.parse(line);
const issuer = `http://127.0.0.1:${port}`;

// Keeps all it is given: the one that comes with the library forgets after a thousand.
class Memory {
  static kept = new Map();

  constructor(model) {
    this.model = model;
  }

  async upsert(id, payload) {
    Memory.kept.set(`${this.model}:${id}`, payload);
  }

  async find(id) {
    return Memory.kept.get(`${this.model}:${id}`);
  }

  async destroy(id) {
    Memory.kept.delete(`${this.model}:${id}`);
  }
}

const provider = new Provider(issuer, {
  adapter: Memory,
  jwks: keys,
  clients: [
    {
      client_id: client.id,
      token_endpoint_auth_method: "private_key_jwt",
      token_endpoint_auth_signing_alg: "ES256",
      id_token_signed_response_alg: "ES256",
      jwks: client.jwks,
      grant_types: ["client_credentials"],
      response_types: [],
      redirect_uris: [],
    },
  ],
  clientAuthMethods: ["private_key_jwt"],
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    introspection: { enabled: true },
    dPoP: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => "urn:bench:jwt",
      getResourceServerInfo: (_ctx, resource) => ({
        scope: "ask",
        audience: resource,
        // Only opaque tokens can be introspected there.
        accessTokenFormat: resource === "urn:bench:opaque" ? "opaque" : "jwt",
        jwt: { sign: { alg: "ES256" } },
      }),
    },
  },
  ttl: { ClientCredentials: 300 },
});

const server = provider.listen(port, "127.0.0.1", () => console.log("listening"));
server.keepAliveTimeout = 0; // while the other server is asked, its connections wait
