// Verifies X-Auth-Assertion in nginx, in front of an application that cannot. njs 0.7.9 or newer.
// Promises and not `await`, and no `for … of`: njs 0.7.9 knows neither well enough. Keys as SPKI, for it knows no JWK.

const LEEWAY = 30; // seconds between the clocks of the gateway and of this machine
const MAX_TOKEN = 16000;
const COMPACT = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/;
// What stands in front of x and y in the SubjectPublicKeyInfo of a P-256 key (RFC 5480 section 2).
const SPKI = '3059301306072a8648ce3d020106082a8648ce3d03010703420004';

function verify(r) {
    let token;
    try {
        token = read(r);
    } catch (error) {
        stop(r, error);
        return;
    }
    r.subrequest('/assertion-keys')
        .then((answer) => importKey(answer, token.header.kid))
        .then((key) =>
            crypto.subtle.verify({ name: 'ECDSA', hash: 'SHA-256' }, key, token.signature, token.signed))
        .then((good) => {
            check(good, 'signature');
            checkClaims(r, token.claims);
            r.variables.assertion_subject = headerValue(token.claims.sub);
            r.variables.assertion_user = headerValue(token.claims.preferred_username || '');
            r.internalRedirect('@application');
        })
        .catch((error) => stop(r, error));
}

function read(r) {
    const lines = r.rawHeadersIn.filter((line) => line[0].toLowerCase() === 'x-auth-assertion');
    check(lines.length === 1 && lines[0][1].length <= MAX_TOKEN && COMPACT.test(lines[0][1]), 'form');
    const parts = lines[0][1].split('.');
    const header = object(parts[0]);
    // Nothing of the header is believed: alg and typ must be what we expect, kid looks up a key that we hold, and
    // jku, x5u, jwk and x5c, which would bring a key along, are not even read.
    check(header.alg === 'ES256' && header.typ === 'assertion+jwt', 'alg or typ');
    check(header.crit === undefined && header.b64 === undefined, 'crit');
    // r and s of 32 bytes each (RFC 7518 section 3.4), never DER.
    const signature = Buffer.from(parts[2], 'base64url');
    check(signature.length === 64, 'signature');
    return { header, claims: object(parts[1]), signature, signed: Buffer.from(`${parts[0]}.${parts[1]}`) };
}

function object(part) {
    const value = JSON.parse(Buffer.from(part, 'base64url').toString());
    check(value !== null && typeof value === 'object', 'form');
    return value;
}

function importKey(answer, kid) {
    if (answer.status !== 200) {
        throw { status: 503, message: 'key set unavailable' };
    }
    const fits = (jwk) =>
        jwk && jwk.kty === 'EC' && jwk.crv === 'P-256' && jwk.use === 'sig' && jwk.kid === kid;
    const found = JSON.parse(answer.responseText).keys.filter(fits);
    check(found.length === 1, 'kid');
    const point = Buffer.concat([Buffer.from(found[0].x, 'base64url'), Buffer.from(found[0].y, 'base64url')]);
    const spki = Buffer.concat([Buffer.from(SPKI, 'hex'), point]);
    return crypto.subtle.importKey('spki', spki, { name: 'ECDSA', namedCurve: 'P-256' }, false, ['verify']);
}

function checkClaims(r, claims) {
    const now = Date.now() / 1000;
    check(claims.iss === r.variables.assertion_issuer, 'iss');
    check(claims.aud === r.variables.assertion_audience, 'aud');
    check(typeof claims.sub === 'string' && claims.sub !== '', 'sub');
    check(Number.isFinite(claims.iat) && now >= claims.iat - LEEWAY, 'iat');
    check(Number.isFinite(claims.exp) && now < claims.exp + LEEWAY, 'exp');
}

// As the gateway writes it by itself: no space, no control and no line end gets into a header.
function headerValue(text) {
    return text.replace(/[^\x21-\x24\x26-\x7e]+/g, encodeURIComponent);
}

function check(fine, what) {
    if (!fine) {
        throw { status: 401, message: what };
    }
}

function stop(r, error) {
    r.log(`assertion: ${error.message}`);
    r.return(error.status || 401); // an exception of njs itself: junk that did not decode, or a signature of no shape
}

export default { verify };
