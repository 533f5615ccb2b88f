// Verifies X-Auth-Assertion: who the gateway says is asking. Node 18 or newer, no packages.
import { createPublicKey, verify } from 'node:crypto';

// All in seconds.
const FRESH = 300; // a key set of this age is fetched anew
const COOLDOWN = 30; // between two fetches, whatever happens: invented kids must not become fetches
const STALE = 3600; // a key set that could not be fetched anew is believed for so long
const LEEWAY = 30; // between the clocks of the gateway and of this machine

const MAX_TOKEN = 16_000;

/** Not an assertion of this gateway for this application: answer 401. */
export class Rejected extends Error {}

/** The key set cannot be fetched, so nobody can be recognised: answer 503. */
export class KeysUnavailable extends Error {}

/** `issuer` is the gateway's public_url, `audience` the name of this application. Make one and keep it. */
export class AssertionVerifier {
  #issuer;
  #audience;
  #keys;

  constructor({ issuer, audience, jwksUrl }) {
    if (!issuer || !audience) throw new Error('issuer and audience must be set');
    this.#issuer = issuer;
    this.#audience = audience;
    this.#keys = new Keys(jwksUrl);
  }

  /** The claims of an assertion that is good now, for this application. */
  async claims(assertion) {
    const parts = assertion.split('.');
    if (assertion.length > MAX_TOKEN || parts.length !== 3) throw new Rejected('form');
    const [header, payload] = [object(parts[0]), object(parts[1])];
    const signature = decode(parts[2]);
    // Nothing of the header is believed: alg and typ must be what we expect, kid looks up a key that we hold, and
    // jku, x5u, jwk and x5c, which would bring a key along, are not even read.
    if (header.alg !== 'ES256' || header.typ !== 'assertion+jwt') throw new Rejected('alg or typ');
    if ('crit' in header || 'b64' in header) throw new Rejected('crit');
    const key = await this.#keys.find(header.kid);
    // r and s of 32 bytes each (RFC 7518 section 3.4), never DER, which is what node:crypto expects by itself.
    const signed = Buffer.from(`${parts[0]}.${parts[1]}`);
    if (signature.length !== 64 || !verify('sha256', signed, { key, dsaEncoding: 'ieee-p1363' }, signature)) {
      throw new Rejected('signature');
    }
    this.#check(payload, Date.now() / 1000);
    return payload;
  }

  #check(claims, now) {
    if (claims.iss !== this.#issuer) throw new Rejected('iss');
    if (claims.aud !== this.#audience) throw new Rejected('aud');
    if (typeof claims.sub !== 'string' || claims.sub === '') throw new Rejected('sub');
    if (!Number.isFinite(claims.iat) || now < claims.iat - LEEWAY) throw new Rejected('iat');
    if (!Number.isFinite(claims.exp) || now >= claims.exp + LEEWAY) throw new Rejected('exp');
  }
}

function decode(part) {
  const raw = Buffer.from(part, 'base64url');
  // Buffer.from skips what it does not understand.
  if (raw.toString('base64url') !== part) throw new Rejected('form');
  return raw;
}

function object(part) {
  let value;
  try {
    value = JSON.parse(decode(part).toString());
  } catch {
    throw new Rejected('form');
  }
  if (value === null || typeof value !== 'object') throw new Rejected('form');
  return value;
}

class Keys {
  #url;
  #keys = new Map();
  #fetched = -Infinity;
  #tried = -Infinity;
  #refreshing = null;

  constructor(url) {
    this.#url = url;
  }

  async find(kid) {
    await this.#refreshing; // one fetch at a time; whoever waited finds its result
    const now = performance.now() / 1000;
    const due = !this.#keys.has(kid) || now - this.#fetched > FRESH;
    if (due && now - this.#tried > COOLDOWN) {
      this.#tried = now;
      this.#refreshing = this.#refresh(now);
      await this.#refreshing;
    }
    if (now - this.#fetched > STALE) throw new KeysUnavailable();
    if (!this.#keys.has(kid)) throw new Rejected('kid');
    return this.#keys.get(kid);
  }

  async #refresh(now) {
    try {
      // The keys are where the configuration says, and nowhere else: no redirects.
      const answer = await fetch(this.#url, { redirect: 'error', signal: AbortSignal.timeout(5000) });
      if (answer.status !== 200) throw new Error(`status ${answer.status}`);
      const { keys } = await answer.json();
      // RFC 7517 section 5: skip what is of another kind, there may be keys for other uses one day.
      const usable = keys.filter((jwk) => jwk?.kty === 'EC' && jwk.crv === 'P-256' && jwk.use === 'sig');
      this.#keys = new Map(usable.map((jwk) => [jwk.kid, createPublicKey({ key: jwk, format: 'jwk' })]));
      this.#fetched = now;
    } catch {
      // The old keys stay; worth a line in your log.
    }
  }
}
