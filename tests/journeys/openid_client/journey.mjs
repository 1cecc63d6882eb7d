// A programme that is written with openid-client: every step that its documentation has, one after
// the other. Reads what it is registered as, then the address its browser came back with; writes
// where to send the browser, then what it got.
import { createInterface } from 'node:readline'
import * as client from 'openid-client'

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
const read = async () => JSON.parse((await lines.next()).value)
const say = (what) => console.log(JSON.stringify(what))

const given = await read()
const key = await crypto.subtle.importKey(
  'jwk', given.key, { name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign'])
const config = await client.discovery(
  new URL(given.issuer),
  given.client_id,
  { id_token_signed_response_alg: 'ES256' },
  client.PrivateKeyJwt({ key, kid: given.key.kid }),
  { execute: [client.allowInsecureRequests] })  // on loopback, for this test
const DPoP = client.getDPoPHandle(config, await client.randomDPoPKeyPair('ES256'))

const own = await client.clientCredentialsGrant(
  config, { authorization_details: JSON.stringify([given.by_law]) }, { DPoP })

const pkceCodeVerifier = client.randomPKCECodeVerifier()
const expectedState = client.randomState()
const expectedNonce = client.randomNonce()
const maxAge = 3600
const address = await client.buildAuthorizationUrlWithPAR(config, {
  redirect_uri: given.redirect_uri,
  scope: 'openid',
  authorization_details: JSON.stringify([given.by_consent]),
  code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier),
  code_challenge_method: 'S256',
  max_age: String(maxAge),
  nonce: expectedNonce,
  state: expectedState,
}, { DPoP })
say({ address })

const back = new URL((await read()).address)
const checks = { pkceCodeVerifier, expectedState, expectedNonce, maxAge, idTokenExpected: true }
const mixedUp = new URL(back)
mixedUp.searchParams.set('iss', 'https://other.example')
const refusal = await client.authorizationCodeGrant(config, mixedUp, checks, undefined, { DPoP })
  .then(() => 'none', (error) => error.cause.message)
const token = await client.authorizationCodeGrant(config, back, checks, undefined, { DPoP })
const claims = token.claims()
const ask = async (path, question) => {
  const answer = await client.fetchProtectedResource(
    config, token.access_token, new URL(path, given.issuer), 'POST', JSON.stringify(question),
    new Headers({ 'content-type': 'application/json' }), { DPoP })
  return { status: answer.status, body: await answer.json() }
}
const userinfo = await client.fetchUserInfo(config, token.access_token, claims.sub, { DPoP })
const eligibility = await ask('/v1/eligibility', {})
const refreshed = await client.refreshTokenGrant(config, token.refresh_token, {}, { DPoP })
const before = await client.tokenIntrospection(config, refreshed.access_token)
await client.tokenRevocation(config, token.refresh_token)
const after = await client.tokenIntrospection(config, refreshed.access_token)
const leave = client.buildEndSessionUrl(config, { id_token_hint: token.id_token })
say({
  claims, userinfo, eligibility, refusal,
  token_type: own.token_type,
  granted: token.authorization_details,
  active: [before.active, after.active],
  leave,
})
process.exit(0)
